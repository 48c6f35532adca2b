"""Fetches a stored segment back and makes it a `ProvedSegment`: the only thing that may be purged from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archive.errors import LakeDamagedError
from archive.lake.commit import Place
from archive.lake.parquet import SegmentFile
from archive.lake.receipts import Receipts
from archive.model.layout import Segment
from archive.model.receipt import Receipt, StoredObject
from archive.s3 import LostRaceError


@dataclass(frozen=True, slots=True)
class ProvedSegment:
    """A segment's stored bytes on local disk, which match the checksum that was proved. Only `fetch_proved` makes one.

    `receipt` is what the object itself says, whatever else the stored one does.
    """

    segment: Segment
    path: Path
    receipt: Receipt


def fetch_proved(place: Place, segment: Segment, receipt: Receipt) -> ProvedSegment | None:
    """Get the version that a receipt names and check its bytes; None where another run has replaced it meanwhile.

    Raises LakeDamagedError where it is gone, older than the receipt says, or its bytes are not those that were proved.
    """
    key = place.keys.message(segment)
    path = place.folder / f"{segment.name}-proved.parquet"
    try:
        fetched = place.store.fetch(key, path, receipt.etag)
    except LostRaceError:
        return None
    if fetched is None:
        message = f"{key} is gone although its receipt names it; nothing was removed: restore it from the bucket's version history"
        raise LakeDamagedError(message)
    if fetched.sha256 != receipt.sha256:
        path.unlink(missing_ok=True)
        message = f"{key} is not what was proved (its SHA-256 differs); nothing was removed: restore it from the bucket's version history"
        raise LakeDamagedError(message)
    stored = fetched.stored
    file = SegmentFile(path, place.order)
    content = StoredObject(key, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)
    true = Receipts(place.store, place.keys, place.owner, place.former).of(segment, content, file.contents)
    file.close()
    if true.generation < receipt.generation:
        message = (
            f"{key} is generation {true.generation} and its receipt names {receipt.generation}; nothing was removed: "
            "restore that version from the bucket's version history"
        )
        raise LakeDamagedError(message)
    return ProvedSegment(segment, path, true)
