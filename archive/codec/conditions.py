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
    return {name: item[name] for name in spec.primary_key}


def _compared(keys: tuple[str, str], names: Iterable[str], change: Change) -> list[str]:
    """Return the names of the attributes that are compared besides the key; an unmark compares the mark only."""
    return [change.attribute] if change.kind == "unmark" else sorted(set(names).difference(keys))


def _absent(names: Iterable[str], known: Iterable[str], change: Change) -> list[str]:
    """Return the names that must be missing: every known one that the archived item lacks, and the TTL that a mark sets."""
    if change.kind == "unmark":
        return []
    absent = set(known).difference(names)
    return sorted(absent | {change.attribute} if change.kind == "mark" else absent)


def _mark(change: Change) -> AttributeValue:
    return {"N": str(change.seconds)}


def expression(spec: TableSpec, target: Target, known: Iterable[str]) -> Expression | None:
    """Return the condition of a single DeleteItem or UpdateItem. Missing names that no longer fit in are left to the image.

    None where not even the archived attributes fit in: such a message cannot be removed safely.
    """
    change, item = target.change, target.item
    names = {"#k": spec.partition_key}
    values: dict[str, AttributeValue] = {}
    parts = ["attribute_exists(#k)"]
    for number, name in enumerate(_compared(spec.primary_key, item, change)):
        names[f"#a{number}"], values[f":a{number}"] = name, _mark(change) if change.kind == "unmark" else item[name]
        parts.append(f"#a{number} = :a{number}")
    length = len(_AND.join(parts))
    if length > MOST_EXPRESSION or len(parts) > MOST_COMPARISONS:
        return None
    for number, name in enumerate(_absent(item, known, change)):
        part = f"attribute_not_exists(#n{number})"
        length += len(_AND) + len(part)
        if length > MOST_EXPRESSION or len(parts) == MOST_COMPARISONS:
            break
        names[f"#n{number}"] = name
        parts.append(part)
    update = ""
    if change.kind == "mark":
        names["#ttl"], values[":ttl"] = change.attribute, _mark(change)
        update = "SET #ttl = :ttl"
    elif change.kind == "unmark":
        names["#ttl"] = change.attribute
        update = "REMOVE #ttl"
    return Expression(_AND.join(parts), update, names, values)


def statement(table: str, spec: TableSpec, target: Target, known: Iterable[str]) -> tuple[str, list[Any]] | None:
    """Return a PartiQL statement and its parameters, or None where it would be longer than DynamoDB takes."""
    change, item = target.change, target.item
    built = _statement(table, spec.primary_key, tuple(item), frozenset(known), change.kind, change.attribute)
    if built is None:
        return None
    text, names = built
    return text, [_mark(change) if name is None else item[name] for name in names]


@lru_cache(maxsize=4_096)
def _statement(
    table: str, keys: tuple[str, str], names: tuple[str, ...], known: frozenset[str], kind: str, attribute: str
) -> tuple[str, tuple[str | None, ...]] | None:
    """Return a statement's text, and the names whose values are its parameters (None: the mark); None where it would be too long.

    Both are the same for all messages with the same attributes.
    """
    change = Change(kind, attribute)
    compared = _compared(keys, names, change)
    absent = _absent(names, known, change)
    conditions = [f"{_quoted(name)}=?" for name in (*keys, *compared)] + [f"{_quoted(name)} IS MISSING" for name in absent]
    where = _AND.join(conditions)
    parameters: tuple[str | None, ...] = (*keys, *compared)
    if kind == "mark":
        text = f"UPDATE {_quoted(table)} SET {_quoted(attribute)}=? WHERE {where} RETURNING ALL OLD *"  # noqa: S608 - as below
        parameters = (None, *parameters)
    elif kind == "unmark":
        text = f"UPDATE {_quoted(table)} REMOVE {_quoted(attribute)} WHERE {where} RETURNING ALL OLD *"
        parameters = (*keys, None)
    else:
        text = f"DELETE FROM {_quoted(table)} WHERE {where} RETURNING ALL OLD *"  # noqa: S608 - names are quoted, values are parameters
    return None if len(text) > MOST_CHARACTERS or len(conditions) > MOST_COMPARISONS else (text, parameters)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
