"""A table's bill: the platform guide's worked examples, the right numbers, and what holds for any table."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.bill import HOURS_A_MONTH, Month, Part, Reads, Shape, Usage, bill, capacity, price, provisioned, total, usage_of
from archive.model.cost import GB
from archive.model.prices import US_EAST_1
from archive.model.table_shape import chat_messages
from archive.model.ways import projected

MILLION = 10**6
GUIDE = replace(US_EAST_1, table_gb_month=Decimal("0.25"), write_million=Decimal("1.25"), read_million=Decimal("1.25"))
"""The prices that the platform's guide reckons with."""

sizes = st.integers(1, 409_600)
counts = st.integers(0, 10**10)
reads = st.builds(Reads, st.integers(0, 10**6), st.integers(0, 1_000))
entries = st.builds(Part, st.just("index"), st.sampled_from(["ALL", "INCLUDE"]), sizes, reads)
shapes = st.builds(
    lambda size, parts, regions, rare: Shape((Part("base", "table", size), *parts), regions, rare),
    sizes,
    st.lists(entries, max_size=4),
    st.integers(1, 4),
    st.booleans(),
)
cheaply = settings(max_examples=60, deadline=None)


def cents(amount: Decimal) -> Decimal:
    """Round to cents, as the guide does."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


# The guide's own quantities: "2KB x 1M" is 2 GB, one write unit a message, and the reads that its dollars imply.
EXAMPLES = {
    "ModuleAnalyticsIndex": (Usage(2 * GB, MILLION, Decimal(MILLION)), "0.50", "1.25", "1.25", "3.00"),
    "StudentActivityIndex": (Usage(2 * GB, MILLION, Decimal(500_000)), "0.50", "1.25", "0.63", "2.38"),
    "ProviderUsageIndex": (Usage(2 * GB, MILLION, Decimal(100_000)), "0.50", "1.25", "0.13", "1.88"),
    "base table": (Usage(2 * GB, 0, Decimal(0)), "0.50", "0.00", "0.00", "0.50"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_guides_examples_follow_from_its_quantities(name: str) -> None:
    """Its prices, its quantities and the reads that its dollars imply give its dollars, to the cent."""
    usage, storage, writes, read, whole = EXAMPLES[name]
    month = price(usage, GUIDE)
    assert [str(cents(part)) for part in (month.storage, month.writes, month.reads, month.total)] == [storage, writes, read, whole]


def test_the_guides_total_is_the_sum_of_rounded_parts() -> None:
    """$7.76, which is $7.75 before rounding; it scales to 10M, 100M and 1B messages as it says: about 77, 770 and 7,700."""
    months = [price(usage, GUIDE) for usage, *_ in EXAMPLES.values()]
    assert sum(cents(month.total) for month in months) == Decimal("7.76")
    whole = sum((month.total for month in months), Decimal(0))
    assert whole == Decimal("7.75")
    assert [int(whole * factor) for factor in (10, 100, 1000)] == [77, 775, 7_750]


def test_the_guides_storage_is_of_four_copies() -> None:
    """2 KB x 1M x (3 + 1) = 8 GB = $2.00; really each of the four entries is 100 bytes larger, and a GB is 1024 cubed."""
    assert price(Usage(8 * GB, 0, Decimal(0)), GUIDE).storage == Decimal("2.00")
    stored = sum(line.usage.stored_bytes for line in bill(chat_messages(2_048), 0, MILLION, US_EAST_1))
    assert stored == 4 * MILLION * 2_148
    assert cents(price(Usage(stored, 0, Decimal(0)), GUIDE).storage) == Decimal("2.00")


@pytest.mark.parametrize(
    ("queries", "rows", "told", "right"), [(50_000, 5, "0.63", "0.31"), (10_000, 100, "0.13", "1.25"), (100_000, 10, "1.25", "1.25")]
)
def test_two_of_the_guides_read_figures_do_not_follow(queries: int, rows: int, told: str, right: str) -> None:
    """At its own price, one unit an item: 50K x 5 are $0.31 and not $0.63, 10K x 100 are $1.25 and not $0.13."""
    assert str(cents(price(Usage(0, 0, Decimal(queries * rows)), GUIDE).reads)) == right
    assert (told == right) == (queries == 100_000)


def test_a_million_messages_priced_rightly() -> None:
    """By hand: two write units a copy, reads by the 4 KB and half of that, 2,148 bytes stored a copy."""
    lines = bill(chat_messages(2_048), MILLION, MILLION, US_EAST_1)
    assert [line.usage.write_units for line in lines] == [2 * MILLION] * 4
    assert [line.usage.read_units for line in lines] == [0, 250_000, 75_000, 250_000]
    assert [line.month.writes for line in lines] == [Decimal("1.25")] * 4
    assert [line.month.reads for line in lines] == [Decimal(0), Decimal("0.03125"), Decimal("0.009375"), Decimal("0.03125")]
    assert Fraction(lines[0].month.storage) == pytest.approx(Fraction(MILLION * 2_148, 4 * GB))
    assert cents(total(lines).total) == Decimal("7.07")


def test_what_keys_only_lacks_is_fetched_item_by_item() -> None:
    """Ten keys are one page of half a unit; the ten items are ten reads of half a unit."""
    part = Part("index", "KEYS_ONLY", 120, Reads(100, 10))
    assert usage_of(part, 2_048, MILLION, 0).read_units == 100 * (Decimal("0.5") + 10 * Decimal("0.5"))
    assert usage_of(replace(part, projection="INCLUDE"), 2_048, MILLION, 0).read_units == 50


def test_a_sparse_index_has_its_share() -> None:
    """A tenth of the messages is a tenth of its storage and writes, and counts up to whole messages."""
    part = Part("index", "ALL", 2_048, share=Decimal("0.1"))
    assert usage_of(part, 2_048, 1_000, 1_000) == Usage(100 * 2_148, 200, Decimal(0))
    assert part.holds(11) == 2


def test_a_replica_pays_for_storage_and_writes_again() -> None:
    """The base table at the price of replicated writes, its indexes at that of plain ones; reads are not doubled."""
    prices = replace(US_EAST_1, replicated_write_million=Decimal(1))
    one, two = (bill(replace(chat_messages(2_048), regions=regions), MILLION, MILLION, prices) for regions in (1, 2))
    assert [line.month.writes for line in two] == [Decimal(4), *[Decimal("2.5")] * 3]
    assert [line.month.storage for line in two] == [2 * line.month.storage for line in one]
    assert total(two).reads == total(one).reads


def test_provisioned_units_are_whole_and_used_by_seven_tenths() -> None:
    """One a second, used by 70 %, needs 2; no part has none."""
    assert [capacity(units) for units in (0, 1, 730 * 3600 * 7 // 10, 730 * 3600)] == [1, 1, 1, 2]
    lines = bill(Shape((Part("base", "table", 1),)), 1, 1, US_EAST_1)
    assert provisioned(lines, US_EAST_1) == HOURS_A_MONTH * (US_EAST_1.write_unit_hour + US_EAST_1.read_unit_hour)
    assert provisioned(lines, US_EAST_1, 1) == provisioned(lines, US_EAST_1)


def test_whole_hundreds_are_reserved() -> None:
    """250 write units: 200 are reserved at half or a quarter of the price, 50 are not."""
    flow = 250 * 730 * 3600 * 7 // 10
    lines = bill(Shape((Part("base", "table", 1),)), flow, 0, US_EAST_1)
    assert capacity(lines[0].usage.write_units) == 250
    saved = provisioned(lines, US_EAST_1) - provisioned(lines, US_EAST_1, 1)
    assert saved == 200 * (HOURS_A_MONTH * (Decimal("0.00065") - Decimal("0.000128")) - Decimal("1.50") / 12)
    cheaper = provisioned(lines, US_EAST_1) - provisioned(lines, US_EAST_1, 3)
    assert cheaper == 200 * (HOURS_A_MONTH * (Decimal("0.00065") - Decimal("0.000081")) - Decimal("1.80") / 36)


@cheaply
@given(shapes, counts, counts)
def test_nothing_is_negative_and_units_are_whole(shape: Shape, flow: int, stock: int) -> None:
    """A bill is the sum of its lines, and a line of its parts."""
    lines = bill(shape, flow, stock, US_EAST_1)
    for line in lines:
        assert isinstance(line.usage.write_units, int)
        assert min(line.usage.stored_bytes, line.usage.write_units) >= 0
        assert line.usage.read_units >= 0
        assert min(line.month.storage, line.month.writes, line.month.reads) >= 0
    assert Fraction(total(lines).total) == sum(Fraction(line.month.total) for line in lines)


@cheaply
@given(shapes, counts, counts, counts)
def test_two_months_cost_what_both_cost(shape: Shape, flow: int, stock: int, more: int) -> None:
    """Additive in what is written, and in what is stored."""
    for part in shape.parts:
        both = usage_of(part, shape.item_bytes, flow, stock) + usage_of(part, shape.item_bytes, more, more)
        assert usage_of(part, shape.item_bytes, flow + more, stock + more) == both
        assert price(both, US_EAST_1).total >= price(usage_of(part, shape.item_bytes, flow, stock), US_EAST_1).total


@cheaply
@given(shapes, counts, counts, st.integers(1, 1_000))
def test_a_bill_is_linear(shape: Shape, flow: int, stock: int, factor: int) -> None:
    """So many times the messages cost so many times as much, exactly."""
    once, many = (total(bill(shape, flow * times, stock * times, US_EAST_1)) for times in (1, factor))
    assert [Fraction(part) for part in (many.storage, many.writes)] == [Fraction(part) * factor for part in (once.storage, once.writes)]
    assert Fraction(many.reads) == Fraction(once.reads) * factor


@cheaply
@given(sizes, st.integers(1, 4), counts, counts, st.integers(1, 4_096))
def test_larger_messages_never_cost_less(size: int, indexes: int, flow: int, stock: int, more: int) -> None:
    """In storage and in writes; and one index more never costs less."""
    parts = [Part("index", "ALL", size)] * indexes
    small = total(bill(Shape((Part("base", "table", size), *parts)), flow, stock, US_EAST_1))
    large = total(bill(Shape((Part("base", "table", size + more), *parts)), flow, stock, US_EAST_1))
    wide = total(bill(Shape((Part("base", "table", size), *parts, *parts[:1])), flow, stock, US_EAST_1))
    for other in (large, wide):
        assert other.storage >= small.storage
        assert other.writes >= small.writes


@cheaply
@given(sizes, counts, counts)
def test_what_projects_less_never_costs_more_to_keep(size: int, flow: int, stock: int) -> None:
    """ALL >= INCLUDE >= KEYS_ONLY, in storage and in writes."""
    whole = chat_messages(size)
    months = [total(bill(shape, flow, stock, US_EAST_1)) for shape in (whole, projected(whole, "INCLUDE"), projected(whole, "KEYS_ONLY"))]
    assert months[0].storage >= months[1].storage >= months[2].storage
    assert months[0].writes >= months[1].writes >= months[2].writes


@cheaply
@given(shapes, counts, counts)
def test_reserving_never_costs_more_than_provisioning(shape: Shape, flow: int, stock: int) -> None:
    """And three years never more than one."""
    lines = bill(shape, flow, stock, US_EAST_1)
    assert provisioned(lines, US_EAST_1) >= provisioned(lines, US_EAST_1, 1) >= provisioned(lines, US_EAST_1, 3) > 0


def test_sums_begin_with_nothing() -> None:
    """No lines cost nothing."""
    assert total(()) == Month(Decimal(0), Decimal(0), Decimal(0))


@pytest.mark.parametrize(("flow", "stock"), [(-1, 0), (0, -1)])
def test_fewer_messages_than_none_are_refused(flow: int, stock: int) -> None:
    """They are a caller's mistake."""
    with pytest.raises(InputError, match="fewer messages than none"):
        bill(chat_messages(1), flow, stock, US_EAST_1)


@pytest.mark.parametrize(("size", "share"), [(0, "1"), (1, "1.1"), (1, "-0.1")])
def test_an_impossible_part_is_refused(size: int, share: str) -> None:
    """Entries of no size, and shares that are none."""
    with pytest.raises(InputError):
        Part("index", "ALL", size, share=Decimal(share))
