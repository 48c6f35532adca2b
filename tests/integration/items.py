"""Messages as plain Python values that can be compared: read from boto3's form, from a line of JSON, and sized as DynamoDB does.

It shares nothing with archive/codec, so that what the codec got wrong twice does not look right.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

Value = tuple[str, Any]
"""A type tag, and what it holds: text, Decimal, bytes, bool, None, a frozenset, a list of values, or a dict of values."""
Message = dict[str, Value]
Key = tuple[Any, Decimal]
"""A message's primary key."""
Wire = dict[str, Any]
"""An item or an attribute value as boto3's low-level client takes and gives it."""

_TAGGED: Final[dict[str, Callable[[Any], Any]]] = {
    "$B": b64decode,
    "$SS": frozenset,
    "$NS": frozenset,
    "$BS": lambda members: frozenset(map(b64decode, members)),
    "$M": lambda members: {name: value_of_json(member) for name, member in members.items()},
}


def _value(wire: Wire) -> Value:
    ((tag, inner),) = wire.items()
    return tag, _FROM_WIRE[tag](inner)


def message_of(item: Mapping[str, Any]) -> Message:
    """Read an item in boto3's form."""
    return {name: _value(value) for name, value in item.items()}


_FROM_WIRE: Final[dict[str, Callable[[Any], Any]]] = {
    "S": str,
    "N": Decimal,
    "B": bytes,
    "BOOL": bool,
    "NULL": lambda _: None,
    "SS": frozenset,
    "NS": lambda members: frozenset(map(Decimal, members)),
    "BS": lambda members: frozenset(map(bytes, members)),
    "L": lambda members: [_value(member) for member in members],
    "M": message_of,
}


def value_of_json(plain: Any) -> Value:  # noqa: ANN401 - JSON has no narrower type
    """Read plain JSON (numbers as Decimal) with the tags that stand for what JSON has no form for."""
    if isinstance(plain, dict):
        if len(plain) == 1 and (tag := next(iter(plain))) in _TAGGED:
            return tag[1:], _TAGGED[tag](plain[tag])
        return "M", {name: value_of_json(member) for name, member in plain.items()}
    if isinstance(plain, list):
        return "L", [value_of_json(member) for member in plain]
    for kind, tag in ((bool, "BOOL"), (Decimal, "N"), (str, "S")):
        if isinstance(plain, kind):
            return tag, plain
    assert plain is None, f"JSON holds a {type(plain)}"
    return "NULL", None


def message_of_json(text: str | bytes) -> Message:
    """Read a JSON object whose members are attributes, each number with all its digits."""
    plain = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return {name: value_of_json(value) for name, value in plain.items()}


def by_key(messages: Iterable[Message], partition: str = "conversationId", time: str = "timestamp") -> dict[Key, Message]:
    """Return the messages by primary key, each of which must be there once."""
    found: dict[Key, Message] = {}
    for message in messages:
        key = (message[partition][1], message[time][1])
        assert key not in found, "two messages have one key"
        found[key] = message
    return found


def size_of(message: Message) -> int:
    """Return an item's size as DynamoDB bills a read of it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _size(value) for name, value in message.items())


def _size(value: Value) -> int:
    tag, inner = value
    if tag in ("S", "B"):
        return len(inner.encode() if tag == "S" else inner)
    if tag == "N":
        return _number_size(inner)
    if tag in ("BOOL", "NULL"):
        return 1
    if tag == "L":
        return 3 + sum(1 + _size(member) for member in inner)
    if tag == "M":
        return 3 + sum(1 + len(name.encode()) + _size(member) for name, member in inner.items())
    return sum(_size((tag[0], member)) for member in inner)


def _number_size(number: Decimal) -> int:
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return (len(digits) + 1) // 2 + 1 + (number < 0)
