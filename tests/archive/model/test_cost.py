"""Cost arithmetic: the documented examples, and what holds for any amount of work."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.config import PurgeMode
from archive.model.cost import Cost, Work, WriteRates, page_units, price_archive, purge_rate, query_units, write_rate, write_units
from archive.model.prices import US_EAST_1, prices_of

MILLION = Work(rows=1_000_000, item_bytes=2048, indexes=3, queries=1, segments=10, lake_bytes=2**30)
MODES: tuple[PurgeMode, ...] = ("delete", "expire", "keep")
sizes = st.integers(1, 409_600)
counts = st.integers(0, 10**10)
works = st.builds(Work, counts, sizes, st.integers(0, 20), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**15))


def test_deleting_two_kilobytes_with_three_indexes_costs_eight_units() -> None:
    """The design's example: two for the table, and two for each index."""
    assert write_units(2048, 3) == 8
    assert write_units(2049, 3) == 12
    assert write_units(1, 0) == 1


@pytest.mark.parametrize(("size", "units"), [(0, "0.5"), (1, "0.5"), (4096, "0.5"), (4097, "1"), (2**20, "128"), (1_052_672, "128.5")])
def test_a_page_costs_half_a_unit_for_each_four_kilobytes(size: int, units: str) -> None:
    """Eventually consistent reads, rounded up once a page; an empty page is not free."""
    assert page_units(size) == Decimal(units)


def test_a_query_rounds_page_by_page() -> None:
    """512 items of 2 KB fill a page exactly; one item more begins another."""
    assert query_units(0, 2048) == Decimal("0.5")
    assert query_units(512, 2048) == Decimal(128)
    assert query_units(513, 2048) == Decimal("128.5")
    assert query_units(1024, 2048) == Decimal(256)
    assert query_units(1, 409_600) == Decimal(50)


def test_a_million_messages_deleted() -> None:
    """All parts of one bill, by hand: 1,953 full pages and one of 64 items; 8 million write units; 10 segments."""
    cost = price_archive(MILLION, "delete", US_EAST_1)
    assert cost.read_units == 1953 * 128 + 16
    assert cost.write_units == 8_000_000
    assert cost.reading == Decimal("0.03125")
    assert cost.purging == Decimal(5)
    assert cost.requests == Decimal("0.000208")
    assert cost.once == Decimal("5.031458")
    assert cost.lake_month == Decimal("0.023")
    assert Fraction(cost.freed_month) == Fraction(1_000_000 * 2148 * 4, 2**30) / 4
    assert cost.saved_month == cost.freed_month - cost.lake_month


def test_marking_costs_as_much_as_deleting() -> None:
    """An update is written to every index that holds the item, as a delete is."""
    assert price_archive(MILLION, "expire", US_EAST_1) == price_archive(MILLION, "delete", US_EAST_1)


def test_keeping_removes_nothing_and_saves_nothing() -> None:
    """The segments are stored beside the table, so each month costs more."""
    cost = price_archive(MILLION, "keep", US_EAST_1)
    assert cost.write_units == 0
    assert cost.purging == cost.freed_month == 0
    assert cost.requests == Decimal("0.000104")
    assert cost.saved_month == Decimal("-0.023")


def test_each_further_query_may_round_up_once_more() -> None:
    """Many small queries cost more than one over the same rows."""
    more = replace(MILLION, queries=101)
    assert price_archive(more, "keep", US_EAST_1).read_units == price_archive(MILLION, "keep", US_EAST_1).read_units + 50


def test_an_index_of_keys_costs_its_own_bytes_and_what_it_lacks() -> None:
    """Three full indexes are replaced by one with entries of 120 bytes, which is read: a unit for the table's item, one for the entry's."""
    part = replace(MILLION, indexes=0, entries=(120,), fetched=120)
    delete, expire = price_archive(part, "delete", US_EAST_1), price_archive(part, "expire", US_EAST_1)
    assert (delete.write_units, expire.write_units) == (3_000_000, 2_000_000)
    assert delete.read_units == query_units(1_000_000, 120) + 1_000_000
    assert Fraction(delete.freed_month) == Fraction(1_000_000 * (2148 + 220), 2**30) / 4
    with pytest.raises(InputError):
        replace(MILLION, entries=(0,))


@pytest.mark.parametrize("mode", MODES)
def test_nothing_costs_nothing(mode: PurgeMode) -> None:
    """No rows, no queries and no segments: no units and no dollars."""
    assert price_archive(Work(0, 2048, 3, 0, 0, 0), mode, US_EAST_1) == Cost(Decimal(0), 0, *[Decimal(0)] * 5)


@given(works, st.sampled_from(MODES))
def test_no_part_of_a_cost_is_negative(work: Work, mode: PurgeMode) -> None:
    """Only the saving may be below zero."""
    cost = price_archive(work, mode, US_EAST_1)
    assert cost.write_units >= 0
    assert min(cost.read_units, cost.reading, cost.purging, cost.requests, cost.lake_month, cost.freed_month) >= 0
    assert Fraction(cost.once) == Fraction(cost.reading) + Fraction(cost.purging) + Fraction(cost.requests)


