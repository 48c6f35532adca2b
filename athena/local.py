"""Answers a question with DuckDB over the lake's own objects: nothing is registered, downloaded, written or copied."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

from archive.errors import InputError
from athena.columns import RECORDS
from athena.config import Catalog
from athena.dialect import translate
from athena.macros import LOCKS, connect
from athena.objects import File, LakeObjects, messages_schema, records_schema, service_error
from athena.parameters import Parameter
from athena.pruning import needed_partitions, planning_name

_WIDE: Final = ("HUGEINT", "UBIGINT", "UHUGEINT")
_MISSING = re.compile(r'Referenced (?:column|table) "([^"]+)"|Table "([^"]+)" does not have a column named "([^"]+)"')
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")


def ask(sql: str, catalog: Catalog, objects: LakeObjects, parameters: Sequence[Parameter] = ()) -> pa.Table:
    """Return the answer to one question in Athena's SQL, whose question marks stand for the parameters in their order.

    Tables and views are known by their bare names and as `database.name`. Raises InputError for a question that is not one read-only
    query, names something that is not there, or that DuckDB cannot answer as Athena does; ServiceError where objects cannot be read.
    """
    question = translate(sql, catalog.relations, parameters)
    views = [view for name, view in catalog.views.items() if name in question.tables]
    tables = sorted((question.tables & catalog.tables.keys()).union(*(view.tables for view in views)))
    connection = connect()
    try:
        files = {table: objects.files(_family(table, catalog)) for table in tables}
        queries = {view.name: translate(view.sql, catalog.tables).sql for view in views}
        _prepare(connection, catalog, tables, queries)
        days = {table: {file.dt for file in found} for table, found in files.items()}
        needed = needed_partitions(connection, question, days, list(queries.values())) if tables else {}
        for table in tables:
            wanted = [file for file in files[table] if file.dt in needed[table]]
            _register(connection, catalog, table, _source(table, catalog, objects, wanted))
        relation = connection.sql(question.sql, params=list(question.parameters))
        types = [str(kind) for kind in relation.types]
        return _as_athena(relation.to_arrow_table(), types)
    except duckdb.Error as error:
        raise _input_error(error, catalog, question.tables) from error
    except OSError as error:
        raise service_error(error, f"s3:GetObject below {catalog.location}") from error
    finally:
        connection.close()


def _family(table: str, catalog: Catalog) -> str:
    return "messages" if table == catalog.config.table else table


def _source(table: str, catalog: Catalog, objects: LakeObjects, files: list[File]) -> Any:  # noqa: ANN401 - a pyarrow dataset or table
    return objects.messages(catalog.spec, files) if table == catalog.config.table else objects.records(RECORDS[table], files)


def _prepare(connection: duckdb.DuckDBPyConnection, catalog: Catalog, tables: Iterable[str], views: Mapping[str, str]) -> None:
    """Make empty tables, and the views over them by name, in the database's schema: nothing else is there, and can be reached."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(catalog.config.database)}")
    connection.execute(f"SET search_path = {_literal(catalog.config.database)}")
    for table in tables:
        schema = messages_schema(catalog.spec) if table == catalog.config.table else records_schema(RECORDS[table])
        empty = schema.empty_table().rename_columns([planning_name(table, name) for name in schema.names])
        _register(connection, catalog, table, empty)
    for name, query in views.items():
        connection.execute(f"CREATE VIEW {_quoted(catalog.config.database)}.{_quoted(name)} AS {query}")
    for lock in LOCKS:
        connection.execute(lock)


def _register(connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: str, source: Any) -> None:  # noqa: ANN401 - of Arrow
    """Put a source under a table's name, whatever its columns are called."""
    registered = f"__objects_of_{table}"
    connection.register(registered, source)
    names = (column.name for column in catalog.tables[table])
    columns = ", ".join(f"{_quoted(own)} AS {_quoted(name)}" for own, name in zip(source.schema.names, names, strict=True))
    name = f"{_quoted(catalog.config.database)}.{_quoted(table)}"
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {columns} FROM {_quoted(registered)}")  # noqa: S608 - quoted names


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


def _input_error(error: duckdb.Error, catalog: Catalog, named: Collection[str]) -> InputError:
    text = str(error).split("\n", maxsplit=1)[0]
    if match := _MISSING_TABLE.search(text):
        return InputError(catalog.no_table(match[1]))
    if match := _MISSING.search(text):
        return InputError(catalog.no_column(match[1] or match[3], named))
    if isinstance(error, duckdb.OutOfMemoryException):
        return InputError("the question needs more memory than this machine gives; name fewer days of dt, or ask the engine athena")
    if "does not exist" in text and "Function" in text:
        return InputError(f"DuckDB does not know this function of Athena's ({text}); ask Athena itself with the engine athena")
    return InputError(f"the question failed: {text}")
