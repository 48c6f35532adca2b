"""Turns Athena's results, in which everything is text, into typed Arrow columns: the pages of GetQueryResults, and the CSV file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyarrow import csv

_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")


def column_type(column: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a pyarrow type
    """Return the Arrow type for one entry of ResultSetMetadata.ColumnInfo.

    Timestamps have milliseconds (naive: UTC); those with a zone are turned into UTC. Arrays, maps and rows stay the text that Athena
    gives, which cannot be read back without doubt.
    """
    kind = str(column["Type"]).lower()
    if kind == "decimal":
        return pa.decimal128(column["Precision"], column["Scale"])
    return _TYPES.get(kind, pa.string())


def to_table(columns: Sequence[Mapping[str, Any]], rows: Sequence[Sequence[str | None]]) -> pa.Table:
    """Return a table from the column information and from the rows' texts; None is NULL."""
    return _typed(columns, [[row[index] for row in rows] for index in range(len(columns))])


def read_csv(columns: Sequence[Mapping[str, Any]], data: bytes) -> pa.Table:
    """Return a table from the column information and from the result's CSV file.

    Athena puts every value in quotes, and nothing at all for NULL: so an empty text is `""`. The first line has the columns' names.
    """
    names = [str(index) for index in range(len(columns))]
    texts = csv.read_csv(
        pa.BufferReader(data),
        # Names may be there twice; they are those of `columns` in the end. The line of names is read, and left out, as a row.
        read_options=csv.ReadOptions(column_names=names, skip_rows_after_names=1),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return _typed(columns, [texts[name].to_pylist() for name in names])


def _typed(columns: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str | None]]) -> pa.Table:
    arrays = []
    for column, values in zip(columns, texts, strict=True):
        read = _READERS.get(str(column["Type"]).lower(), str)
        arrays.append(pa.array([None if text is None else read(text) for text in values], column_type(column)))
    names = [str(column.get("Label") or column["Name"]) for column in columns]
    return pa.Table.from_arrays(arrays, names=names)


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text[:23])


def _zoned(text: str) -> datetime:
    """Read `2024-01-31 12:00:00.000 Europe/Berlin`, `... UTC` or `... +01:00`."""
    stamp, _, zone = text.rpartition(" ")
    if _OFFSET.fullmatch(zone):
        return datetime.fromisoformat(stamp[:23] + zone).astimezone(UTC)
    return datetime.fromisoformat(stamp[:23]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


_TYPES: Final[Mapping[str, Any]] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
    "timestamp with time zone": pa.timestamp("ms", "UTC"),
    "varbinary": pa.binary(),
}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "boolean": "true".__eq__,
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": _timestamp,
    "timestamp with time zone": _zoned,
    "varbinary": bytes.fromhex,
}
