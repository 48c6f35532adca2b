"""Works out, as far as the translation needs it, what kind of value an expression of a question has.

A kind is only given where it is certain; everything else is None, and is then left as sqlglot translates it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from archive.errors import InputError
from athena.columns import TableColumn


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is integer, decimal, double, date, timestamp, string or boolean; `scale` belongs to decimals."""

    name: str
    scale: int = 0


INTEGER: Final = Kind("integer")
DOUBLE: Final = Kind("double")
DATE: Final = Kind("date")
STRING: Final = Kind("string")
_HIVE: Final = {
    "bigint": INTEGER,
    "boolean": Kind("boolean"),
    "date": DATE,
    "double": DOUBLE,
    "string": STRING,
    "timestamp": Kind("timestamp"),
}
_INTEGERS: Final = {exp.DataType.Type.TINYINT, exp.DataType.Type.SMALLINT, exp.DataType.Type.INT, exp.DataType.Type.BIGINT}
_FLOATS: Final = {exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE}
_SAME: Final = (
    exp.Sum,
    exp.Min,
    exp.Max,
    exp.Avg,
    exp.Abs,
    exp.Neg,
    exp.Paren,
    exp.AnyValue,
    exp.Alias,
    exp.Filter,
    exp.Window,
    exp.Lag,
    exp.Lead,
)
_COUNTS: Final = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Length, exp.DateDiff, exp.RowNumber)
_DATES: Final = (exp.CurrentDate, exp.Date, exp.TsOrDsToDate, exp.LastDay, exp.FromISO8601Date)
_DATE_KEEPING: Final = (exp.DateTrunc, exp.TimestampTrunc, exp.DateAdd, exp.DateSub)


def kind_of_hive(text: str) -> Kind | None:
    """Return the kind of a Hive type."""
    if match := re.fullmatch(r"decimal\(\d+,(\d+)\)", text):
        return Kind("decimal", int(match[1]))
    return _HIVE.get(text)


