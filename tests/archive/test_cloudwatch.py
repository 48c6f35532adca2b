"""CloudWatch: what is published can be read again, in few calls, and what is refused is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from archive.cloudwatch import Asked, alarms, publish, read
from archive.errors import NotPermittedError
from archive.model.metric import BYTES, NAMESPACE, WRITE_UNITS, Datum
from archive.model.rules import INDEX, TABLE, Series
from tests.servers import REGION, Server

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

MINUTE = timedelta(minutes=1)
NUMBERS = count(1)


@pytest.fixture(scope="module")
def client(moto_server: Server) -> CloudWatchClient:
    """CloudWatch on moto."""
    return boto3.client("cloudwatch", endpoint_url=moto_server.endpoint, region_name=REGION)


@pytest.fixture
def stubbed() -> Iterator[tuple[CloudWatchClient, Stubber]]:
    """A client whose answers are written down beforehand."""
    made = boto3.client("cloudwatch", region_name=REGION)
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def table() -> str:
    """A table of this test's own."""
    return f"watched-{next(NUMBERS)}"


def of_table(table: str, index: str | None = None) -> Asked:
    """Ask for the write units of a table, or of an index, minute by minute."""
    dimensions = (("Table", TABLE), ("Index", INDEX)) if index else (("Table", TABLE),)
    return Asked(Series(NAMESPACE, "WriteUnits", "Sum", dimensions), table, index, 60)


def test_what_is_published_is_read_again(client: CloudWatchClient, table: str) -> None:
    """Minute by minute, added up within one, table and index apart."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    values = [(None, 5.0, now - 3 * MINUTE), (None, 7.5, now - 3 * MINUTE), (None, 1.0, now - 2 * MINUTE), ("I1", 2.0, now - 2 * MINUTE)]
    assert publish(client, [Datum(WRITE_UNITS, table, index, value, at) for index, value, at in values]) == 1
    all_of_it, of_index, of_other = read(client, [of_table(table), of_table(table, "I1"), of_table(table, "I2")], now - 9 * MINUTE, now)
    assert all_of_it == {now - 3 * MINUTE: 12.5, now - 2 * MINUTE: 1.0}
    assert of_index == {now - 2 * MINUTE: 2.0}
    assert of_other == {}


def test_many_values_go_in_few_calls() -> None:
    """Each below CloudWatch's limits of a thousand metrics and a megabyte, with the longest names that a table can have."""
    client = boto3.client("cloudwatch", region_name=REGION)
    sent: list[bytes] = []

    def answer(params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401 - what botocore takes for an answer
        sent.append(params["body"] if isinstance(params["body"], bytes) else str(params["body"]).encode())
        return SimpleNamespace(status_code=200), {}

    client.meta.events.register("before-call", answer)
    data = [Datum(BYTES, "t" * 255, "i" * 255, 1e15 + number, datetime.now(UTC)) for number in range(1_001)]
    assert publish(client, data) == 3
    assert publish(client, []) == 0
    assert len(sent) == 3
    assert 100_000 < len(sent[0]) < 1_000_000


def test_an_entry_says_all(stubbed: tuple[CloudWatchClient, Stubber]) -> None:
    """Name, dimensions, time, value and unit."""
    client, stubber = stubbed
    at = datetime(2024, 6, 1, tzinfo=UTC)
    entry = {"MetricName": "Bytes", "Timestamp": at, "Value": 3.0, "Unit": "Bytes"}
    dimensions = [{"Name": "Table", "Value": "T"}, {"Name": "Index", "Value": "I"}]
    expected = {"Namespace": "Dynalake", "MetricData": [{**entry, "Dimensions": dimensions[:1]}, {**entry, "Dimensions": dimensions}]}
    stubber.add_response("put_metric_data", {}, expected)
    publish(client, [Datum(BYTES, "T", None, 3.0, at), Datum(BYTES, "T", "I", 3.0, at)])


def test_what_is_not_permitted_names_the_action(stubbed: tuple[CloudWatchClient, Stubber]) -> None:
    """As every other call's error does."""
    client, stubber = stubbed
    stubber.add_client_error("put_metric_data", "AccessDenied", http_status_code=403)
    with pytest.raises(NotPermittedError, match="cloudwatch:PutMetricData on namespace Dynalake is not permitted"):
        publish(client, [Datum(BYTES, "T", None, 1.0, datetime.now(UTC))])


def test_answers_come_in_pages(stubbed: tuple[CloudWatchClient, Stubber]) -> None:
    """Of metrics and of alarms; values are sorted by time."""
    client, stubber = stubbed
    first, second = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 2, tzinfo=UTC)
    stubber.add_response(
        "get_metric_data", {"NextToken": "n", "MetricDataResults": [{"Id": "m0", "Timestamps": [second], "Values": [2.0]}]}
    )
    stubber.add_response("get_metric_data", {"MetricDataResults": [{"Id": "m0", "Timestamps": [first], "Values": [1.0]}]})
    (found,) = read(client, [of_table("T")], first, second)
    assert list(found.items()) == [(first, 1.0), (second, 2.0)]
    one = {"AlarmName": "dynalake-T-ttl", "StateValue": "OK", "Threshold": 2.0}
    stubber.add_response("describe_alarms", {"NextToken": "n", "MetricAlarms": [one]}, {"AlarmNamePrefix": "dynalake-T-"})
    stubber.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "dynalake-T-reads-I", "StateValue": "ALARM"}]})
    assert alarms(client, "dynalake-T-") == {"dynalake-T-ttl": ("OK", 2.0), "dynalake-T-reads-I": ("ALARM", None)}
