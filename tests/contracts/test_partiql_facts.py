"""What the purge relies on from PartiQL's BatchExecuteStatement; `known.py` has who differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contracts.endpoints import Endpoint
from tests.servers import create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TYPES = {
    "string": ({"S": "x"}, {"S": "y"}),
    "empty string": ({"S": ""}, {"NULL": True}),
    "number": ({"N": "1.5"}, {"S": "1.5"}),
    "38 digits": ({"N": "12345678901234567890123456789012345678"}, {"N": "12345678901234567890123456789012345679"}),
    "tiny number": ({"N": "1E-20"}, {"N": "1.1E-20"}),
    "binary": ({"B": b"\x00\xff"}, {"B": b"\x00\xfe"}),
    "binary, not its base64": ({"B": b"\x00\xff"}, {"S": "AP8="}),
    "boolean": ({"BOOL": True}, {"BOOL": False}),
    "null": ({"NULL": True}, {"BOOL": True}),
    "map": ({"M": {"a": {"N": "1"}, "b": {"L": [{"NULL": True}]}}}, {"M": {"a": {"N": "1"}, "b": {"L": [{"BOOL": True}]}}}),
    "empty map": ({"M": {}}, {"M": {"a": {"S": ""}}}),
    "list": ({"L": [{"S": "a"}, {"N": "2"}]}, {"L": [{"N": "2"}, {"S": "a"}]}),
    "list, not a set": ({"L": [{"S": "a"}]}, {"SS": ["a"]}),
    "string set": ({"SS": ["a", "b"]}, {"SS": ["a", "c"]}),
    "number set": ({"NS": ["1", "2.5"]}, {"NS": ["1", "2.6"]}),
    "binary set": ({"BS": [b"a", b"\x00"]}, {"BS": [b"a", b"\x01"]}),
}
_SPELLINGS = {
    "number": ({"N": "1.5"}, {"N": "1.50"}),
    "exponent": ({"N": "1E-20"}, {"N": "0.00000000000000000001"}),
    "string set": ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}),
    "number set": ({"NS": ["1", "2.5"]}, {"NS": ["2.50", "1"]}),
    "map": ({"M": {"a": {"N": "1"}, "b": {"S": ""}}}, {"M": {"b": {"S": ""}, "a": {"N": "1.0"}}}),
}
_NAMES = ["a.b", 'a"b', "a b", "a'b", "a[0]", "a,b", "é", "0", "timestamp2"]
_KEY = {"conversationId": {"S": "c"}, "timestamp": {"N": "1705300000000"}}
_ELSEWHERE = {"conversationId": {"S": "nobody"}, "timestamp": {"N": "1"}}
_REFUSED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}

Value = dict[str, Any]
Item = dict[str, Value]


class Table:
    """A table of the test's own, and the statements that are tried on it."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        """Take a client and the name of a table that exists."""
        self.client = client
        self.name = name

    def put(self, **attributes: Value) -> Item:
        """Store the one item, with these attributes beside its key."""
        item = {**_KEY, **attributes}
        self.client.put_item(TableName=self.name, Item=item)
        return item

    def stored(self) -> Item | None:
        """Return the one item, or None."""
        found: dict[str, Any] = {**self.client.get_item(TableName=self.name, Key=_KEY, ConsistentRead=True)}
        return found.get("Item")

    def run(self, statement: str, parameters: Sequence[Value]) -> dict[str, Any]:
        """Execute one statement on the one table (`TABLE` stands for it), and return its own answer."""
        [answer] = self.client.batch_execute_statement(
            Statements=[
                {
                    "Statement": statement.replace("TABLE", f'"{self.name}"'),
                    "Parameters": parameters,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            ]
        )["Responses"]
        assert answer.pop("TableName") == self.name
        return dict(answer)

    def delete(self, condition: str, *values: Value, key: Item = _KEY) -> dict[str, Any]:
        """Delete under a condition, and return the statement's own answer."""
        where = f'"conversationId"=? AND "timestamp"=? AND {condition}'
        return self.run(f"DELETE FROM TABLE WHERE {where} RETURNING ALL OLD *", [*key.values(), *values])


@pytest.fixture
def table(partiql_endpoint: Endpoint) -> Iterator[Table]:
    """A table with the three indexes."""
    client = partiql_endpoint.dynamodb()
    name = create_chat_messages(client, f"PartiQL{uuid4().hex}")
    yield Table(client, name)
    drop(client, name)


def test_a_delete_whose_condition_holds_returns_the_image(table: Table) -> None:
    """The answer is the old item and no error."""
    item = table.put(attr={"S": "x"}, moduleId={"N": "55"})
    assert table.delete('"attr"=? AND "other" IS MISSING', {"S": "x"}) == {"Item": item}
    assert table.stored() is None


def test_a_delete_whose_condition_fails_returns_the_refused_item(table: Table) -> None:
    """The error says so by its code and carries the item, which stays."""
    item = table.put(attr={"S": "x"})
    assert table.delete('"attr"=? AND "other" IS MISSING', {"S": "y"}) == {"Error": {**_REFUSED, "Item": item}}
    assert table.stored() == item


@pytest.mark.parametrize("other", [{"S": "new"}, {"NULL": True}])
def test_an_attribute_that_must_be_missing_refuses_the_delete(table: Table, other: Value) -> None:
    """IS MISSING fails for any value, also for NULL."""
    item = table.put(attr={"S": "x"}, other=other)
    assert table.delete('"attr"=? AND "other" IS MISSING', {"S": "x"}) == {"Error": {**_REFUSED, "Item": item}}


def test_an_attribute_that_is_absent_equals_nothing(table: Table) -> None:
    """A value that was archived and is gone refuses the delete."""
    item = table.put()
    assert table.delete('"attr"=?', {"S": "x"}) == {"Error": {**_REFUSED, "Item": item}}


def test_a_delete_of_an_absent_item_answers_neither_item_nor_error(table: Table) -> None:
    """So only images that come back may be counted."""
    assert table.delete('"attr"=?', {"S": "x"}, key=_ELSEWHERE) == {}


@pytest.mark.parametrize(("stored", "different"), _TYPES.values(), ids=list(_TYPES))
def test_a_condition_holds_for_the_stored_value_and_for_no_other(table: Table, stored: Value, different: Value) -> None:
    """Whatever the type is."""
    table.put(attr=stored)
    assert table.delete('"attr"=?', different)["Error"]["Code"] == "ConditionalCheckFailed"
    assert "Item" in table.delete('"attr"=?', stored)


@pytest.mark.parametrize(("stored", "written"), _SPELLINGS.values(), ids=list(_SPELLINGS))
def test_a_condition_compares_values_not_their_spelling(table: Table, stored: Value, written: Value) -> None:
    """Numbers by value, sets and maps in any order."""
    table.put(attr=stored)
    assert "Item" in table.delete('"attr"=?', written)


@pytest.mark.parametrize("name", _NAMES)
def test_any_attribute_name_can_be_quoted(table: Table, name: str) -> None:
    """In double quotes, with a double quote doubled, a name is a name and not a path."""
    quoted = '"' + name.replace('"', '""') + '"'
    table.put(**{name: {"S": "x"}})
    assert "Error" in table.delete(f"{quoted} IS MISSING")
    assert "Error" in table.delete(f"{quoted}=?", {"S": "y"})
    assert "Item" in table.delete(f"{quoted}=?", {"S": "x"})


_SET = 'UPDATE TABLE SET "expires"=? WHERE "conversationId"=? AND "timestamp"=? AND "attr"=? AND "other" IS MISSING RETURNING ALL OLD *'
_REMOVE = 'UPDATE TABLE REMOVE "expires" WHERE "conversationId"=? AND "timestamp"=? AND "expires"=? RETURNING ALL OLD *'
_WHEN = {"N": "1800000000"}


def test_an_update_whose_condition_holds_returns_the_image_from_before(table: Table) -> None:
    """ALL OLD is the item without the mark, which is then there."""
    item = table.put(attr={"S": "x"})
    assert table.run(_SET, [_WHEN, *_KEY.values(), {"S": "x"}]) == {"Item": item}
    assert table.stored() == {**item, "expires": _WHEN}


def test_an_update_whose_condition_fails_returns_the_refused_item(table: Table) -> None:
    """As for a delete."""
    item = table.put(attr={"S": "x"})
    assert table.run(_SET, [_WHEN, *_KEY.values(), {"S": "y"}]) == {"Error": {**_REFUSED, "Item": item}}
    assert table.stored() == item


def test_an_update_of_an_absent_item_is_refused_and_makes_none(table: Table) -> None:
    """Unlike a delete: the error comes, without an item."""
    assert table.run(_SET, [_WHEN, *_KEY.values(), {"S": "x"}]) == {"Error": _REFUSED}
    assert table.stored() is None


def test_a_mark_can_be_removed_once(table: Table) -> None:
    """REMOVE under the condition that the mark is still ours."""
    item = table.put(attr={"S": "x"})
    marked = table.put(attr={"S": "x"}, expires=_WHEN)
    assert table.run(_REMOVE, [*_KEY.values(), _WHEN]) == {"Item": marked}
    assert table.stored() == item
    assert table.run(_REMOVE, [*_KEY.values(), _WHEN]) == {"Error": {**_REFUSED, "Item": item}}


def test_each_statement_of_a_batch_has_its_own_answer_in_order(table: Table) -> None:
    """A refused one does not stop the others."""
    keys = [{"conversationId": {"S": f"c{number}"}, "timestamp": {"N": "1"}} for number in range(25)]
    for number, key in enumerate(keys):
        table.client.put_item(TableName=table.name, Item={**key, "attr": {"N": str(number % 2)}})
    answers = _batch(table, keys)
    assert [answer.get("Item", {}).get("conversationId") for answer in answers] == [
        key["conversationId"] if number % 2 == 0 else None for number, key in enumerate(keys)
    ]
    assert ["Error" in answer for answer in answers] == [number % 2 == 1 for number in range(25)]


def test_a_batch_of_more_than_25_is_refused_whole(table: Table) -> None:
    """With ValidationException."""
    keys = [{"conversationId": {"S": f"c{number}"}, "timestamp": {"N": "1"}} for number in range(26)]
    with pytest.raises(ClientError, match="ValidationException"):
        _batch(table, keys)


def _batch(table: Table, keys: Sequence[Item]) -> list[dict[str, Any]]:
    statement = f'DELETE FROM "{table.name}" WHERE "conversationId"=? AND "timestamp"=? AND "attr"=? RETURNING ALL OLD *'
    answers = table.client.batch_execute_statement(
        Statements=[{"Statement": statement, "Parameters": [*key.values(), {"N": "0"}]} for key in keys]
    )["Responses"]
    return [dict(answer) for answer in answers]


def test_a_statement_is_charged_in_every_index(table: Table) -> None:
    """Two units for up to 2 KB, in the table and in each of the three indexes."""
    indexed = {"moduleId": {"N": "55"}, "studentId": {"N": "1"}, "provider": {"S": "openai"}}
    table.put(attr={"S": "x" * 1800}, **indexed)
    statement = f'DELETE FROM "{table.name}" WHERE "conversationId"=? AND "timestamp"=? RETURNING ALL OLD *'
    answer = table.client.batch_execute_statement(
        Statements=[{"Statement": statement, "Parameters": list(_KEY.values())}], ReturnConsumedCapacity="INDEXES"
    )
    assert sum(part["CapacityUnits"] for part in answer["ConsumedCapacity"]) == 8.0
