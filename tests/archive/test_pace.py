"""A run stays below its rate, whoever shares it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from archive.pace import Pace


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        """Start at some time that is not zero."""
        self.time = 1_000.0

    def now(self) -> float:
        """Return the time in seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        assert seconds > 0
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


def test_the_first_request_does_not_wait(clock: Clock) -> None:
    """Nothing was spent yet."""
    Pace(10, clock.now, clock.sleep).wait()
    assert clock.time == 1_000.0


def test_a_request_waits_for_what_was_spent_before_it(clock: Clock) -> None:
    """What one costs is known after it: the next one pays."""
    pace = Pace(10, clock.now, clock.sleep)
    pace.charge(25)
    pace.wait()
    assert clock.time == pytest.approx(1_002.5)
    pace.wait()
    assert clock.time == pytest.approx(1_002.5)


def test_time_that_passed_unused_is_not_saved_up(clock: Clock) -> None:
    """After a pause the rate is what it was, not a burst."""
    pace = Pace(10, clock.now, clock.sleep)
    clock.time += 3_600
    pace.charge(10)
    pace.wait()
    assert clock.time == pytest.approx(4_601.0)


def test_what_was_spent_is_added_up(clock: Clock) -> None:
    """Units and requests, from several threads."""
    pace = Pace(1e9, clock.now, clock.sleep)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: pace.charge(0.5), range(200)))
    assert (pace.units, pace.requests) == (100.0, 200)


def test_backing_off_takes_longer_with_every_try(clock: Clock) -> None:
    """Up to about 13 seconds."""
    pace = Pace(10, clock.now, clock.sleep)
    naps = []
    for tries in range(1, 12):
        before = clock.time
        pace.back_off(tries)
        naps.append(clock.time - before)
    assert naps[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert max(naps) == naps[-1] == pytest.approx(12.8)
