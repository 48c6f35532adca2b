"""The governor against a table that throttles as DynamoDB does: nobody else is throttled, and nothing is wasted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from archive.governor import Governor
from archive.model.budget import Budget, Warm
from archive.spread import Spread
from tests.archive.fake_table import FakeTable, VirtualClock
from tests.archive.governor.writing import BUDGET, LINGER, MODULE, PROVIDER, STUDENT, Purge, chat, cut, governor_of, segment, write


def test_a_purge_throttles_no_live_writer() -> None:
    """Live chat on the very partitions that are purged gets everything it asks for, and so does the purge."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    chat(table, clock, 450)
    purge = Purge(governor, table, clock)
    purge.run(cut(segment(6_000), 8))
    assert table.throttles.total() == 0
    assert len(purge.done) == table.accepted["purge"] == 6_000
    assert table.accepted["chat"] > 500


def test_without_a_governor_the_chat_is_throttled() -> None:
    """The fake has teeth: the same purge, held to the table's units alone, throttles the chat."""
    governor, clock = governor_of(replace(BUDGET, partition_write=1e9))
    table = FakeTable(clock)
    chat(table, clock, 450)
    Purge(governor, table, clock).run(cut(segment(6_000), 8))
    assert table.throttles["chat"] > 50


def test_no_second_sees_more_than_the_budget_and_its_burst() -> None:
    """Table, indexes and partition values: in any second the rate, the burst, the linger, and one message more."""
    governor, clock = governor_of(replace(BUDGET, index_write=1_500))
    table = FakeTable(clock)
    messages = segment(6_000)
    Purge(governor, table, clock).run(cut(messages, 8))
    seconds = 1 + BUDGET.burst_seconds + LINGER
    largest = max(cost.table for cost, _ in messages)
    assert table.busiest("purge") <= 2_000 * seconds + largest
    for name in (MODULE, STUDENT, PROVIDER):
        assert table.busiest("purge", name) <= 1_500 * seconds + largest
    for who, index, value in table.log:
        if value is not None:
            assert table.busiest(who, index, value) <= 500 * seconds + largest


@pytest.mark.parametrize("lanes", [1, 8])
def test_all_of_the_budget_is_used_where_nothing_is_hot(lanes: int) -> None:
    """At least nine tenths of it, over the whole run."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    messages = [(write(2.0, module=number % 97, student=number), str(number)) for number in range(8_000)]
    seconds = Purge(governor, table, clock).run(cut(messages, lanes))
    assert table.total("purge") == 16_000
    assert seconds <= 16_000 / 2_000 / 0.9


def test_the_busiest_partition_decides_how_long_it_takes() -> None:
    """Three providers: the largest one's units, at its rate, are what the purge waits for, and little more."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    messages = segment(6_000)
    seconds = Purge(governor, table, clock).run(cut(messages, 8))
    assert seconds <= table.total("purge", PROVIDER, "openai") / 500 / 0.9


def test_a_hot_module_does_not_delay_the_others() -> None:
    """The others are done as soon as the table's units, less the hot module's, allow."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    hot = [(write(2.0, module=0, student=number), f"hot {number}") for number in range(3_000)]
    others = [(write(2.0, module=1 + number // 100, student=number), f"other {number}") for number in range(3_000)]
    began = clock()
    purge = Purge(governor, table, clock)
    purge.run([iter(hot), *cut(others, 7)])
    last = max(at for name, at in purge.done.items() if name.startswith("other")) - began
    assert last <= 6_000 / (2_000 - 500) / 0.9
    assert max(purge.done.values()) - began <= (6_000 / 500 + last) / 0.9


def test_a_hot_module_is_passed_over_in_its_own_cursor() -> None:
    """With one cursor, items behind a busy one are looked at: a mixed part does not fall to the hot module's pace at once."""
    governor, clock = governor_of()
    names = [f"{'hot' if number % 4 else 'cold'} {number}" for number in range(400)]
    messages = [(write(100.0, module=0 if name.startswith("hot") else name), name) for name in names]
    given = [name for batch in Spread(governor, [messages]) for _, name in batch]
    assert sorted(given) == sorted(names)
    middle = given[: len(given) // 4]
    assert sum(name.startswith("cold") for name in middle) > len(middle) / 4
    assert governor.figures().waited_seconds == pytest.approx(clock() - 1_000)


def test_workers_share_the_budget_equally() -> None:
    """Four of them together are as slow as one alone, also in each partition, and also if they share in two steps."""
    clock = VirtualClock()
    table = FakeTable(clock)
    part = Budget(warm=Warm(write=1_000), workers=4)
    governors = [Governor(part, clock, clock.sleep) for _ in range(4)]
    assert [sum(governor.allowed(*what) for governor in governors) for what in (("write",), ("read",))] == [1_000, 4_000]
    governors = [Governor(replace(BUDGET, workers=4), clock, clock.sleep) for _ in range(4)]
    cost = write(2.0, provider="openai")

    def worker(governor: Governor) -> Callable[[], None]:
        def again() -> None:
            while not governor.try_take(cost):
                table.call("purge", cost)
            clock.after(0.01, again)

        return again

    for governor in governors:
        worker(governor)()
    clock.sleep(20)
    assert table.busiest("purge", PROVIDER, "openai") <= 500 * (1 + BUDGET.burst_seconds) + 4 * 2.0
    assert table.total("purge") == pytest.approx(500 * 20, rel=0.05)
