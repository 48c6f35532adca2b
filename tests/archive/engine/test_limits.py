"""The one governor of a session: its limits come from the settings and the table, and all that a run does is paid for there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archive.codec.conditions import DELETE, Target
from archive.engine.planning import Request, make_plan
from archive.model.budget import Warm
from archive.model.table_facts import facts_of
from tests.archive.engine.workplace import NOW, TWO_DAYS, Workplace, ignore, message

_KEYS: dict[str, Any] = {"studentId": {"N": "9"}, "provider": {"S": "openai"}}


def limited(place: Workplace, **limits: float | None) -> Workplace:
    """Return the same place with other limits."""
    return replace(place, config=replace(place.config, limits=replace(place.config.limits, **limits)))  # type: ignore[arg-type]


def test_the_governor_has_the_limits_of_the_settings(place: Workplace) -> None:
    """A half of each, where two share them."""
    limits = {"read_units": 100, "write_units": 50, "index_write_units": 30, "partition_read_units": 20, "partition_write_units": 10}
    session = limited(place, **limits, shared_by=2).session()
    governor, index = session.governor, place.config.source.index
    assert (governor.allowed("read"), governor.allowed("write")) == (50, 25)
    assert (governor.allowed("read", index), governor.allowed("write", index)) == (50, 15)
    assert (governor.allowed("read", index, 1), governor.allowed("write", index, 1)) == (10, 5)


def test_what_a_table_has_been_used_to_is_read_from_its_description(place: Workplace) -> None:
    """It is where the governor's ramp begins; what is not told is taken for a new table's."""
    described: dict[str, Any] = {**place.dynamodb.describe_table(TableName=place.table)["Table"]}
    described["WarmThroughput"] = {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 7_000}
    first, *others = described["GlobalSecondaryIndexes"]
    described["GlobalSecondaryIndexes"] = [{**first, "WarmThroughput": {"WriteUnitsPerSecond": 9_000}}, *others]
    facts = facts_of(described, place.config.source)
    assert (facts.warm.read, facts.warm.write) == (15_000, 7_000)
    assert facts.warm.of("write", first["IndexName"]) == 9_000
    assert facts.warm.of("write", others[0]["IndexName"]) == Warm().write
    assert [index.name for index in facts.written] == [index["IndexName"] for index in described["GlobalSecondaryIndexes"]]


def test_reading_planning_and_removing_are_paid_for_at_one_governor(place: Workplace) -> None:
    """And caps in dollars follow from it."""
    place.put(message("a", 1, 1, **_KEYS))
    session = limited(place, max_dollars=1e-12).opened()
    assert session.cap(0, {}) is None
    plan = make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore)
    planned = session.governor.figures()
    assert plan.reads == planned.read_units > 0
    assert "max_dollars" in str(session.cap(0, {}))
    _, single = session.removers()
    single.remove_one(Target(0, message("a", 1, 1, **_KEYS), DELETE), frozenset())
    assert session.governor.figures().write_units >= 4  # the table and three indexes; moto does not tell their units


def test_a_run_keeps_to_its_limits_from_its_first_read_to_its_last_removal(place: Workplace) -> None:
    """In the session's own time: forty messages of one provider, at two units a second for it, take about twenty seconds."""
    place.put(*(message(f"c{number}", number, number % 7, **_KEYS) for number in range(40)))
    _, fast = place.with_policy(purge="keep").perform(Request("backfill", TWO_DAYS), "run-1")
    assert fast.record.values["waited_seconds"] < 10
    _, slow = limited(place, partition_write_units=2.0).perform(Request("backfill", TWO_DAYS), "run-2")
    assert slow.record.values["messages_removed"] == 40
    assert 15 < slow.record.values["waited_seconds"] < 30
    assert slow.record.values["throttles"] == 0


def test_a_plan_says_how_long_a_purge_takes_under_the_limits(place: Workplace) -> None:
    """The busiest module has all messages: its partition value's units decide, or a share of them."""
    place.put(*(message(f"c{number}", number, 1, **_KEYS) for number in range(30)))
    place = limited(place, write_units=1_000, partition_write_units=2.0)
    alone = make_plan(place.session(), Request("backfill", TWO_DAYS), NOW, ignore)
    shared = make_plan(limited(place, shared_by=2).session(), Request("backfill", TWO_DAYS), NOW, ignore)
    assert alone.rate.rows_a_second == 2
    assert shared.rate.rows_a_second == 1
