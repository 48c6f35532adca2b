"""What setting up the source table relies on from DynamoDB, as AWS documents it; `known.py` has who differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from archive.model.index_plan import Throughput, update_request
from archive.model.wanted_table import wanted_table
from tests.contracts.endpoints import Endpoint
from tests.servers import chat_messages, create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WANTED: Final = wanted_table(chat_messages(), "expiresAt")
_PATIENCE: Final = 1_200.0  # seconds; AWS's own index takes minutes


@pytest.fixture
def client(dynamodb_endpoint: Endpoint) -> DynamoDBClient:
    """Return a client of each server in turn."""
    return dynamodb_endpoint.dynamodb()


@pytest.fixture
def name(client: DynamoDBClient) -> Iterator[str]:
    """Make a table as Dynalake makes it, and remove it at the end."""
    made = create_chat_messages(client, f"Facts{uuid4().hex}")
    yield made
    drop(client, made)


@pytest.fixture
def bare(client: DynamoDBClient) -> Iterator[str]:
    """Make a table without indexes that holds a message, and remove it at the end."""
    made = f"Facts{uuid4().hex}"
    definition = {**WANTED.definition(protected=False), "TableName": made}
    del definition["GlobalSecondaryIndexes"]
    definition["AttributeDefinitions"] = definition["AttributeDefinitions"][:2]
    client.create_table(**definition)
    _until(lambda: client.describe_table(TableName=made)["Table"]["TableStatus"] == "ACTIVE")
    client.put_item(TableName=made, Item={"conversationId": {"S": "c"}, "timestamp": {"N": "1"}, "moduleId": {"N": "5"}})
    yield made
    drop(client, made)


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_protected_table_is_not_deleted(client: DynamoDBClient, name: str) -> None:
    """Before that is switched off."""
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    try:
        _until(lambda: client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled") is True)
        with pytest.raises(ClientError, match="ValidationException"):
            client.delete_table(TableName=name)
    finally:
        client.update_table(TableName=name, DeletionProtectionEnabled=False)


def test_a_ttl_that_is_switched_on_is_described(client: DynamoDBClient, name: str) -> None:
    """With its attribute, at once or soon."""
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    about = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert about["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    assert about["AttributeName"] == "expiresAt"


def test_the_days_of_recovery_are_described(client: DynamoDBClient, name: str) -> None:
    """As they were set."""
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    )
    about = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert (about["PointInTimeRecoveryStatus"], about["RecoveryPeriodInDays"]) == ("ENABLED", 7)


def test_a_backup_is_listed_and_becomes_available(client: DynamoDBClient, name: str) -> None:
    """Under the name it was given, in a range of times that holds it."""
    made = client.create_backup(TableName=name, BackupName="dynalake-20240101T000000.000000Z-nightly")["BackupDetails"]
    try:
        since = datetime.now(UTC) - timedelta(hours=1)
        listed = client.list_backups(TableName=name, BackupType="USER", TimeRangeLowerBound=since)["BackupSummaries"]
        assert [(one["BackupArn"], one["BackupName"]) for one in listed] == [(made["BackupArn"], made["BackupName"])]

        def available() -> bool:
            details = client.describe_backup(BackupArn=made["BackupArn"])["BackupDescription"]["BackupDetails"]
            return details["BackupStatus"] == "AVAILABLE"

        _until(available)
    finally:
        client.delete_backup(BackupArn=made["BackupArn"])


def test_an_index_that_is_added_holds_what_was_there(client: DynamoDBClient, bare: str) -> None:
    """When it is ACTIVE."""
    request = {**update_request(client.describe_table(TableName=bare)["Table"], WANTED.indexes[0], WANTED, Throughput()), "TableName": bare}
    client.update_table(**request)
    _until(lambda: _states(client, bare) == ["ACTIVE"])
    found: Any = client.query(
        TableName=bare,
        IndexName="ModuleAnalyticsIndex",
        KeyConditionExpression="moduleId = :m",
        ExpressionAttributeValues={":m": {"N": "5"}},
    )
    assert found["Count"] == 1


def _states(client: DynamoDBClient, table: str) -> list[str]:
    return [index["IndexStatus"] for index in client.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", ())]


def test_two_indexes_in_one_call_are_refused(client: DynamoDBClient, bare: str) -> None:
    """With LimitExceededException: so they are added one at a time."""
    table = client.describe_table(TableName=bare)["Table"]
    first, second = (update_request(table, index, WANTED, Throughput()) for index in WANTED.indexes[:2])
    both: dict[str, Any] = {
        "TableName": bare,
        "AttributeDefinitions": [*first["AttributeDefinitions"], second["AttributeDefinitions"][-1]],
        "GlobalSecondaryIndexUpdates": [*first["GlobalSecondaryIndexUpdates"], *second["GlobalSecondaryIndexUpdates"]],
    }
    with pytest.raises(ClientError, match="LimitExceededException"):
        client.update_table(**both)


def test_an_index_twice_is_refused(client: DynamoDBClient, name: str) -> None:
    """With ValidationException: so what is there is looked up first."""
    request = {**update_request(client.describe_table(TableName=name)["Table"], WANTED.indexes[0], WANTED, Throughput()), "TableName": name}
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_table(**request)
