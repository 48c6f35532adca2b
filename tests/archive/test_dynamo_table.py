"""The source table: created as the documentation says, given what it lacks, and looked at; on moto in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from moto import mock_aws

from archive.dynamo_table import SourceTable
from archive.errors import NotPermittedError, RefusedError, ServiceError, TransientServiceError
from archive.load import Target, load
from archive.model.described_table import Step, differences, indexes_in
from archive.model.index_plan import Throughput
from archive.model.prices import US_EAST_1
from archive.model.wanted_table import wanted_table
from flows.demo.messages import demo_messages
from tests.servers import chat_messages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WANTED: Final = wanted_table(chat_messages(), "expiresAt")
ONE: Final = replace(
    WANTED, indexes=WANTED.indexes[:1], types={name: WANTED.types[name] for name in ("conversationId", "timestamp", "moduleId")}
)
NO_UNITS: Final = Throughput()


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    """Return a client of a server in the process."""
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


def never(seconds: float) -> None:
    """Refuse to sleep."""
    pytest.fail(f"slept {seconds} s although the table was active")


def unheard(state: str) -> None:
    """Take what is told."""


def table_of(client: DynamoDBClient, sleep: Callable[[float], None] = never) -> SourceTable:
    """Return the table as a test has it."""
    return SourceTable(client, WANTED, sleep)


@contextmanager
def changed(client: DynamoDBClient, operation: str, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Change an operation's answers."""

    def after(parsed: dict[str, Any], **_: object) -> None:
        if "Error" not in parsed:
            change(parsed)

    client.meta.events.register(f"after-call.dynamodb.{operation}", after)
    try:
        yield
    finally:
        client.meta.events.unregister(f"after-call.dynamodb.{operation}", after)


@contextmanager
def failing(client: DynamoDBClient, operation: str, code: str, times: int) -> Iterator[None]:
    """Let an operation fail so many times, before it is sent."""
    left = [code] * times

    def before(**_: object) -> None:
        if left:
            raise client.exceptions.ClientError({"Error": {"Code": left.pop(), "Message": "no"}}, operation)

    client.meta.events.register(f"before-call.dynamodb.{operation}", before)
    try:
        yield
    finally:
        client.meta.events.unregister(f"before-call.dynamodb.{operation}", before)


