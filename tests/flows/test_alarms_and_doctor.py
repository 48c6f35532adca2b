"""The commands `status --alarms` and `doctor`: what they print, ask and end with, with CloudWatch and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import botocore
import pytest
from botocore.session import Session

from archive.aws import READS
from archive.errors import NotPermittedError
from archive.model.rules import RULES
from tests.archive.engine.workplace import one_loader
from tests.integration.command import Outcome
from tests.integration.restored import site_on
from tests.integration.sites import Servers, Site
from tests.servers import REGION, Server

_LATE: Final = timedelta(minutes=2)


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with one_loader():
        yield


@pytest.fixture(scope="module")
def site(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site on moto, archived by a nightly run that removed nothing."""
    made = site_on(Servers(moto_server, moto_server, moto_server), tmp_path_factory.mktemp("doctor"), purge="keep")
    made.run("nightly", "--yes").done()
    return made


@pytest.fixture(scope="module")
def cloudwatch(moto_server: Server) -> Any:  # noqa: ANN401 - a client
    """CloudWatch on moto."""
    return boto3.client("cloudwatch", endpoint_url=moto_server.endpoint, region_name=REGION)


def states(ended: Outcome) -> dict[str, str]:
    """Return the states of all alarms, by alarm and index."""
    return {f"{one['alarm']} {one['index']}" if one["index"] else one["alarm"]: one["state"] for one in ended.json()["alarms"]}


def test_alarms_are_judged_by_what_is_known(site: Site) -> None:
    """The lake says what it knows; CloudWatch knows nothing of a table that nobody uses; nothing rings, and nothing is written."""
    ended = site.run("status", "--alarms", "--json").done()
    assert not [call for call in ended.calls if call.operation not in READS]
    found = states(ended)
    assert {name for name, state in found.items() if state == "ok"} == {"night", "verification"}
    assert {state for name, state in found.items() if name not in ("night", "verification")} == {"not known here"}
    assert len(found) == len(RULES) + 2
    assert ended.json()["not_looked_at"] == []


def test_what_others_write_rings_and_what_we_write_does_not(site: Site, cloudwatch: Any) -> None:  # noqa: ANN401 - a client
    """AWS's figure for each minute less ours; what is deployed is shown, and an alarm is exit code 9."""
    table = site.settings["source"]["table"]
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for minute in range(1, 5):
        at = now - minute * timedelta(minutes=1)
        for namespace, metric, dimension, value in (
            ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", 9_000.0),
            ("Dynalake", "WriteUnits", "Table", 8_000.0),
        ):
            entry = {"MetricName": metric, "Dimensions": [{"Name": dimension, "Value": table}], "Timestamp": at, "Value": value}
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[entry])
    found = {one["alarm"]: one for one in site.run("status", "--alarms", "--json").done().json()["alarms"]}
    assert (found["user-errors"]["value"], found["user-errors"]["state"], found["latency"]["state"]) == (0, "ok", "not known here")
    writes = found["writes"]
    assert (writes["state"], writes["value"], writes["threshold"], writes["in_cloudwatch"]) == ("ok", 1_000.0, 5_000, None)
    cloudwatch.put_metric_alarm(
        AlarmName=f"dynalake-{table}-writes",
        Namespace="AWS/DynamoDB",
        MetricName="ConsumedWriteCapacityUnits",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=900.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=f"dynalake-{table}-writes", StateValue="OK", StateReason="a test")
    ended = site.run("status", "--alarms")
    assert ended.code == 9
    assert "Error: this needs attention: alarm writes: the table is written by others than Dynalake" in ended.stderr
    assert "(1,000.0; rings above 900 write units a minute)" in ended.stderr


@contextmanager
def denied(*operations: str) -> Iterator[None]:
    """Refuse some operations to every client that is made meanwhile."""

    def refuse(**event: Any) -> None:  # noqa: ANN401 - botocore's
        model = event["model"]
        if model.name in operations:
            message = f"{model.service_model.signing_name}:{model.name} on it is not permitted; grant it to the role in use"
            raise NotPermittedError(message)

    def initialize(session: Session) -> None:
        session.register("before-call", refuse)

    botocore.register_initializer(initialize)
    try:
        yield
    finally:
        botocore.unregister_initializer(initialize)


