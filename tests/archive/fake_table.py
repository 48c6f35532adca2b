"""A table that throttles as DynamoDB does, in virtual time, and remembers who wrote and read how much when."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any, Final

from archive.model.budget import Cost, Value

ARN: Final = "arn:aws:dynamodb:eu-central-1:123456789012:table/ChatMessages"
PARTITION: Final = {"read": 3_000.0, "write": 1_000.0}


class VirtualClock:
    """A clock that stands still until somebody sleeps; then it does what is due on the way. Threads may share it."""

    def __init__(self) -> None:
        """Start at some time that is not zero, as monotonic clocks do."""
        self._now = 1_000.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._lock = Lock()

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds >= 0
        with self._lock:
            until = self._now + seconds
            while self._due and self._due[0][0] <= until:
                at, _, action = heapq.heappop(self._due)
                self._now = max(self._now, at)
                action()
            self._now = max(self._now, until)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._due, (self._now + seconds, next(self._number), action))

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something again and again."""

        def again() -> None:
            action()
            self.after(seconds, again)

        self.after(seconds, again)


@dataclass(frozen=True, slots=True)
class Throttle:
    """A request that was refused: the response as botocore gives it."""

    response: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the table and each index take a second (all indexes that are not named: as much as the table)."""

    table: float = 40_000.0
    indexes: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Bucket:
    rate: float
    left: float
    at: float


class FakeTable:
    """Each resource has one second's worth of units and gets as much every second: there is no burst of 300 s to help out.

    A write that any index cannot take is refused as a whole, which is how a purge throttles the chat. `factors` says how
    much more an index really costs than its cost says, as where estimates are wrong.
    """

    def __init__(self, clock: VirtualClock, capacity: Capacity | None = None, factors: Mapping[str, float] | None = None) -> None:
        """Be new and full of units."""
        self._clock, self.capacity, self._factors = clock, capacity or Capacity(), factors or {}
        self._buckets: dict[tuple[object, ...], _Bucket] = {}
        self.throttles: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.log: dict[tuple[str, str | None, Value | None], list[tuple[float, float]]] = {}
        """By who, index (None: the table) and value (None: all of them): when, and how many units."""

    def call(self, who: str, cost: Cost) -> Mapping[str, Any] | Throttle:
        """Read or write; return the ConsumedCapacity (as for INDEXES), or why not."""
        units: dict[tuple[str | None, Value | None], float] = {(None, None): cost.table}
        units |= {(index, None): amount * self._factors.get(index, 1.0) for index, amount in cost.indexes.items()}
        units |= {place: amount * self._factors.get(place[0], 1.0) for place, amount in cost.values.items()}
        full = [place for place, amount in units.items() if amount and self._bucket(cost.kind, *place).left < min(amount, 1.0)]
        if full:
            self.throttles[who] += 1
            return Throttle({"ThrottlingReasons": [_reason(cost.kind, *place) for place in full]})
        for place, amount in units.items():
            self._bucket(cost.kind, *place).left -= amount
            self.log.setdefault((who, *place), []).append((self._clock(), amount))
        self.accepted[who] += 1
        return {
            "TableName": "ChatMessages",
            "CapacityUnits": sum(amount for (_, value), amount in units.items() if value is None),
            "Table": {"CapacityUnits": cost.table},
            "GlobalSecondaryIndexes": {index: {"CapacityUnits": units[index, None]} for index in cost.indexes},
        }

    def busiest(self, who: str, index: str | None = None, value: Value | None = None, seconds: float = 1.0) -> float:
        """Return the most units that anybody's requests took of one resource in any so many seconds."""
        most = inside = 0.0
        window: deque[tuple[float, float]] = deque()
        for at, units in self.log.get((who, index, value), ()):
            window.append((at, units))
            inside += units
            while window[0][0] <= at - seconds:
                inside -= window.popleft()[1]
            most = max(most, inside)
        return most

    def total(self, who: str, index: str | None = None, value: Value | None = None) -> float:
        """Return all units that somebody took of one resource."""
        return sum(units for _, units in self.log.get((who, index, value), ()))

    def _bucket(self, kind: str, index: str | None, value: Value | None) -> _Bucket:
        key = (kind, index, value)
        if value is not None:
            rate = PARTITION[kind]
        else:
            rate = self.capacity.table if index is None else self.capacity.indexes.get(index, self.capacity.table)
        bucket = self._buckets.setdefault(key, _Bucket(rate, rate, self._clock()))
        bucket.left = min(rate, bucket.left + rate * (self._clock() - bucket.at))
        bucket.rate, bucket.at = rate, self._clock()
        return bucket


def _reason(kind: str, index: str | None, value: Value | None) -> dict[str, str]:
    what = "Table" if index is None else "Index"
    limit = "AccountLimitExceeded" if value is None else "KeyRangeThroughputExceeded"
    return {"reason": f"{what}{kind.capitalize()}{limit}", "resource": ARN if index is None else f"{ARN}/index/{index}"}
