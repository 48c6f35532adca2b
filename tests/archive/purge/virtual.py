"""DynamoDB in virtual time: botocore's requests are answered by a table that throttles, after a latency that costs no time."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.config import Config

from archive.codec.values import Item, canonical, from_wire
from archive.model.budget import Cost, write_cost
from tests.archive.fake_table import FakeTable, Throttle, VirtualClock
from tests.dynamo_items import wire_item
from tests.governors import INDEXES
from tests.servers import CREDENTIALS, REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LATENCY = 0.01


class VirtualDynamo:
    """Holds items, removes them as statements or single calls say, and lets its table decide which of these are throttled.

    Conditions hold for what nobody edited.
    """

    def __init__(self, clock: VirtualClock, items: Iterable[Item]) -> None:
        """Hold these items."""
        self._clock, self.table = clock, FakeTable(clock)
        self.items = {_key(item): item for item in items}
        self.edited: set[bytes] = set()
        self.gone: dict[bytes, float] = {}

    def client(self) -> DynamoDBClient:
        """Return a client whose requests this table answers. It makes no second attempt: its own pauses would cost time."""
        session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        client = session.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 1}))
        client.meta.events.register("before-send.dynamodb", self._answer)  # type: ignore[arg-type]  # it may answer
        return client

    def edit(self, item: Item) -> None:
        """Change a message, so that no condition on it holds any more."""
        self.edited.add(_key(item))
        self.items[_key(item)] = {**item, "content": {"S": "y" * len(item["content"]["S"])}}

    def gone_at(self, item: Item) -> float:
        """Return when a message was removed."""
        return self.gone[_key(item)]

    def _answer(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - botocore's
        self._clock.sleep(_LATENCY)
        asked = json.loads(request.body)
        if "Statements" in asked:
            parts = [self._remove(from_wire(_named(statement["Parameters"]))) for statement in asked["Statements"]]
            consumed = [part.pop("ConsumedCapacity") for part in parts if "ConsumedCapacity" in part]
            return _response(200, {"Responses": parts, "ConsumedCapacity": consumed})
        part = self._remove(from_wire(asked["Key"]))
        if "Error" in part:
            error = part.pop("Error")
            return _response(400, {"__type": f"com.amazonaws#{error['Code']}Exception", "Item": error.get("Item"), **part})
        return _response(200, {"Attributes": part.pop("Item", None), **part})

    def _remove(self, key: Item) -> dict[str, Any]:
        """Remove one message; returns a statement's response, and what it consumed."""
        name = _key(key)
        item = self.items.get(name)
        if item is None:
            return {}
        cost = write_cost(item, None, INDEXES)
        holds = name not in self.edited
        answer = self.table.call("purge", cost if holds else cost.refused())
        if isinstance(answer, Throttle):
            return {"Error": {"Code": "ProvisionedThroughputExceeded"}, "ThrottlingReasons": answer.response["ThrottlingReasons"]}
        if not holds:
            return {"Error": {"Code": "ConditionalCheckFailed", "Item": wire_item(item)}, "ConsumedCapacity": answer}
        del self.items[name]
        self.gone[name] = self._clock()
        return {"Item": wire_item(item), "ConsumedCapacity": answer}


def live(table: FakeTable, clock: VirtualClock, cost: Cost, units: float) -> None:
    """Let a live writer use so many units a second of a partition value, by writes of one cost."""

    def send() -> None:
        table.call("chat", cost)

    clock.every(cost.table / units, send)


def _named(parameters: list[Any]) -> Item:
    return dict(zip(("conversationId", "timestamp"), parameters, strict=False))


def _key(item: Mapping[str, Any]) -> bytes:
    return canonical({name: item[name] for name in ("conversationId", "timestamp")})


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield the bytes, as urllib3 does."""
        yield self.read()


def _response(status: int, body: dict[str, Any]) -> AWSResponse:
    return AWSResponse("http://virtual/", status, HTTPHeaders(), _Body(json.dumps(body).encode()))
