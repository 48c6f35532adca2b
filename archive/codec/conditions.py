"""What must still hold at the base table for a message to be removed: as a ConditionExpression and as PartiQL.

It compares every archived attribute and says that every other attribute name known is missing. DynamoDB has no
condition "and nothing else", so an attribute nobody ever saw is found only in the image that comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from archive.codec.values import AttributeValue, Item
from archive.model.spec import TableSpec

MOST_CHARACTERS: Final = 8_192
"""A PartiQL statement's length (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html)."""
MOST_COMPARISONS: Final = 150
"""Comparisons in one condition; DynamoDB takes 300 operators, and the ANDs between them may count as well."""
MOST_EXPRESSION: Final = 4_096
"""Bytes of a ConditionExpression (the same page says so)."""
_AND: Final = " AND "


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a message: `delete` it, `mark` it with a TTL (epoch seconds), or `unmark` one it has."""

    kind: str
    attribute: str = ""
    seconds: int = 0


DELETE: Final = Change("delete")


@dataclass(frozen=True, slots=True)
class Target:
    """One archived message: its row's position in the segment, the item as archived, and what is to happen to it."""

    position: int
    item: Item
    change: Change


@dataclass(frozen=True, slots=True)
class Expression:
    """A ConditionExpression (and UpdateExpression) with its placeholders."""

    condition: str
    update: str
    names: dict[str, str]
    values: dict[str, AttributeValue]


def key_of(spec: TableSpec, item: Item) -> Item:
    """Return an item's primary key."""
    return {name: item[name] for name in (spec.partition_key, spec.time_key)}


def _compared(spec: TableSpec, target: Target) -> dict[str, AttributeValue]:
    """Return the attributes that are compared besides the key; an unmark compares the mark only."""
    change = target.change
    if change.kind == "unmark":
        return {change.attribute: {"N": str(change.seconds)}}
    return {name: value for name, value in target.item.items() if name not in (spec.partition_key, spec.time_key)}


def _absent(target: Target, known: Iterable[str]) -> list[str]:
    """Return the names that must be missing: every known one that the archived item lacks, and the TTL that a mark sets."""
    if target.change.kind == "unmark":
        return []
    names = set(known).difference(target.item)
    if target.change.kind == "mark":
        names.add(target.change.attribute)
    return sorted(names)


def expression(spec: TableSpec, target: Target, known: Iterable[str]) -> Expression | None:
    """Return the condition of a single DeleteItem or UpdateItem. Missing names that no longer fit in are left to the image.

    None where not even the archived attributes fit in: such a message cannot be removed safely.
    """
    names = {"#k": spec.partition_key}
    values: dict[str, AttributeValue] = {}
    parts = ["attribute_exists(#k)"]
    for number, (name, value) in enumerate(sorted(_compared(spec, target).items())):
        names[f"#a{number}"], values[f":a{number}"] = name, value
        parts.append(f"#a{number} = :a{number}")
    length = len(_AND.join(parts))
    if length > MOST_EXPRESSION or len(parts) > MOST_COMPARISONS:
        return None
    for number, name in enumerate(_absent(target, known)):
        part = f"attribute_not_exists(#n{number})"
        length += len(_AND) + len(part)
        if length > MOST_EXPRESSION or len(parts) == MOST_COMPARISONS:
            break
        names[f"#n{number}"] = name
        parts.append(part)
    update = ""
    if target.change.kind == "mark":
        names["#ttl"], values[":ttl"] = target.change.attribute, {"N": str(target.change.seconds)}
        update = "SET #ttl = :ttl"
    elif target.change.kind == "unmark":
        names["#ttl"] = target.change.attribute
        update = "REMOVE #ttl"
    return Expression(_AND.join(parts), update, names, values)


def statement(table: str, spec: TableSpec, target: Target, known: Iterable[str]) -> tuple[str, list[Any]] | None:
    """Return a PartiQL statement and its parameters, or None where it would be longer than DynamoDB takes."""
    key, compared, change = key_of(spec, target.item), sorted(_compared(spec, target).items()), target.change
    names = (*key, *(name for name, _ in compared))
    text = _statement(table, names, tuple(_absent(target, known)), change.kind, change.attribute)
    if text is None:
        return None
    parameters: list[Any] = [*key.values(), *(value for _, value in compared)]
    if change.kind == "mark":
        parameters.insert(0, {"N": str(change.seconds)})
    return text, parameters


@lru_cache(maxsize=4_096)
def _statement(table: str, compared: tuple[str, ...], absent: tuple[str, ...], kind: str, attribute: str) -> str | None:
    """Return a statement's text, which is the same for all messages with the same attributes; None where it would be too long."""
    conditions = [f"{_quoted(name)}=?" for name in compared] + [f"{_quoted(name)} IS MISSING" for name in absent]
    where = _AND.join(conditions)
    if kind == "mark":
        text = f"UPDATE {_quoted(table)} SET {_quoted(attribute)}=? WHERE {where} RETURNING ALL OLD *"  # noqa: S608 - as below
    elif kind == "unmark":
        text = f"UPDATE {_quoted(table)} REMOVE {_quoted(attribute)} WHERE {where} RETURNING ALL OLD *"
    else:
        text = f"DELETE FROM {_quoted(table)} WHERE {where} RETURNING ALL OLD *"  # noqa: S608 - names are quoted, values are parameters
    return None if len(text) > MOST_CHARACTERS or len(conditions) > MOST_COMPARISONS else text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
