"""An index that lags behind its table, as a global secondary index may: each of its entries by itself.

It is read eventually consistently, from a copy that may lag behind the one that answered before: so an entry may go back as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import botocore

from archive.codec.values import Item
from tests.answering import dynamodb_answer
from tests.interleaving.user import Key, key_of

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.session import Session

Entry = tuple[str, Key]
"""(module, key): where one message may stand in the index. A message that changes its module leaves one entry and enters another."""
_Place = tuple[Decimal, Decimal, str]


class Index:
    """Answers the archive's Queries and Scans of the index by what it has heard of; questions to the table itself go to the server."""

    def __init__(self) -> None:
        """Begin empty, beside an empty table."""
        self._told: dict[Entry, list[Item | None]] = {}
        self._shown: dict[Entry, int] = {}

    def look(self, items: Iterable[Item]) -> None:
        """Look at all items of the table: what is another one by now will be shown some time."""
        now = {(item["moduleId"]["N"], key_of(item)): item for item in items}
        for entry in {**self._told, **now}:
            told = self._told.setdefault(entry, [None])
            if told[-1] != now.get(entry):
                told.append(now.get(entry))

    @property
    def behind(self) -> list[Entry]:
        """The entries that do not show yet what is at the table."""
        return sorted(entry for entry, told in self._told.items() if self._shown.get(entry, 0) < len(told) - 1)

    @property
    def entries(self) -> list[Entry]:
        """Every entry that ever was."""
        return sorted(self._told)

    def catch_up(self, entries: Iterable[Entry] | None = None) -> None:
        """Show what is at the table, in some entries or in all."""
        for entry in self._told if entries is None else entries:
            self.show(entry, 0)

    def show(self, entry: Entry, behind: int) -> None:
        """Show an entry as it was so many versions ago, or as it was first: empty."""
        self._shown[entry] = max(len(self._told[entry]) - 1 - behind, 0)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Answer the clients that are made meanwhile."""

        def initialize(session: Session) -> None:
            for operation in ("Query", "Scan"):
                session.register(f"before-send.dynamodb.{operation}", self._answer)  # type: ignore[arg-type]  # it may answer

        botocore.register_initializer(initialize)
        try:
            yield
        finally:
            botocore.unregister_initializer(initialize)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        assert isinstance(request.body, bytes | bytearray)
        asked: dict[str, Any] = json.loads(request.body)
        return dynamodb_answer(request, self._page(asked)) if "IndexName" in asked else None

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what DynamoDB answers to the few forms of questions that the archive asks."""
        values = {name: Decimal(value["N"]) for name, value in asked.get("ExpressionAttributeValues", {}).items()}
        found = sorted(item for item in map(self._item, self._told) if item is not None and _matches(item[0], values))
        if not asked.get("ScanIndexForward", True):
            found.reverse()
        if start := asked.get("ExclusiveStartKey"):
            found = [item for item in found if item[0] > _place(start)]
        page = found[: asked.get("Limit", len(found))]
        answer: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
        if asked.get("Select") != "COUNT":
            answer["Items"] = [_projected(json.loads(item), asked) for _, item in page]
        if len(page) < len(found):
            last = json.loads(page[-1][1])
            answer["LastEvaluatedKey"] = {name: last[name] for name in ("moduleId", "timestamp", "conversationId")}
        return answer

    def _item(self, entry: Entry) -> tuple[_Place, str] | None:
        """Return what an entry shows: its place in the index, and the item as JSON; None where it shows nothing."""
        item = self._told[entry][self._shown.get(entry, 0)]
        return None if item is None else (_place(item), json.dumps(item))


def _place(item: Mapping[str, Any]) -> _Place:
    return Decimal(item["moduleId"]["N"]), Decimal(item["timestamp"]["N"]), item["conversationId"]["S"]


def _matches(place: _Place, values: Mapping[str, Decimal]) -> bool:
    module, time, _ = place
    return module == values.get(":m", module) and values.get(":from", time) <= time <= values.get(":to", time)


def _projected(item: Item, asked: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in asked:
        return item
    names = [asked["ExpressionAttributeNames"][alias] for alias in asked["ProjectionExpression"].split(", ")]
    return {name: item[name] for name in names if name in item}
