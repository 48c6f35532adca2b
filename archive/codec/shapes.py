"""How the values of attributes that nobody declared look: learned value by value, and joined into one shape an attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from archive.codec.values import TAGS, AttributeValue, type_of

MOST_NAMES: Final = 64
"""Members of a map that are learned: a struct of thousands of fields is slower than a dictionary."""

_LARGEST: Final = 512  # parts of one attribute's shape; so an attribute is learned anew a bounded number of times


@dataclass(frozen=True, slots=True)
class Shape:
    """What one attribute's values have in common. `tag` is S, N, BOOL, NULL, M or L, or one of the two below."""

    tag: str
    members: Mapping[str, Shape] = field(default_factory=dict)
    """Of a map: every name met so far. Each may be absent."""
    element: Shape | None = None
    """Of a list: what all its members have in common."""


UNKNOWN: Final = Shape("unknown")
"""Of no value: what the members of empty lists have in common."""

ANYTHING: Final = Shape("anything")
"""Of values that share no shape, and of those that are not learned (binary, sets, maps that look like a tag): they are read one by one."""

_SCALARS: Final = {tag: Shape(tag) for tag in ("S", "N", "BOOL", "NULL")}


def shape_of(value: AttributeValue) -> Shape:
    """Return one value's shape. Raises ProofError for what is no attribute value."""
    tag, inner = type_of(value)
    if tag == "L":
        return Shape("L", element=reduce(joined, map(shape_of, inner), UNKNOWN))
    if tag == "M":
        return _map({name: shape_of(member) for name, member in inner.items()})
    return _SCALARS.get(tag, ANYTHING)


def learned(known: Shape, values: Iterable[AttributeValue]) -> Shape:
    """Return the shape of an attribute after more values. It only ever grows, a bounded number of times."""
    shape = reduce(joined, map(shape_of, values), known)
    return shape if _size(shape) <= _LARGEST else ANYTHING


def joined(one: Shape, other: Shape) -> Shape:
    """Return what two shapes have in common."""
    if other in (one, UNKNOWN):
        return one
    if one is UNKNOWN:
        return other
    if one.tag != other.tag:
        return ANYTHING
    if one.element is not None and other.element is not None:
        return Shape("L", element=joined(one.element, other.element))
    return _map(
        {name: joined(one.members.get(name, UNKNOWN), other.members.get(name, UNKNOWN)) for name in {**one.members, **other.members}}
    )


def can_be_a_field(name: str) -> bool:
    """Say whether msgspec can name a field so: it takes no quote, no backslash and no control character."""
    return name.isprintable() and '"' not in name and "\\" not in name


def _map(members: dict[str, Shape]) -> Shape:
    if len(members) > MOST_NAMES or not TAGS.isdisjoint(members) or not all(map(can_be_a_field, members)):
        return ANYTHING
    return Shape("M", members)


def _size(shape: Shape) -> int:
    return 1 + sum(map(_size, shape.members.values())) + (_size(shape.element) if shape.element else 0)
