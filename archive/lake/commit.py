"""Commits a segment: get, merge, prove, put under one compare-and-swap, receipt.

What a crash leaves at each step is harmless: before the PUT, nothing; after it, an object without its receipt, which
the next run rebuilds from the object.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

import pyarrow as pa

from archive.errors import InputError, LakeDamagedError, TransientServiceError
from archive.lake.order import FROM_LAKE, Key, Order
from archive.lake.parquet import SegmentFile
from archive.lake.prove import Inputs, ProvedFile, prove
from archive.lake.receipts import Receipts
from archive.lake.superseded import keep_superseded
from archive.lake.sweep import Run
from archive.lake.unite import AskTable, Uniter
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.model.receipt import Owner, Receipt, StoredObject, object_metadata
from archive.s3 import LARGEST_PUT, Fetched, LostRaceError, Store

_MOST_RACES: Final = 10
_LEAST_AT_WORK: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where segments are committed to, and on whose behalf. `folder` is the run's private one, `former` the lake's earlier owners."""

    store: Store
    keys: LakeKeys
    owner: Owner
    order: Order
    folder: Path
    run: str
    former: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What committing a segment did. `stored` says whether an object was put; a merge that changes nothing puts nothing."""

    receipt: Receipt
    stored: bool
    added: int
    replaced: int
    superseded: int
    races: int
    replaced_keys: frozenset[Key]


@dataclass(frozen=True, slots=True)
class _Old:
    """The stored version that a merge begins with, open, and the receipt that it should have."""

    file: SegmentFile
    receipt: Receipt

    def close(self) -> None:
        self.file.close()


class Committer:
    """Commits segments for one run. Threads may share it, one segment each."""

    def __init__(self, place: Place, receipts: Receipts, ask: AskTable) -> None:
        """Commit to a place; `ask` reads the base table consistently."""
        self._place, self._receipts, self._ask = place, receipts, ask
        self._working = BoundedSemaphore(max(_LEAST_AT_WORK, os.cpu_count() or 0))

    def commit(self, segment: Segment, spooled: list[Run], *, exists: bool, now: datetime) -> Committed:
        """Unite spooled rows with the stored object; `exists` is what the listing said, and may be out of date.

        Raises LakeDamagedError where the stored object is not what its receipt says, ProofError where the new file is
        not what it must be, TransientServiceError where other runs win every race.
        """
        receipt = self._receipts.load(segment) if exists else None
        least = receipt  # what the object must be, or succeed: the receipt, or the version that the last race was lost with
        for races in range(_MOST_RACES):
            old = self._open_old(segment, least) if exists else None
            try:
                committed = self._attempt(segment, spooled, (old, receipt), races, now)
            finally:
                if old is not None:
                    old.close()
            if committed is not None:
                return committed
            exists = True
            least = old.receipt if old is not None else least
        message = f"other runs keep winning segment {segment.name}; run again when they are done"
        raise TransientServiceError(message)

    def _attempt(
        self, segment: Segment, spooled: list[Run], before: tuple[_Old | None, Receipt | None], races: int, now: datetime
    ) -> Committed | None:
        """Merge, prove and put once; None where the race was lost."""
        place = self._place
        old, written = before
        stored = old.file.runs(FROM_LAKE) if old else []
        with self._at_work():
            union, winners, losers = Uniter(place.order, segment, self._ask, place.folder).unite(stored, spooled, place.owner.table_id)
        try:
            with winners, losers:
                if old is not None and not union.changes:
                    self._receipts.mend(segment, old.receipt, written)
                    return Committed(old.receipt, stored=False, added=0, replaced=0, superseded=0, races=races, replaced_keys=frozenset())
                with self._at_work():
                    proved = prove(place.order, segment, union.path, Inputs(stored, spooled, winners.runs(segment), frozenset(union.moved)))
                _require_size(proved)
                superseded = keep_superseded(place.store, place.keys, place.order, segment, losers)
                receipt = self._put(segment, proved, old.receipt if old else None, races, now)
                if receipt is None:
                    return None
                # A purge of the version that was just replaced may have stored its intent after the records were read, and before
                # the PUT: it did not see the new version, and goes on.
                superseded = max(superseded, keep_superseded(place.store, place.keys, place.order, segment, losers))
                return Committed(
                    receipt,
                    stored=True,
                    added=union.added,
                    replaced=union.replaced,
                    superseded=superseded,
                    races=races,
                    replaced_keys=frozenset(key for run in losers.runs(segment) for key in place.order.keys(run.load())),
                )
        finally:
            union.path.unlink(missing_ok=True)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Do what takes a core and some 80 MB: in no more segments at once than there are cores; requests to S3 go on meanwhile.

        Arrow's memory goes back to the system at once: its pool would keep what was the most that any thread has used.
        """
        with self._working:
            try:
                yield
            finally:
                pa.default_memory_pool().release_unused()

    def _open_old(self, segment: Segment, least: Receipt | None) -> _Old | None:
        """Fetch and open the stored version; refuse one that is neither the version that is named, nor a later one."""
        place = self._place
        path = place.folder / f"{segment.name}-stored.parquet"
        fetched = place.store.fetch(place.keys.message(segment), path)
        if fetched is None:
            if least is not None:
                raise self._damaged(least, "is gone")
            return None
        file = SegmentFile(path, place.order)
        path.unlink()  # the open file keeps its bytes until it is closed
        with ExitStack() as stack:
            stack.callback(file.close)
            found = self._receipts.of(segment, self._object(segment, fetched), file.contents)
            if least is not None and found.generation < least.generation:
                raise self._damaged(least, "was replaced by an older version")
            if least is not None and found.generation == least.generation and found.sha256 != least.sha256:
                raise self._damaged(least, "is not what was proved")
            if least is not None and found.generation > least.generation and found.rows < least.rows:
                raise self._damaged(least, "has fewer rows than it had")
            stack.pop_all()
        return _Old(file, found)

    def _object(self, segment: Segment, fetched: Fetched) -> StoredObject:
        stored = fetched.stored
        key = self._place.keys.message(segment)
        return StoredObject(key, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)

    def _put(self, segment: Segment, proved: ProvedFile, old: Receipt | None, races: int, now: datetime) -> Receipt | None:
        """Store the proved file: the one compare-and-swap that is the whole commit; then its receipt."""
        place = self._place
        key = place.keys.message(segment)
        metadata = object_metadata(old.generation + 1 if old else 1, old.sha256 if old else None, place.run, now)
        try:
            stored = place.store.put_file(key, proved.path, proved.sha256, old.etag if old else None, metadata)
            content = StoredObject(key, proved.bytes, proved.sha256, stored.etag, stored.version_id, metadata)
        except LostRaceError:
            # It may have been the echo of our own PUT whose answer was lost: then the very bytes are there.
            path = place.folder / f"{segment.name}-race-{races}.parquet"
            fetched = place.store.fetch(key, path)
            path.unlink(missing_ok=True)
            if fetched is None or fetched.sha256 != proved.sha256:
                return None
            content = self._object(segment, fetched)
        receipt = self._receipts.of(segment, content, proved.contents)
        self._receipts.save(segment, receipt, is_new=old is None)
        return receipt

    def _damaged(self, receipt: Receipt, what: str) -> LakeDamagedError:
        return LakeDamagedError(
            f"{receipt.key} {what} (its receipt names generation {receipt.generation}); nothing was written or removed for it: "
            "restore that version from the bucket's version history"
        )


def _require_size(proved: ProvedFile) -> None:
    if proved.bytes <= LARGEST_PUT:
        return
    parts = -(-proved.bytes // (LARGEST_PUT // 2))
    hours = (proved.segment.window.end - proved.segment.window.start).total_seconds() / 3600
    fitting = next((length for length in (12, 6, 4, 3, 2, 1) if length <= hours / parts), None)
    length = f"{fitting}h" if fitting else "15m"
    message = f'segment {proved.segment.name} has {proved.bytes:,} bytes, more than one PUT stores; set [lake] segment = "{length}"'
    raise InputError(message)
