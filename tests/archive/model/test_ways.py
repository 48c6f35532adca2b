"""What archiving changes: by hand for one table, and what holds for any."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.bill import Part, Reads, bill, total
from archive.model.cost import GB, Work, price_archive
from archive.model.prices import US_EAST_1
from archive.model.table_shape import chat_messages, described
from archive.model.ways import WAYS, Scenario, Way, alternatives, archived, change, exported, lake_classes, projected

MILLION = 10**6
NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEAR = Scenario(chat_messages(2_048), MILLION, 12 * MILLION, US_EAST_1)
ways = st.sampled_from(WAYS)
scenarios = st.builds(
    lambda size, indexes, flow, months, days: Scenario(
        replace(chat_messages(size), parts=chat_messages(size).parts[: 1 + indexes]), flow, flow * months, US_EAST_1, days
    ),
    st.integers(1, 409_600),
    st.integers(0, 3),
    st.integers(1, 10**10),
    st.integers(0, 60),
    st.integers(1, 1_000),
)
cheaply = settings(max_examples=60, deadline=None)


@cheaply
@given(scenarios, st.sampled_from(["delete", "keep"]), st.integers(0, 10**9))
def test_full_indexes_cost_what_a_plan_says(scenario: Scenario, way: Way, messages: int) -> None:
    """There is one arithmetic: that of plans, index by index."""
    days = -(-messages * 30 // scenario.flow)
    size, indexes = scenario.shape.item_bytes, len(scenario.shape.indexes)
    cost = price_archive(Work(messages, size, indexes, days * 1_000, days, messages * size // 4), way, US_EAST_1)  # type: ignore[arg-type]
    found = archived(scenario, way, messages)
    assert found.write_units == cost.write_units
    assert [Fraction(part) for part in (found.reading, found.requests, found.removing)] == [
        Fraction(part) for part in (cost.reading, cost.requests, cost.purging)
    ]
    assert found.lake_month == cost.lake_month
    assert float(found.freed_month) == pytest.approx(float(cost.freed_month))


@cheaply
@given(st.integers(121, 409_600), st.sampled_from(["delete", "expire", "keep"]), st.integers(0, 10**9))
def test_partial_indexes_cost_what_a_plan_says(size: int, way: Way, messages: int) -> None:
    """Of indexes that hold keys too: what they write, store, and leave to be fetched."""
    scenario = Scenario(projected(chat_messages(size), "KEYS_ONLY"), MILLION, 12 * MILLION, US_EAST_1)
    days = -(-messages * 30 // MILLION)
    work = Work(messages, size, 0, days * 1_000, days, messages * size // 4, (120, 120, 120), 120)
    cost, found = price_archive(work, way, US_EAST_1), archived(scenario, way, messages)  # type: ignore[arg-type]
    assert (found.write_units, found.reading, found.requests) == (cost.write_units, cost.reading, cost.requests)
    assert float(found.freed_month) == pytest.approx(float(cost.freed_month))


def test_a_month_of_two_kilobytes_by_hand() -> None:
    """8 units a message to delete or mark; nothing where the message was born with a TTL, or stays."""
    assert [archived(YEAR, way, MILLION).write_units for way in WAYS] == [8 * MILLION, 8 * MILLION, 0, 0]
    assert archived(YEAR, "delete", MILLION).removing == Decimal(5)
    assert archived(YEAR, "keep", MILLION).freed_month == 0
    assert round(archived(YEAR, "delete", MILLION).pays_after or 0, 2) == Decimal("2.53")
    assert archived(YEAR, "keep", MILLION).pays_after is None


def test_a_mark_is_written_to_full_indexes_only() -> None:
    """An index that holds keys does not hold the TTL; what then expires is free."""
    keys = replace(YEAR, shape=projected(YEAR.shape, "KEYS_ONLY"))
    assert archived(keys, "expire", MILLION).write_units == 2 * MILLION
    assert archived(keys, "delete", MILLION).write_units == 5 * MILLION


def test_each_region_pays_for_a_delete() -> None:
    """With two replicas, three times; what a TTL removes is free in one region and written in the others."""
    three = replace(YEAR, shape=replace(YEAR.shape, regions=3))
    assert [archived(three, way, MILLION).write_units for way in WAYS] == [24 * MILLION, 40 * MILLION, 16 * MILLION, 0]


def test_items_that_the_index_lacks_are_fetched_consistently() -> None:
    """A unit for each item of 2 KB, on top of reading the keys."""
    keys = replace(YEAR, shape=projected(YEAR.shape, "KEYS_ONLY"))
    more = archived(keys, "keep", MILLION).reading - archived(YEAR, "keep", MILLION).reading
    assert Decimal("0.09") < more < Decimal("0.125")


def test_what_stays_follows_from_the_retention() -> None:
    """90 days are three months; 7 days more where a TTL removes; the rest is in the lake, also of what is kept in the table."""
    assert [YEAR.kept(way) for way in WAYS] == [3 * MILLION, 3_233_334, 3_233_334, 12 * MILLION]
    assert YEAR.archived == 9 * MILLION
    assert replace(YEAR, stock=MILLION).kept("delete") == MILLION
    assert replace(YEAR, stock=MILLION).archived == 0


def test_break_even_is_the_backlog_over_what_is_saved() -> None:
    """Deleting 9M old messages costs $45.30; then each month costs $12.87 less."""
    delete, keep = change(YEAR, "delete"), change(YEAR, "keep")
    assert delete.month == delete.table + delete.lake + delete.monthly.once
    assert delete.saved == delete.today - delete.month
    assert [round(amount, 2) for amount in (delete.backlog.once, delete.saved)] == [Decimal("45.30"), Decimal("12.87")]
    assert round(delete.breaks_even or 0, 2) == Decimal("3.52")
    assert keep.saved < 0
    assert keep.breaks_even is None


def test_an_export_takes_the_whole_table() -> None:
    """12M items of 2 KB at ten cents a GB: more than reading 9M of them by queries."""
    assert Fraction(exported(YEAR)) == Fraction(12 * MILLION * 2_048, 10 * GB)
    assert exported(YEAR) > archived(YEAR, "keep", YEAR.archived).reading


def test_other_decisions_by_hand() -> None:
    """Each is a difference to today's bill: an index less, the other class, one region more, copies of the table."""
    found, today = alternatives(YEAR), total(YEAR.lines)
    provider = YEAR.lines[3]
    assert found["without ProviderUsageIndex"] == -provider.month.total
    rare = total(bill(replace(YEAR.shape, infrequent=True), MILLION, 12 * MILLION, US_EAST_1))
    assert found["table class Standard-IA"] == rare.total - today.total < 0
    assert found["one region more (replica)"] == today.storage + today.writes
    assert Fraction(found["point-in-time recovery"]) == Fraction(12 * MILLION * 2_148, 5 * GB)
    assert found["one backup on demand that is kept"] * 2 == found["point-in-time recovery"]
    assert found["indexes with KEYS_ONLY"] < found["indexes that INCLUDE all but the text"] < 0


