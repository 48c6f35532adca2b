"""Which values a typed column holds exactly, and how a column of number texts is cast without trusting the cast."""

from __future__ import annotations

from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from archive.codec.values import AttributeValue, number_of, type_of
from archive.errors import ProofError
from archive.model.spec import REMAINDER, ColumnType, TableSpec

MARK: Final = "_mark"
"""Spool column: the TTL mark (epoch seconds) that Dynalake set on the item, or null. Never stored in the lake."""

_TAG_OF: Final = {"string": "S", "boolean": "BOOL", "int64": "N", "decimal": "N", "timestamp": "N"}
_EARLIEST_MS: Final = -62_135_596_800_000  # 0001-01-01, the first day that Athena's timestamps know
LATEST_MS: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999
_INT64: Final = 2**63


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Return the Arrow type of a column; timestamps are naive UTC milliseconds, as Athena's timestamp(3)."""
    match kind.kind:
        case "string":
            return pa.string()
        case "int64":
            return pa.int64()
        case "boolean":
            return pa.bool_()
        case "timestamp":
            return pa.timestamp("ms")
        case _:
            return pa.decimal128(kind.precision, kind.scale)


def row_schema(spec: TableSpec) -> pa.Schema:
    """Return the schema of rows in the lake: the spec's columns in order, then the remainder."""
    columns = [pa.field(column.name, arrow_type(column.type)) for column in spec.columns]
    return pa.schema([*columns, pa.field(REMAINDER, pa.string())])


def spool_schema(spec: TableSpec) -> pa.Schema:
    """Return the schema of rows on their way: as in the lake, and the mark."""
    return row_schema(spec).append(pa.field(MARK, pa.int64()))


def tag_of(kind: ColumnType) -> str:
    """Return the one DynamoDB type that a column can hold."""
    return _TAG_OF[kind.kind]


def fit(kind: ColumnType, value: AttributeValue) -> tuple[Any, bool]:
    """Return what the column gets for a value (number columns: its text), and whether that is the whole value.

    `(None, False)` where nothing of it fits. A timestamp finer than a millisecond is floored and not the whole value.
    """
    tag, inner = type_of(value)
    if tag != _TAG_OF[kind.kind]:
        return None, False
    if tag != "N":
        return inner, True
    return fit_number(kind, inner)


def fit_number(kind: ColumnType, text: str) -> tuple[str | None, bool]:
    """Return the text that is cast for a number, and whether it is the whole number."""
    number = number_of(text)
    if kind.kind == "decimal":
        return _fit_decimal(kind, number)
    adjusted = number.adjusted() if number else 0
    whole = number.to_integral_value(ROUND_FLOOR) if adjusted <= 20 else number  # noqa: PLR2004 - far beyond int64
    low, high = (-_INT64, _INT64 - 1) if kind.kind == "int64" else (_EARLIEST_MS, LATEST_MS)
    if not low <= whole <= high or (kind.kind == "int64" and whole != number):
        return None, False
    return str(int(whole)), whole == number


def _fit_decimal(kind: ColumnType, number: Decimal) -> tuple[str | None, bool]:
    if not number:
        return "0", True
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent = int(exponent) + len(text) - len(stripped)
    if -exponent > kind.scale or len(stripped) + exponent > kind.precision - kind.scale:
        return None, False
    unscaled = Decimal((sign, tuple(map(int, stripped)), exponent))
    return f"{unscaled:f}", True


def _guard(kind: ColumnType) -> str:
    """Return a pattern of number texts that Arrow is known to cast exactly; all others go through `fit_number`.

    Arrow's own casts cannot be asked: int64 takes '0x1F', and decimal128 takes too many digits and answers wrongly.
    """
    if kind.kind == "decimal":
        fraction = rf"(\.[0-9]{{1,{kind.scale}}})?" if kind.scale else ""
        digits = kind.precision - kind.scale
        head = rf"(0|[1-9][0-9]{{0,{digits - 1}}})" if digits else "0"
        return rf"^-?{head}{fraction}$"
    return r"^-?(0|[1-9][0-9]{0,17})$" if kind.kind == "int64" else r"^(0|[1-9][0-9]{0,13})$"


_PLAIN: Final = {"int64": (b"-0123456789", 18), "timestamp": (b"0123456789", 14)}
"""What `_guard` allows, as characters and how many of them; numbers that begin with zeros are equal to others and fit as well."""


class NumberColumn:
    """Casts a column of number texts; what the cast cannot be trusted with is judged one by one."""

    def __init__(self, kind: ColumnType) -> None:
        """Prepare the pattern for one column type."""
        self._kind = kind
        self._pattern = _guard(kind)
        self._type = arrow_type(kind)

    def cast(self, texts: list[str | None]) -> tuple[pa.Array, dict[int, str]]:
        """Return the column, and the texts by position that it does not hold as a whole."""
        array = pa.array(texts, pa.string())
        if self._plain_integers(array):
            with suppress(pa.ArrowInvalid):  # digits and signs that are no number
                return self._cast(array), {}
        trusted = pc.match_substring_regex(array, self._pattern)
        if pc.all(trusted, min_count=0).as_py():
            return self._cast(array), {}
        array, left_over = self._judge(texts, trusted.to_pylist())
        return self._cast(array), left_over

    def _cast(self, texts: pa.Array) -> pa.Array:
        return texts.cast(pa.int64()).cast(self._type) if self._kind.kind == "timestamp" else texts.cast(self._type)

    def _plain_integers(self, texts: pa.Array) -> bool:
        """Say whether texts have digits and minus signs alone, and so few that they fit: Arrow casts those exactly, or not at all.

        A look at all bytes at once: it saves the pattern for nearly all columns of whole numbers.
        """
        allowed = _PLAIN.get(self._kind.kind)
        _, ends, data = texts.buffers()
        if allowed is None or data is None:
            return False
        characters, longest = allowed
        lengths = np.diff(np.frombuffer(ends, np.int32)[: len(texts) + 1])
        return bool((lengths <= longest).all()) and not data.to_pybytes()[: int(lengths.sum())].translate(None, characters)

    def _judge(self, texts: list[str | None], trusted: list[bool | None]) -> tuple[pa.Array, dict[int, str]]:
        fitted = list(texts)
        left_over = {}
        for position, sure in enumerate(trusted):
            text = texts[position]
            if sure is False and text is not None:
                fitted[position], whole = fit_number(self._kind, text)
                if not whole:
                    left_over[position] = text
        return pa.array(fitted, pa.string()), left_over


def require_times(column: pa.Array) -> None:
    """Refuse rows without a time: it is part of the key, and decides the segment."""
    if column.null_count:
        message = "a message's time key is missing or lies outside the years 1 to 9999; set [source] earliest, and mend the item"
        raise ProofError(message)
