"""Draws what is stored and what it costs: in DynamoDB, in the lake, and what has been saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import altair as alt

from archive.model.saving import Month
from archive.model.window import months_later
from flows.report.drawing import (
    ARCHIVED,
    DOLLARS,
    EDGE,
    HOT,
    REMOVED,
    REST,
    SOME,
    Key,
    Plot,
    amount_axis,
    bars,
    coloured,
    during,
    milliseconds,
    plot,
    rows_of,
    time_axis,
    tips,
)
from flows.report.figures import Figures
from flows.report.wording import money, size, unit_of

_LEAST_MONTHS = 6
_BAR, _LEAD = timedelta(days=12), timedelta(days=2)
_COLOURS = {"table": HOT, "lake": ARCHIVED}
_KEYS = (Key(HOT, "what was removed, were it still in DynamoDB"), Key(ARCHIVED, "the lake, on S3"))


def stored(figures: Figures) -> Plot | None:
    """Draw how many bytes the removed messages would take in DynamoDB, and how many the lake takes."""
    months = figures.months
    if not months:
        return None
    unit, name = unit_of(max(max(month.table_bytes, month.lake_bytes) for month in months))
    chart = _pairs(
        figures,
        lambda month: (month.table_bytes / unit, month.lake_bytes / unit),
        lambda month: (size(month.table_bytes), size(month.lake_bytes)),
    )
    indexes = figures.item.indexes if figures.item else 0
    about = f"At the end of each month, in {name}. In DynamoDB a message lies in the table and in {indexes} indexes."
    return plot("bytes", ("Stored", about), _KEYS, chart)


def dollars(figures: Figures) -> Plot | None:
    """Draw what a month of that storage costs."""
    if not figures.months:
        return None
    chart = _pairs(
        figures,
        lambda month: (float(month.table_dollars), float(month.lake_dollars)),
        lambda month: (money(month.table_dollars), money(month.lake_dollars)),
        DOLLARS,
    )
    return plot("dollars", ("Dollars a month", "What a month of this storage costs, at list prices."), _KEYS, chart)


Pair = tuple[float, float]


def _pairs(figures: Figures, heights: Callable[[Month], Pair], told: Callable[[Month], tuple[str, str]], form: str = SOME) -> alt.Chart:
    """Return two bars a month: DynamoDB's and the lake's."""
    rows = []
    for month in figures.months:
        for number, (series, height, text) in enumerate(zip(("table", "lake"), heights(month), told(month), strict=True)):
            start = month.month + _LEAD + number * _BAR
            names = {"month": f"{month.month:%B %Y}", "in": ("DynamoDB", "the lake")[number], "amount": text}
            rows.append({**during(start, start + _BAR), "series": series, "low": 0, "high": height, **names})
    since, until = _span(figures)
    rows.append({**during(since, until), "series": "lake", "low": 0, "high": 0})  # not seen, but it holds the axis
    found: alt.Chart = bars(rows, amount_axis("low", None, form), coloured("series", _COLOURS), tips("month", "in", "amount"))
    return found


def _span(figures: Figures) -> tuple[date, date]:
    """Return the months from the first to the last, and so many that bars keep their shape."""
    last = figures.months[-1].month
    return min(months_later(last, 1 - _LEAST_MONTHS), figures.months[0].month), months_later(last)


def saved(figures: Figures) -> Plot | None:
    """Draw what has been saved by the end of each month, since the beginning."""
    if not figures.months:
        return None
    rows = [
        {
            "at": milliseconds(min(months_later(month.month), figures.made_at.date())),
            "dollars": float(month.saved),
            "by the end of": f"{month.month:%B %Y}",
            "saved": money(month.saved),
            "runs of the month": money(month.spent),
        }
        for month in figures.months
    ]
    first = figures.months[0].month
    rows.insert(
        0,
        {
            "at": milliseconds(first),
            "dollars": 0,
            "by the end of": "the month before the first",
            "saved": money(Decimal(0)),
            "runs of the month": "none",
        },
    )
    across, up = time_axis("at", EDGE), amount_axis("dollars", None, DOLLARS)
    base = alt.Chart(rows_of(rows))
    area = base.mark_area(color=REMOVED, opacity=0.18, line=False).encode(x=across, y=up)
    line = base.mark_line(color=REMOVED, point=alt.OverlayMarkDef(size=40, color=REMOVED)).encode(
        x=across, y=up, tooltip=tips("by the end of", "saved", "runs of the month")
    )
    zero = alt.Chart(rows_of([{"zero": 0}])).mark_rule(color=REST).encode(y=alt.Y("zero:Q"))
    about = "Storage that DynamoDB no longer bills, less the lake's and what all runs consumed. Below zero: the runs have not paid off yet."
    return plot("saved", ("Saved so far", about), (), area + zero + line)
