"""The parts of DynamoDB's answers that are no messages: counts, keys to go on from, and capacity."""

from __future__ import annotations

from decimal import ROUND_FLOOR
from typing import TypeVar

import msgspec

from archive.codec.fit import LATEST_MS
from archive.codec.values import AttributeValue, Item, from_wire, number_of
from archive.errors import ProofError
from archive.model.config import Module

_Shape = TypeVar("_Shape")


class Capacity(msgspec.Struct, gc=False):
    """What a request cost, where the server tells."""

    units: float | None = msgspec.field(name="CapacityUnits", default=None)


class Answer(msgspec.Struct, gc=False, kw_only=True):
    """What every Query or Scan answer has beside its items."""

    count: int = msgspec.field(name="Count")
    last_key: Item | None = msgspec.field(name="LastEvaluatedKey", default=None)
    capacity: Capacity | None = msgspec.field(name="ConsumedCapacity", default=None)

    @property
    def start_key(self) -> Item | None:
        """Where the next request starts, as the client takes it; None at the end."""
        return from_wire(self.last_key) if self.last_key else None

    @property
    def units(self) -> float | None:
        """The read units it cost, where the server tells."""
        return self.capacity.units if self.capacity else None


class KeysPage(Answer, gc=False, kw_only=True):
    """An answer that holds keys or a count, but no messages."""

    items: list[Item] = msgspec.field(name="Items", default_factory=list)


_keys_page = msgspec.json.Decoder(KeysPage)


def keys_page(body: bytes) -> KeysPage:
    """Decode the body of a Query or Scan answer of keys or a count. Raises ProofError where it is not one."""
    return parsed(_keys_page, body)


def parsed(decoder: msgspec.json.Decoder[_Shape], body: bytes | msgspec.Raw) -> _Shape:
    """Decode JSON. Raises ProofError where it is damaged or not of the decoder's shape."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise wrong_answer() from error


def wrong_answer() -> ProofError:
    """Return the error for an answer that is not what DynamoDB's answers are."""
    return ProofError("DynamoDB's answer is not the JSON it should be; nothing was archived from it, run again")


def module_of(value: AttributeValue) -> Module:
    """Return a module's value as settings and plans write it."""
    if "S" in value:
        return str(value["S"])
    number = number_of(value["N"])
    return int(number) if number == number.to_integral_value() else number


def milliseconds_of(value: AttributeValue) -> int:
    """Return a time key's value as whole epoch milliseconds, floored; what lies beyond the year 9999 is its last one."""
    number = number_of(value["N"])
    return LATEST_MS if number > LATEST_MS else int(number.to_integral_value(ROUND_FLOOR))
