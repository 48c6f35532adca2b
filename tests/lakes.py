"""A lake in a bucket of its own, as one run sees it over HTTP; and ways to interfere with that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.lake.commit import Committed, Committer
from archive.lake.order import Key
from archive.lake.receipts import Receipts
from archive.model.receipt import Receipt, object_metadata
from archive.model.spec import CHAT_MESSAGES
from archive.s3 import Store
from tests.builders import KEYS, NOW, OWNER, SEGMENT, BaseTable, message, place_in, runs_of, write_segment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MESSAGE: Final = KEYS.message(SEGMENT)
RECEIPT: Final = KEYS.receipt(SEGMENT)


class Lake:
    """A lake in a bucket of its own, as one run sees it."""

    def __init__(self, client: S3Client, bucket: str, folder: Path, table: BaseTable) -> None:
        """Commit from `folder`, asking `table`."""
        self.client, self.bucket, self.table, self.folder = client, bucket, table, folder
        self.store = Store(client, bucket)
        self.receipts = Receipts(self.store, KEYS, OWNER)
        self.committer = Committer(place_in(self.store, folder), self.receipts, self._ask)
        self.before_asking: Callable[[], object] = lambda: None

    def _ask(self, keys: list[Key]) -> pa.Table:
        self.before_asking()
        return self.table.ask(keys)

    def commit(self, *items: Item, exists: bool = True) -> Committed:
        """Commit what was read."""
        committed = self.committer.commit(SEGMENT, runs_of(items), exists=exists, now=NOW)
        assert list(self.folder.iterdir()) == []
        return committed

    def rows(self) -> list[bytes]:
        """Return the stored items, in order."""
        return [canonical(item) for item in items_in(self.client.get_object(Bucket=self.bucket, Key=MESSAGE)["Body"].read())]

    def receipt(self) -> Receipt:
        """Return the stored receipt."""
        found = self.receipts.load(SEGMENT)
        assert found is not None
        return found

    def versions(self) -> list[tuple[str, str]]:
        """Return every version of every object: key and version id."""
        found = self.client.list_object_versions(Bucket=self.bucket).get("Versions", [])
        return [(version["Key"], version["VersionId"]) for version in found]

    def superseded(self) -> list[bytes]:
        """Return the items kept under superseded/."""
        found = [self.store.get(listed.key) for listed in self.store.list(KEYS.folder("superseded"))]
        return [canonical(item) for answer in found if answer for item in items_in(answer[0])]

    def overwrite(self, items: Iterable[Item], generation: int) -> None:
        """Put an object as somebody might who does not ask."""
        path = write_segment(self.folder / "theirs", items)
        metadata = object_metadata(generation, None, "theirs", NOW)
        self.client.put_object(Bucket=self.bucket, Key=MESSAGE, Body=path.read_bytes(), Metadata=metadata)
        path.unlink()


def items_in(data: bytes) -> list[Item]:
    """Return the items of a Parquet file."""
    return items_of(CHAT_MESSAGES, pq.read_table(pa.BufferReader(data)))


def spelled(*items: Item) -> list[bytes]:
    """Return items as canonical JSON."""
    return [canonical(item) for item in items]


def before_put(lake: Lake, *actions: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Do one action before each PUT of the segment's object, until there are no more; return those that are left."""
    left = iter(actions)

    def interfere(params: dict[str, Any], **_: object) -> None:
        if unquote(params["url_path"]).endswith(MESSAGE):
            next(left, lambda: None)()

    lake.client.meta.events.register("before-call.s3.PutObject", interfere)
    return left


def remove_object(lake: Lake) -> None:
    """Remove the segment's object, as somebody might who may."""
    lake.client.delete_object(Bucket=lake.bucket, Key=MESSAGE)


def overwrite_with_older(lake: Lake) -> None:
    """Put an earlier generation in the object's place."""
    lake.overwrite([message("a", 0)], 1)
