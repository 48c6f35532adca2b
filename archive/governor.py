"""Keeps a run below its budget of request units, so that the chat is never slowed down: by table, index and partition value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from archive.model.budget import Budget, Cost, Kind, Reason, Value, reported

_RAMP_SECONDS: Final = 1800.0  # of full use, in which a rate doubles
_SLOWER: Final = 0.5  # what a throttle leaves of a rate
_SLOWEST: Final = 1 / 64  # below that, nothing is slowed further
_ONE_BLOW_SECONDS: Final = 1.0  # throttles this close together are one: their requests were under way already
_QUIET_SECONDS: Final = 5.0  # after the last throttle, before a rate recovers
_RECOVERY_SECONDS: Final = 120.0  # from nothing to the whole budget
_FIRST_PAUSE: Final = 0.05
_LONGER_PAUSES: Final = 8
_INSTANT: Final = 1e-6  # seconds that are not worth waiting for; clocks are no finer
_MANY: Final = 4_096  # buckets of partition values that may be idle
_TOO_MANY: Final = 32_768  # buckets of partition values that are busy, or slowed down


@dataclass(frozen=True, slots=True)
class Figures:
    """Totals of a run so far: units paid for, requests answered, seconds that its threads waited, throttles."""

    read_units: float = 0.0
    read_requests: int = 0
    write_units: float = 0.0
    write_requests: int = 0
    waited_seconds: float = 0.0
    throttles: int = 0

    @property
    def requests(self) -> int:
        """Requests answered, reads and writes."""
        return self.read_requests + self.write_requests


class Governor:
    """Admits requests as their buckets allow. Threads share it; nothing here sleeps with the lock held.

    A request is `take`n before it is sent (that waits), and `settle`d when it is answered, or `throttled`; of a batch, one part may
    be settled and the other throttled, and that one is taken again before it is sent again. Any request begins as soon as what was
    begun before is within the burst, however large it is, so none waits forever.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        """Start with nothing spent. `clock` gives monotonic seconds, `sleep` takes seconds."""
        self.budget = budget
        self._clock, self._sleep = clock, sleep
        self._lock = Lock()
        self._sides: dict[Kind, _Side] = {"read": _Side(budget, "read"), "write": _Side(budget, "write")}
        self._waited = 0.0
        self._throttles = 0

    def ready_at(self, cost: Cost) -> float:
        """Return when, by the clock, all buckets of this cost would let it begin; now, if they do."""
        with self._lock:
            now = self._clock()
            return now + self._sides[cost.kind].wait(cost, now)

    def try_take(self, cost: Cost, within: float = 0.0) -> float:
        """Return in how many seconds this cost may begin; it is reserved if that is not more than `within`, and else it is not."""
        with self._lock:
            now = self._clock()
            side = self._sides[cost.kind]
            wait = side.wait(cost, now)
            if wait <= _INSTANT:
                wait = 0.0
            if wait <= within:
                side.charge(cost, now)
            return wait

    def take(self, cost: Cost) -> float:
        """Wait until this cost may begin, reserve it, and return the seconds waited."""
        waited = 0.0
        while wait := self.try_take(cost):
            self.pause(wait)
            waited += wait
        return waited

    def pause(self, seconds: float) -> None:
        """Sleep, and count it."""
        if seconds > 0:
            with self._lock:
                self._waited += seconds
            self._sleep(seconds)

    def back_off(self, tries: int) -> None:
        """Pause longer with every try: 0.05 s, 0.1 s, 0.2 s and so on, up to about 13 s."""
        self.pause(_FIRST_PAUSE * 2 ** min(tries, _LONGER_PAUSES))

    def give_back(self, taken: Cost) -> None:
        """Return what was taken for a request that is not made after all."""
        with self._lock:
            self._sides[taken.kind].correct(taken, Cost(taken.kind), self._clock())

    def settle(
        self, taken: Cost, consumed: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None, known: Cost | None = None
    ) -> None:
        """Note that one request was answered, and replace what was taken for it by what it cost.

        `known` is the better estimate that the answer allows, if it does: such as that of a batch in which some conditions did not
        hold. `consumed` is DynamoDB's ConsumedCapacity, one or several, and prevails.
        """
        actual = reported(taken if known is None else known, consumed)
        with self._lock:
            side = self._sides[taken.kind]
            side.correct(taken, actual, self._clock())
            side.count(actual)

    def throttled(self, cost: Cost, reasons: Sequence[Reason] = ()) -> None:
        """Slow down what DynamoDB named (for a range of keys of an index: this cost's values there), else the table and all indexes.

        A rate is halved, at most once a second, and recovers from five seconds of quiet on: wholly within two minutes. What was taken
        for the request is not given back, although DynamoDB counts nothing: or the next one would be sent, and refused, at once.
        """
        named = [reason for reason in reasons if reason.kind == cost.kind]
        with self._lock:
            now = self._clock()
            self._throttles += 1
            self._sides[cost.kind].slow(cost, named, now)

    def allowed(self, kind: Kind, index: str | None = None, value: Value | None = None) -> float:
        """Return the units a second that are allowed now: at the table, at an index, or at one value of its partition key."""
        with self._lock:
            return self._sides[kind].allowed(index, value, self._clock())

    def figures(self) -> Figures:
        """Return the totals so far."""
        with self._lock:
            read, write = self._sides["read"], self._sides["write"]
            return Figures(read.units, read.requests, write.units, write.requests, self._waited, self._throttles)

    def units_by_resource(self) -> dict[tuple[Kind, str | None], float]:
        """Return the units paid for so far, of the table (None) and of each index."""
        with self._lock:
            return {(kind, name): units for kind, side in self._sides.items() for name, units in side.by_resource.items()}

    @property
    def tracked(self) -> int:
        """How many partition values are remembered now."""
        with self._lock:
            return sum(len(side.values) for side in self._sides.values())


