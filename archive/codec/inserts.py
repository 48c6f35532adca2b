"""What is put back: as a PartiQL INSERT, without a TTL that has passed, and held against what is there already."""

from __future__ import annotations

from functools import lru_cache

from archive.codec.conditions import MOST_CHARACTERS, MOST_COMPARISONS
from archive.codec.values import AttributeValue, Item, canonical, number_of


def insert_statement(table: str, item: Item) -> str | None:
    """Return the INSERT whose parameters are the item's values in their order, or None where it must be put in another way.

    That is where it would be longer than DynamoDB takes, or a name would have to be escaped, which is not documented. An
    INSERT of a key that is there is refused (DuplicateItem):
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
    """
    return _statement(table, tuple(item))


@lru_cache(maxsize=4_096)
def _statement(table: str, names: tuple[str, ...]) -> str | None:
    """Return a statement's text, which is the same for all items with the same attributes in the same order."""
    if len(names) > MOST_COMPARISONS or not all(map(_can_be_quoted, names)):
        return None
    members = ", ".join(f"'{name}': ?" for name in names)
    text = f'INSERT INTO "{table}" VALUE {{{members}}}'
    return text if len(text) <= MOST_CHARACTERS else None


def _can_be_quoted(name: str) -> bool:
    return name.isprintable() and not any(character in "'\"\\" for character in name)


def has_passed(ttl: AttributeValue | None, now: int) -> bool:
    """Say whether a TTL (epoch seconds) lies at `now` or before it; what is no number never passes."""
    return ttl is not None and "N" in ttl and number_of(ttl["N"]) <= now


def lasting(item: Item, ttl: str | None, now: int) -> Item:
    """Return the item without the TTL attribute where it has passed: with it, the message would vanish again at once."""
    if ttl is None or not has_passed(item.get(ttl), now):
        return item
    return {name: value for name, value in item.items() if name != ttl}


def differing(one: Item, other: Item) -> list[str]:
    """Return the names of the attributes in which two items differ."""
    return sorted(name for name in one.keys() | other.keys() if not _same(one.get(name), other.get(name)))


def _same(one: AttributeValue | None, other: AttributeValue | None) -> bool:
    if one is None or other is None:
        return one is other
    return canonical({"": one}) == canonical({"": other})
