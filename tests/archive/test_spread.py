"""What a Spread promises whatever its cursors hold: each item once, in small batches, never stuck, and errors for everyone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import ProofError
from archive.governor import Governor
from archive.model.budget import Budget, Cost
from archive.spread import Spread
from tests.archive.fake_table import VirtualClock

Message = tuple[Cost, tuple[int, int]]


def message(lane: int, number: int, module: int, units: float = 2.0) -> Message:
    """Return one item of a cursor."""
    return Cost("write", units, {"I": units}, {("I", module): units}), (lane, number)


def governor_of(budget: Budget) -> Governor:
    """Return a governor in virtual time."""
    clock = VirtualClock()
    return Governor(budget, clock, clock.sleep)


lanes_of_modules = st.lists(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 2, 30])), max_size=40), max_size=5)


@given(lanes_of_modules, st.integers(1, 25), st.integers(1, 20), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_each_item_comes_once(lanes: list[list[tuple[int, int]]], size: int, look_ahead: int, workers: int) -> None:
    """In batches that are neither empty nor too large; and no item is overtaken by one that was not looked at with it."""
    cursors = [[message(lane, number, *what) for number, what in enumerate(items)] for lane, items in enumerate(lanes)]
    governor = governor_of(Budget(table_write=300, workers=workers))
    batches = list(Spread(governor, map(iter, cursors), size=size, look_ahead=look_ahead))
    given_out = [name for batch in batches for _, name in batch]
    assert sorted(given_out) == [(lane, number) for lane, items in enumerate(lanes) for number in range(len(items))]
    assert all(0 < len(batch) <= size for batch in batches)
    left = [list(range(len(items))) for items in lanes]
    for lane, number in given_out:
        assert left[lane].index(number) < look_ahead
        left[lane].remove(number)


def test_a_cursor_is_not_read_ahead_of_its_bound() -> None:
    """Memory: what waits is bounded for each cursor."""
    drawn: Counter[int] = Counter()

    def cursor(lane: int) -> Iterator[Message]:
        for number in range(1_000):
            drawn[lane] += 1
            yield message(lane, number, module=0)

    spread = Spread(governor_of(Budget()), [cursor(lane) for lane in range(4)], look_ahead=5)
    given_out = Counter(lane for _, (lane, _) in next(spread))
    assert all(drawn[lane] <= given_out[lane] + 5 for lane in range(4))


def test_what_is_in_sight_behind_a_busy_item_is_given() -> None:
    """And what is out of sight is not: it waits until the busy one has gone."""
    items = [
        message(0, 0, module=0, units=400.0),
        message(0, 1, module=0),
        message(0, 2, module=1),
        message(0, 3, module=0),
        message(0, 4, module=2),
    ]
    assert [[number for _, (_, number) in batch] for batch in Spread(governor_of(Budget()), [items], look_ahead=2)] == [[0, 2], [1, 4, 3]]


def test_a_full_batch_does_not_wait_for_a_busy_item() -> None:
    """Four cursors of one busy module beside one whose messages are ready: these fill the batches, and nobody waits."""
    busy = [[message(lane, number, module=0) for number in range(100)] for lane in range(4)]
    ready = [message(4, number, module=1 + number) for number in range(200)]
    governor = governor_of(Budget())
    spread = Spread(governor, [*busy, ready])
    given_out = [lane for _ in range(8) for _, (lane, _) in next(spread)]
    assert len(given_out) == 200
    assert governor.figures().waited_seconds == 0
    assert given_out.count(4) > 130


def test_cursors_take_turns() -> None:
    """Four cursors with one and the same hot module: at any time, none is more than one item ahead of another."""
    cursors = [[message(lane, number, module=0) for number in range(300)] for lane in range(4)]
    so_far: Counter[int] = Counter(dict.fromkeys(range(4), 0))
    for batch in Spread(governor_of(Budget()), cursors):
        for _, (lane, _) in batch:
            so_far[lane] += 1
            assert max(so_far.values()) - min(so_far.values()) <= 1


def test_batches_are_full_where_the_budget_allows() -> None:
    """At 1,000 items a second there are 25 in each batch, but for the last ones."""
    cursors = [[message(lane, number, module=100 * lane + number % 100) for number in range(500)] for lane in range(8)]
    sizes = Counter(len(batch) for batch in Spread(governor_of(Budget()), cursors))
    assert sizes[25] >= 0.9 * sizes.total()


def test_an_error_of_a_cursor_reaches_everyone() -> None:
    """What was drawn before it is given; then each call raises it: nobody takes the end of the cursor for the end of the work."""

    def broken() -> Iterator[Message]:
        yield message(0, 0, module=0)
        raise ProofError

    spread = Spread(governor_of(Budget()), [broken()], look_ahead=1)
    assert [name for _, name in next(spread)] == [(0, 0)]
    for _ in range(3):
        with pytest.raises(ProofError):
            next(spread)


def test_nothing_to_do_is_done() -> None:
    """No cursors, and empty ones."""
    assert list(Spread(governor_of(Budget()), [])) == []
    assert list(Spread(governor_of(Budget()), [iter([]), iter([])])) == []


def test_threads_get_each_item_once() -> None:
    """Eight threads draw from one Spread until it ends for all of them."""
    cursors = [[message(lane, number, module=number % 7) for number in range(500)] for lane in range(6)]
    spread = Spread(governor_of(Budget()), cursors)
    given_out: list[tuple[int, int]] = []

    def work() -> None:
        for batch in spread:
            given_out.extend(name for _, name in batch)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given_out) == [(lane, number) for lane in range(6) for number in range(500)]
