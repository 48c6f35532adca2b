"""The cold side: the lake's segments, read in parts, each as the version that a listing saw or a later one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa

from archive.both.asked import Asked
from archive.engine.session import Session
from archive.errors import LakeDamagedError, TransientServiceError
from archive.lake.lanes import Positions
from archive.lake.order import FROM_LAKE, Key, Order
from archive.lake.receipts import Seen
from archive.lake.spool import Spool
from archive.lake.sweep import Run
from archive.model.layout import Segment
from archive.model.window import Window, from_ms
from archive.restore.past import PastObjects
from archive.restore.rows import SegmentRows
from archive.restore.wanted import Wanted
from archive.s3 import LostRaceError

_TRIES: Final = 5
SORTED_BYTES: Final = 16 * 2**20  # rows of a segment are in order of time for each module only: so much is sorted at a time
RUN_ROWS: Final = 128  # and cut into runs: of each sorted part, one is in memory when parts are merged
_T = TypeVar("_T")


class Cold:
    """The lake, for one question."""

    def __init__(self, session: Session, asked: Asked, order: Order, folder: Path) -> None:
        """Prepare; nothing is read yet."""
        self._session, self._asked, self._order, self._folder = session, asked, order, folder
        self._past = PastObjects(session.clients.s3, session.config.lake.bucket)
        self.segments = 0
        """Segments opened so far."""

    def listing(self, window: Window) -> dict[Segment, Seen]:
        """List the segments that have a part in a window, oldest first, as they are now."""
        found = self._session.receipts.listing(window)
        return {segment: seen for segment, seen in found.items() if segment.window.intersect(window)}

    @contextmanager
    def runs(self, segment: Segment, seen: Seen, window: Window, most: int | None) -> Generator[list[Run], None, None]:
        """Return what a segment has of what is asked for, in a window: the first `most` rows of it, at least.

        Raises LakeDamagedError where the object is gone or is no segment.
        """
        wanted = self._asked.wanted(self._order.spec, window)
        with ExitStack() as stack:

            def spooled(rows: SegmentRows) -> Spool:
                with ExitStack() as made:
                    path = self._folder / f"{segment.name}-{self.segments}"
                    spool = made.enter_context(Spool(path, self._order, self._session.config.lake.spool_bytes))
                    self._fill(spool, segment, rows, self._first(rows, rows.find(wanted), most))
                    stack.push(made.pop_all())
                return spool

            yield self._reading(segment, seen, spooled).runs(segment)

    def now(self, key: Key) -> pa.Table | None:
        """Return the lake's row of a key as it is now, keyed; None where it has none."""
        window = Window(from_ms(key[1]), from_ms(key[1] + 1))
        wanted = Wanted(self._order.spec, window, {})

        def row(rows: SegmentRows) -> pa.Table | None:
            for batch in rows.rows(rows.find(wanted)):
                table = self._order.keyed(batch, FROM_LAKE)
                for position, found in enumerate(self._order.keys(table)):
                    if found == key:
                        return table.slice(position, 1)
            return None

        found = (self._reading(segment, seen, row) for segment, seen in self.listing(window).items())
        return next((table for table in found if table is not None), None)

    def _reading(self, segment: Segment, seen: Seen, read: Callable[[SegmentRows], _T]) -> _T:
        """Read a segment as the listing saw it; again where a run has replaced it meanwhile: a later version has all its keys."""
        key = self._session.keys.message(segment)
        listed = seen.message
        for _ in range(_TRIES):
            if listed is None:
                message = f"{key} is gone although there is a receipt for it; restore it from the bucket's version history, then run again"
                raise LakeDamagedError(message)
            self.segments += 1
            try:
                with closing(SegmentRows(self._past.open(key, listed.etag, listed.bytes), key, self._session.order, gather=True)) as rows:
                    return read(rows)
            except LostRaceError:
                listed = next((found for found in self._session.store.list(key) if found.key == key), None)
        message = f"runs keep replacing segment {segment.name}; ask again when they are done"
        raise TransientServiceError(message)

    def _first(self, rows: SegmentRows, positions: Positions, most: int | None) -> Positions:
        """Return those of the first `most` rows in the order asked for, and of others of the same millisecond."""
        if most is None or len(positions) <= most:
            return positions
        times = -rows.times(positions) if self._asked.newest_first else rows.times(positions)
        some: Positions = positions[times <= np.partition(times, most - 1)[most - 1]]
        return some

    def _fill(self, spool: Spool, segment: Segment, rows: SegmentRows, positions: Positions) -> None:
        for part in _gathered(rows.rows(positions)):
            table = self._order.sort(self._order.keyed(part, FROM_LAKE)).select(self._order.spooled)
            for start in range(0, table.num_rows, RUN_ROWS):
                spool.append(segment, table.slice(start, RUN_ROWS), FROM_LAKE)


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows of batches in tables of a bounded size."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= SORTED_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)
