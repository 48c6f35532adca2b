"""Cuts a plan into batches while it runs: each one's length follows what the last one held."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from archive.engine.batch_result import Batch
from archive.model.hold import before_next_edge
from archive.model.layout import Segment
from archive.model.plan import Plan
from archive.model.window import Window

_MOST_GROWTH: Final = 8


@dataclass(frozen=True, slots=True)
class Cut:
    """A batch, and the segments that it was cut from."""

    batch: Batch
    segments: Sequence[Segment]


class Cutter:
    """Cuts a plan's segments into batches in order of time; each one's length follows what the last one held."""

    def __init__(self, plan: Plan, window: Window, segments: Sequence[Segment], workers: int) -> None:
        """Begin at the first of the plan's segments; `workers` is how many batches are under way at once."""
        self._plan, self._window, self._workers = plan, window, workers
        self._waiting = deque([_Stretch(segments)])
        self._length = plan.first_batch
        self._numbers = count()

    def next(self) -> Cut | None:
        """Return the next batch in which a module has messages; None where there is none left."""
        while self._waiting:
            stretch = self._waiting[0]
            part = before_next_edge(stretch.ahead(self._fair()), self._plan.holds)
            stretch.position += len(part)
            if not stretch.left:
                self._waiting.popleft()
            window = _clip(part, self._window)
            if modules := self._plan.modules_in(window):
                return Cut(Batch(next(self._numbers), window, modules), part)
        return None

    def _fair(self) -> int:
        """Return the next batch's length: no longer than leaves each worker its part of what waits."""
        if self._workers == 1:
            return self._length
        return max(1, min(self._length, -(-sum(stretch.left for stretch in self._waiting) // self._workers)))

    def halve(self, cut: Cut) -> None:
        """Take back a batch that does not fit the spool: nothing of it was stored, and it is cut anew."""
        self._waiting.appendleft(_Stretch(cut.segments))
        self._length = max(1, len(cut.segments) // 2)

    def held(self, cut: Cut, wanted_bytes: float, spooled_bytes: int) -> None:
        """Note what a batch held, so that the next one holds about as much as is wanted."""
        wanted = len(cut.segments) * wanted_bytes / max(spooled_bytes, 1)
        self._length = max(1, min(int(wanted), len(cut.segments) * _MOST_GROWTH))


@dataclass(slots=True)
class _Stretch:
    """Consecutive segments, and how many of them have been cut off."""

    segments: Sequence[Segment]
    position: int = 0

    @property
    def left(self) -> int:
        return len(self.segments) - self.position

    def ahead(self, length: int) -> Sequence[Segment]:
        return self.segments[self.position : self.position + length]


def _clip(part: Sequence[Segment], window: Window) -> Window:
    return Window(max(part[0].window.start, window.start), min(part[-1].window.end, window.end))
