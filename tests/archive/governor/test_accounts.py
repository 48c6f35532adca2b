"""What is taken before a request, and what is settled after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.model.budget import read_cost
from tests.archive.fake_table import FakeTable
from tests.archive.governor.writing import BUDGET, MODULE, PROVIDER, Purge, cut, governor_of, write


def test_what_was_reported_replaces_what_was_estimated() -> None:
    """A provider's index costs three times as much as estimated: its budget is kept nevertheless, for its values too."""
    governor, clock = governor_of()
    table = FakeTable(clock, factors={PROVIDER: 3.0})
    messages = [(write(2.0, student=number, provider="openai"), str(number)) for number in range(3_000)]
    seconds = Purge(governor, table, clock).run(cut(messages, 4))
    assert table.total("purge", PROVIDER, "openai") == 18_000
    assert seconds >= 18_000 / 500 * 0.9
    assert governor.figures().write_units == 3_000 * (2 + 2 + 6)


def test_what_was_not_used_is_given_back() -> None:
    """A read that was taken for a whole page and found nothing costs half a unit; the next one need not wait."""
    governor, _ = governor_of()
    page = read_cost(128.5, MODULE, 7)
    for _ in range(20):
        assert governor.take(page) == 0
        governor.settle(
            page, {"CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.0}, "GlobalSecondaryIndexes": {MODULE: {"CapacityUnits": 0.5}}}
        )
    assert governor.figures().read_units == 10
    assert governor.figures().read_requests == 20


def test_what_a_refused_write_did_not_cost_is_given_back() -> None:
    """A condition that does not hold costs the table's units, and the indexes nothing: the next one for that provider may begin."""
    governor, clock = governor_of()
    cost = write(400.0, provider="openai")
    governor.take(cost)
    assert governor.ready_at(cost) > clock()
    governor.settle(cost, known=cost.refused())
    assert governor.ready_at(cost) == clock()
    assert governor.figures().write_units == 400


def test_without_a_report_the_estimate_stays() -> None:
    """Thirty pages for one module, of which DynamoDB says nothing, take as long as their units do."""
    governor, clock = governor_of()
    page = read_cost(150.0, MODULE, 7)
    for _ in range(31):
        governor.take(page)
        governor.settle(page)
    assert clock() - 1_000 == pytest.approx(30 * 150 / 1_500 - BUDGET.burst_seconds)
    assert governor.figures().waited_seconds == pytest.approx(clock() - 1_000)
    assert governor.figures().read_units == 31 * 150


def test_a_request_larger_than_any_burst_is_let_through() -> None:
    """An item of 400 KB, at a worker's hundredth of the budget: it begins at once, and is paid for by what comes after it."""
    governor, _ = governor_of(replace(BUDGET, workers=100))
    large = write(400.0, provider="openai")
    assert governor.take(large) == 0
    assert governor.take(write(1.0, provider="openai")) == pytest.approx(400 / 5 - BUDGET.burst_seconds)


def test_an_item_is_only_held_up_by_its_own_buckets() -> None:
    """Reads do not wait for writes, one module not for another, and an index that is read not for the table."""
    governor, clock = governor_of()
    governor.take(write(400.0, module=1))
    governor.take(read_cost(40_000))
    assert governor.ready_at(read_cost(1.0)) > clock()
    assert governor.ready_at(write(1.0, module=1)) > clock()
    assert governor.ready_at(write(1.0, module=2)) == governor.ready_at(read_cost(1.0, MODULE, 1)) == clock()
    assert governor.try_take(write(1.0, module=1), within=0.5) > 0.5
    assert governor.ready_at(write(1.0, module=1)) == clock() + 400 / 500 - BUDGET.burst_seconds
    assert governor.try_take(write(1.0, module=1), within=0.6) == pytest.approx(0.55)
    assert governor.ready_at(write(1.0, module=1)) == pytest.approx(clock() + 401 / 500 - BUDGET.burst_seconds)


def test_what_is_not_sent_after_all_is_given_back() -> None:
    """As if it had never been taken; and it is no request."""
    governor, clock = governor_of()
    cost = write(400.0, provider="openai")
    governor.take(cost)
    governor.give_back(cost)
    assert governor.ready_at(cost) == clock()
    assert governor.figures().write_units == governor.figures().write_requests == 0


def test_pauses_between_tries_grow_and_are_counted() -> None:
    """Up to about 13 seconds."""
    governor, clock = governor_of()
    pauses = []
    for tries in range(12):
        before = clock()
        governor.back_off(tries)
        pauses.append(clock() - before)
    assert pauses[:3] == pytest.approx([0.05, 0.1, 0.2])
    assert pauses[8:] == pytest.approx([12.8] * 4)
    assert governor.figures().waited_seconds == pytest.approx(sum(pauses))


def test_units_are_told_by_resource() -> None:
    """The table's and each index's, reads and writes apart; together they are the figures."""
    governor, _ = governor_of()
    cost = write(2.0, student=1, provider="openai")
    governor.take(cost)
    governor.settle(cost)
    page = read_cost(1.5, MODULE, 7)
    governor.take(page)
    governor.settle(page)
    units = governor.units_by_resource()
    assert (units["write", None], units["write", PROVIDER], units["read", MODULE]) == (2.0, 2.0, 1.5)
    figures = governor.figures()
    assert sum(value for (kind, _), value in units.items() if kind == "write") == figures.write_units
    assert sum(value for (kind, _), value in units.items() if kind == "read") == figures.read_units
