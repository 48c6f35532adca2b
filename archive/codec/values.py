"""One attribute value as plain JSON that an analyst can read, and back, without losing anything.

S, N, BOOL, NULL, M and L become plain JSON (a number keeps all its digits). What plain JSON has no form for becomes
an object with one tag: `{"$B": base64}`, `{"$SS": [...]}`, `{"$NS": [...]}`, `{"$BS": [...]}`; a map that looks like
a tag is wrapped: `{"$M": {...}}`. Equal values give equal text: numbers are canonical, sets and map keys are sorted.

Attribute values are in the form that boto3's low-level client takes and gives: `{"N": "1.5"}`, `{"B": b"..."}`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import NoneType
from typing import Any, Final, cast

import msgspec

from archive.errors import ProofError

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

TAGS: Final = frozenset({"$B", "$SS", "$NS", "$BS", "$M"})
"""The names that mark what plain JSON has no form for."""

_BINARY: Final = (bytes, bytearray, str)
_HOLDS: Final[dict[str, type | tuple[type, ...]]] = {
    "S": str,
    "N": str,
    "B": _BINARY,
    "BOOL": bool,
    "NULL": bool,
    "M": dict,
    "L": list,
    "SS": list,
    "NS": list,
    "BS": list,
}
_SHORT_INTEGER: Final = 18  # digits that always fit an int64, so that the encoder may print them itself
_PLAIN_DIGITS: Final = 38  # what DynamoDB's numbers can have; longer ones are shown with an exponent
_SMALLEST_PLAIN: Final = -7
_encode = msgspec.json.Encoder(order="sorted").encode


def number_of(text: str) -> Decimal:
    """Return the value of a number's text, exactly. Raises ProofError for what is no number, NaN and infinity."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        message = "an attribute of type N does not hold a number; nothing was archived from this page"
        raise ProofError(message) from error
    if not number.is_finite():
        message = "an attribute of type N holds NaN or infinity, which DynamoDB does not have; nothing was archived from this page"
        raise ProofError(message)
    return number


@lru_cache(maxsize=65_536)
def canonical_number(text: str) -> str:
    """Return the one spelling of a number: no sign of zero, no trailing zeros, an exponent only where it is far.

    `1.0`, `1` and `1E0` are one number to DynamoDB; the result is a JSON number with the same value.
    Raises ProofError for what is no number.
    """
    sign, digit_tuple, exponent = cast("tuple[int, tuple[int, ...], int]", number_of(text).as_tuple())
    digits = "".join(map(str, digit_tuple)).lstrip("0")
    stripped = digits.rstrip("0")
    if not stripped:
        return "0"
    exponent += len(digits) - len(stripped)
    adjusted = len(stripped) - 1 + exponent
    minus = "-" if sign else ""
    if exponent >= 0 and adjusted < _PLAIN_DIGITS:
        return minus + stripped + "0" * exponent
    if exponent < 0 and adjusted >= 0:
        return f"{minus}{stripped[:exponent]}.{stripped[exponent:]}"
    if exponent < 0 and adjusted >= _SMALLEST_PLAIN:
        return f"{minus}0.{'0' * (-adjusted - 1)}{stripped}"
    fraction = f".{stripped[1:]}" if len(stripped) > 1 else ""
    return f"{minus}{stripped[0]}{fraction}E{adjusted:+d}"


def plain_number(text: str) -> int | msgspec.Raw:
    """Return what `encode_plain` prints for a number: its one spelling. Raises ProofError for what is no number."""
    text = canonical_number(text)
    if len(text) <= _SHORT_INTEGER and text.lstrip("-").isdigit():
        return int(text)
    return msgspec.Raw(text.encode())


def _base64(data: bytes | str) -> str:
    """Return base64 text of bytes (from the client) or of text that is base64 already (from the wire)."""
    return b64encode(_bytes_of(data) if isinstance(data, str) else data).decode()


def _bytes_of(text: str) -> bytes:
    """Return what base64 text holds; the standard library's decoder skips what is none, unless it is told not to."""
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        message = "an attribute of type B does not hold base64; nothing was archived from this page"
        raise ProofError(message) from error


def type_of(value: object) -> tuple[str, Any]:
    """Return an attribute value's type tag and what it holds. Raises ProofError where that is not of the type it says."""
    if isinstance(value, dict) and len(value) == 1:
        ((tag, inner),) = value.items()
        if tag not in _HOLDS:
            message = f"DynamoDB answered with a type {tag!r} that Dynalake does not know; nothing was archived from this page"
            raise ProofError(message)
        if isinstance(inner, _HOLDS[tag]):
            return tag, inner
    message = "an attribute's value is not of the type it says it is; nothing was archived from this page"
    raise ProofError(message)


