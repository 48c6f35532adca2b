"""The hot side: the table's messages, read page by page in the order asked for, and kept on local disk until their time is due."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from archive.both.asked import Asked, access_of
from archive.engine.reading import whole
from archive.engine.session import Session
from archive.lake.order import FROM_SPOOL, Order
from archive.lake.spool import Spool
from archive.lake.sweep import Run
from archive.model.layout import Segment
from archive.model.window import Window, from_ms
from archive.paid_reads import Page

_ONE_MORE: Final = 1  # it tells that those before it are all of their milliseconds


class Hot:
    """One Query over the whole window. `left` is what was not given out yet; None at the end."""

    def __init__(self, session: Session, asked: Asked, order: Order, folder: Path) -> None:
        """Prepare; nothing is read yet. Raises InputError where no index leads to what is asked for."""
        self._session, self._asked, self.order, self._folder = session, asked, order, folder
        self._access = access_of(asked, session.config.source, session.facts)
        self._decoder = session.decoder()
        self._files = 0
        self._spool = self._new_spool()
        self.left: Window | None = asked.window
        self.complete = False

    def pages(self) -> Generator[Page, None, None]:
        """Return the Query's pages. With a limit, no page is read before it is asked for."""
        spec, asked, way = self.order.spec, self._asked, self._access.way
        only = () if self._access.whole else (spec.partition_key, spec.time_key, way.attribute)
        limit = None if asked.limit is None else asked.limit + _ONE_MORE
        return self._session.reader.pages_of(way, asked.window, self._decoder, limit=limit, only=only, newest_first=asked.newest_first)

    def take(self, page: Page) -> Window | None:
        """Keep a page; return the time that the Query has passed and that was not given out yet: no message of it is still to come."""
        self.complete = page.complete
        rows = page.rows
        last = int(self._times(rows)[-1]) if rows.num_rows else None
        if not self._access.whole:
            rows = whole(self._session, rows, self._decoder)
            rows = rows.filter(self._asked.wanted(self.order.spec, None).mask(pa.Table.from_batches([rows])).combine_chunks())
        self._keep(pa.Table.from_batches([rows]))
        left = self.left
        if self.complete or left is None or last is None:
            return left if self.complete else None
        # Others of the same millisecond may be on the next page.
        if self._asked.newest_first:
            start = from_ms(last + 1)
            return Window(max(start, left.start), left.end) if start < left.end else None
        end = from_ms(last)
        return Window(left.start, min(end, left.end)) if left.start < end else None

    def rows(self, window: Window) -> int:
        """Count what is kept of a window, at least."""
        return sum(run.rows for run in self.runs(window))

    def runs(self, window: Window) -> list[Run]:
        """Return what is kept of a window."""
        found: list[Run] = []
        for part in self._spool.segments():
            if window.covers(part.window):
                found += self._spool.runs(part)
            elif window.intersect(part.window):
                found += [clipped for run in self._spool.runs(part) if (clipped := self._clipped(run, window))]
        return found

    def drop(self, window: Window) -> None:
        """Forget what was given out: all that is left, or its first part in the order asked for."""
        left = self.left
        if left is None or window == left:
            self.left = None
        elif self._asked.newest_first:
            self.left = Window(left.start, window.start)
        else:
            self.left = Window(window.end, left.end)
        kept = self.runs(self.left) if self.left else []
        old, self._spool = self._spool, self._new_spool()
        for run in kept:
            self._keep(run.load().select(self.order.spooled))
        old.close()

    def close(self) -> None:
        """Remove what is kept."""
        self._spool.close()

    def _new_spool(self) -> Spool:
        self._files += 1
        return Spool(self._folder / f"hot-{self._files}", self.order, self._session.config.lake.spool_bytes)

    def _keep(self, rows: pa.Table) -> None:
        if rows.num_rows:
            times = self._times(rows)
            window = Window(from_ms(int(times.min())), from_ms(int(times.max()) + 1))
            self._spool.append(Segment(window, window.start.date()), rows, FROM_SPOOL)

    def _times(self, rows: pa.Table | pa.RecordBatch) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        times: np.ndarray[tuple[int], np.dtype[np.int64]] = rows.column(self.order.spec.time_column).cast(pa.int64()).to_numpy()
        return times

    def _clipped(self, run: Run, window: Window) -> Run | None:
        """Return what a run has of a window: a page's rows, at most."""
        table = run.load()
        times = table.column(self.order.spec.time_column).cast(pa.int64())
        table = table.filter(pc.and_(pc.greater_equal(times, window.start_ms), pc.less(times, window.end_ms))).combine_chunks()
        return Run(self.order.sort_key(table, 0), lambda: table, table.num_rows) if table.num_rows else None
