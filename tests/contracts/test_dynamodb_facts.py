"""What reading and removing rely on from DynamoDB, as AWS documents it or was seen to do it; `known.py` has who differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contracts.endpoints import Endpoint
from tests.servers import create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MODULES = range(1, 23)
_INDEX = "ModuleAnalyticsIndex"
_CONDITION = "#attr = :attr AND attribute_not_exists(#other)"
_KEY: dict[str, Any] = {"conversationId": {"S": "c1"}, "timestamp": {"N": "1000"}}


@dataclass(frozen=True, slots=True)
class Table:
    """A table with three messages in each of 22 modules: at 1000, 1001 and 1002."""

    client: DynamoDBClient
    name: str


@pytest.fixture
def table(dynamodb_endpoint: Endpoint) -> Iterator[Table]:
    """The table on each server in turn."""
    client = dynamodb_endpoint.dynamodb()
    name = create_chat_messages(client, f"Facts{uuid4().hex}")
    for module in _MODULES:
        for number in range(3):
            client.put_item(TableName=name, Item=_message(module, 1000 + number))
    yield Table(client, name)
    drop(client, name)


def _message(module: int, time: int) -> dict[str, Any]:
    return {
        "conversationId": {"S": f"c{module}"},
        "timestamp": {"N": str(time)},
        "moduleId": {"N": str(module)},
        "studentId": {"N": "1"},
        "provider": {"S": "openai"},
        "attr": {"S": "x"},
    }


def _jump(table: Table) -> list[tuple[int, int]]:
    """Return (module, oldest timestamp) in the order in which jumping over the index finds them."""
    found: list[tuple[int, int]] = []
    start: dict[str, Any] = {}
    while len(found) <= len(_MODULES):
        page = table.client.scan(TableName=table.name, IndexName=_INDEX, Limit=1, **start)
        if not page["Items"]:
            break
        [item] = page["Items"]
        found.append((int(item["moduleId"]["N"]), int(item["timestamp"]["N"])))
        end = {"moduleId": item["moduleId"], "timestamp": {"N": "9" * 38}, "conversationId": {"S": "\uffff"}}
        start = {"ExclusiveStartKey": end}
    return found


def test_a_made_up_start_key_jumps_to_the_next_module(table: Table) -> None:
    """A Scan of the index with Limit=1 finds each module once, by its oldest message."""
    assert sorted(_jump(table)) == [(module, 1000) for module in _MODULES]


def test_modules_are_found_in_the_order_of_a_hash(table: Table) -> None:
    """Not by module."""
    found = [module for module, _ in _jump(table)]
    assert len(found) == len(_MODULES)
    assert found != sorted(found)


def test_between_on_the_index_includes_both_ends_in_order(table: Table) -> None:
    """The one condition that a window needs on the sort key."""
    page = _query(table, 1000, 1001)
    assert [int(item["timestamp"]["N"]) for item in page["Items"]] == [1000, 1001]
    assert page["Count"] == 2


def _query(table: Table, first: int, last: int) -> Any:  # noqa: ANN401 - an answer as botocore gives it
    return table.client.query(
        TableName=table.name,
        IndexName=_INDEX,
        KeyConditionExpression="moduleId = :module AND #time BETWEEN :first AND :last",
        ExpressionAttributeNames={"#time": "timestamp"},
        ExpressionAttributeValues={":module": {"N": "5"}, ":first": {"N": str(first)}, ":last": {"N": str(last)}},
        ReturnConsumedCapacity="INDEXES",
    )


def test_a_query_tells_the_read_units_of_the_index(table: Table) -> None:
    """Half a unit for up to 4 KB, none from the table."""
    capacity = _query(table, 1000, 1001)["ConsumedCapacity"]
    assert capacity["CapacityUnits"] == 0.5
    assert capacity["Table"]["CapacityUnits"] == 0
    assert capacity["GlobalSecondaryIndexes"] == {_INDEX: {"CapacityUnits": 0.5}}


def test_a_query_is_charged_by_what_it_read(table: Table) -> None:
    """Three messages of 4 KB are 1.5 units."""
    for number in range(3):
        table.client.put_item(TableName=table.name, Item={**_message(5, 1000 + number), "attr": {"S": "x" * 3990}})
    assert _query(table, 1000, 1002)["ConsumedCapacity"]["CapacityUnits"] == 1.5


def test_an_empty_query_has_no_last_key(table: Table) -> None:
    """A window without messages is one answer."""
    page = _query(table, 5000, 6000)
    assert page["Items"] == []
    assert "LastEvaluatedKey" not in page


def _delete(table: Table, value: str) -> Any:  # noqa: ANN401 - as above
    return table.client.delete_item(
        TableName=table.name,
        Key=_KEY,
        ConditionExpression=_CONDITION,
        ExpressionAttributeNames={"#attr": "attr", "#other": "other"},
        ExpressionAttributeValues={":attr": {"S": value}},
        ReturnValues="ALL_OLD",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ReturnConsumedCapacity="INDEXES",
    )


def test_a_conditional_delete_returns_the_image(table: Table) -> None:
    """ALL_OLD is the whole message, which is gone."""
    assert _delete(table, "x")["Attributes"] == _message(1, 1000)
    assert "Item" not in table.client.get_item(TableName=table.name, Key=_KEY)


def test_a_conditional_delete_that_is_refused_returns_the_message(table: Table) -> None:
    """In the error, beside its code."""
    with pytest.raises(ClientError) as caught:
        _delete(table, "y")
    answer: dict[str, Any] = {**caught.value.response}
    assert answer["Error"]["Code"] == "ConditionalCheckFailedException"
    assert answer.get("Item") == _message(1, 1000)


def test_a_conditional_delete_that_is_refused_removes_nothing(table: Table) -> None:
    """The message stays."""
    with pytest.raises(ClientError):
        _delete(table, "y")
    assert "Item" in table.client.get_item(TableName=table.name, Key=_KEY)


def test_a_conditional_delete_of_an_absent_message_is_refused(table: Table) -> None:
    """Without an item: unlike PartiQL, where it counts as success."""
    _delete(table, "x")
    with pytest.raises(ClientError) as caught:
        _delete(table, "x")
    assert caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert "Item" not in caught.value.response


def test_a_single_delete_is_charged_in_every_index(table: Table) -> None:
    """Two units for up to 2 KB, in the table and in each of the three indexes."""
    table.client.put_item(TableName=table.name, Item={**_message(1, 1000), "attr": {"S": "x" * 1800}})
    capacity = _delete(table, "x" * 1800)["ConsumedCapacity"]
    assert capacity["CapacityUnits"] == 8.0
    assert capacity["GlobalSecondaryIndexes"][_INDEX] == {"CapacityUnits": 2.0}


_VALUES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "number": ({"N": "1.50"}, {"N": "1.5"}),
    "binary": ({"B": b"\x00\xff"}, {"B": b"\x00\xff"}),
    "boolean": ({"BOOL": False}, {"BOOL": False}),
    "null": ({"NULL": True}, {"NULL": True}),
    "string set": ({"SS": ["b", "a"]}, {"SS": ["a", "b"]}),
    "number set": ({"NS": ["1.0", "2"]}, {"NS": ["2.0", "1"]}),
    "binary set": ({"BS": [b"1", b"0"]}, {"BS": [b"0", b"1"]}),
    "map": ({"M": {"a": {"N": "1"}}}, {"M": {"a": {"N": "1"}}}),
    "list": ({"L": [{"S": "a"}]}, {"L": [{"S": "a"}]}),
}


@pytest.mark.parametrize("kind", _VALUES)
def test_a_condition_holds_for_an_equal_value(table: Table, kind: str) -> None:
    """Of any type, and in any order or spelling that is the same value."""
    assert _holds(table, *_VALUES[kind])


def _holds(table: Table, stored: dict[str, Any], written: dict[str, Any]) -> bool:
    """Say whether an item stored with one value is deleted under the condition that it has the other."""
    table.client.put_item(TableName=table.name, Item={**_KEY, "attr": stored})
    try:
        table.client.delete_item(
            TableName=table.name, Key=_KEY, ConditionExpression="attr = :attr", ExpressionAttributeValues={":attr": written}
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def test_a_table_that_is_made_again_has_another_id(table: Table) -> None:
    """TableId tells a table from its successor of the same name."""
    before = table.client.describe_table(TableName=table.name)["Table"]
    drop(table.client, table.name)
    create_chat_messages(table.client, table.name)
    after = table.client.describe_table(TableName=table.name)["Table"]
    assert before["TableArn"] == after["TableArn"]
    assert before["TableId"] != after["TableId"]


def test_numbers_come_back_in_one_spelling(table: Table) -> None:
    """Without exponent and without zeros at the end."""
    table.client.put_item(TableName=table.name, Item={**_KEY, "attr": {"N": "1E-20"}, "other": {"N": "1.0"}})
    item = table.client.get_item(TableName=table.name, Key=_KEY)["Item"]
    assert (item["attr"]["N"], item["other"]["N"]) == ("0.00000000000000000001", "1")


_TOO_MUCH: dict[str, dict[str, Any]] = {
    "39 digits": {"N": "1" * 39},
    "beyond 1E125": {"N": "1E126"},
    "a member twice": {"SS": ["a", "a"]},
    "an empty set": {"SS": []},
}


@pytest.mark.parametrize("kind", _TOO_MUCH)
def test_a_value_that_is_none_is_refused(table: Table, kind: str) -> None:
    """With ValidationException: so the codec never meets one."""
    with pytest.raises(ClientError, match="ValidationException"):
        table.client.put_item(TableName=table.name, Item={**_KEY, "attr": _TOO_MUCH[kind]})


def test_a_key_of_an_index_of_another_type_is_refused(table: Table) -> None:
    """With ValidationException."""
    with pytest.raises(ClientError, match="ValidationException"):
        table.client.put_item(TableName=table.name, Item={**_KEY, "moduleId": {"S": "1"}})


def test_a_key_is_found_by_any_spelling_of_its_number(table: Table) -> None:
    """1000.0 is 1000."""
    assert "Item" in table.client.get_item(TableName=table.name, Key={**_KEY, "timestamp": {"N": "1000.0"}})


def test_a_reserved_word_must_be_aliased(table: Table) -> None:
    """`timestamp` is one."""
    with pytest.raises(ClientError, match="ValidationException"):
        table.client.query(
            TableName=table.name,
            IndexName=_INDEX,
            KeyConditionExpression="moduleId = :module AND timestamp = :time",
            ExpressionAttributeValues={":module": {"N": "5"}, ":time": {"N": "1000"}},
        )