def test_what_is_so_already_is_no_alternative() -> None:
    """A table of the other class has no reservations, and no other class to go to; nor has a global table reservations."""
    rare = alternatives(replace(YEAR, shape=replace(YEAR.shape, infrequent=True)))
    assert not {name for name in rare if "Standard-IA" in name or "reserved" in name}
    assert not {name for name in alternatives(replace(YEAR, shape=replace(YEAR.shape, regions=2))) if "reserved" in name}
    assert not {name for name in alternatives(replace(YEAR, shape=replace(YEAR.shape, parts=YEAR.shape.parts[:1]))) if "index" in name}


def test_colder_classes_store_for_less_and_read_for_more() -> None:
    """By hand: 9M messages of 512 bytes are stored, and a question reads a million."""
    standard, rare, instant = lake_classes(YEAR)
    assert Fraction(standard.month) == Fraction(9 * MILLION * 512, GB) * Fraction("0.023")
    assert standard.month > rare.month > instant.month
    assert standard.question < rare.question < instant.question
    assert [one.moving for one in (standard, rare, instant)] == [0, Decimal("0.0027"), Decimal("0.0054")]
    assert float(standard.question) == pytest.approx(MILLION * 512 / GB * 5 / 1024)


@cheaply
@given(scenarios, ways)
def test_a_change_adds_up(scenario: Scenario, way: Way) -> None:
    """Nothing that is paid is negative, what stays and what is archived is there, and keeping never saves."""
    found = change(scenario, way)
    assert min(found.table, found.lake, found.backlog.once, found.monthly.once) >= 0
    assert 0 <= scenario.archived <= scenario.stock
    assert 0 <= scenario.kept(way) <= scenario.stock
    assert way != "keep" or found.saved <= 0
    assert found.breaks_even is None or found.breaks_even >= 0


