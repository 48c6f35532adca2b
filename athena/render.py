"""Shows an answer: as a table for people, as CSV or JSON for programs, as Parquet for other engines."""

from __future__ import annotations

import base64
import io
import json
import math
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, assert_never

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from archive.errors import InputError

Format = Literal["table", "csv", "json", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("table", "csv", "json", "parquet")
_WIDTH: Final = 120


def render(table: pa.Table, form: Format, width: int = _WIDTH) -> bytes:
    """Return an answer as bytes (UTF-8 where it is text, ending with a line break). `width` is that of the table form, in characters."""
    match form:
        case "table":
            return as_text(table, width).encode()
        case "csv":
            return as_csv(table)
        case "json":
            return as_json(table).encode()
        case "parquet":
            return as_parquet(table)
        case _:
            assert_never(form)


def as_text(table: pa.Table, width: int = _WIDTH) -> str:
    """Return a text table and the number of rows. NULL is shown as NULL; control characters, which could drive a terminal, as escapes."""
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for field in table.schema:
        numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        shown.add_column(Text(_visible(field.name)), justify="right" if numeric else "left", overflow="fold")
    for row in _rows(table):
        shown.add_row(*(Text("NULL", style="dim") if value is None else Text(_visible(_plain(value))) for value in row))
    with io.StringIO() as out:
        Console(file=out, width=width, color_system=None, highlight=False, legacy_windows=False).print(shown)
        lines = [line.rstrip() for line in out.getvalue().splitlines()]
    count = f"{table.num_rows} row" + ("" if table.num_rows == 1 else "s")
    return "\n".join([*(line for line in lines if line), count, ""])


def as_csv(table: pa.Table) -> bytes:
    """Return CSV with a header line. NULL is an empty field, an empty text is `""`; nested values are JSON."""
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_string(field.type) or pa.types.is_integer(field.type) or pa.types.is_boolean(field.type):
            columns.append(column)
        else:
            texts = [None if value is None else _plain(value) for value in column.to_pylist()]
            columns.append(pa.array(texts, pa.string()))
    out = io.BytesIO()
    pacsv.write_csv(pa.table(columns, names=table.column_names), out)
    return out.getvalue()


def as_json(table: pa.Table) -> str:
    """Return an array of one object a row, one row a line.

    Decimals are strings, because most readers turn JSON numbers into binary fractions and would lose digits. Times are ISO 8601 with
    milliseconds (with `Z` where the column has a zone; the lake's own are UTC without one), binary values base64, and what JSON has no
    number for the strings "NaN", "Infinity" and "-Infinity". Raises InputError where two columns have one name.
    """
    names = table.column_names
    for name in names:
        if names.count(name) > 1:
            message = f"two columns are called {name!r}, and a JSON object can hold one; give each its own name with AS"
            raise InputError(message)
    lines = (json.dumps(dict(zip(names, map(_json, row), strict=True)), ensure_ascii=False, allow_nan=False) for row in _rows(table))
    return "[" + ",".join(f"\n  {line}" for line in lines) + ("\n]\n" if table.num_rows else "]\n")


def as_parquet(table: pa.Table) -> bytes:
    """Return a Parquet file with the answer's own types."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _rows(table: pa.Table) -> Any:  # noqa: ANN401 - an iterator over tuples of Python values
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _plain(value: Any) -> str:  # noqa: ANN401 - any value of Arrow
    """Return a value as Athena shows it: times with a space and milliseconds, booleans in lower case."""
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(" ", "milliseconds")
        return f"{text} UTC" if value.tzinfo else text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return value
    changed = _json(value)
    return changed if isinstance(changed, str) else json.dumps(changed, ensure_ascii=False)


def _json(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any value of Arrow, one line for each kind
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat("T", "milliseconds") + ("Z" if value.tzinfo else "")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_json(inner) for inner in value]
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    return value


def _visible(text: str) -> str:
    escaped = {ord(character): repr(character)[1:-1] for character in text if unicodedata.category(character) in ("Cc", "Cf")}
    return text.translate(escaped)