def test_the_table_has_its_three_indexes(client: DynamoDBClient) -> None:
    """On demand, projections ALL, the time key as every sort key, protected, and no TTL yet."""
    table_of(client).create(protected=True)
    table = client.describe_table(TableName="ChatMessages")["Table"]
    keys = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in table["GlobalSecondaryIndexes"]}
    assert keys == {
        "ModuleAnalyticsIndex": ["moduleId", "timestamp"],
        "StudentActivityIndex": ["studentId", "timestamp"],
        "ProviderUsageIndex": ["provider", "timestamp"],
    }
    types = {part["AttributeName"]: part["AttributeType"] for part in table["AttributeDefinitions"]}
    assert types == {"conversationId": "S", "timestamp": "N", "moduleId": "N", "studentId": "N", "provider": "S"}
    assert [index["Projection"]["ProjectionType"] for index in table["GlobalSecondaryIndexes"]] == ["ALL"] * 3
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["conversationId", "timestamp"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert client.describe_time_to_live(TableName="ChatMessages")["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_the_table_takes_the_demos_messages(client: DynamoDBClient) -> None:
    """Key types match, and each message is found."""
    table_of(client).create(protected=False)
    items = demo_messages(datetime(2024, 6, 15, tzinfo=UTC), 300, Random(1))  # noqa: S311 - it draws lessons, not secrets
    target = Target.of(client.describe_table(TableName="ChatMessages")["Table"])
    assert target == Target.of(WANTED.definition(protected=False))
    assert load(client, target, items, threads=2, sleep=never, progress=lambda _: None) == 300
    assert client.scan(TableName="ChatMessages", Select="COUNT")["Count"] == 300


def test_a_table_that_exists_is_left_alone(client: DynamoDBClient) -> None:
    """A demo must not fill somebody's table."""
    table = table_of(client)
    assert not table.is_there()
    table.create(protected=False)
    assert table.is_there()
    with pytest.raises(RefusedError, match="ChatMessages exists already"):
        table.create(protected=False)


def test_it_waits_for_the_indexes(client: DynamoDBClient) -> None:
    """A table may be active before its indexes are."""
    answers = ["CREATING", "CREATING"]

    def not_yet(parsed: dict[str, Any]) -> None:
        if answers:
            parsed["Table"]["GlobalSecondaryIndexes"][1]["IndexStatus"] = answers.pop()

    sleeps: list[float] = []
    with changed(client, "DescribeTable", not_yet):
        table_of(client, sleeps.append).create(protected=False)
    assert len(sleeps) == 2


def test_it_does_not_wait_for_ever(client: DynamoDBClient) -> None:
    """The error says that waiting may help."""
    with (
        changed(client, "DescribeTable", lambda parsed: parsed["Table"].update(TableStatus="CREATING")),
        pytest.raises(TransientServiceError, match="not active yet"),
    ):
        table_of(client, lambda _: None).create(protected=False)


def test_a_table_on_its_way_out_is_not_waited_for(client: DynamoDBClient) -> None:
    """Its indexes would never be active."""
    table = table_of(client)
    table.create(protected=False)
    with (
        changed(client, "DescribeTable", lambda parsed: parsed["Table"].update(TableStatus="DELETING")),
        pytest.raises(RefusedError, match="is DELETING; nothing can be waited for"),
    ):
        table.wait(unheard)


def test_what_is_off_is_switched_on_once(client: DynamoDBClient) -> None:
    """TTL, 35 days of recovery and protection; then nothing differs."""
    client.create_table(**WANTED.definition(protected=False))
    table = table_of(client)
    found = differences(table.look(), WANTED)
    assert [step.kind for step in found.steps] == ["ttl", "recovery", "protection"]
    assert (found.wrong, found.notes) == ((), ())
    for step in found.steps:
        table.switch_on(step)
    after = table.look()
    assert differences(after, WANTED) == replace(found, steps=())
    assert (after.ttl_attribute, after.recovery_days) == ("expiresAt", 35)
    recovery = client.describe_continuous_backups(TableName="ChatMessages")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 35


def test_recovery_waits_until_a_new_table_can_have_backups(client: DynamoDBClient) -> None:
    """AWS makes them possible a moment after the table is active; but it is not tried for ever."""
    client.create_table(**WANTED.definition(protected=False))
    sleeps: list[float] = []
    table = table_of(client, sleeps.append)
    with failing(client, "UpdateContinuousBackups", "ContinuousBackupsUnavailableException", 2):
        table.switch_on(Step("recovery", ""))
    assert len(sleeps) == 2
    with (
        failing(client, "UpdateContinuousBackups", "ContinuousBackupsUnavailableException", 99),
        pytest.raises(TransientServiceError, match="cannot be switched on yet"),
    ):
        table.switch_on(Step("recovery", ""))


def test_what_cannot_be_known_says_why(client: DynamoDBClient) -> None:
    """A permission that is missing, or a server without that call; what fails for now is no answer."""
    client.create_table(**WANTED.definition(protected=False))
    table = table_of(client)
    with (
        failing(client, "ListBackups", "UnknownOperationException", 1),
        failing(client, "DescribeTimeToLive", "AccessDeniedException", 1),
    ):
        found = table.look()
    assert found.backups == "this server does not know ListBackups"
    assert found.ttl == "dynamodb:DescribeTimeToLive on table ChatMessages is not permitted; grant it to the role in use"
    assert "ttl" not in [step.kind for step in differences(found, WANTED).steps]
    with failing(client, "DescribeContinuousBackups", "ThrottlingException", 9), pytest.raises(TransientServiceError):
        table.look()


def test_every_backup_is_listed(client: DynamoDBClient) -> None:
    """Page by page; the newest is told."""
    client.create_table(**WANTED.definition(protected=False))
    for number in range(3):
        client.create_backup(TableName="ChatMessages", BackupName=f"backup-{number}")
    pages = iter(range(2))

    def paged(parsed: dict[str, Any]) -> None:
        """Answer with one backup of the three, and say twice that there are more."""
        page = next(pages, None)
        if page is not None:
            parsed["BackupSummaries"] = parsed["BackupSummaries"][page : page + 1]
            parsed["LastEvaluatedBackupArn"] = parsed["BackupSummaries"][0]["BackupArn"]

    with changed(client, "ListBackups", paged):
        found = table_of(client).look()
    assert {one["BackupName"] for one in found.backups if not isinstance(one, str)} == {"backup-0", "backup-1", "backup-2"}
    newest = found.newest_backup
    assert newest is not None
    assert newest["BackupName"] == "backup-2"


def test_missing_indexes_are_added_one_by_one(client: DynamoDBClient) -> None:
    """One a call, each when the one before is ACTIVE; what is there is left alone."""
    client.create_table(**ONE.definition(protected=False))
    calls: list[list[str]] = []

    def note(params: dict[str, Any], **_: object) -> None:
        calls.append([update["Create"]["IndexName"] for update in params["GlobalSecondaryIndexUpdates"]])

    client.meta.events.register("provide-client-params.dynamodb.UpdateTable", note)
    table = table_of(client)
    assert table.add_indexes(NO_UNITS, US_EAST_1, unheard) == ["StudentActivityIndex", "ProviderUsageIndex"]
    assert calls == [["StudentActivityIndex"], ["ProviderUsageIndex"]]
    there = indexes_in(table.described())
    assert {name: (index.keys, index.projection) for name, index in there.items()} == {
        index.name: (index.keys, "ALL") for index in WANTED.indexes
    }
    assert table.add_indexes(NO_UNITS, US_EAST_1, unheard) == []
    assert len(calls) == 2


def test_an_index_that_is_being_made_is_waited_for(client: DynamoDBClient) -> None:
    """By a run that was killed, or by somebody else; its progress is told, and only then the next one is begun."""
    client.create_table(**ONE.definition(protected=False))
    polls = iter([("CREATING", False), ("CREATING", True), ("CREATING", True)])
    order: list[str] = []

    def backfilling(parsed: dict[str, Any]) -> None:
        status, under_way = next(polls, ("ACTIVE", False))
        index = parsed["Table"]["GlobalSecondaryIndexes"][0]
        index.update(IndexStatus=status, ItemCount=7, **({"Backfilling": True} if under_way else {}))
        parsed["Table"].update(ItemCount=20, TableStatus="ACTIVE" if under_way or status == "ACTIVE" else "UPDATING")
        order.append(status)

    def begun(**_: object) -> None:
        order.append("next")

    client.meta.events.register("before-call.dynamodb.UpdateTable", begun)
    told: list[str] = []
    with changed(client, "DescribeTable", backfilling):
        table_of(client, lambda _: None).add_indexes(NO_UNITS, US_EAST_1, told.append)
    assert order[: order.index("next")] == ["CREATING", "CREATING", "CREATING", "ACTIVE", "ACTIVE"]
    assert told[0] == "index ModuleAnalyticsIndex: CREATING, backfilling, 7 items of about 20"
    assert told[1:] == ["index StudentActivityIndex: begun", "index ProviderUsageIndex: begun"]


def test_an_index_that_is_not_seen_at_once_is_not_begun_twice(client: DynamoDBClient) -> None:
    """DescribeTable may be a moment behind UpdateTable."""
    client.create_table(**ONE.definition(protected=False))
    updates: list[None] = []
    behind = iter(range(2))

    def late(parsed: dict[str, Any]) -> None:
        if updates and next(behind, None) is not None:
            del parsed["Table"]["GlobalSecondaryIndexes"][1:]

    client.meta.events.register("before-call.dynamodb.UpdateTable", lambda **_: updates.append(None))
    with changed(client, "DescribeTable", late):
        table_of(client, lambda _: None).add_indexes(NO_UNITS, US_EAST_1, unheard)
    assert len(updates) == 2


def test_another_change_of_the_table_is_waited_for_but_not_for_ever(client: DynamoDBClient) -> None:
    """Two people at once: the second waits for the first."""
    client.create_table(**ONE.definition(protected=False))
    sleeps: list[float] = []
    table = table_of(client, sleeps.append)
    with (
        failing(client, "UpdateTable", "LimitExceededException", 99),
        pytest.raises(TransientServiceError, match="takes no new index now"),
    ):
        table.add_indexes(NO_UNITS, US_EAST_1, unheard)
    assert len(sleeps) == 30
    with failing(client, "UpdateTable", "ResourceInUseException", 2):
        assert len(table.add_indexes(NO_UNITS, US_EAST_1, unheard)) == 2
    with failing(client, "UpdateTable", "AccessDeniedException", 1), pytest.raises(NotPermittedError):
        table.switch_on(Step("protection", ""))


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("way", ["before-call", "after-call"])
def test_a_killed_run_goes_on_where_it_was(client: DynamoDBClient, way: str) -> None:
    """Whichever call it dies at, before it or after it, the next run ends with all three, each begun once."""
    begun: list[str] = []
    client.meta.events.register("after-call.dynamodb.UpdateTable", lambda **_: begun.append(""))
    for call in range(1, 8):
        client.create_table(**ONE.definition(protected=False))
        begun.clear()
        table = table_of(client)
        with dying(client, way, call) as calls, pytest.raises(KilledError):
            table.add_indexes(NO_UNITS, US_EAST_1, unheard)
        assert len(calls) == call
        table.add_indexes(NO_UNITS, US_EAST_1, unheard)
        assert set(indexes_in(table.described())) == {index.name for index in WANTED.indexes}
        assert len(begun) == 2
        client.delete_table(TableName="ChatMessages")


@contextmanager
def dying(client: DynamoDBClient, way: str, call: int) -> Iterator[list[None]]:
    """Let the process die at its call of this number; yields its calls so far."""
    calls: list[None] = []

    def dies(**_: object) -> None:
        calls.append(None)
        if len(calls) == call:
            raise KilledError

    client.meta.events.register_last(f"{way}.dynamodb", dies)
    try:
        yield calls
    finally:
        client.meta.events.unregister(f"{way}.dynamodb", dies)


def test_a_provisioned_tables_index_has_its_own_units(client: DynamoDBClient) -> None:
    """As they were given."""
    units: Any = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    definition = ONE.definition(protected=False) | {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    definition["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units
    client.create_table(**definition)
    table_of(client).add_indexes(Throughput(7, 9), US_EAST_1, unheard)
    index = client.describe_table(TableName="ChatMessages")["Table"]["GlobalSecondaryIndexes"][2]
    assert (index["ProvisionedThroughput"]["ReadCapacityUnits"], index["ProvisionedThroughput"]["WriteCapacityUnits"]) == (7, 9)


def test_prices_are_those_of_the_region(client: DynamoDBClient) -> None:
    """The plan of a table of nothing costs nothing."""
    client.create_table(**ONE.definition(protected=False))
    plan = table_of(client).plan(NO_UNITS, US_EAST_1)
    assert (plan.units, plan.dollars, plan.dollars_month) == (0, Decimal(0), Decimal(0))


def test_an_error_that_nobody_expects_is_no_wait(client: DynamoDBClient) -> None:
    """It ends the command."""
    client.create_table(**ONE.definition(protected=False))
    with failing(client, "UpdateTable", "ValidationException", 1), pytest.raises(ServiceError, match="ValidationException"):
        table_of(client).add_indexes(NO_UNITS, US_EAST_1, unheard)
