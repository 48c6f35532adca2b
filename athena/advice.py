"""Says before a question is asked what its answer would not say: that it reads everything, or that its window is not all archived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from sqlglot import exp

from archive.errors import InputError
from archive.model.prices import prices_of
from archive.model.spec import PARTITION_COLUMN
from archive.model.window import parse_instant
from athena.access import LARGE_BYTES, scan_dollars
from athena.columns import RUNS
from athena.config import Catalog
from athena.gate import parse_question
from athena.objects import LakeObjects
from athena.parameters import Parameter

_LOWER: Final = (exp.GT, exp.GTE, exp.EQ, exp.In)
_UPPER: Final = (exp.LT, exp.LTE, exp.EQ, exp.In)
_TURNED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}


@dataclass(frozen=True, slots=True)
class Extent:
    """What the lake holds: bytes of messages, its first partition, and through when it is complete (exclusive; None: not known)."""

    bytes: int
    first_dt: date | None
    complete_through: datetime | None
    region: str | None = None

    @classmethod
    def of(cls, objects: LakeObjects, region: str | None) -> Self:
        """Look at the listings, and at the newest run that says through when the lake is complete."""
        files = objects.files("messages")
        through = None
        for file in sorted(objects.files(RUNS.name), key=lambda file: file.path, reverse=True):
            (found,) = objects.records(RUNS, [file]).column("complete_through").to_pylist()
            if found is not None:
                through = parse_instant(found)
                break
        return cls(sum(file.bytes for file in files), min((file.dt for file in files), default=None), through, region)


def advise(sql: str, catalog: Catalog, parameters: Sequence[Parameter], extent: Callable[[], Extent]) -> list[str]:
    """Return what whoever asks should know, one sentence each; nothing where the question cannot be read.

    `extent` is looked up only where the question reads messages; what it raises is raised.
    """
    try:
        tree = parse_question(sql)
    except InputError:
        return []
    return list(_sentences(tree, catalog, parameters, extent())) if _reads_days(tree, catalog) else []


def is_unpruned(sql: str, catalog: Catalog) -> bool:
    """Say whether a question reads the messages, or a view that could leave days out, without a condition on dt. False for what is none."""
    try:
        tree = parse_question(sql)
    except InputError:
        return False
    return _reads_days(tree, catalog) and PARTITION_COLUMN not in _named(tree)


def _reads_days(tree: exp.Query, catalog: Catalog) -> bool:
    names = {table.name.lower() for table in tree.find_all(exp.Table)}
    pruned = {name for name, view in catalog.views.items() if view.is_pruned and catalog.config.table in view.tables}
    return bool(names & {catalog.config.table, *pruned})


def _named(tree: exp.Query) -> set[str]:
    """Return the columns that the question's conditions name."""
    return {column.name.lower() for clause in tree.find_all(exp.Where, exp.Having, exp.Join) for column in clause.find_all(exp.Column)}


def _sentences(tree: exp.Query, catalog: Catalog, parameters: Sequence[Parameter], lake: Extent) -> Iterator[str]:
    time_column = catalog.spec.time_column
    named = _named(tree)
    if PARTITION_COLUMN not in named:
        price = scan_dollars(lake.bytes, prices_of(lake.region, catalog.config.prices))
        yield from _unpruned(lake, price, time_column if time_column in named else None)
    low, high = _bounds(tree, {PARTITION_COLUMN, time_column}, parameters)
    if lake.first_dt is not None and high is not None and high < lake.first_dt:
        yield f"the archive begins on {lake.first_dt}: nothing of the window that is asked for is in it"
    elif lake.first_dt is not None and low is not None and low < lake.first_dt:
        yield f"the archive begins on {lake.first_dt}: what is older is not in it"
    latest = max((bound for bound in (low, high) if bound is not None), default=None)
    if latest is not None and lake.complete_through is not None and latest > (last := lake.complete_through.date() - timedelta(days=1)):
        yield f"the archive is complete through {last}: later messages may still be in DynamoDB alone"


def _unpruned(lake: Extent, dollars: Decimal, time_column: str | None) -> Iterator[str]:
    price = f"up to {lake.bytes / 10**9:,.1f} GB, ${dollars:,.2f} in Athena"
    if time_column is not None:
        yield f"a condition on {time_column} alone does not leave any day out: all are read ({price}); add the same one on dt"
    elif lake.bytes >= LARGE_BYTES:
        yield f"no condition on dt: every day is read ({price}); name the days, as in WHERE dt >= DATE '2024-01-31'"


def _bounds(tree: exp.Query, columns: set[str], parameters: Sequence[Parameter]) -> tuple[date | None, date | None]:
    """Return the first and the last day that the question's conditions name, as far as they are plain comparisons."""
    lows: list[date] = []
    highs: list[date] = []
    for where in tree.find_all(exp.Where):
        for node in where.find_all(exp.Between, *_LOWER, *_UPPER):
            kind, column, values = _comparison(node)
            if column not in columns:
                continue
            days = [day for value in values if (day := _day(value, parameters)) is not None]
            if kind is exp.Between or issubclass(kind, _LOWER):
                lows += days[:1] if kind is exp.Between else [min(days)] if days else []
            if kind is exp.Between or issubclass(kind, _UPPER):
                highs += days[-1:] if kind is exp.Between else [_last(kind, max(days))] if days else []
    return min(lows, default=None), max(highs, default=None)


def _last(kind: type[exp.Expr], day: date) -> date:
    return day - timedelta(days=1) if kind is exp.LT else day


def _comparison(node: exp.Expr) -> tuple[type[exp.Expr], str, list[exp.Expr]]:
    """Return a comparison's kind as it reads with the column on its left, the column's name, and what it is compared with."""
    if isinstance(node, exp.Between):
        return exp.Between, node.this.name.lower(), [node.args["low"], node.args["high"]]
    if isinstance(node, exp.In):
        return exp.In, node.this.name.lower(), list(node.expressions)
    if isinstance(node.this, exp.Column):
        return type(node), node.this.name.lower(), [node.expression]
    return _TURNED[type(node)], node.expression.name.lower(), [node.this]


def _day(value: exp.Expr, parameters: Sequence[Parameter]) -> date | None:
    found: Any = None
    if isinstance(value, exp.Placeholder):
        number = int(value.name.removeprefix("p"))
        found = parameters[number - 1] if number <= len(parameters) else None
    elif isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal):
        with suppress(ValueError):
            found = datetime.fromisoformat(value.this.name)
    if isinstance(found, datetime):
        return (found.astimezone(UTC) if found.tzinfo else found).date()
    return found if isinstance(found, date) else None