@cheaply
@given(scenarios, ways)
def test_a_ttl_at_birth_is_never_dearer_than_a_removal(scenario: Scenario, way: Way) -> None:
    """Of all ways that remove."""
    born, other = archived(scenario, "born with a TTL", scenario.flow), archived(scenario, way, scenario.flow)
    assert way == "keep" or born.once <= other.once


TABLE: dict[str, Any] = {
    "TableName": "ChatMessages",
    "TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/ChatMessages",
    "ItemCount": 1_000,
    "TableSizeBytes": 2_048_000,
    "CreationDateTime": NOW - timedelta(days=60),
    "GlobalSecondaryIndexes": [
        {"IndexName": "ModuleAnalyticsIndex", "Projection": {"ProjectionType": "ALL"}, "ItemCount": 500, "IndexSizeBytes": 1_000_000},
        {"IndexName": "Other", "Projection": {"ProjectionType": "KEYS_ONLY"}},
    ],
    "LocalSecondaryIndexes": [
        {"IndexName": "Local", "Projection": {"ProjectionType": "INCLUDE"}, "ItemCount": 1_000, "IndexSizeBytes": 300_000}
    ],
    "Replicas": [{"RegionName": "us-east-1"}],
    "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
}


def test_a_real_table_is_as_described() -> None:
    """Its indexes, the one that is asked for first; the class, the regions; 1,000 items in 60 days are 500 a month."""
    found = described(TABLE, "Other", NOW)
    assert found.shape.parts == (
        Part("base table", "table", 2_048),
        Part("Other", "KEYS_ONLY", 120, share=Decimal(0)),
        Part("ModuleAnalyticsIndex", "ALL", 2_000, Reads(100_000, 10), Decimal("0.5")),
        Part("Local", "INCLUDE", 300),
    )
    assert (found.items, found.monthly, found.shape.regions, found.shape.infrequent) == (1_000, 500, 2, True)
    assert found.arn.startswith("arn:aws:dynamodb:eu-west-1:")


def test_what_is_provisioned_is_summed_over_the_table_and_its_indexes() -> None:
    """Nothing is, on demand: DescribeTable says 0 then, or nothing."""
    units = {"ProvisionedThroughput": {"WriteCapacityUnits": 20, "ReadCapacityUnits": 5}}
    indexes = [{**index, **units} for index in TABLE["GlobalSecondaryIndexes"]]
    assert described({**TABLE, **units, "GlobalSecondaryIndexes": indexes}, "Other", NOW).capacity == (60, 15)
    assert described(TABLE, "Other", NOW).capacity == (0, 0)


def test_a_young_table_has_at_most_its_items_a_month() -> None:
    """Made today, it may as well have been filled today."""
    assert described({**TABLE, "CreationDateTime": NOW}, "Other", NOW).monthly == 1_000


def test_an_empty_table_cannot_be_priced() -> None:
    """The sentence says what can."""
    with pytest.raises(InputError, match="ChatMessages has no items as far as DescribeTable knows"):
        described({**TABLE, "ItemCount": 0}, "Other", NOW)
