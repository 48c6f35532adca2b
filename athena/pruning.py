"""Finds the partitions that a question needs, as Trino does: conditions on `dt` alone are evaluated over the partitions' names.

DuckDB hands a comparison such as `dt >= DATE '2024-01-01'` on to what reads the objects, but not an expression such as
`date_trunc('week', dt) >= DATE '2024-01-01'`, to which the views by week and month come down: it would read every object. So it is asked
for its plan first, over empty tables. What the plan filters a table by, at the place where it is read, holds for every row that is needed.
Trino does the same with the keys of Hive partitions (HivePartitionManager).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Final

import duckdb
import pyarrow as pa
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from archive.model.spec import PARTITION_COLUMN
from athena.dialect import Question

_SCAN: Final = "ARROW_SCAN"
_DAYS: Final = "__days"


def planning_name(table: str, column: str) -> str:
    """Return the name of a column of an empty table: the plan names columns, not tables."""
    return f"{table}__{column}"


def needed_partitions(
    connection: duckdb.DuckDBPyConnection, question: Question, partitions: Mapping[str, Collection[date]], views: Sequence[str]
) -> dict[str, set[date]]:
    """Return, of each table's partitions, those that can hold rows that a question reads; `views` are the queries (DuckDB's) of its views.

    The tables are registered in the connection, empty, with columns called by `planning_name`. What is not understood leaves all, and
    an exclusive end may leave a week or a month too many: a plan does not tell it from an inclusive one.
    """
    ((_, text),) = connection.execute(f"EXPLAIN (FORMAT JSON) {question.sql}", list(question.parameters)).fetchall()
    scans = [scan for root in json.loads(text) for scan in _scans(root, [])]
    is_plain = all(_calls_nothing_else_dt(sql) for sql in (question.sql, *views))
    needed: dict[str, set[date]] = {table: set() for table in partitions}
    for columns, conditions in scans:
        table = next((name for name in partitions if any(column.startswith(planning_name(name, "")) for column in columns)), None)
        if table is None:
            # A scan that reads no column: it counts rows, and could be any table's.
            return {name: set(days) for name, days in partitions.items()}
        names = {planning_name(table, PARTITION_COLUMN)} | ({PARTITION_COLUMN} if is_plain else set())
        parts = [part for condition in conditions for part in _parts(condition) if _is_on(part, names)]
        needed[table] |= _kept(connection, parts, partitions[table])
    return needed


def _scans(node: Mapping[str, Any], above: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield, of each scan in a plan, the columns it reads and the conditions it is read by."""
    about = node.get("extra_info", {})
    if _SCAN in node["name"]:
        yield _texts(about.get("Projections")), [*above, *_texts(about.get("Filters"))]
    # Filters may stand one upon the other; whatever else stands in between gives columns other names.
    passed_on = [*above, *_texts(about.get("Expression"))] if node["name"].strip() == "FILTER" else []
    for child in node["children"]:
        yield from _scans(child, passed_on)


def _texts(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _calls_nothing_else_dt(sql: str) -> bool:
    """Say whether `dt` is nowhere a new name for another column: a plan shows columns by the names that they were given last."""
    tree = parse_one(sql, read="duckdb")
    renamed = [alias.this for alias in tree.find_all(exp.Alias) if alias.alias.lower() == PARTITION_COLUMN]
    columns = [column for value in renamed for column in value.find_all(exp.Column)]
    listed = [name for alias in tree.find_all(exp.TableAlias) for name in alias.columns if name.name.lower() == PARTITION_COLUMN]
    return not listed and all(column.name.lower() == PARTITION_COLUMN for column in columns)


def _parts(condition: str) -> list[exp.Expr]:
    """Return the parts of a condition that all have to hold; none where it is not SQL."""
    try:
        tree = parse_one(condition, read="duckdb").unnest()
    except SqlglotError:
        return []
    return [part.unnest() for part in tree.flatten()] if isinstance(tree, exp.And) else [tree]


def _is_on(part: exp.Expr, names: Collection[str]) -> bool:
    """Say whether a part is on the partition alone, and is not the opposite of a BETWEEN: a plan shows `>=` with `<` as one, too."""
    columns = {column.name for column in part.find_all(exp.Column)}
    opposite = any(node.find_ancestor(exp.Not, exp.Case) for node in part.find_all(exp.Between))
    return bool(columns) and columns <= set(names) and not opposite


def _kept(connection: duckdb.DuckDBPyConnection, parts: list[exp.Expr], days: Collection[date]) -> set[date]:
    kept = set(days)
    for part in parts:
        wanted = part.copy()
        for column in list(wanted.find_all(exp.Column)):
            column.replace(exp.column("day"))
        connection.register(_DAYS, pa.table({"day": pa.array(sorted(kept), pa.date32())}))
        # A condition that is not SQL, although it was read as such, keeps all.
        with suppress(duckdb.Error):
            kept = {day for (day,) in connection.execute(f"SELECT day FROM {_DAYS} WHERE {wanted.sql(dialect='duckdb')}").fetchall()}  # noqa: S608 - of the plan
        connection.unregister(_DAYS)
    return kept
