"""What holds whatever is taken, by however many threads, and for however many partition values."""

from __future__ import annotations

from threading import Thread
from time import sleep

from hypothesis import given, settings
from hypothesis import strategies as st

from archive.governor import Governor
from archive.model.budget import Budget, Reason
from tests.archive.governor.writing import BUDGET, STUDENT, governor_of, write


def test_idle_partition_values_are_forgotten() -> None:
    """Forty thousand students leave no trace; one that was slowed down is remembered until it has recovered."""
    governor, clock = governor_of()
    slow = write(1.0, student=-1)
    most = 0
    for student in range(40_000):
        if student % 10_000 == 0:
            governor.throttled(slow, [Reason("write", STUDENT, key_range=True)])
        cost = write(2.0, student=student)
        governor.take(cost)
        governor.settle(cost)
        most = max(most, governor.tracked)
    assert 1_000 < most < 10_000
    assert governor.allowed("write", STUDENT, -1) < 500
    clock.sleep(200)
    assert governor.allowed("write", STUDENT, -1) == 500


def test_even_values_that_are_slowed_down_are_not_remembered_without_end() -> None:
    """Eighty thousand of them at one moment: the oldest go."""
    governor, _ = governor_of()
    for student in range(80_000):
        governor.throttled(write(1.0, student=student), [Reason("write", STUDENT, key_range=True)])
    assert governor.tracked <= 2 * 32_768
    assert governor.allowed("write", STUDENT, 79_999) == 250


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40), st.floats(0, 0.3)), max_size=80), st.integers(1, 8))
@settings(deadline=None)
def test_no_resource_is_overdrawn_whatever_is_taken(requests: list[tuple[int, int, float]], workers: int) -> None:
    """At any time, each bucket let through its rate since then, its burst, and one request more."""
    budget = Budget(table_write=100, partition_write=40, workers=workers)
    governor, clock = governor_of(budget)
    began: list[tuple[float, int, float]] = []
    for module, units, gap in requests:
        clock.sleep(gap)
        governor.take(write(float(units), module=module))
        began.append((clock(), module, units))
    for rate, several in [(100, range(4)), *((40, [module]) for module in range(4))]:
        ours = [(at, units) for at, module, units in began if module in several]
        for first, (start, _) in enumerate(ours):
            # The last request is the one more.
            for last in range(first + 1, len(ours)):
                spent = sum(units for _, units in ours[first:last])
                allowed = rate / workers * (ours[last][0] - start + budget.burst_seconds)
                assert spent <= allowed + 1e-3


def test_no_two_threads_are_admitted_at_once() -> None:
    """Whoever reads the clock, to judge by it, is alone until it has reserved."""
    inside, overlaps = 0, 0

    def clock() -> float:
        nonlocal inside, overlaps
        inside += 1
        overlaps += inside > 1
        sleep(0.0005)  # lets the other threads run
        inside -= 1
        return 1.0

    governor = Governor(BUDGET, clock, sleep)
    cost = write(1.0, module=1)

    def work() -> None:
        for _ in range(5):
            governor.try_take(cost)
            governor.ready_at(cost)
            governor.settle(cost)
            governor.throttled(cost)
            governor.allowed("write")

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == 0


def test_threads_together_keep_the_budget() -> None:
    """Eight threads take and settle at once: the figures are exact, and no time is saved by it."""
    governor, clock = governor_of()
    cost = write(10.0, provider="openai")

    def work() -> None:
        for _ in range(100):
            governor.take(cost)
            governor.settle(cost, known=cost)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = governor.figures()
    assert (figures.write_units, figures.write_requests) == (800 * 20, 800)
    assert clock() - 1_000 >= 8_000 / 500 - BUDGET.burst_seconds - 0.1
