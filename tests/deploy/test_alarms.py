"""The template's alarms, budgets and dashboard are those of the rules, and name only metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from cfnlint import decode  # type: ignore[import-untyped]

from archive import cloudwatch
from archive.engine.alarms import places
from archive.model import rules
from archive.model.metric import METRICS, NAMESPACE
from archive.model.rules import DYNAMODB, OPERATIONS, RULES, Rule, Series, alarm_name
from tests.servers import REGION, Server

TEMPLATE: Final = Path(__file__).parents[2] / "deploy" / "dynalake.yaml"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
OF_AWS: Final = {
    "ConsumedReadCapacityUnits": {"TableName", "GlobalSecondaryIndexName"},
    "ConsumedWriteCapacityUnits": {"TableName", "GlobalSecondaryIndexName"},
    "ReadThrottleEvents": {"TableName", "GlobalSecondaryIndexName"},
    "WriteThrottleEvents": {"TableName", "GlobalSecondaryIndexName"},
    "SuccessfulRequestLatency": {"TableName", "Operation"},
    "SystemErrors": {"TableName", "Operation"},
    "UserErrors": set(),
}
_OPERATORS: Final = {"above": "GreaterThanThreshold", "below": "LessThanThreshold"}
_ALARMED: Final = [rule for rule in RULES if rule.series and rule not in rules.BUDGETS]


@cache
def template() -> Any:  # noqa: ANN401 - a template
    """Read the template; `!Ref X` is {"Ref": "X"}."""
    found, problems = decode.decode(str(TEMPLATE))
    assert not problems
    return found


@pytest.fixture(scope="module")
def resources() -> Any:  # noqa: ANN401 - resources by name
    """Return the template's resources."""
    return template()["Resources"]


