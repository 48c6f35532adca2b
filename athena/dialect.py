"""Translates a question in Athena's SQL into DuckDB's, so that both give the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from archive.errors import InputError
from athena.columns import TableColumn
from athena.gate import count_marks, parse_question
from athena.infer import STRING, Kinds
from athena.nodes import Facts
from athena.parameters import Parameter, bound_value, kind_of_parameter, require_as_many
from athena.rewrites import REWRITES

_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


@dataclass(frozen=True, slots=True)
class Question:
    """A question in DuckDB's SQL, and the values to bind. `tables` are the names it reads, in lower case, without database."""

    sql: str
    tables: frozenset[str]
    parameters: tuple[Parameter, ...]


def translate(sql: str, tables: Mapping[str, Iterable[TableColumn]], parameters: Sequence[Parameter] = ()) -> Question:
    """Translate one question over the given tables; the parameters are the values of its question marks.

    Raises InputError for what is not one read-only query, for what Athena would reject (as far as that is found), and for what DuckDB
    cannot answer as Athena does.
    """
    tree = parse_question(sql)
    require_as_many(count_marks(sql), len(parameters))
    kinds = Kinds(tree, tables, [kind_of_parameter(value) for value in parameters])
    kinds.check_aliases()
    nodes = [node for node in tree.walk() if type(node) in REWRITES or isinstance(node, _COMPARISONS)]
    facts = {id(node): Facts(kinds.of(node), kinds.of(node.this), kinds.of(node.args.get("expression"))) for node in nodes}
    for node in nodes:
        if isinstance(node, _COMPARISONS):
            _check_comparison(node, kinds)
    _name_outputs(tree)
    # Deepest first: what is wrapped around a node then already holds its rewritten parts.
    for node in reversed(nodes):
        rewrite = REWRITES.get(type(node))
        changed = rewrite(node, facts[id(node)]) if rewrite else None
        if changed is not None:
            node.replace(changed)
    for mark in list(tree.find_all(exp.Placeholder)):
        # By number, as a rewrite may have doubled it.
        mark.replace(exp.Parameter(this=exp.Literal.number(mark.name.removeprefix("p"))))
    names = frozenset(table.name.lower() for table in tree.find_all(exp.Table))
    try:
        text = tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
        return Question(text, names, tuple(bound_value(value) for value in parameters))
    except UnsupportedError as error:
        message = f"DuckDB cannot answer this as Athena does ({error}); ask Athena itself with the engine athena"
        raise InputError(message) from error


def _check_comparison(node: exp.Expr, kinds: Kinds) -> None:
    """Refuse a text compared with anything else: TYPE_MISMATCH in Athena, a silent cast in DuckDB."""
    others = [node.args.get(key) for key in ("expression", "low", "high")] + list(node.args.get("expressions") or ())
    left = kinds.of(node.this)
    for other in others:
        right = kinds.of(other)
        if left is None or right is None or left.name == right.name or STRING not in (left, right):
            continue
        kind = right.name if left == STRING else left.name
        hint = "write DATE '2024-01-31'" if kind == "date" else "write the value without quotes, or a CAST"
        message = f"Athena does not compare {kind} with text ({node.sql(dialect='athena')}); {hint}"
        raise InputError(message)


def _name_outputs(tree: exp.Query) -> None:
    """Call the nameless n-th column `_coln`, as Athena does."""
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if isinstance(select, exp.Select) and not any(item.is_star for item in select.expressions):
        items = [
            item if isinstance(item, exp.Column | exp.Alias | exp.Dot) else exp.alias_(item, f"_col{index}", copy=False)
            for index, item in enumerate(select.expressions)
        ]
        select.set("expressions", items)
