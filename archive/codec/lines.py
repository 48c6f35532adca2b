"""One line of a JSON Lines file as a DynamoDB item: what DynamoDB would refuse is refused here, without showing any content."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from archive.codec.values import AttributeValue, Item, from_plain
from archive.errors import InputError
from archive.model.item_size import MOST_ITEM_BYTES, item_size

KeyTypes = Mapping[str, str]
_DIGITS: Final = 38
_SMALLEST, _LARGEST = -130, 125
_DEPTH: Final = 32
_TOO_MUCH: Final = f"has a number with more than {_DIGITS} digits or out of DynamoDB's range; write it as a text"
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_TYPES: Final = {"S": "a text", "N": "a number", "B": 'binary ({"$B": base64})'}


def parse_line(line: bytes, primary: KeyTypes, indexed: KeyTypes) -> Item:
    """Return the item that a line of plain JSON holds (see archive/codec/values.py for the tags).

    `primary` and `indexed` give the types (S, N or B) of the table's keys, which must be there, and of its indexes' keys,
    which may be absent. Raises InputError whose sentence goes on after "line 7 of FILE" and shows no value.
    """
    plain = _decode(line)
    if not isinstance(plain, dict):
        _refuse("is JSON, but not an object; write one whole object a line")
    for name, member in plain.items():
        if not name:
            _refuse("has an attribute without a name; name it or leave it out")
        _check(name, member, 1)
    item = {name: from_plain(member) for name, member in plain.items()}
    for name, kind in primary.items():
        if name not in item:
            _refuse(f"has no {name}, a key of the table; add it")
        _check_key(name, item[name], kind)
    for name, kind in indexed.items():
        if name in item:
            _check_key(name, item[name], kind)
    if (size := item_size(item)) > MOST_ITEM_BYTES:
        _refuse(f"is an item of {size:,} bytes, and DynamoDB takes {MOST_ITEM_BYTES:,} at most; shorten it")
    return item


def _decode(line: bytes) -> Any:  # noqa: ANN401 - JSON has no narrower type
    try:
        plain = _decoder.decode(line.decode("utf-8-sig"))
        if _ESCAPED_SURROGATE.search(line):
            json.dumps(plain, ensure_ascii=False, default=str).encode()  # half a character is no text
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        message = "is not a JSON object; write one whole object a line, in UTF-8"
        raise InputError(message) from error
    return plain


def key_of(item: Item, primary: KeyTypes) -> tuple[object, ...]:
    """Return what makes an item one item to DynamoDB: the values of its primary key, numbers by value."""
    return tuple(Decimal(item[name]["N"]) if kind == "N" else item[name][kind] for name, kind in primary.items())


def _refuse(problem: str) -> NoReturn:
    raise InputError(problem)


def _check_key(name: str, value: AttributeValue, kind: str) -> None:
    if kind not in value:
        _refuse(f"has a {name} of the wrong type; as a key of the table or of an index it must be {_TYPES[kind]}")
    if value[kind] in ("", b""):
        _refuse(f"has an empty {name}; a key of the table or of an index must not be empty")


def _check(name: str, plain: Any, depth: int) -> None:  # noqa: ANN401 - JSON has no narrower type
    """Refuse, inside the attribute `name`, tags that hold something else and what is nested too deeply."""
    if depth > _DEPTH:
        _refuse(f"has {name} nested more than {_DEPTH} levels deep, which DynamoDB does not take; flatten it")
    if isinstance(plain, list):
        for member in plain:
            _check(name, member, depth + 1)
    elif isinstance(plain, dict):
        tag = next(iter(plain), None) if len(plain) == 1 else None
        if tag in _TAGS:
            if not _TAGS[tag](plain[tag]):
                _refuse(f"has {name} with a {tag} that does not hold what it says; see the forms of binary, sets and maps")
            plain = plain["$M"] if tag == "$M" else {}
        for member in plain.values():
            _check(name, member, depth + 1)


def _is_base64(inner: object) -> bool:
    try:
        return isinstance(inner, str) and bool(b64decode(inner, validate=True) or not inner)
    except ValueError:
        return False


def _set_of(member: Callable[[object], bool]) -> Callable[[object], bool]:
    """Make the check of a set: at least one member, each of one kind and there once."""

    def check(inner: object) -> bool:
        return isinstance(inner, list) and bool(inner) and all(map(member, inner)) and len(set(inner)) == len(inner)

    return check


_TAGS: Final[dict[str, Callable[[object], bool]]] = {
    "$B": _is_base64,
    "$M": lambda inner: isinstance(inner, dict),
    "$SS": _set_of(lambda member: isinstance(member, str)),
    "$NS": _set_of(lambda member: isinstance(member, Decimal)),
    "$BS": _set_of(_is_base64),
}


def _number(text: str) -> Decimal:
    """Return a JSON number exactly, if DynamoDB can hold it exactly."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("Infinity")  # an exponent that not even Decimal takes
    if number.is_infinite():
        _refuse(_TOO_MUCH)
    if number:
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        if len(digits) > _DIGITS or not _SMALLEST <= number.adjusted() <= _LARGEST:
            _refuse(_TOO_MUCH)
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a name that is there twice would silently lose a value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("has an object with the same name twice; keep one")
    return found


def _constant(_: str) -> NoReturn:
    _refuse("has NaN or Infinity, which DynamoDB does not have; write null or leave it out")


_decoder: Final = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_once)
