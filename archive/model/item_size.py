"""How many bytes DynamoDB counts for an item: what its request units are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, cast

MOST_ITEM_BYTES: Final = 400 * 1_024
_NESTED: Final = 3  # bytes of a list or a map, whatever it holds
_ELEMENT: Final = 1  # bytes more for each thing it holds
_REMEMBERED: Final = 4_096  # names and numbers: most come again and again


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return an item's size in bytes: the UTF-8 bytes of its attribute names, and the sizes of their values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html gives the rules, but of numbers
    only approximately: here they are as DynamoDB was measured to count them, which is never less. That page is silent about sets:
    their members count, and nothing else. Binary may be bytes or, as it is on the wire, base64 text.
    """
    return sum(map(_name_size, item)) + sum(map(_value_size, item.values()))


def _value_size(value: Mapping[str, Any]) -> int:
    [tag] = value  # quicker than to unpack an item of it
    inner = value[tag]
    if tag == "S":  # the frequent ones first: each message that is removed is measured
        return len(inner) if inner.isascii() else len(inner.encode())
    if tag == "N":
        return _number_size(inner)
    if tag == "M":
        return _NESTED + _ELEMENT * len(inner) + sum(map(_name_size, inner)) + sum(map(_value_size, inner.values()))
    if tag == "L":
        return _NESTED + _ELEMENT * len(inner) + sum(map(_value_size, inner))
    if tag in ("SS", "NS", "BS"):
        return sum(_scalar_size(tag[0], member) for member in inner)
    return _scalar_size(tag, inner)


def _scalar_size(tag: str, inner: Any) -> int:  # noqa: ANN401 - as its tag says
    if tag in ("BOOL", "NULL"):
        return 1
    if tag == "N":
        return _number_size(inner)
    if tag == "B":
        return len(inner) // 4 * 3 - inner.count("=") if isinstance(inner, str) else len(inner)
    return len(inner.encode())


@lru_cache(maxsize=_REMEMBERED)
def _name_size(name: str) -> int:
    return len(name.encode())


@lru_cache(maxsize=_REMEMBERED)
def _number_size(text: str) -> int:
    """Return the size of a number: a byte, one for each two digits on either side of the point, one for a minus sign.

    Zeros at both ends are not counted, nor is an exponent: 1E+125 takes two bytes. A zero takes one.
    """
    if text.isascii() and text.isdigit() and text[0] != "0":
        return 1 + _pairs(len(text.rstrip("0")))
    sign, digit_tuple, exponent = cast("tuple[int, tuple[int, ...], int]", Decimal(text).as_tuple())
    digits = "".join(map(str, digit_tuple)).lstrip("0")
    significant = len(digits.rstrip("0"))
    if not significant:
        return 1
    exponent += len(digits) - significant
    whole = significant + exponent
    pairs = _pairs(whole) + _pairs(-exponent) if exponent < 0 < whole else _pairs(significant)
    return 1 + pairs + sign


def _pairs(digits: int) -> int:
    return (digits + 1) // 2
