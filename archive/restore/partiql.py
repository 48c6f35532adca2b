"""Finds out, on items of its own, which DynamoDB types a table's PartiQL INSERTs exactly, and only where the key is absent."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from archive.attempts import attempts
from archive.aws import FOR_NOW, translated
from archive.codec.conditions import key_of
from archive.codec.inserts import insert_statement
from archive.codec.values import AttributeValue, Item, canonical
from archive.dynamo_insert import THERE, Inserter, Terms
from archive.errors import ServiceError
from archive.governor import Governor
from archive.model.budget import total
from archive.model.target_table import TargetTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_VALUES: Final[dict[str, list[Any]]] = {
    "S": ["a", "", 'it\'s "?" {}'],
    "N": ["1.5", "-12345678901234567890123456789012345678", "1E-130"],
    "B": [b"\x00\xff", b""],
    "BOOL": [True, False],
    "NULL": [True],
    "M": [{}, {"a": {"L": [{"N": "1"}, {"NULL": True}]}, "it's": {"B": b"z"}}],
    "L": [[], [{"N": "1"}, {"M": {"a": {"SS": ["x"]}}}]],
    "SS": [["a", "b"]],
    "NS": [["1", "2.5"]],
    "BS": [[b"a", b"\x00"]],
}
_ATTRIBUTE: Final = "dynalakeProbe"
_TRIES: Final = 8


def probe_inserts(client: DynamoDBClient, table: TargetTable, governor: Governor, token: str) -> frozenset[str]:
    """Return the types whose values come back as they were inserted, and whose INSERT of a key that is there changed nothing.

    Empty where PartiQL cannot be used on this table: then messages are put singly. Writes ten small items whose partition
    key begins with `dynalake-probe-` and `token`, and removes them again.
    """
    items = {tag: _item(table, (token, number), tag) for number, tag in enumerate(_VALUES)}
    others = {tag: {**item, f"{_ATTRIBUTE}0": {"S": "another"}} for tag, item in items.items()}
    inserter = Inserter(client, table, governor, Terms(0))
    try:
        inserted = _codes(inserter, items)
        refused = _codes(inserter, {tag: others[tag] for tag, code in inserted.items() if code is None})
        images = inserter.images(list(items.values()))
        if any(code not in THERE for code in refused.values()):
            return frozenset()  # a type that could not be inserted goes singly; but one INSERT that overwrites is one too many
        stored = {canonical(image) for image in images.values()}
        return frozenset(tag for tag in refused if canonical(items[tag]) in stored)
    except ServiceError:
        return frozenset()
    finally:
        for item in items.values():
            _clean_up(client, inserter, item)


def _codes(inserter: Inserter, items: dict[str, Item]) -> dict[str, str | None]:
    """Insert each item by a statement, again what was throttled; returns the error codes, None for those that were inserted."""
    codes: dict[str, str | None] = {}
    waiting = items
    for tries in range(_TRIES):
        if waiting:
            built = [(inserter.cost(item), item, insert_statement(inserter.table.name, item) or "") for item in waiting.values()]
            inserter.governor.take(total("write", (cost for cost, _, _ in built)))
            answered = inserter.insert_once(built)
            codes |= dict(zip(waiting, answered, strict=True))
        waiting = {tag: items[tag] for tag, code in codes.items() if code in FOR_NOW}
        if not waiting:
            break
        inserter.governor.back_off(tries)
    return codes


def _item(table: TargetTable, token: tuple[str, int], tag: str) -> Item:
    """Return an item whose keys nobody else has, with values of one type."""
    text, number = token
    name = f"dynalake-probe-{text}-{number}"
    partition: dict[str, AttributeValue] = {
        "S": {"S": name},
        "N": {"N": f"-9{int(sha256(name.encode()).hexdigest()[:12], 16)}"},
        "B": {"B": name.encode()},
    }
    values = {f"{_ATTRIBUTE}{position}": {tag: value} for position, value in enumerate(_VALUES[tag])}
    spec = table.spec
    return {spec.partition_key: partition[table.key_types[spec.partition_key]], spec.time_key: {"N": str(number)}, **values}


def _clean_up(client: DynamoDBClient, inserter: Inserter, item: Item) -> None:
    table, governor = inserter.table, inserter.governor
    cost = inserter.cost(item)  # removing it costs as much
    governor.take(cost)
    with (
        translated("dynamodb:DeleteItem", f"table {table.name}"),
        suppress(client.exceptions.ConditionalCheckFailedException),
        attempts(governor, cost),
    ):
        client.delete_item(
            TableName=table.name,
            Key=key_of(table.spec, item),
            ConditionExpression="attribute_exists(#p)",
            ExpressionAttributeNames={"#p": f"{_ATTRIBUTE}0"},
        )
    governor.settle(cost)
