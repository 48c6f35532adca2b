"""Answers a question with DuckDB over the lake's own objects: nothing is registered, downloaded, written or copied."""

from __future__ import annotations

import re
from typing import Any, Final

import duckdb
import pyarrow as pa

from archive.errors import InputError
from athena.config import Catalog
from athena.dialect import translate
from athena.macros import LOCKS, connect
from athena.objects import LakeObjects, service_error
from athena.tables import RECEIPTS

_WIDE: Final = ("HUGEINT", "UBIGINT", "UHUGEINT")
_MISSING = re.compile(r'Referenced (?:column|table) "([^"]+)"|Table "([^"]+)" does not have a column named "([^"]+)"')
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")


def ask(sql: str, catalog: Catalog, objects: LakeObjects) -> pa.Table:
    """Return the answer to one question in Athena's SQL.

    The tables are known by their bare names and as `database.name`. Raises InputError for a question that is not one read-only query,
    names something that is not there, or that DuckDB cannot answer as Athena does; ServiceError where objects cannot be read.
    """
    question = translate(sql, catalog.tables)
    connection = connect()
    try:
        _register(connection, catalog, objects, question.tables)
        relation = connection.sql(question.sql)
        types = [str(kind) for kind in relation.types]
        return _as_athena(relation.to_arrow_table(), types)
    except duckdb.Error as error:
        raise _input_error(error, catalog) from error
    except OSError as error:
        raise service_error(error, f"s3:GetObject below {catalog.location}") from error
    finally:
        connection.close()


def _register(connection: duckdb.DuckDBPyConnection, catalog: Catalog, objects: LakeObjects, names: frozenset[str]) -> None:
    """Make a view in the database's schema for each table that the question names: nothing else is listed on S3."""
    database = _quoted(catalog.config.database)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database}")
    sources: dict[str, Any] = {}
    if catalog.config.table in names:
        sources[catalog.config.table] = objects.messages(catalog.spec)
    if RECEIPTS in names:
        sources[RECEIPTS] = objects.receipts()
    for name, source in sources.items():
        registered = f"__objects_of_{name}"
        connection.register(registered, source)
        connection.execute(f"CREATE VIEW {database}.{_quoted(name)} AS SELECT * FROM {_quoted(registered)}")  # noqa: S608 - quoted names
    connection.execute(f"SET search_path = {_literal(catalog.config.database)}")
    for lock in LOCKS:
        connection.execute(lock)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _as_athena(table: pa.Table, types: list[str]) -> pa.Table:
    """Return the table with the types that Athena gives: sums of integers are bigint, timestamps have milliseconds, intervals are text."""
    fields, columns = [], []
    for field, column, kind in zip(table.schema, table.columns, types, strict=True):
        changed, values = field.type, column
        if kind in _WIDE:
            changed = pa.int64()
        elif pa.types.is_timestamp(field.type):
            changed = pa.timestamp("ms", "UTC" if field.type.tz else None)
        elif kind == "INTERVAL":
            changed = pa.string()
            values = pa.array([None if value is None else _interval(*value) for value in column.to_pylist()], changed)
        elif kind == "JSON" or pa.types.is_null(field.type):
            changed = pa.string()
        fields.append(pa.field(field.name, changed))
        # Finer than a millisecond is cut off; everything else must fit.
        columns.append(values.cast(changed, safe=not pa.types.is_timestamp(changed)))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """Show an interval as Athena does: `2-6` (years and months) or `14 01:30:00.000` (days and a time)."""
    if months:
        years, rest = divmod(abs(months), 12)
        return f"{'-' if months < 0 else ''}{years}-{rest}"
    milliseconds = days * 86_400_000 + nanoseconds // 1_000_000
    seconds, rest = divmod(abs(milliseconds), 1_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{'-' if milliseconds < 0 else ''}{hours // 24} {hours % 24:02}:{minute:02}:{second:02}.{rest:03}"


def _input_error(error: duckdb.Error, catalog: Catalog) -> InputError:
    text = str(error).split("\n", maxsplit=1)[0]
    if match := _MISSING_TABLE.search(text):
        return InputError(f"there is no table {match[1]!r}; {catalog.describe()}")
    if match := _MISSING.search(text):
        name = match[1] or match[3]
        return InputError(f"there is no column or table {name!r}; {catalog.describe()}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return InputError("the question needs more memory than this machine gives; name fewer days of dt, or ask the engine athena")
    if "does not exist" in text and "Function" in text:
        return InputError(f"DuckDB does not know this function of Athena's ({text}); ask Athena itself with the engine athena")
    return InputError(f"the question failed: {text}")
