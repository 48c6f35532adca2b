"""The rewrites that make DuckDB's answer equal Athena's: each stands for a difference that sqlglot leaves, most of them silent.

A comment names what Athena's side was read from: a page below https://trino.io/docs/current/, or a class of Trino's source where no
page says it. Where it names neither, it is the finding of a trial that could not be checked against either. The macros that are called
are in `athena.macros`. A rewrite returns the new node, or None where nothing changes; it raises InputError for what DuckDB cannot do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import exp

from archive.errors import InputError
from athena import times
from athena.infer import DOUBLE, INTEGER, STRING
from athena.nodes import Facts, call, refusal
from athena.patterns import java_pattern, java_replacement

_CATALOG: Final = "awsdatacatalog"
_INTEGER_TYPES: Final = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT"})
_HIDDEN: Final = ("$path", "$file_size", "$file_modified_time", "$partition", "$bucket")


def _divide(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    # functions/decimal.html: the quotient of decimals has the larger of both scales; DuckDB gives a double.
    # That it is rounded is a finding.
    if facts.own is None or facts.own.name != "decimal":
        return None
    return _rounded(exp.Div(this=exp.cast(node.this.copy(), "double"), expression=node.expression.copy()), facts.own.scale)


def _average(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    # DecimalAverageAggregation: the average of decimals has their type, rounded half up (functions/aggregate.html says double for all).
    return _rounded(node.copy(), facts.own.scale) if facts.own is not None and facts.own.name == "decimal" else None


def _rounded(value: exp.Expr, scale: int) -> exp.Expr:
    rounded = exp.Round(this=value, decimals=exp.Literal.number(scale))
    return exp.cast(rounded, exp.DataType.build(f"decimal(38,{scale})", dialect="duckdb"))


def _extreme(node: exp.Expr, _: Facts) -> exp.Expr:
    # functions/comparison.html: NULL if any argument is NULL; DuckDB ignores NULLs.
    parts = [node.this, *node.expressions]
    missing = exp.or_(*(exp.Is(this=part.copy(), expression=exp.Null()) for part in parts))
    return exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=node.copy())


def _count_if(node: exp.Expr, _: Facts) -> exp.Expr:
    # functions/aggregate.html: the number of true values; where all are NULL that is 0, and NULL in DuckDB.
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this.copy(), true=exp.Literal.number(1))]))


def _split(node: exp.Expr, _: Facts) -> None:
    if node.args.get("limit"):
        what = "split with a limit"
        raise refusal(what)


def _typeof(node: exp.Expr, _: Facts) -> exp.Expr:
    # functions/conversion.html: typeof('cat') is varchar(3).
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        return exp.Literal.string(f"varchar({len(node.this.name)})")
    return call("athena_typeof", node.this)


def _arg_extreme(node: exp.Expr, _: Facts) -> exp.Expr | None:
    # functions/aggregate.html: max_by and min_by do not ignore NULLs, unlike other aggregates; DuckDB skips rows whose x is NULL.
    if node.args.get("count"):
        return None
    return call("arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null", node.this, node.expression)


def _json_scalar(node: exp.Expr, _: Facts) -> exp.Expr:
    return call("athena_json_scalar", node.this, _json_path(node.expression))


def _json_extract(node: exp.Expr, _: Facts) -> exp.Expr:
    if node.args.get("json_query"):
        what = "json_query"
        raise refusal(what)
    return call("athena_json_extract", node.this, _json_path(node.expression))


def _json_path(path: exp.Expr) -> exp.Expr:
    """Write a path with every name in quotes: DuckDB does not know `$["a b"]`. It takes a `*` for any name, even in quotes."""
    if not isinstance(path, exp.JSONPath):
        return path
    text = ""
    for part in path.expressions:
        if isinstance(part, exp.JSONPathKey) and isinstance(part.this, str) and "*" not in part.this:
            text += '."' + part.this.replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int):
            text += f"[{part.this}]"
        elif not isinstance(part, exp.JSONPathRoot):
            what = f"the JSON path {path.sql(dialect='athena')}"
            raise refusal(what)
    return exp.Literal.string(f"${text}")


def _regexp_extract(node: exp.Expr, _: Facts) -> exp.Expr:
    pattern = _named_groups(node.copy()).expression
    return call("athena_regexp_extract", node.this, pattern, node.args.get("group") or exp.Literal.number(0))


def _regexp_replace(node: exp.Expr, _: Facts) -> exp.Expr | None:
    replacement = node.args.get("replacement")
    if isinstance(replacement, exp.Lambda):
        what = "regexp_replace with a lambda"
        raise refusal(what)
    if not isinstance(replacement, exp.Literal):
        return None
    pattern = node.expression.name if isinstance(node.expression, exp.Literal) else ""
    changed = node.copy()
    changed.set("replacement", exp.Literal.string(java_replacement(replacement.name, pattern)))
    return _named_groups(changed)


def _regexp(node: exp.Expr, _: Facts) -> exp.Expr:
    return _named_groups(node.copy())


def _named_groups(node: exp.Expr) -> exp.Expr:
    """Write `(?<name>...)`, which RE2 does not know, as `(?P<name>...)`."""
    if isinstance(node.expression, exp.Literal):
        node.set("expression", exp.Literal.string(java_pattern(node.expression.name)))
    return node


def _cast(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    target = node.args["to"]
    if target.this == exp.DataType.Type.JSON and not isinstance(node.this, exp.Literal):
        # functions/json.html: a text becomes a JSON string; DuckDB would parse it.
        return call("to_json", node.this)
    if target.this in exp.DataType.TEXT_TYPES:
        text = node.copy() if facts.left in (STRING, INTEGER) else call("athena_text", node.this)
        return call("substr", text, exp.Literal.number(1), target.expressions[0].this) if target.expressions else text
    if target.this.name in _INTEGER_TYPES and (facts.left is None or facts.left == DOUBLE):
        # DoubleOperators: a double is rounded half up, away from zero; DuckDB rounds its half to even.
        halves = exp.In(this=call("typeof", node.this), expressions=[exp.Literal.string("DOUBLE"), exp.Literal.string("FLOAT")])
        rounded = node.copy()
        rounded.set("this", call("round", exp.cast(node.this.copy(), "double")))
        return exp.Case(ifs=[exp.If(this=halves, true=rounded)], default=node.copy())
    return None


def _unnest(node: exp.Expr, _: Facts) -> exp.Expr | None:
    # See sql/select.html, UNNEST: several arrays side by side, the shorter filled with NULL; a map as keys and values.
    alias = node.args.get("alias")
    columns = [column.copy() for column in alias.columns] if alias else []
    parts = list(node.expressions)
    if len(parts) == 1 and len(columns) == 2 and not node.args.get("offset"):  # noqa: PLR2004 - a map has keys and values
        parts = [call("map_keys", parts[0]), call("map_values", parts[0])]
    if len(parts) == 1:
        return None
    if node.args.get("offset") or len(columns) not in (0, len(parts)):
        what = "UNNEST of several arrays WITH ORDINALITY, or with other than one name each,"
        raise refusal(what)
    names = columns or [exp.to_identifier(f"_col{index}") for index in range(len(parts))]
    items = [exp.alias_(call("unnest", part), name) for part, name in zip(parts, names, strict=True)]
    return exp.Subquery(this=exp.select(*items), alias=exp.TableAlias(this=alias.this.copy()) if alias and alias.this else None)


def _anonymous(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    name = node.name.lower()
    if name == "at_timezone":
        return times.at_time_zone(node, facts)
    if name == "format_datetime":
        return call("strftime", node.expressions[0], times.datetime_format(node))
    if name in ("any_match", "all_match", "none_match"):
        array, test = node.expressions
        matching = exp.ArraySize(this=exp.ArrayFilter(this=array.copy(), expression=test.copy()))
        wanted = exp.ArraySize(this=array.copy()) if name == "all_match" else exp.Literal.number(0)
        return exp.Paren(this=(exp.GT if name == "any_match" else exp.EQ)(this=matching, expression=wanted))
    if name in ("json_exists", "json_table", "json_object", "json_array"):
        raise refusal(name)
    if name == "json_size":
        return call("athena_json_size", node.expressions[0], _literal_path(node.expressions[1]))
    return None


def _literal_path(path: exp.Expr) -> exp.Expr:
    if isinstance(path, exp.Literal) and not re.fullmatch(r"\$(\.\w+|\[\d+\])*", path.name):
        what = f"the JSON path {path.name}"
        raise refusal(what)
    return path


def _reduce(node: exp.Expr, _: Facts) -> exp.Expr | None:
    # A last step that changes nothing (s -> s) is what Trino's grammar asks for; DuckDB has no place for one.
    finish = node.args.get("finish")
    if not (isinstance(finish, exp.Lambda) and finish.this.name == finish.expressions[0].name):
        return None
    changed = node.copy()
    changed.set("finish", None)
    return changed


def _size(node: exp.Expr, _: Facts) -> exp.Expr | None:
    inner = node.this
    is_map = isinstance(inner, exp.Map | exp.VarMap) or (isinstance(inner, exp.Cast) and inner.to.this == exp.DataType.Type.MAP)
    return call("cardinality", inner) if is_map or inner.name.lower() in ("map_agg", "histogram") else None


def _column(node: exp.Expr, _: Facts) -> None:
    if node.name.lower() in _HIDDEN:
        what = f'the hidden column "{node.name}"'
        raise refusal(what)


def _table(node: exp.Expr, _: Facts) -> exp.Expr | None:
    catalog = node.text("catalog").lower()
    if catalog and catalog != _CATALOG:
        message = f"there is no catalog {catalog!r}; the lake's tables are in {_CATALOG}"
        raise InputError(message)
    if not catalog:
        return None
    changed = node.copy()
    changed.set("catalog", None)
    return changed


def _json_value(_node: exp.Expr, _: Facts) -> None:
    what = "json_value"
    raise refusal(what)


def _renamed(name: str) -> Callable[[exp.Expr, Facts], exp.Expr]:
    def rewrite(node: exp.Expr, _: Facts) -> exp.Expr:
        arguments = [part for value in node.args.values() for part in (value if isinstance(value, list) else [value])]
        return call(name, *(part for part in arguments if isinstance(part, exp.Expr)))

    return rewrite


REWRITES: Final[Mapping[type[exp.Expr], Callable[[exp.Expr, Facts], exp.Expr | None]]] = {
    exp.Add: times.stays_date,
    exp.Anonymous: _anonymous,
    exp.ArgMax: _arg_extreme,
    exp.ArgMin: _arg_extreme,
    exp.ArraySize: _size,
    exp.AtTimeZone: times.at_time_zone,
    exp.Avg: _average,
    exp.Cast: _cast,
    exp.Column: _column,
    exp.CountIf: _count_if,
    exp.DateAdd: times.stays_date,
    exp.DateDiff: times.date_diff,
    exp.DateTrunc: times.stays_date,
    exp.Div: _divide,
    exp.Extract: times.extract,
    exp.Format: _renamed("printf"),
    exp.GenerateSeries: times.series,
    exp.Greatest: _extreme,
    exp.JSONExtract: _json_extract,
    exp.JSONExtractScalar: _json_scalar,
    exp.JSONValue: _json_value,
    exp.Least: _extreme,
    exp.ParseDatetime: times.parse_datetime,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpExtractAll: _regexp,
    exp.RegexpLike: _regexp,
    exp.RegexpReplace: _regexp_replace,
    exp.Reduce: _reduce,
    exp.Split: _split,
    exp.SplitPart: _renamed("athena_split_part"),
    exp.Sub: times.subtract,
    exp.Table: _table,
    exp.TimestampTrunc: times.stays_date,
    exp.TryCast: _cast,
    exp.Typeof: _typeof,
    exp.Unnest: _unnest,
}
