"""Turns the pages of Athena's GetQueryResults, in which everything is text, into typed Arrow columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

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


def to_table(columns: Sequence[Mapping[str, Any]], rows: Sequence[Sequence[Mapping[str, str]]]) -> pa.Table:
    """Return a table from the column information and from the rows' `Data` lists; an entry without VarCharValue is NULL."""
    arrays = []
    for index, column in enumerate(columns):
        read = _READERS.get(str(column["Type"]).lower(), str)
        texts = (row[index].get("VarCharValue") for row in rows)
        arrays.append(pa.array([None if text is None else read(text) for text in texts], column_type(column)))
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
