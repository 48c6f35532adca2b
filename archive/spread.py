"""Orders items so that no partition is written faster than it may be, and none that is busy holds up the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf
from threading import Lock
from typing import Final, Generic, TypeVar

from archive.governor import Governor
from archive.model.budget import Cost

T = TypeVar("T")

_LINGER_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0  # then it looks again: a correction may have made something ready sooner


class Spread(Generic[T]):
    """Draws items with their costs from several cursors (iterators over different parts), and gives batches that may be sent now.

    Each cursor's items are taken in its order, except that up to `look_ahead` of them are looked at for one whose buckets are
    ready; the cursors take turns. Every item comes once. A batch that is not full may wait `linger_seconds` for items that are
    ready by then, so the governor's burst grows by as much. Threads share it: each asks for a batch when it can send one, and then
    sends it at once.

    What a batch gives was reserved at the governor, whose `settle` is due for each request made of it. If a cursor raises, what was
    drawn before is still given, and then everyone who asks gets that error.
    """

    def __init__(
        self,
        governor: Governor,
        cursors: Iterable[Iterable[tuple[Cost, T]]],
        *,
        size: int = 25,
        look_ahead: int = 16,
        linger_seconds: float = _LINGER_SECONDS,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Draw nothing yet. A cursor keeps at most `look_ahead` items waiting; at least one."""
        self._governor, self._size, self._look_ahead, self._linger = governor, size, max(1, look_ahead), linger_seconds
        self._stop = stop
        self._lanes = [_Lane(cursor) for cursor in cursors]
        self._lock = Lock()
        self._given = 0
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[list[tuple[Cost, T]]]:
        """Return itself."""
        return self

    def __next__(self) -> list[tuple[Cost, T]]:
        """Wait until at least one item may be sent, and return what may be sent together."""
        with self._lock:
            # One waits for all: until something is ready, there is nothing for the others either.
            while self._stop() or not (drawn := self._draw())[0]:
                if self._stop() or not self._lanes:
                    raise self._error or StopIteration
                self._governor.pause(min(drawn[1], _LONGEST_PAUSE_SECONDS))
        batch, hold = drawn
        self._governor.pause(hold)
        return batch

    def _draw(self) -> tuple[list[tuple[Cost, T]], float]:
        """Reserve a batch; return it and the seconds until all of it may be sent, or none and those until something may."""
        batch: list[tuple[Cost, T]] = []
        try:
            wait = self._fill(batch, 0.0)
            if len(batch) < self._size and self._linger:
                # What is ready is not held up by what is not: only a batch that is not full waits for more.
                wait = self._fill(batch, self._linger)
        except Exception as error:  # noqa: BLE001 - whatever it is, everyone who asks gets it, after what was reserved
            self._error, self._lanes = error, []
            return batch, self._linger
        return batch, wait

    def _fill(self, batch: list[tuple[Cost, T]], within: float) -> float:
        """Reserve what may be sent within so many seconds; return those until all of the batch may be, or, if it is empty, something."""
        hold, soonest = 0.0, inf
        turn = deque(self._lanes)
        for lane in turn:
            lane.looked = 0
        while turn and len(batch) < self._size:
            lane = turn.popleft()
            if item := lane.next(self._look_ahead):
                wait = self._governor.try_take(item[0], within)
                if wait <= within:
                    self._given += 1
                    batch.append(lane.give(self._given))
                    hold = max(hold, wait)
                    turn.append(lane)
                else:
                    lane.looked += 1
                    soonest = min(soonest, wait)
                    turn.appendleft(lane)
        self._take_turns()
        return hold if batch else soonest

    def _take_turns(self) -> None:
        """Drop the lanes that are used up, and let the one that gave least recently begin."""
        self._lanes = sorted((lane for lane in self._lanes if not lane.used_up), key=lambda lane: lane.gave)


class _Lane(Generic[T]):
    """One cursor, and those of its items that wait. `looked` counts those that were looked at for this batch, in vain."""

    def __init__(self, cursor: Iterable[tuple[Cost, T]]) -> None:
        self._cursor = iter(cursor)
        self._waiting: list[tuple[Cost, T]] = []
        self._open = True
        self.looked = 0
        self.gave = 0
        """The number of the item given last, counted over all lanes."""

    @property
    def used_up(self) -> bool:
        return not self._open and not self._waiting

    def next(self, look_ahead: int) -> tuple[Cost, T] | None:
        """Return the next item to look at; None if there is none, or none near enough."""
        while self._open and len(self._waiting) < look_ahead:
            item = next(self._cursor, None)
            if item is None:
                self._open = False
            else:
                self._waiting.append(item)
        return self._waiting[self.looked] if self.looked < len(self._waiting) else None

    def give(self, number: int) -> tuple[Cost, T]:
        """Give away the item that was looked at."""
        self.gave = number
        return self._waiting.pop(self.looked)