def types_in(item: Item) -> set[str]:
    """Return the types of an item's attributes."""
    return set().union(*item.values())


def from_wire(key: Item) -> Item:
    """Return a key as boto3's client takes it: binary is base64 text on the wire."""
    ours: Item = {}
    for name, value in key.items():
        tag, inner = type_of(value)
        ours[name] = {tag: _bytes_of(inner) if tag == "B" else inner}
    return ours


def to_plain(value: AttributeValue) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return what `encode_plain` prints for one attribute value.

    Binary may be bytes or, as it is on the wire, base64 text. Raises ProofError for what is no attribute value.
    """
    tag, inner = type_of(value)
    if tag in ("S", "BOOL"):
        return inner
    if tag == "N":
        return plain_number(inner)
    if tag == "M":
        plain = {name: to_plain(member) for name, member in inner.items()}
        return {"$M": plain} if len(plain) == 1 and not TAGS.isdisjoint(plain) else plain
    if tag == "L":
        return [to_plain(member) for member in inner]
    if tag == "NULL":
        return None
    return _tagged(tag, inner)


def _tagged(tag: str, inner: Any) -> dict[str, Any]:  # noqa: ANN401
    if tag == "B":
        return {"$B": _base64(inner)}
    member = tag[0]
    for one in inner:
        type_of({member: one})
    if member == "N":
        return {"$NS": [plain_number(text) for text in sorted(inner, key=number_of)]}
    return {f"${tag}": sorted(map(_base64, inner) if member == "B" else inner)}


def encode_plain(plain: object) -> bytes:
    """Return the JSON text of attributes made plain (a dictionary or a struct of them): one spelling for equal values."""
    return _encode(plain)


def canonical(item: Item) -> bytes:
    """Return the one spelling of a whole item: two items are equal to DynamoDB exactly if their spellings are."""
    return _encode({name: to_plain(value) for name, value in item.items()})


def equal(one: Item, other: Item) -> bool:
    """Say whether two items are equal to DynamoDB, whichever way their numbers, sets and binary are spelled."""
    return one == other or canonical(one) == canonical(other)


class _Digits(str):
    """The text of a JSON number that is not a whole one, with every digit."""

    __slots__ = ()


def from_plain(plain: Any) -> AttributeValue:  # noqa: ANN401
    """Return the attribute value of one plain JSON value whose numbers are Decimal, int or digits; undoes `to_plain`."""
    return _FROM_PLAIN[type(plain)](plain)


def _number(number: Any) -> AttributeValue:  # noqa: ANN401 - digits, or a Decimal
    return {"N": canonical_number(str(number))}


def _integer(number: int) -> AttributeValue:
    text = str(number)
    return {"N": text if len(text) <= _PLAIN_DIGITS else canonical_number(text)}


def _object(members: dict[str, Any]) -> AttributeValue:
    if len(members) == 1:
        ((tag, inner),) = members.items()
        if tag in TAGS:
            return _untagged(tag, inner)
    return {"M": {name: _FROM_PLAIN[type(member)](member) for name, member in members.items()}}


_FROM_PLAIN: Final[dict[type, Callable[[Any], AttributeValue]]] = {
    str: lambda text: {"S": text},
    int: _integer,
    _Digits: _number,
    Decimal: _number,
    bool: lambda boolean: {"BOOL": boolean},
    NoneType: lambda _: {"NULL": True},
    list: lambda members: {"L": [_FROM_PLAIN[type(member)](member) for member in members]},
    dict: _object,
}


def _untagged(tag: str, inner: Any) -> AttributeValue:  # noqa: ANN401
    if tag == "$M":
        return {"M": {name: from_plain(member) for name, member in inner.items()}}
    if tag == "$B":
        return {"B": b64decode(inner)}
    if tag == "$BS":
        return {"BS": [b64decode(member) for member in inner]}
    if tag == "$NS":
        return {"NS": [canonical_number(str(member)) for member in inner]}
    return {"SS": list(inner)}


_decode = msgspec.json.Decoder(float_hook=_Digits).decode


def decode_plain(text: str) -> Item:
    """Return the attributes that `encode_plain` printed, as an item."""
    attributes: dict[str, Any] = _decode(text)
    return {name: _FROM_PLAIN[type(plain)](plain) for name, plain in attributes.items()}
