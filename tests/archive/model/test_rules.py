"""The rules of the alarms: what they ring for, and that CloudWatch could judge them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.model.metric import METRICS, NAMESPACE
from archive.model.rules import ANOMALY, BUDGETS, DYNAMODB, LATENCY, NIGHT, RULES, SYSTEM_ERRORS, TTL, WRITES, Rule, alarm_name

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
OF_AWS = {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "UserErrors", "SystemErrors", "SuccessfulRequestLatency"}
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@each_rule
def test_exactly_the_threshold_is_neither_too_high_nor_too_low(rule: Rule) -> None:
    """And a little more, or less, is."""
    step = 0.5 if rule.sense == "above" else -0.5
    assert not rule.breached(rule.threshold)
    assert rule.breached(rule.threshold + step)
    assert not rule.breached(rule.threshold - step)


@given(st.lists(st.floats(0, 20_000), max_size=9))
def test_an_alarm_rings_where_enough_of_the_last_values_are_wrong(values: list[float]) -> None:
    """Three of the last five, whatever was before them."""
    assert WRITES.rings(values) == (sum(value > 5_000 for value in values[-5:]) >= 3)


def test_another_threshold_may_be_given() -> None:
    """One that was deployed."""
    assert TTL.breached(3, threshold=4)
    assert WRITES.rings([7, 7, 7], threshold=6)


@each_rule
def test_cloudwatch_could_judge_it(rule: Rule) -> None:
    """It looks back seven days at most, one day in periods of less than an hour, and an alarm's arithmetic has ten metrics at most."""
    assert rule.patience <= rule.periods
    assert rule.period * rule.periods <= (604_800 if rule.period >= 3_600 else 86_400)
    assert len(rule.series) + len(rule.less) < 10


def test_every_metric_is_one_that_is_published() -> None:
    """By us, with the dimension that we give it, or by AWS."""
    ours = {metric.name: metric for metric in METRICS}
    for rule in RULES:
        for series in (*rule.series, *rule.less):
            names = {name for name, _ in series.dimensions}
            if series.namespace == NAMESPACE:
                assert series.metric in ours
                assert names == {"Table", "Index"} & ({"Table", "Index"} if rule.by_index else {"Table"})
                assert ours[series.metric].by_index or "Index" not in names
            elif series.namespace == DYNAMODB:
                assert series.metric in OF_AWS
                assert names <= {"TableName", "Operation", "GlobalSecondaryIndexName"}


def test_names_are_unique() -> None:
    """Of rules, and so of the alarms of one table."""
    assert len({alarm_name("T", rule) for rule in RULES}) == len(RULES)
    assert alarm_name("T", WRITES) == "dynalake-T-writes"
    assert alarm_name("T", WRITES, "I") == "dynalake-T-writes-I"


def test_the_guides_numbers_are_kept() -> None:
    """As docs/watching.md lists them."""
    assert {rule.name: rule.threshold for rule in RULES} == {
        "reads": 10_000,
        "writes": 5_000,
        "user-errors": 10,
        "system-errors": 0,
        "latency": 100,
        "storage": 50,
        "budget-50": 50,
        "budget-100": 100,
        "budget-500": 500,
        "anomaly": 20,
        "night": 26,
        "backlog": 0,
        "verification": 0,
        "changed": 5,
        "ttl": 2,
    }
    assert (LATENCY.series[0].statistic, NIGHT.periods, len(SYSTEM_ERRORS.series)) == ("p99", 26, 8)
    assert not ANOMALY.series
    assert all(rule.series for rule in BUDGETS)