class _Bucket:
    """One resource's rate, and what was begun there and is not paid for yet (`level`, in units, which drains at that rate)."""

    __slots__ = ("_at", "_burst", "_ceiling", "_factor", "_level", "_slowed_at", "_start", "_used")

    def __init__(self, ceiling: float, start: float, burst: float, now: float) -> None:
        self._ceiling, self._start, self._burst = ceiling, start, burst
        self._level, self._at = 0.0, now
        self._used = 0.0  # seconds of full use
        self._factor, self._slowed_at = 1.0, now

    def factor(self, now: float) -> float:
        """Return what throttles have left of the rate, from just above 0 to 1."""
        if self._factor == 1.0:
            return 1.0
        quiet = max(0.0, now - self._slowed_at - _QUIET_SECONDS)
        return min(1.0, self._factor + quiet / _RECOVERY_SECONDS)

    def reach(self) -> float:
        """Return how far the ramp has come. It doubles in half an hour of full use: a rate that is not used warms up nothing."""
        if self._start >= self._ceiling:
            return self._ceiling
        return float(min(self._ceiling, self._start * 2.0 ** min(self._used / _RAMP_SECONDS, 64.0)))

    def rate(self, now: float) -> float:
        if self._factor == 1.0 and self._start >= self._ceiling:  # as nearly always, and this is asked ten times a message
            return self._ceiling
        return self.reach() * self.factor(now)

    def wait(self, now: float) -> float:
        """Return the seconds until another request may begin."""
        rate = self._drain(now)
        wait = self._level / rate - self._burst
        return max(0.0, wait)

    def charge(self, units: float, now: float) -> None:
        """Add units, or take back."""
        self._drain(now)
        level = self._level + units
        self._level = max(0.0, level)
        if self._start < self._ceiling:
            self._used = max(0.0, self._used + units / self.reach())

    def slow(self, now: float) -> None:
        """Halve the rate, unless that has just been done."""
        self._drain(now)
        factor = self.factor(now)
        if factor == 1.0 or now - self._slowed_at >= _ONE_BLOW_SECONDS:
            self._factor = max(_SLOWEST, factor * _SLOWER)
            self._slowed_at = now

    def idle(self, now: float) -> bool:
        """Say whether it is as good as a new one."""
        self._drain(now)
        return self._level == 0.0 and self.factor(now) == 1.0

    def _drain(self, now: float) -> float:
        rate = self.rate(now)
        if now > self._at:
            level = self._level - rate * (now - self._at)
            self._level = max(0.0, level)
            self._at = now
        return rate