class Kinds:
    """The kinds of the expressions of one parsed question over known tables."""

    def __init__(self, question: exp.Query, tables: Mapping[str, Iterable[TableColumn]], parameters: Sequence[Kind | None] = ()) -> None:
        """Find out which scope each column belongs to. Nothing in `question` is changed. Its placeholders are `p1` and so on."""
        self._parameters = {f"p{number}": kind for number, kind in enumerate(parameters, 1)}
        self._tables = {name: {column.name: kind_of_hive(column.type) for column in columns} for name, columns in tables.items()}
        self._scopes: list[Scope] = traverse_scope(question)
        self._scope_of: dict[int, Scope] = {}
        self._rules: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], Kind | None]], ...] = (
            ((exp.Column,), self._of_column),
            ((exp.Literal,), _of_literal),
            ((exp.Placeholder,), lambda node: self._parameters.get(node.name)),
            ((exp.Cast,), lambda node: _of_type(node.to)),
            (_SAME, self._of_aggregate),
            ((exp.Coalesce,), self._of_coalesce),
            ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), self._of_arithmetic),
            (_COUNTS, lambda _: INTEGER),
            (_DATES, lambda _: DATE),
            (_DATE_KEEPING, self._of_date_keeping),
        )
        for scope in self._scopes:
            for column in scope.columns:
                # Inner scopes come first, and a correlated column is seen again outside: the scope that knows it wins.
                if id(column) not in self._scope_of or self._lookup(column, scope):
                    self._scope_of[id(column)] = scope

    def of(self, node: exp.Expr | None) -> Kind | None:
        """Return the kind of an expression, or None where it is not certain."""
        if node is None:
            return None
        for classes, rule in self._rules:
            if isinstance(node, classes):
                return rule(node)
        return None

    def _of_column(self, node: exp.Expr) -> Kind | None:
        scope = self._scope_of.get(id(node))
        return self._lookup(node, scope) if scope and isinstance(node, exp.Column) else None

    def _of_aggregate(self, node: exp.Expr) -> Kind | None:
        own = self.of(node.this)
        return DOUBLE if isinstance(node, exp.Avg) and own == INTEGER else own

    def _of_coalesce(self, node: exp.Expr) -> Kind | None:
        kinds = {self.of(part) for part in (node.this, *node.expressions)}
        return kinds.pop() if len(kinds) == 1 else None

    def _of_date_keeping(self, node: exp.Expr) -> Kind | None:
        return DATE if self.of(node.this) == DATE else None

    def check_aliases(self) -> None:
        """Refuse an output name that is used where Trino does not know it yet (it is known in ORDER BY only).

        https://trino.io/docs/current/sql/select.html: GROUP BY takes input columns and ordinals. Raises InputError.
        """
        for scope in self._scopes:
            select = scope.expression
            if not isinstance(select, exp.Select):
                continue
            aliases = {item.alias for item in select.expressions if isinstance(item, exp.Alias)}
            known = self._names(scope)
            if not aliases or known is None:
                continue
            # Not scope.columns: these leave out what HAVING takes from the output.
            for column in scope.find_all(exp.Column):
                if not column.table and column.name in aliases - known and not column.find_ancestor(exp.Order, exp.Lambda):
                    message = (
                        f"{column.name!r} is the name of an output column, which Athena knows in ORDER BY only; "
                        "write its expression, or its number in GROUP BY"
                    )
                    raise InputError(message)

    def _of_arithmetic(self, node: exp.Binary) -> Kind | None:
        left, right = self.of(node.this), self.of(node.expression)
        if left == DATE and isinstance(node.expression, exp.Interval):
            return DATE
        if left is None or right is None:
            return None
        names = {left.name, right.name}
        if "double" in names and names <= {"double", "decimal", "integer"}:
            return DOUBLE
        if names == {"integer"}:
            return INTEGER
        if names <= {"decimal", "integer"}:
            return Kind("decimal", left.scale + right.scale if isinstance(node, exp.Mul) else max(left.scale, right.scale))
        return None

    def _lookup(self, column: exp.Column, scope: Scope) -> Kind | None:
        sources = {alias: source for alias, (_, source) in scope.selected_sources.items()}
        if column.table:
            sources = {alias: source for alias, source in sources.items() if alias.lower() == column.table.lower()}
        found = [kind for source in sources.values() if (kind := self._in_source(source, column.name.lower()))]
        return found[0] if len(found) == 1 else None

    def _in_source(self, source: exp.Expr | Scope, name: str) -> Kind | None:
        if isinstance(source, exp.Table):
            return self._tables.get(source.name.lower(), {}).get(name)
        if not isinstance(source, Scope) or not isinstance(source.expression, exp.Query):
            return None
        for item in source.expression.selects:
            if item.alias_or_name.lower() == name:
                return self.of(item)
        if source.expression.is_star:
            inner = [kind for _, found in source.selected_sources.values() if (kind := self._in_source(found, name))]
            return inner[0] if len(inner) == 1 else None
        return None

    def _names(self, scope: Scope) -> set[str] | None:
        """Return every column name that the scope's sources have, or None where one of them is not known."""
        names: set[str] = set()
        for _, source in scope.selected_sources.values():
            if isinstance(source, exp.Table) and source.name.lower() in self._tables:
                names |= set(self._tables[source.name.lower()])
            elif isinstance(source, Scope) and isinstance(source.expression, exp.Query) and not source.expression.is_star:
                names |= {item.alias_or_name for item in source.expression.selects}
            else:
                return None
        return None if scope.udtf_scopes or scope.is_correlated_subquery else names


def _of_literal(node: exp.Literal) -> Kind | None:
    if node.is_string:
        return STRING
    text = node.name.lower()
    if "e" in text:
        return DOUBLE
    return Kind("decimal", len(text.split(".")[1])) if "." in text else INTEGER


def _of_type(target: exp.DataType) -> Kind | None:
    if target.this in _INTEGERS:
        return INTEGER
    if target.this in _FLOATS:
        return DOUBLE
    if target.this == exp.DataType.Type.DATE:
        return DATE
    if target.this == exp.DataType.Type.DECIMAL:
        scale = target.expressions[1].name if len(target.expressions) > 1 else "0"
        return Kind("decimal", int(scale))
    return STRING if target.this in exp.DataType.TEXT_TYPES else None
