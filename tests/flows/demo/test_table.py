"""The demo's table is shaped as the documentation says, and takes the demo's messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from archive.errors import RefusedError, TransientServiceError
from archive.load import Target, load
from archive.model.config import Source
from archive.model.spec import CHAT_MESSAGES
from flows.demo.messages import demo_messages
from flows.demo.table import create_table, definition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
SOURCE = Source("ChatMessages", "ModuleAnalyticsIndex", None, None, EARLIEST, None, CHAT_MESSAGES)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    """Return a client of a server in the process."""
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


def never(seconds: float) -> None:
    """Refuse to sleep."""
    pytest.fail(f"slept {seconds} s although the table was active")


def test_the_table_has_its_three_indexes(client: DynamoDBClient) -> None:
    """On demand, projections ALL, the time key as every sort key, and no TTL."""
    create_table(client, SOURCE, sleep=never)
    table = client.describe_table(TableName="ChatMessages")["Table"]
    keys = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in table["GlobalSecondaryIndexes"]}
    assert keys == {
        "ModuleAnalyticsIndex": ["moduleId", "timestamp"],
        "StudentActivityIndex": ["studentId", "timestamp"],
        "ProviderUsageIndex": ["provider", "timestamp"],
    }
    assert [index["Projection"]["ProjectionType"] for index in table["GlobalSecondaryIndexes"]] == ["ALL"] * 3
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["conversationId", "timestamp"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert client.describe_time_to_live(TableName="ChatMessages")["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_the_table_takes_the_demos_messages(client: DynamoDBClient) -> None:
    """Key types match, and each message is found."""
    create_table(client, SOURCE, sleep=never)
    items = demo_messages(datetime(2024, 6, 15, tzinfo=UTC), 300, Random(1))  # noqa: S311 - it draws lessons, not secrets
    target = Target.of(client.describe_table(TableName="ChatMessages")["Table"])
    assert target == Target.of(definition(SOURCE))
    assert load(client, target, items, threads=2, sleep=never, progress=lambda _: None) == 300
    assert client.scan(TableName="ChatMessages", Select="COUNT")["Count"] == 300


def test_a_table_that_exists_is_left_alone(client: DynamoDBClient) -> None:
    """A demo must not fill somebody's table."""
    create_table(client, SOURCE, sleep=never)
    with pytest.raises(RefusedError, match="ChatMessages exists already"):
        create_table(client, SOURCE, sleep=never)


def test_it_waits_for_the_indexes(client: DynamoDBClient) -> None:
    """A table may be active before its indexes are."""
    answers = ["CREATING", "CREATING"]

    def not_yet(parsed: dict[str, dict[str, list[dict[str, str]]]], **_: object) -> None:
        if answers:
            parsed["Table"]["GlobalSecondaryIndexes"][1]["IndexStatus"] = answers.pop()

    client.meta.events.register("after-call.dynamodb.DescribeTable", not_yet)
    sleeps: list[float] = []
    create_table(client, SOURCE, sleep=sleeps.append)
    assert len(sleeps) == 2


def test_it_does_not_wait_for_ever(client: DynamoDBClient) -> None:
    """The error says that waiting may help."""

    def never_ready(parsed: dict[str, dict[str, str]], **_: object) -> None:
        parsed["Table"]["TableStatus"] = "CREATING"

    client.meta.events.register("after-call.dynamodb.DescribeTable", never_ready)
    with pytest.raises(TransientServiceError, match="not active yet"):
        create_table(client, SOURCE, sleep=lambda _: None)
