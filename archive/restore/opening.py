"""Opens a lake to read messages back: its record, its proved segments, and old versions of them. Needs no source table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archive.aws import Clients
from archive.errors import InputError, LakeDamagedError, RefusedError, TransientServiceError
from archive.lake.commit import Place
from archive.lake.order import Order
from archive.lake.parquet import SegmentFile
from archive.lake.proved import fetch_proved
from archive.lake.receipts import Receipts
from archive.model.config import Config
from archive.model.keys import LakeKeys
from archive.model.lake_record import LakeRecord
from archive.model.layout import Segment
from archive.model.receipt import Receipt, StoredObject
from archive.model.window import iso
from archive.restore.past import PastObjects
from archive.restore.removed import Removed
from archive.restore.rows import SegmentRows
from archive.s3 import Store

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class OpenLake:
    """A lake that is there, and whose columns are those of the settings."""

    store: Store
    past: PastObjects
    keys: LakeKeys
    record: LakeRecord
    order: Order
    receipts: Receipts

    @property
    def requests(self) -> int:
        """Requests made to S3 so far."""
        return self.store.requests + self.past.requests

    def place(self, folder: Path, run: str) -> Place:
        """Return where segments are brought to: a run's private folder."""
        return Place(self.store, self.keys, self.record.owner, self.order, folder, run, self.record.former)


def open_lake(clients: Clients, config: Config) -> OpenLake:
    """Open the lake of the settings; raises InputError where there is none, RefusedError where its columns are others."""
    store = Store(clients.s3, config.lake.bucket)
    keys = LakeKeys.below(config.lake.prefix)
    found = store.get(keys.archive)
    if found is None:
        message = f"there is no lake at s3://{store.bucket}/{keys.prefix}; set [lake] bucket and prefix to one that has been archived to"
        raise InputError(message)
    record = LakeRecord.from_json(found[0], keys.archive)
    spec = config.source.spec
    record.require(record.owner, spec)
    past = PastObjects(clients.s3, store.bucket)
    return OpenLake(store, past, keys, record, Order(spec), Receipts(store, keys, record.owner, record.former))


class OpenRows(SegmentRows):
    """Rows of a private local file, which goes when they are closed. `positions`: positions in a purge's records count in it."""

    def __init__(self, path: Path, name: str, order: Order, *, positions: bool = True) -> None:
        """Open the file; it is open from here on, so its name can go at once."""
        try:
            super().__init__(path, name, order)
        finally:
            path.unlink(missing_ok=True)
        self.positions = positions


def proved_rows(lake: OpenLake, place: Place, segment: Segment, *, positions: bool = True) -> OpenRows:
    """Bring a segment to local disk, check its bytes against its receipt, and open it.

    A receipt that is missing or behind (a run was killed between the two PUTs) is made up in memory from the object, whose
    checksum S3 keeps. Raises LakeDamagedError where the object is gone or is not what was proved.
    """
    return OpenRows(_fetch(lake, place, segment), lake.keys.message(segment), lake.order, positions=positions)


def _fetch(lake: OpenLake, place: Place, segment: Segment) -> Path:
    key = lake.keys.message(segment)
    for _ in range(_TRIES):
        receipt = lake.receipts.load(segment)
        if receipt is not None:
            proved = fetch_proved(place, segment, receipt)
            if proved is not None:
                return proved.path
        path = place.folder / f"{segment.name}-unreceipted.parquet"
        true = _made_up(lake, segment, path)
        if receipt is None or true.generation > receipt.generation or true.sha256 == receipt.sha256:
            return path
        path.unlink()
        if lake.receipts.load(segment) == receipt:
            message = f"{key} is not the version that its receipt names; restore that one from the bucket's version history"
            raise LakeDamagedError(message)
    message = f"other runs keep replacing segment {segment.name}; run again when they are done"
    raise TransientServiceError(message)


def _made_up(lake: OpenLake, segment: Segment, path: Path) -> Receipt:
    """Bring the present object to local disk, and return the receipt that it should have."""
    key = lake.keys.message(segment)
    fetched = lake.store.fetch(key, path)
    if fetched is None:
        message = f"{key} is gone; restore it from the bucket's version history, then run again"
        raise LakeDamagedError(message)
    file = SegmentFile(path, lake.order)
    file.close()
    stored = fetched.stored
    content = StoredObject(key, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)
    return lake.receipts.of(segment, content, file.contents)


def removed_rows(lake: OpenLake, place: Place, removed: Removed) -> OpenRows:
    """Open the version of a segment's object from which a purge removed rows, and check its bytes.

    Where the bucket no longer has that version, the present object has all its keys: it stands in, if no other run ever
    purged the segment. Raises RefusedError otherwise: which of the present rows that run removed cannot be known.
    """
    key = lake.keys.message(removed.segment)
    path = place.folder / f"{removed.segment.name}-{removed.generation}.parquet"
    sha256 = lake.past.fetch_version(key, removed.version_id, path) if removed.version_id else None
    if sha256 == removed.sha256:
        return OpenRows(path, key, lake.order)
    path.unlink(missing_ok=True)
    if sha256 is not None:
        message = f"version {removed.version_id} of {key} is not what was purged from (its SHA-256 differs); nothing was restored of it"
        raise LakeDamagedError(message)
    receipt = lake.receipts.load(removed.segment)
    same = receipt is not None and receipt.sha256 == removed.sha256
    if not same and not removed.alone:
        window = removed.segment.window
        message = (
            f"the version of segment {removed.segment.name} that was purged from is gone from the bucket, and other runs purged it too; "
            f"restore all of it with --from {iso(window.start)} --to {iso(window.end)}"
        )
        raise RefusedError(message)
    return proved_rows(lake, place, removed.segment, positions=same)
