"""What is slowed down when DynamoDB throttles, how far, and how it recovers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from archive.model.budget import Kind, Reason, reasons_of
from tests.archive.fake_table import ARN, Capacity, FakeTable
from tests.archive.governor.writing import BUDGET, MODULE, PROVIDER, STUDENT, Purge, cut, governor_of, write

LIMITS = ("ProvisionedThroughputExceeded", "AccountLimitExceeded", "KeyRangeThroughputExceeded", "MaxOnDemandThroughputExceeded")


def test_throttles_slow_it_down_to_what_the_table_takes_and_it_recovers() -> None:
    """A table that takes a quarter of the budget: soon few writes are refused; when it takes all, all of it is used again."""
    governor, clock = governor_of()
    table = FakeTable(clock, Capacity(table=500.0))
    purge = Purge(governor, table, clock)
    messages = [(write(2.0, student=number), str(number)) for number in range(8_000)]
    purge.run(cut(messages, 8))
    assert len(purge.done) == 8_000
    assert table.throttles["purge"] < 8_000 * 0.05
    assert governor.allowed("write") < 1_500
    table.capacity = Capacity()
    clock.sleep(130)
    assert governor.allowed("write") == 2_000
    assert governor.figures().throttles == table.throttles["purge"]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("index", [None, MODULE])
def test_only_what_a_reason_names_is_slowed_down(index: str | None, kind: Kind, limit: str) -> None:
    """All sixteen reasons: the table, the index, or for a range of keys the index's values in the request."""
    governor, _ = governor_of()
    budget, partition = BUDGET.rate(kind), BUDGET.partition(kind)
    resource = ARN if index is None else f"{ARN}/index/{index}"
    reason = f"{'Index' if index else 'Table'}{kind.capitalize()}{limit}"
    reasons = reasons_of({"ThrottlingReasons": [{"reason": reason, "resource": resource}]})
    cost = replace(write(2.0, module=7, student=8), kind=kind)
    governor.throttled(cost, reasons)
    of_values = index is not None and limit.startswith("KeyRange")
    assert governor.allowed(kind) == (budget / 2 if index is None else budget)
    assert governor.allowed(kind, MODULE) == (budget / 2 if index and not of_values else budget)
    assert governor.allowed(kind, STUDENT) == budget
    assert governor.allowed(kind, MODULE, 7) == (partition / 2 if of_values else partition)
    assert governor.allowed(kind, MODULE, 6) == governor.allowed(kind, STUDENT, 8) == partition
    other: Kind = "write" if kind == "read" else "read"
    assert governor.allowed(other) == BUDGET.rate(other)


@pytest.mark.parametrize("reasons", [(), (Reason("read", None, key_range=False),)])
def test_without_a_reason_the_table_and_its_indexes_are_slowed_down(reasons: tuple[Reason, ...]) -> None:
    """Also where the only reason is about something that the request did not do. The values are left alone."""
    governor, _ = governor_of()
    governor.throttled(write(2.0, module=7, student=8), reasons)
    assert [governor.allowed("write", index) for index in (None, MODULE, STUDENT, PROVIDER)] == [1_000, 1_000, 1_000, 2_000]
    assert governor.allowed("write", MODULE, 7) == 500


def test_throttles_of_one_moment_are_one() -> None:
    """Their requests were under way already; a second later it counts again, and never down to nothing."""
    governor, clock = governor_of()
    for _ in range(10):
        governor.throttled(write())
    assert governor.allowed("write") == 1_000
    clock.sleep(1)
    governor.throttled(write())
    assert governor.allowed("write") == 500
    for _ in range(20):
        clock.sleep(1)
        governor.throttled(write())
    assert governor.allowed("write") == 2_000 / 64


def test_quiet_lets_a_rate_recover_step_by_step() -> None:
    """Not in the first seconds, then gradually, then wholly, and not beyond."""
    governor, clock = governor_of()
    governor.throttled(write())
    rates = []
    for _ in range(14):
        clock.sleep(5)
        rates.append(governor.allowed("write"))
    assert rates[0] == 1_000
    assert rates == sorted(rates)
    assert all(later - earlier <= 100 for earlier, later in pairwise(rates))
    assert rates[-1] == 2_000
