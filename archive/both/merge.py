"""Merges the hot and the cold side, stretch of time by stretch of time: each message once, in order of time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import pairwise
from typing import Final

import pyarrow as pa

from archive.both.asked import Asked, access_of
from archive.both.cold import Cold
from archive.both.hot import Hot
from archive.both.settle import Counts, Judges, first_keys, settle
from archive.codec.items import items_of
from archive.codec.values import Item
from archive.engine.reading import by_key
from archive.engine.session import SYSTEM_TIMING, Session, Timing
from archive.lake.order import FROM_TABLE, Key, Order
from archive.lake.receipts import Seen
from archive.lake.spool import private_folder
from archive.lake.sweep import sweep
from archive.model.config import Config
from archive.model.layout import Segment
from archive.model.window import Window

_AT_ONCE: Final = 100  # messages that are made at a time


def messages(config: Config, asked: Asked, timing: Timing = SYSTEM_TIMING) -> Messages:
    """Return the messages asked for, from the table and the lake: each once, in order of time (to the millisecond, then by key).

    Writes nothing. Raises InputError where no index of the table leads to them.
    """
    return Messages(Session(config, "messages", timing, read_only=True), asked)


class Messages:
    """Messages to be iterated over once, as items in boto3's low-level form; `counts` says where they came from."""

    def __init__(self, session: Session, asked: Asked) -> None:
        """Prepare; nothing is read yet. Raises InputError where no index leads to what is asked for."""
        access_of(asked, session.config.source, session.facts)
        self._session, self._asked = session, asked
        self.counts = Counts()
        self.lake_is_there = not session.is_new_lake
        """Whether there was a lake at the start; where there is none, all comes from the table."""
        self.segments = 0
        """How often segments of the lake were opened."""

    def __iter__(self) -> Iterator[Item]:
        """Yield the messages. What is read is meanwhile on local disk, in a private folder that goes at the end."""
        spec = self._session.config.source.spec
        with ExitStack() as stack:
            folder = stack.enter_context(private_folder(self._session.config.lake.spool_directory))
            hot = stack.enter_context(closing(Hot(self._session, self._asked, self._order, folder)))
            cold = Cold(self._session, self._asked, self._order, folder)
            merge = _Merge(self._session, self._asked, (hot, cold), self.counts)
            for table in stack.enter_context(closing(merge.tables())):
                self.segments = cold.segments
                for start in range(0, table.num_rows, _AT_ONCE):
                    yield from items_of(spec, table.slice(start, _AT_ONCE))

    @property
    def _order(self) -> Order:
        return Order(self._session.config.source.spec, by_time=True, descending=self._asked.newest_first)


class _Merge:
    """One reading of both sides, in their order; it counts what it yields."""

    def __init__(self, session: Session, asked: Asked, sides: tuple[Hot, Cold], counts: Counts) -> None:
        self._session, self._asked, self._counts = session, asked, counts
        self._hot, self._cold = sides
        self._order = self._hot.order
        self._decoder = session.decoder()
        self._judges = Judges(self._ask, self._cold.now)
        self._pending: Window | None = None
        """A segment that the hot side has not passed yet."""

    @property
    def _left(self) -> int | None:
        limit = self._asked.limit
        return None if limit is None else limit - self._counts.total

    def tables(self) -> Generator[pa.Table, None, None]:
        """Yield the rows of all messages."""
        with closing(self._hot.pages()) as pages:
            for page in pages:
                passed = self._hot.take(page)
                if passed is None:
                    continue
                last = self._hot.complete or (self._left is not None and self._hot.rows(passed) >= self._left)
                if not last and self._is_pending(passed):
                    continue
                # Only now is the lake looked at: whatever the table had lost before the Query passed it is in the lake by now.
                listing = self._cold.listing(passed)
                ready = passed if last else self._whole_segments(passed, listing)
                if ready is None:
                    continue
                yield from self._stretch(ready, listing)
                if self._left == 0:
                    return
                self._hot.drop(ready)

    def _is_pending(self, passed: Window) -> bool:
        """Say whether the hot side is still within a segment: its rows are read once, when it is through."""
        pending = self._pending
        if pending is None:
            return False
        return passed.start > pending.start if self._asked.newest_first else passed.end < pending.end

    def _whole_segments(self, passed: Window, listing: Mapping[Segment, Seen]) -> Window | None:
        """Return the first part of what was passed, in the order asked for, that does not end within a segment."""
        edge = passed.start if self._asked.newest_first else passed.end
        within = [segment.window for segment in listing if segment.window.start < edge < segment.window.end]
        if not within:
            self._pending = None
            return passed
        self._pending = Window(min(window.start for window in within), max(window.end for window in within))
        if self._asked.newest_first:
            return Window(self._pending.end, passed.end) if self._pending.end < passed.end else None
        return Window(passed.start, self._pending.start) if passed.start < self._pending.start else None

    def _stretch(self, stretch: Window, listing: Mapping[Segment, Seen]) -> Generator[pa.Table, None, None]:
        """Yield the rows of a stretch, segment by segment, and what lies between them."""
        pieces = list(_pieces(stretch, listing))
        for window, segments in reversed(pieces) if self._asked.newest_first else pieces:
            with ExitStack() as stack:
                runs = self._hot.runs(window)
                for segment in segments:
                    runs += stack.enter_context(self._cold.runs(segment, listing[segment], window, self._left))
                for chunk in sweep(self._order, runs):
                    yield self._settled(chunk)
                    if self._left == 0:
                        return

    def _settled(self, chunk: pa.Table) -> pa.Table:
        wanted = self._asked.wanted(self._order.spec, None)
        part = chunk if self._left is None else first_keys(self._order, chunk, self._left)
        rows, counts = settle(self._order, wanted, part, self._judges)
        self._counts.add(counts)
        return rows

    def _ask(self, keys: list[Key]) -> pa.Table:
        return self._order.keyed(by_key(self._session, keys, self._decoder), FROM_TABLE)


def _pieces(stretch: Window, segments: Iterable[Segment]) -> Iterator[tuple[Window, list[Segment]]]:
    """Cut a stretch where segments begin and end; yield each piece with the segments that cover it: none or one, in a sound lake."""
    shares = [(segment, share) for segment in segments if (share := segment.window.intersect(stretch))]
    edges = sorted({stretch.start, stretch.end, *(edge for _, share in shares for edge in (share.start, share.end))})
    covering: dict[datetime, list[Segment]] = {edge: [] for edge in edges}
    for segment, share in shares:
        for edge in edges[bisect_left(edges, share.start) : bisect_left(edges, share.end)]:
            covering[edge].append(segment)
    for start, end in pairwise(edges):
        yield Window(start, end), covering[start]
