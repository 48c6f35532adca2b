"""A table and a lake of a test's own over HTTP, with a purger between them whose every write is noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from archive.codec.values import Item
from archive.dynamo_write import SingleRemover, Table
from archive.lake.commit import Committed, Committer
from archive.lake.proved import ProvedSegment, fetch_proved
from archive.lake.purge_records import PurgeRecords
from archive.lake.receipts import Receipts
from archive.model.config import PurgeMode
from archive.model.spec import CHAT_MESSAGES
from archive.purge.segment import Purged, Purger
from archive.s3 import Store
from tests.builders import KEYS, NOW, OWNER, SEGMENT, BaseTable, new_bucket, place_in, policy, run_of
from tests.governors import INDEXES, free_governor
from tests.servers import Server, create_chat_messages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TABLES = count(1)


@dataclass
class Archive:
    """A table and a lake of the test's own, with a purger between them. `calls` are the writes to both, in order."""

    client: DynamoDBClient
    others: DynamoDBClient
    table: str
    store: Store
    folder: Path
    base: BaseTable
    calls: list[str]

    def put(self, *items: Item) -> None:
        """Put items into the table, as the chat does."""
        for item in items:
            self.others.put_item(TableName=self.table, Item=item)
            self.base.put(item)

    def get(self, item: Item) -> Item | None:
        """Return what the table has under an item's key."""
        key = {name: item[name] for name in ("conversationId", "timestamp")}
        found: Item | None = self.others.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")  # type: ignore[assignment]
        return found

    def delete(self, item: Item) -> None:
        """Delete an item, as somebody else might."""
        self.others.delete_item(TableName=self.table, Key={name: item[name] for name in ("conversationId", "timestamp")})

    def commit(self, *items: Item) -> Committed:
        """Archive what was read."""
        committer = Committer(place_in(self.store, self.folder), Receipts(self.store, KEYS, OWNER), self.base.ask)
        unmarked = [{name: value for name, value in item.items() if name != "expiresAt"} for item in items]
        return committer.commit(SEGMENT, [run_of(unmarked)], exists=True, now=NOW)

    def proved(self, committed: Committed) -> ProvedSegment:
        """Fetch back what was archived."""
        proved = fetch_proved(place_in(self.store, self.folder), SEGMENT, committed.receipt)
        assert proved is not None
        return proved

    def purge(
        self,
        committed: Committed,
        *seen: Item,
        mode: PurgeMode = "delete",
        requests: int = 1,
        run: str = "run-1",
        meanwhile: Callable[[], object] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Purged:
        """Purge from what was archived the messages that were seen; `meanwhile` happens when it was fetched back, `stop` ends it."""
        proved = self.proved(committed)
        meanwhile()
        single = SingleRemover(self.client, Table(self.table, CHAT_MESSAGES, INDEXES), free_governor())
        known = {*CHAT_MESSAGES.attributes, "note"} - {"expiresAt"}
        purger = Purger(place_in(self.store, self.folder, run), policy(mode), single, single, lambda: frozenset(known), requests)
        read = [run_of(seen, mark="expiresAt" if mode == "expire" else None)]
        return purger.purge(proved, (read, committed.replaced_keys), NOW, stop)

    def records(self) -> list[dict[str, Any]]:
        """Return the purge records, intents first."""
        return sorted(PurgeRecords(self.store, KEYS).load(SEGMENT), key=lambda record: "left" in record)

    def rescued(self) -> list[bytes]:
        """Return what was rescued, as canonical JSON."""
        found = [self.store.get(listed.key) for listed in self.store.list(KEYS.folder("superseded"))]
        return [answer[0].rstrip(b"\n") for answer in found if answer]

    def before_removal(self, *actions: Callable[[], object]) -> None:
        """Do one action at the server just before each of the next removals is executed."""
        left = iter(actions)

        def act(**_: object) -> None:
            next(left, lambda: None)()

        for name in ("DeleteItem", "UpdateItem"):
            self.client.meta.events.register(f"before-call.dynamodb.{name}", act)

    def add(self, item: Item, **more: dict[str, Any]) -> None:
        """Add attributes to an item at the table, as an editor does who reads nothing of ours."""
        found = self.get(item)
        assert found is not None
        self.others.put_item(TableName=self.table, Item={**found, **more})


def new_archive(server: Server, folder: Path) -> Archive:
    """Create a table and a bucket, and clients whose writes are noted."""
    client, s3 = server.dynamodb(), server.s3()
    table = create_chat_messages(client, f"Purge-{next(_TABLES)}-{folder.name[-20:]}".replace("_", "-"))
    made = Archive(client, server.dynamodb(), table, Store(s3, new_bucket(s3)), folder, BaseTable(), [])

    def note(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        path = unquote(params["url_path"]).rsplit("/", 1)[-1]
        made.calls.append(path.removeprefix(SEGMENT.name) if model.name == "PutObject" else model.name)

    for name in ("dynamodb.DeleteItem", "dynamodb.UpdateItem", "dynamodb.PutItem", "s3.PutObject"):
        (client if name.startswith("dynamodb") else s3).meta.events.register(f"before-call.{name}", note)
    return made
