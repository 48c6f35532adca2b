"""What reading and removing rely on from DynamoDB, held against the servers that stand in for it, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.servers import Server, create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MODULES = range(1, 23)
_INDEX = "ModuleAnalyticsIndex"
_NUMBERS = count(1)
_CONDITION = "#attr = :attr AND attribute_not_exists(#other)"
_KEY: dict[str, Any] = {"conversationId": {"S": "c1"}, "timestamp": {"N": "1000"}}


@dataclass(frozen=True, slots=True)
class Table:
    """A table with three messages in each of 22 modules: at 1000, 1001 and 1002."""

    client: DynamoDBClient
    name: str
    server: str


def _filled(server: Server) -> Iterator[Table]:
    client = server.dynamodb()
    name = create_chat_messages(client, f"Facts{next(_NUMBERS)}")
    for module in _MODULES:
        for number in range(3):
            client.put_item(TableName=name, Item=_message(module, 1000 + number))
    yield Table(client, name, server.name)
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


@pytest.fixture(params=["moto_server", "dynalite_server", "ministack_server"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """The table on each server in turn."""
    yield from _filled(request.getfixturevalue(request.param))


@pytest.fixture
def dynalite(dynalite_server: Server) -> Iterator[Table]:
    """The table on dynalite."""
    yield from _filled(dynalite_server)


@pytest.fixture
def ministack(ministack_server: Server) -> Iterator[Table]:
    """The table on MiniStack."""
    yield from _filled(ministack_server)


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


@pytest.mark.parametrize("name", ["dynalite_server", "moto_server"])
def test_a_made_up_start_key_jumps_to_the_next_module(name: str, request: pytest.FixtureRequest) -> None:
    """A Scan of the index with Limit=1 finds each module once, by its oldest message."""
    for table in _filled(request.getfixturevalue(name)):
        assert sorted(_jump(table)) == [(module, 1000) for module in _MODULES]


def test_dynalite_finds_modules_in_the_order_of_a_hash(dynalite: Table) -> None:
    """As DynamoDB does: not by module."""
    found = [module for module, _ in _jump(dynalite)]
    assert found != sorted(found)


def test_ministack_finds_one_module_only_by_jumping(ministack: Table) -> None:
    """Without an error: there, modules must be named; when this fails, MiniStack has learned it."""
    assert len(_jump(ministack)) == 1


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


def test_dynalite_counts_the_read_units_of_the_index(dynalite: Table) -> None:
    """Half a unit for up to 4 KB, none from the table."""
    capacity = _query(dynalite, 1000, 1001)["ConsumedCapacity"]
    assert capacity["CapacityUnits"] == 0.5
    assert capacity["Table"]["CapacityUnits"] == 0
    assert capacity["GlobalSecondaryIndexes"] == {_INDEX: {"CapacityUnits": 0.5}}


def test_dynalite_charges_a_query_by_what_it_read(dynalite: Table) -> None:
    """Three messages of 4 KB are 1.5 units."""
    for number in range(3):
        dynalite.client.put_item(TableName=dynalite.name, Item={**_message(5, 1000 + number), "attr": {"S": "x" * 3990}})
    assert _query(dynalite, 1000, 1002)["ConsumedCapacity"]["CapacityUnits"] == 1.5


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
    """In the error, beside its code; dynalite leaves it out."""
    with pytest.raises(ClientError) as caught:
        _delete(table, "y")
    answer: dict[str, Any] = {**caught.value.response}
    assert answer["Error"]["Code"] == "ConditionalCheckFailedException"
    assert answer.get("Item") == (None if table.server == "dynalite" else _message(1, 1000))
    assert "Item" in table.client.get_item(TableName=table.name, Key=_KEY)


def test_a_conditional_delete_of_an_absent_message_is_refused(table: Table) -> None:
    """Without an item: unlike PartiQL, where it counts as success."""
    _delete(table, "x")
    with pytest.raises(ClientError) as caught:
        _delete(table, "x")
    assert caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert "Item" not in caught.value.response


def test_ministack_charges_a_single_delete_in_every_index(ministack: Table) -> None:
    """Two units for up to 2 KB, in the table and in each of the three indexes."""
    ministack.client.put_item(TableName=ministack.name, Item={**_message(1, 1000), "attr": {"S": "x" * 1800}})
    capacity = _delete(ministack, "x" * 1800)["ConsumedCapacity"]
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


def test_a_condition_holds_for_an_equal_value_of_any_type(table: Table) -> None:
    """Dynalite alone finds no map and no list equal to itself."""
    assert {name for name, pair in _VALUES.items() if not _holds(table, *pair)} == (
        {"map", "list"} if table.server == "dynalite" else set()
    )


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
    """TableId tells a table from its successor of the same name; moto gives none."""
    before = table.client.describe_table(TableName=table.name)["Table"]
    drop(table.client, table.name)
    create_chat_messages(table.client, table.name)
    after = table.client.describe_table(TableName=table.name)["Table"]
    assert before["TableArn"] == after["TableArn"]
    if table.server == "moto":
        assert "TableId" not in before
    else:
        assert before["TableId"] != after["TableId"]


def test_numbers_come_back_with_their_value(table: Table) -> None:
    """Moto keeps the spelling, the others normalise it, as DynamoDB does."""
    table.client.put_item(TableName=table.name, Item={**_KEY, "attr": {"N": "1E-20"}, "other": {"N": "1.0"}})
    item = table.client.get_item(TableName=table.name, Key=_KEY)["Item"]
    spelled = ("1E-20", "1.0") if table.server == "moto" else ("0.00000000000000000001", "1")
    assert (item["attr"]["N"], item["other"]["N"]) == spelled
