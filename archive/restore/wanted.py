"""Which archived messages are wanted: a window, and for some columns the values they may have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from archive.codec.fit import arrow_type, tag_of
from archive.errors import InputError
from archive.model.config import Module
from archive.model.spec import TableSpec
from archive.model.window import Window

Ends = tuple[Any, Any, bool] | None
"""A column's least and greatest value (times: epoch milliseconds), and whether it may have nulls; None: not known."""
ALL_TIME: Final = Window(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows in `window` (None: at any time) that have, in each column of `values`, one of its values."""

    spec: TableSpec
    window: Window | None
    values: dict[str, tuple[Any, ...]]

    @property
    def modules(self) -> tuple[Module, ...] | None:
        """The modules asked for, or None for all."""
        return self.values.get(self.spec.module_column)

    @property
    def columns(self) -> list[str]:
        """The columns that decide."""
        return list(dict.fromkeys([*self.values, *([self.spec.time_column] if self.window else [])]))

    def verdict(self, ends: dict[str, Ends]) -> bool | None:
        """Judge rows by what is known of each deciding column: True: all are wanted; False: none is; None: look at them."""
        verdicts = [self._by_ends(name, ends[name]) for name in self.columns]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def _by_ends(self, name: str, ends: Ends) -> bool | None:
        if ends is None:
            return None
        low, high, nulls = ends
        certain = not nulls
        if name in self.values:
            values = self.values[name]
            if not any(low <= value <= high for value in values):
                return False
            certain = certain and low == high
        if name == self.spec.time_column and self.window:
            start, end = self.window.start_ms, self.window.end_ms
            if high < start or low >= end:
                return False
            certain = certain and start <= low and high < end
        return True if certain else None

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Say of each row (of the deciding columns, at least) whether it is wanted; null is never."""
        mask = pa.chunked_array([pa.repeat(pa.scalar(value=True), rows.num_rows)])
        for name, values in self.values.items():
            kind = rows.schema.field(name).type
            mask = pc.and_(mask, pc.is_in(rows.column(name), value_set=pa.array(values, kind)))
        if self.window:
            times = rows.column(self.spec.time_column).cast(pa.int64())
            mask = pc.and_(mask, pc.and_(pc.greater_equal(times, self.window.start_ms), pc.less(times, self.window.end_ms)))
        return mask


def values_of(spec: TableSpec, column: str, texts: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what people write as values of a column; raises InputError for an unknown column or what it cannot hold."""
    declared = next((entry for entry in spec.columns if entry.name == column), None)
    if declared is None:
        message = f"the lake has no column {column}; its columns are {', '.join(entry.name for entry in spec.columns)}"
        raise InputError(message)
    if tag_of(declared.type) == "S":
        return texts
    try:
        if declared.type.kind == "int64":
            values: tuple[Any, ...] = tuple(int(text) for text in texts)
        elif declared.type.kind == "decimal":
            values = tuple(Decimal(text) for text in texts)
        else:
            message = f"messages cannot be chosen by {column}, a column of type {declared.type}; choose by another, or by --from and --to"
            raise InputError(message)
        pa.array(values, arrow_type(declared.type))
    except (ValueError, ArithmeticError, pa.ArrowException) as error:
        message = f"{column} is a column of type {declared.type}; give a number that it can hold"
        raise InputError(message) from error
    return values