def alarms(resources: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - resources by name
    """Return the alarms' properties by their names, of a table T, its indexes called by their parameters."""
    found = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            name = resource["Properties"]["AlarmName"]["Fn::Sub"]
            found[name.replace("${SourceTable}", "T").replace("${", "").replace("}", "")] = resource["Properties"]
    return found


def default(value: Any) -> Any:  # noqa: ANN401 - a number, or a Ref to one
    """Return a number, or the default of the parameter that it refers to."""
    return template()["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value


def series_of(metric: Any) -> Iterator[tuple[str, Series]]:  # noqa: ANN401 - an alarm's properties
    """Yield each metric of an alarm, with the name by which its arithmetic calls it."""
    stats = metric.get("Metrics") or [
        {"Id": "", "MetricStat": {"Metric": metric, "Stat": metric.get("Statistic", metric.get("ExtendedStatistic"))}}
    ]
    for part in stats:
        if "MetricStat" in part:
            about = part["MetricStat"]["Metric"]
            dimensions = tuple((one["Name"], _name(one["Value"])) for one in about.get("Dimensions", []))
            yield part["Id"], Series(about["Namespace"], about["MetricName"], part["MetricStat"]["Stat"], dimensions)


def _name(value: Any) -> str:  # noqa: ANN401 - a text, or a Ref
    if not isinstance(value, dict):
        return str(value)
    return rules.TABLE if value["Ref"] == "SourceTable" else rules.INDEX


def names_of(rule: Rule) -> list[str]:
    """Return the names of a rule's alarms."""
    return [alarm_name("T", rule, f"AlarmIndex{number}") for number in (1, 2, 3)] if rule.by_index else [alarm_name("T", rule)]


def test_there_is_an_alarm_for_each_rule_and_no_other(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """By the names that `status --alarms` looks for."""
    assert set(alarms(resources)) == {name for rule in _ALARMED for name in names_of(rule)}


@pytest.mark.parametrize("rule", _ALARMED, ids=lambda rule: rule.name)
def test_an_alarm_is_its_rule(rule: Rule, resources: Any) -> None:  # noqa: ANN401 - a fixture
    """Its metrics, what is taken off, its threshold's default, period and patience."""
    for name in names_of(rule):
        alarm = alarms(resources)[name]
        assert {series for _, series in series_of(alarm)} == {*rule.series, *rule.less}
        stats = [part["MetricStat"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
        assert {stat["Period"] for stat in stats} | ({alarm["Period"]} if "Period" in alarm else set()) == {rule.period}
        assert default(alarm["EvaluationPeriods"]) == rule.periods
        assert default(alarm["DatapointsToAlarm"]) == rule.patience
        if rule.counts_periods:
            assert (alarm["EvaluationPeriods"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
                {"Ref": "AlarmNight"},
                1,
                "LessThanThreshold",
            )
            assert rule.periods == rule.threshold
        else:
            assert "Ref" in alarm["Threshold"]
            assert default(alarm["Threshold"]) == rule.threshold
            assert alarm["ComparisonOperator"] == _OPERATORS[rule.sense]
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}]


def test_the_arithmetic_takes_ours_off(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """Where we publish nothing, nothing; errors are added up; hours without a night are zeros: CloudWatch looks past what is missing."""
    expressions = {
        name: [part["Expression"] for part in alarm["Metrics"] if part.get("ReturnData") is True]
        for name, alarm in alarms(resources).items()
        if "Metrics" in alarm
    }
    for name, (expression,) in expressions.items():
        ids = [called for called, _ in series_of(alarms(resources)[name])]
        if name.startswith(("dynalake-T-reads", "dynalake-T-writes")):
            assert (expression, ids) == ("all - FILL(ours, 0)", ["all", "ours"])
        elif name == "dynalake-T-night":
            assert (expression, ids) == ("FILL(nights, 0)", ["nights"])
            assert alarms(resources)[name]["TreatMissingData"] == "breaching"
        else:
            assert (name, expression, len(ids)) == ("dynalake-T-system-errors", "SUM(METRICS())", len(OPERATIONS))


def test_budgets_are_the_rules(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """Dollars, not percent; and the anomaly detection's threshold too."""
    told = resources["Budget"]["Properties"]["NotificationsWithSubscribers"]
    assert [default(one["Notification"]["Threshold"]) for one in told] == [rule.threshold for rule in rules.BUDGETS]
    assert {one["Notification"]["ThresholdType"] for one in told} == {"ABSOLUTE_VALUE"}
    assert resources["Budget"]["Properties"]["Budget"]["CostFilters"] == {"Service": ["Amazon DynamoDB"]}
    assert template()["Parameters"]["BudgetAnomalyDollars"]["Default"] == rules.ANOMALY.threshold
    expression = resources["BudgetAnomalySubscription"]["Properties"]["ThresholdExpression"]["Fn::Sub"]
    assert json.loads(expression)["Dimensions"]["Values"] == ["${BudgetAnomalyDollars}"]


def widgets(resources: Any) -> Iterator[list[str]]:  # noqa: ANN401 - resources by name
    """Yield the metrics of the dashboard, each as namespace, name, and dimensions with their values."""
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for widget in json.loads(body)["widgets"]:
        yield from widget["properties"]["metrics"]


def test_the_dashboard_names_what_is_there(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """Metrics that we publish or AWS documents, with dimensions that they have; and parameters of the template."""
    ours = {metric.name: metric for metric in METRICS}
    found = list(widgets(resources))
    for namespace, name, *dimensions in found:
        names = set(dimensions[::2])
        if namespace == NAMESPACE:
            assert name in ours
            assert names == {"Table"} or (ours[name].by_index and names == {"Table", "Index"})
        else:
            assert namespace == DYNAMODB
            assert names <= OF_AWS[name]
        parameters = {match for value in dimensions for match in re.findall(r"\$\{(\w+)\}", value)}
        assert parameters <= set(template()["Parameters"])
    assert {name for namespace, name, *_ in found if namespace == NAMESPACE} >= {
        "WriteUnits",
        "ReadUnits",
        "Bytes",
        "Backlog",
        "NightsDone",
    }


def test_every_metric_of_aws_is_documented(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """With the dimensions that an alarm gives it."""
    for alarm in alarms(resources).values():
        for _, series in series_of(alarm):
            if series.namespace == DYNAMODB:
                assert {name for name, _ in series.dimensions} <= OF_AWS[series.metric]


def test_whoever_rings_may_publish(resources: Any) -> None:  # noqa: ANN401 - a fixture
    """CloudWatch, Budgets and the anomaly detection, for this account alone."""
    (statement,) = resources["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    services = {f"{name}.amazonaws.com" for name in ("cloudwatch", "budgets", "costalerts")}
    assert set(statement["Principal"]["Service"]) == services
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def resolved(value: Any) -> Any:  # noqa: ANN401 - a part of the template
    """Return a part of the template as CloudFormation would send it, with the parameters' defaults."""
    if isinstance(value, list):
        return [resolved(member) for member in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        parameter = template()["Parameters"].get(value["Ref"])
        return f"arn:aws:sns:us-east-1:123456789012:{value['Ref']}" if parameter is None else parameter["Default"]
    if "Fn::Sub" in value:
        return re.sub(r"\$\{(\w+)\}", lambda match: str(template()["Parameters"][match[1]]["Default"]), value["Fn::Sub"])
    return {name: resolved(member) for name, member in value.items()}


def test_cloudwatch_takes_every_alarm(moto_server: Server, resources: Any) -> None:  # noqa: ANN401 - a fixture
    """As a call of its own API, whose names and types botocore checks; and `status --alarms` finds each by its name, with its threshold."""
    client = boto3.client("cloudwatch", endpoint_url=moto_server.endpoint, region_name=REGION)
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            client.put_metric_alarm(**resolved(resource["Properties"]))
    found = cloudwatch.alarms(client, "dynalake-ChatMessages-")
    indexes = ["ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex"]
    expected = {
        alarm_name("ChatMessages", rule, index): 1 if rule.counts_periods else rule.threshold
        for rule, index in places(indexes)
        if rule in _ALARMED
    }
    assert {name: threshold for name, (_, threshold) in found.items()} == expected
