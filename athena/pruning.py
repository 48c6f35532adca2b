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

_SCAN: Final = "ARROW_SCAN"
_DAYS: Final = "__days"


def planning_name(table: str, column: str) -> str:
    """Return the name of a column of an empty table: the plan names columns, not tables."""
    return f"{table}__{column}"


def needed_partitions(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object], partitions: Mapping[str, Collection[date]]
) -> dict[str, set[date]]:
    """Return, of each table's partitions, those that can hold rows that a question reads.

    The tables are registered in the connection, empty, with columns called by `planning_name`. What is not understood leaves all.
    """
    ((_, text),) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}", list(parameters)).fetchall()
    scans = [scan for root in json.loads(text) for scan in _scans(root, [])]
    needed: dict[str, set[date]] = {table: set() for table in partitions}
    for columns, conditions in scans:
        table = next((name for name in partitions if any(column.startswith(planning_name(name, "")) for column in columns)), None)
        if table is None:
            # A scan that reads no column: it counts rows, and could be any table's.
            return {name: set(days) for name, days in partitions.items()}
        needed[table] |= _kept(connection, planning_name(table, PARTITION_COLUMN), conditions, partitions[table])
    return needed


def _scans(node: Mapping[str, Any], above: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield, of each scan in a plan, the columns it reads and the conditions it is read by."""
    about = node.get("extra_info", {})
    if _SCAN in node["name"]:
        yield _texts(about.get("Projections")), [*above, *_texts(about.get("Filters"))]
    passed_on = _texts(about.get("Expression")) if node["name"].strip() == "FILTER" else []
    for child in node["children"]:
        yield from _scans(child, passed_on)


def _texts(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _kept(connection: duckdb.DuckDBPyConnection, dt: str, conditions: list[str], days: Collection[date]) -> set[date]:
    kept = set(days)
    for condition in conditions:
        for part in _parts(condition):
            if {column.name for column in part.find_all(exp.Column)} == {dt}:
                connection.register(_DAYS, pa.table({dt: pa.array(sorted(kept), pa.date32())}))
                # A condition that is not SQL, although it was read as such, keeps all.
                with suppress(duckdb.Error):
                    found = connection.execute(f"SELECT {dt} FROM {_DAYS} WHERE {part.sql(dialect='duckdb')}").fetchall()  # noqa: S608 - of the plan
                    kept = {day for (day,) in found}
                connection.unregister(_DAYS)
    return kept


def _parts(condition: str) -> list[exp.Expr]:
    """Return the parts of a condition that all have to hold; none where it is not SQL."""
    try:
        tree = parse_one(condition, read="duckdb").unnest()
    except SqlglotError:
        return []
    return list(tree.flatten()) if isinstance(tree, exp.And) else [tree]
