"""Finds out which DynamoDB types a table's PartiQL compares, on items of its own.

Whether AWS compares maps, sets and binary in a PartiQL WHERE as its emulators do is not documented; so it is tried
before the first purge, and messages with a type that failed go as single DeleteItems. The items are in no module's
index (they have no module), have keys of their own, and are removed again.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from archive.attempts import attempts
from archive.aws import translated
from archive.codec.conditions import DELETE, Target, key_of
from archive.codec.values import AttributeValue, Item
from archive.dynamo_write import Fate, PartiqlRemover, SingleRemover, Table
from archive.errors import NotPermittedError, ServiceError
from archive.governor import Governor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_VALUES: Final[dict[str, tuple[Any, Any]]] = {
    "S": ("a", "b"),
    "N": ("1.5", "1.25"),
    "B": (b"a", b"b"),
    "BOOL": (True, False),
    "NULL": (True, None),
    "M": (
        {"a": {"L": [{"N": "1"}, {"SS": ["x", "y"]}]}, "b": {"B": b"z"}},
        {"a": {"L": [{"N": "1"}, {"SS": ["x", "z"]}]}, "b": {"B": b"z"}},
    ),
    "L": ([{"N": "1"}, {"M": {"a": {"S": "x"}}}], [{"N": "1"}, {"M": {"a": {"S": "y"}}}]),
    "SS": (["a", "b"], ["a", "c"]),
    "NS": (["1", "2"], ["1", "3"]),
    "BS": ([b"a", b"b"], [b"a", b"c"]),
}
ALL_TYPES: Final = frozenset(_VALUES)
_ATTRIBUTE: Final = "dynalakeProbe"


def probe_types(client: DynamoDBClient, table: Table, key_types: dict[str, str], governor: Governor, token: str) -> frozenset[str]:
    """Return the types that compare right: an equal value is removed, a different one refused, a missing name holds.

    Writes ten small items whose partition key begins with `dynalake-probe-` and `token`, and removes them.
    Raises ServiceError where the table cannot be written to.
    """
    items = {tag: _item(table, key_types, (token, number), tag) for number, tag in enumerate(_VALUES)}
    single = SingleRemover(client, table, governor)
    remover = PartiqlRemover(client, table, governor, ALL_TYPES)
    try:
        for item in items.values():
            single.put_back(item)
        wrong = {tag: {**item, _ATTRIBUTE: _other(tag)} for tag, item in items.items()}
        refused = _with_fate(remover, wrong, Fate.CHANGED)
        return frozenset(_with_fate(remover, {tag: items[tag] for tag in refused}, Fate.DONE))
    finally:
        for item in items.values():
            _clean_up(client, table, item, governor)


def _with_fate(remover: PartiqlRemover, items: dict[str, Item], fate: Fate) -> set[str]:
    """Try each item in a statement of its own call, so that one type a server cannot parse does not spoil the others.

    Raises what says nothing about comparing (not permitted, throttled, a broken connection): that must not be remembered.
    """
    right: set[str] = set()
    for tag, item in items.items():
        try:
            outcome = remover.execute_one(Target(0, item, DELETE), frozenset({"dynalakeMissing"}))
        except ServiceError as error:
            if error.retryable or isinstance(error, NotPermittedError):
                raise
            continue
        if outcome is not None and outcome.fate is fate:
            right.add(tag)
    return right


def _other(tag: str) -> AttributeValue:
    return {"S": "not null"} if tag == "NULL" else {tag: _VALUES[tag][1]}


def _item(table: Table, key_types: dict[str, str], token: tuple[str, int], tag: str) -> Item:
    text, number = token
    partition: AttributeValue
    if key_types[table.spec.partition_key] == "S":
        partition = {"S": f"dynalake-probe-{text}-{number}"}
    elif key_types[table.spec.partition_key] == "N":
        partition = {"N": f"-9{int(sha256(f'{text}-{number}'.encode()).hexdigest()[:12], 16)}"}
    else:
        partition = {"B": f"dynalake-probe-{text}-{number}".encode()}
    return {table.spec.partition_key: partition, table.spec.time_key: {"N": str(number)}, _ATTRIBUTE: {tag: _VALUES[tag][0]}}


def _clean_up(client: DynamoDBClient, table: Table, item: Item, governor: Governor) -> None:
    key = key_of(table.spec, item)
    cost = table.cost(Target(0, item, DELETE))
    governor.take(cost)
    with (
        translated("dynamodb:DeleteItem", f"table {table.name}"),
        suppress(client.exceptions.ConditionalCheckFailedException),
        attempts(governor, cost),
    ):
        client.delete_item(
            TableName=table.name,
            Key=key,
            ConditionExpression="attribute_exists(#p)",
            ExpressionAttributeNames={"#p": _ATTRIBUTE},
        )
    governor.settle(cost)