@given(works, st.integers(1, 1000))
def test_purging_and_storing_are_linear_in_rows(work: Work, factor: int) -> None:
    """So many times the rows cost exactly so many times as much to remove and to store."""
    once, many = (price_archive(each, "delete", US_EAST_1) for each in (work, replace(work, rows=work.rows * factor)))
    assert many.write_units == once.write_units * factor
    assert Fraction(many.purging) == Fraction(once.purging) * factor
    assert Fraction(many.freed_month) == Fraction(once.freed_month) * factor


@given(works, st.sampled_from(MODES), st.sampled_from(["rows", "indexes", "queries", "segments", "lake_bytes"]))
def test_more_work_never_costs_less(work: Work, mode: PurgeMode, field: str) -> None:
    """Each count can only raise the units, the run's dollars and the lake's."""
    less, more = (price_archive(each, mode, US_EAST_1) for each in (work, replace(work, **{field: getattr(work, field) + 1})))
    assert more.read_units >= less.read_units
    assert more.write_units >= less.write_units
    assert more.once >= less.once
    assert more.lake_month >= less.lake_month


@given(counts, sizes)
def test_a_query_pays_for_its_bytes_and_little_more(rows: int, size: int) -> None:
    """Rounding adds less than half a unit a page."""
    pages = -(-rows // -(-(2**20) // size)) or 1
    units = Fraction(query_units(rows, size))
    assert Fraction(rows * size, 8192) <= units <= Fraction(rows * size, 8192) + Fraction(pages, 2)


@given(works)
def test_a_work_that_cannot_be_counted_is_refused(work: Work) -> None:
    """Negative counts are a caller's mistake."""
    with pytest.raises(InputError):
        replace(work, rows=-1)


def rates(table: float, index: float | None = None, partition: float = 1e6) -> WriteRates:
    """Return write rates: an index's as the table's, and partitions that are no limit, if not said otherwise."""
    return WriteRates(table, table if index is None else index, partition)


def test_the_table_budget_limits_a_purge() -> None:
    """2,000 units a second remove 1,000 messages of 2 KB; 3,600,000 of them are an hour's work."""
    rate = purge_rate(3_600_000, 2048, 3, rates(2000), Decimal(0))
    assert (rate.rows_a_second, rate.hours, rate.keeps_up) == (Decimal(1000), Decimal(1), True)


def test_an_index_limits_a_purge() -> None:
    """Each of them is written as much as the table; without one, it is none."""
    assert write_rate(2048, 3, rates(2000, 500), Decimal(0)) == Decimal(250)
    assert write_rate(2048, 0, rates(2000, 500), Decimal(0)) == Decimal(1000)


def test_what_one_provider_may_be_written_limits_a_purge() -> None:
    """500 units a second are 250 messages of 2 KB; if half of the messages name another one, twice as many."""
    assert write_rate(2048, 3, rates(2000, partition=500), Decimal(1)) == Decimal(250)
    assert write_rate(2048, 3, rates(2000, partition=500), Decimal("0.5")) == Decimal(500)
    assert write_rate(2048, 0, rates(2000, partition=500), Decimal(1)) == Decimal(1000)


def test_the_inflow_to_one_provider_limits_a_purge() -> None:
    """However large the budget, one index partition takes 1,000 units a second, and the inflow uses some of them."""
    rate = purge_rate(8_640_000, 2048, 3, rates(40_000))  # 100 messages a second come in: 200 units a second in the one partition
    assert rate.rows_a_second == Decimal(400)
    assert rate.hours == Decimal(6)


def test_a_purge_that_is_too_slow_says_so() -> None:
    """A billion messages a month cannot be removed with 500 units a second."""
    assert not purge_rate(33_333_333, 2048, 3, rates(500), Decimal(0)).keeps_up


def test_a_partition_that_the_inflow_fills_leaves_nothing() -> None:
    """Then a purge never ends, and its length has no number."""
    rate = purge_rate(50_000_000, 2048, 3, rates(2000))
    assert (rate.rows_a_second, rate.hours, rate.keeps_up) == (Decimal(0), None, False)


def test_exactly_a_day_is_enough() -> None:
    """The limit itself keeps up."""
    assert purge_rate(86_400_000, 2048, 3, rates(2000), Decimal(0)).keeps_up
    assert not purge_rate(86_400_001, 2048, 3, rates(2000), Decimal(0)).keeps_up


@given(counts, sizes, st.integers(0, 20), st.floats(1, 10**6), st.decimals(0, 1, places=3))
def test_a_larger_budget_is_never_slower(rows: int, size: int, indexes: int, budget: float, busiest: Decimal) -> None:
    """Twice the write units remove at least as much."""
    slow, fast = (purge_rate(rows, size, indexes, rates(units, partition=units), busiest) for units in (budget, 2 * budget))
    assert fast.rows_a_second >= slow.rows_a_second
    assert fast.keeps_up or not slow.keeps_up


@pytest.mark.parametrize(("budget", "busiest"), [(0, "1"), (-1, "1"), (10, "1.1"), (10, "-0.1")])
def test_an_impossible_rate_is_refused(budget: float, busiest: str) -> None:
    """No budget, or a share that is none, is a caller's mistake."""
    with pytest.raises(InputError):
        purge_rate(1, 1, 1, rates(budget), Decimal(busiest))


def test_an_unknown_region_gets_prices_that_say_where_they_are_from() -> None:
    """A plan is better with near prices than with none, as long as it says which."""
    assert prices_of("us-east-1") is US_EAST_1
    assert prices_of("ap-southeast-2").region == "us-east-1"
    assert prices_of(None).as_of.year == 2024
