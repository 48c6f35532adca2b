"""The ramp begins at what a table and its indexes have been used to, and climbs by use alone."""

from __future__ import annotations

import pytest

from archive.governor import Governor
from archive.model.budget import Budget, Cost, Warm
from tests.archive.fake_table import VirtualClock
from tests.archive.governor.writing import MODULE, STUDENT, governor_of


def use(governor: Governor, clock: VirtualClock, seconds: float, cost: Cost) -> float:
    """Take one cost after another for so long; return the units a second."""
    began, taken = clock(), 0.0
    while clock() < began + seconds:
        governor.take(cost)
        taken += cost.table
    return taken / (clock() - began)


def test_the_ramp_begins_at_what_the_table_was_used_to_and_doubles_in_half_an_hour() -> None:
    """Each half hour of full use at most doubles it, until the budget is reached, which is never passed."""
    governor, clock = governor_of(Budget(table_write=3_000, warm=Warm(write=500)))
    cost = Cost("write", 100.0)
    minutes = [use(governor, clock, 60, cost) for _ in range(120)]
    assert minutes[0] == pytest.approx(500, rel=0.3)
    assert governor.allowed("write") == 3_000
    for number in range(30, 120):
        assert minutes[number] <= 2.01 * minutes[number - 30]
        assert minutes[number] <= 3_000 * 1.05
    assert minutes[29] == pytest.approx(1_000, rel=0.05)
    assert minutes[89] == pytest.approx(3_000, rel=0.05)


def test_a_ramp_does_not_climb_while_nothing_is_done() -> None:
    """What DynamoDB is used to grows by use: hours of reading first do not let the writes begin faster."""
    governor, clock = governor_of(Budget(table_write=3_000, warm=Warm(write=500)))
    clock.sleep(7_200)
    assert governor.allowed("write") == 500


def test_an_index_has_a_ramp_of_its_own() -> None:
    """A new index is not used to what the table is used to."""
    governor, _ = governor_of(Budget(warm=Warm(40_000, 40_000, {MODULE: (100.0, 300.0)})))
    assert governor.allowed("write", MODULE) == 300
    assert governor.allowed("read", MODULE) == 100
    assert governor.allowed("write", STUDENT) == governor.allowed("write") == 2_000
