"""The rewrites for dates, times and zones; `athena.rewrites` says how a rewrite works and what its comments name."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from archive.errors import InputError
from athena.infer import DATE
from athena.nodes import Facts, call, refusal
from athena.patterns import joda_format

_FIELDS: Final = {"DAY_OF_WEEK": "ISODOW", "DOW": "ISODOW", "DAY_OF_YEAR": "DOY", "YEAR_OF_WEEK": "ISOYEAR", "YOW": "ISOYEAR"}
# What reads a time of day or a day off a timestamp: here the clock on the wall is all that counts.
_CLOCK_READERS: Final = (
    exp.TimeToStr,
    exp.Extract,
    exp.Date,
    exp.Year,
    exp.YearOfWeek,
    exp.Quarter,
    exp.Month,
    exp.WeekOfYear,
    exp.Day,
    exp.DayOfMonth,
    exp.DayOfWeekIso,
    exp.DayOfYear,
    exp.Hour,
    exp.Minute,
    exp.Second,
)
_CLOCK_TYPES: Final = (exp.DataType.Type.DATE, exp.DataType.Type.TIME, exp.DataType.Type.TIMESTAMP)


def date_diff(node: exp.Expr, _: Facts) -> exp.Expr:
    """Count complete units."""
    # date_diff counts complete units (a finding; functions/datetime.html only shows whole ones); DuckDB's counts crossed boundaries.
    unit = exp.Literal.string(node.text("unit").lower() or "day")
    return call("date_sub", unit, node.expression, node.this)


def stays_date(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    """Keep a date a date."""
    # functions/datetime.html: date_trunc and date_add keep their input's type, and a date and an interval are a date;
    # all three are timestamps in DuckDB.
    return exp.cast(node.copy(), "date") if facts.left == DATE and facts.own == DATE else None


def subtract(node: exp.Expr, facts: Facts) -> exp.Expr | None:
    """Give the difference of dates as an interval."""
    if facts.left == DATE and facts.right == DATE:
        # An interval in Trino, a number of days in DuckDB.
        return exp.Sub(this=exp.cast(node.this.copy(), "timestamp"), expression=exp.cast(node.expression.copy(), "timestamp"))
    return stays_date(node, facts)


def series(node: exp.Expr, _: Facts) -> exp.Expr | None:
    """Keep a sequence of dates one of dates."""
    start = node.args.get("start")
    is_date = isinstance(start, exp.Cast) and start.to.this == exp.DataType.Type.DATE
    return exp.cast(node.copy(), exp.DataType.build("date[]", dialect="duckdb")) if is_date else None


def at_time_zone(node: exp.Expr, _: Facts) -> exp.Expr:
    """Show an instant on another zone's clock, where nothing but the clock is then read.

    functions/datetime.html: a timestamp without zone is one of the session's zone (UTC), and the result is an instant with a zone. DuckDB
    takes it for a time of the zone that is named, the other way round, and has no instant with a zone: that cannot be an answer.
    """
    reader = node.parent
    while isinstance(reader, exp.TimestampTrunc | exp.DateTrunc | exp.Paren):
        reader = reader.parent
    reads = isinstance(reader, _CLOCK_READERS) or (isinstance(reader, exp.Cast) and reader.to.this in _CLOCK_TYPES)
    reads = reads or (isinstance(reader, exp.Anonymous) and reader.name.lower() == "format_datetime")
    if not reads:
        message = "DuckDB answers AT TIME ZONE only inside CAST(... AS timestamp), CAST(... AS date), date_format or hour(...)"
        raise InputError(message)
    operand, zone = (node.expressions[0], node.expressions[1]) if isinstance(node, exp.Anonymous) else (node.this, node.args["zone"])
    return exp.Paren(this=exp.AtTimeZone(this=exp.cast(operand.copy(), "timestamptz"), zone=zone.copy()))


def extract(node: exp.Expr, _: Facts) -> exp.Expr | None:
    """Take Trino's fields for DuckDB's."""
    # functions/datetime.html: days of the week are 1 (Monday) to 7; DuckDB's dow is 0 (Sunday) to 6.
    field = _FIELDS.get(node.this.name.upper())
    return exp.Extract(this=exp.var(field), expression=node.expression.copy()) if field else None


def datetime_format(node: exp.Expr) -> exp.Expr:
    """Return strftime's text for the Joda format of a call."""
    pattern = node.args.get("format") or node.expressions[-1]
    if not isinstance(pattern, exp.Literal):
        what = "a date format that is not a plain text"
        raise refusal(what)
    return exp.Literal.string(joda_format(pattern.name))


def parse_datetime(node: exp.Expr, _: Facts) -> exp.Expr:
    """Parse into a timestamp with a zone."""
    return exp.cast(call("strptime", node.this, datetime_format(node)), "timestamptz")