def test_without_cloudwatch_alarms_are_judged_by_the_lake(site: Site) -> None:
    """And it is said what was not looked at."""
    with denied("GetMetricData", "DescribeAlarms"):
        ended = site.run("status", "--alarms").done()
    assert ended.stdout.count("not looked at: ") == 2
    assert "monitoring:GetMetricData on it is not permitted" in ended.stdout
    assert "not known here" in ended.stdout


def test_a_doctor_finds_nothing_wrong_with_a_small_table(site: Site) -> None:
    """It shows what costs and who writes most, and sends nothing that could change anything."""
    ended = site.run("doctor", "--json").done()
    assert not [call for call in ended.calls if call.operation not in READS]
    told = ended.json()
    assert told["findings"] == []
    assert {one["kind"] for one in told["consumers"]} == {"module", "student", "day"}
    assert sum(one["share"] for one in told["consumers"] if one["kind"] == "module") == pytest.approx(1, abs=0.01)
    assert [part["index"] for part in told["parts"]][:1] == [None]


def test_a_doctor_reckons_with_the_prices_of_the_settings(site: Site) -> None:
    """[prices] goes before the list here too."""
    told = site.with_settings(prices={"table_gb_month": 999_999}).run("doctor", "--json").json()
    listed = site.run("doctor", "--json").done().json()
    assert float(told["dollars_a_month"]) > 1 > float(listed["dollars_a_month"])


def test_a_doctor_goes_on_without_what_it_may_not_see(site: Site) -> None:
    """Each thing is named, and the rest is told."""
    with denied("GetMetricData", "ListQueryExecutions"):
        ended = site.run("doctor").done()
    for what in ("CloudWatch: consumption and throttles", "CloudWatch: queries", "Athena: recent questions"):
        assert f"not looked at: {what} (" in ended.stdout
    assert "(storage alone)" in ended.stdout
    assert "Most messages of 2024-01, in the lake" in ended.stdout
    assert "Done: 0 findings. Left: nothing. Stopped because: done." in ended.stdout


def test_a_doctor_ends_with_9_where_it_found_something(site: Site, cloudwatch: Any) -> None:  # noqa: ANN401 - a client
    """Here an index that was throttled, and another that nobody reads although it is dear."""
    table = site.settings["source"]["table"]
    at = datetime.now(UTC) - timedelta(hours=1)
    index = [{"Name": "TableName", "Value": table}, {"Name": "GlobalSecondaryIndexName", "Value": "StudentActivityIndex"}]
    other = [index[0], {"Name": "GlobalSecondaryIndexName", "Value": "ProviderUsageIndex"}]
    for metric, dimensions, value in (
        ("WriteThrottleEvents", index, 12.0),
        ("ConsumedReadCapacityUnits", index, 5.0),
        ("ConsumedWriteCapacityUnits", other, 4e6),
    ):
        entry = {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value}
        cloudwatch.put_metric_data(Namespace="AWS/DynamoDB", MetricData=[entry])
    ended = site.run("doctor")
    assert ended.code == 9
    assert "throttling: 12 requests to index StudentActivityIndex were throttled in 30 days" in ended.stdout
    assert "high costs: nobody has read index ProviderUsageIndex for 30 days [$2.50 a month]" in ended.stdout
    assert "Error: this needs attention: nobody has read index ProviderUsageIndex" in ended.stderr
    assert "(and 1 more)" in ended.stderr


def test_before_there_is_a_lake_a_doctor_looks_at_the_table(moto_server: Server, tmp_path: Path) -> None:
    """And says what waits there only where it is worth a dollar."""
    fresh = site_on(Servers(moto_server, moto_server, moto_server), tmp_path)
    athena: Any = boto3.client("athena", endpoint_url=moto_server.endpoint, region_name=REGION)
    athena.create_work_group(Name=fresh.bucket)  # of its own: moto knows no details of what others have asked
    told = fresh.with_settings(athena={"workgroup": fresh.bucket}).run("doctor", "--json").done().json()
    assert (told["findings"], told["consumers"], told["consumption_known"]) == ([], [], False)
    assert told["not_looked_at"] == {"CloudWatch: consumption and throttles": "CloudWatch knows of no consumption of this table"}