class _Side:
    """The buckets of all reads, or of all writes. Its governor holds the lock."""

    def __init__(self, budget: Budget, kind: Kind) -> None:
        self._budget, self._kind = budget, kind
        self._resources: dict[str | None, _Bucket] = {}
        self.values: dict[tuple[str, Value], _Bucket] = {}
        self._sweep_at = _MANY
        self.by_resource: dict[str | None, float] = {}
        self.requests = 0

    @property
    def units(self) -> float:
        return sum(self.by_resource.values())

    def count(self, paid: Cost) -> None:
        for name, units in _resources(paid):
            self.by_resource[name] = self.by_resource.get(name, 0.0) + units
        self.requests += 1

    def wait(self, cost: Cost, now: float) -> float:
        """Return the seconds until all buckets are ready. A value that nobody remembers is: it makes no bucket."""
        longest = self._resource(None, now).wait(now) if cost.table > 0 else 0.0
        for name, units in cost.indexes.items():
            if units > 0 and (wait := self._resource(name, now).wait(now)) > longest:
                longest = wait
        for place in cost.values:
            bucket = self.values.get(place)
            if bucket is not None and (wait := bucket.wait(now)) > longest:
                longest = wait
        return longest

    def charge(self, cost: Cost, now: float) -> None:
        for name, units in _resources(cost):
            self._resource(name, now).charge(units, now)
        for place, units in cost.values.items():
            self._value(place, now).charge(units, now)

    def correct(self, taken: Cost, actual: Cost, now: float) -> None:
        """Replace one cost by another."""
        resources = dict(_resources(actual))
        for name, units in _resources(taken):
            resources[name] = resources.get(name, 0.0) - units
        for name, difference in resources.items():
            if difference:
                self._resource(name, now).charge(difference, now)
        for place in taken.values.keys() | actual.values.keys():
            difference = actual.values.get(place, 0.0) - taken.values.get(place, 0.0)
            # What nobody remembers has drained: there is nothing to take back from it.
            if difference > 0 or (difference and place in self.values):
                self._value(place, now).charge(difference, now)

    def slow(self, cost: Cost, reasons: Sequence[Reason], now: float) -> None:
        for reason in reasons:
            places = [place for place in cost.values if place[0] == reason.index] if reason.key_range else []
            for place in places:
                self._value(place, now).slow(now)
            if not places:
                self._resource(reason.index, now).slow(now)
        if not reasons:
            for name, _ in _resources(cost):
                self._resource(name, now).slow(now)

    def allowed(self, index: str | None, value: Value | None, now: float) -> float:
        if index is None or value is None:
            return self._resource(index, now).rate(now)
        bucket = self.values.get((index, value))
        return bucket.rate(now) if bucket else self._budget.partition(self._kind)

    def _resource(self, name: str | None, now: float) -> _Bucket:
        bucket = self._resources.get(name)
        if bucket is None:
            budget = self._budget
            bucket = _Bucket(budget.rate(self._kind, name), budget.start(self._kind, name), budget.burst_seconds, now)
            self._resources[name] = bucket
        return bucket

    def _value(self, place: tuple[str, Value], now: float) -> _Bucket:
        bucket = self.values.get(place)
        if bucket is None:
            if len(self.values) >= self._sweep_at:
                self._forget(now)
            rate = self._budget.partition(self._kind)
            bucket = self.values[place] = _Bucket(rate, rate, self._budget.burst_seconds, now)
        return bucket

    def _forget(self, now: float) -> None:
        """Forget idle values (a new bucket is the same), and the oldest ones where there are still too many."""
        busy = [(place, bucket) for place, bucket in self.values.items() if not bucket.idle(now)]
        self.values = dict(busy[-_TOO_MANY:])
        self._sweep_at = max(_MANY, 2 * len(self.values))


def _resources(cost: Cost) -> Iterator[tuple[str | None, float]]:
    yield None, cost.table
    yield from cost.indexes.items()
