"""What all plots of a report share: colours, axes, and the marks they are made of, as Altair's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import altair as alt

from archive.model.window import midnight, to_ms

Row = dict[str, Any]
Axis = Any  # Altair's
HOT, ARCHIVED, REMOVED, QUIET, WRONG = "#d98a1f", "#3f87cf", "#2a9d78", "rgba(128,128,128,0.3)", "#d9473f"
SERIES: Final = ("#3f87cf", "#d98a1f", "#2a9d78", "#b565c9", "#d9473f", "#5aa9a3", "#a8842c", "#e377a8")
"""Colours that can be told apart, on white and on black."""
REST: Final = "#8a8f98"
HEIGHT: Final = 220
WHOLE, SOME, DOLLARS = ",.0f", ",~r", "$,~r"
"""How an axis writes whole numbers, others, and money: as https://d3js.org/d3-format has it."""
EDGE: Final = 12
"""Pixels that points need beside an axis."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a plot's legend."""

    colour: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: its title, a sentence on what is seen, its legend, and what Vega-Lite draws."""

    name: str
    title: str
    about: str
    keys: tuple[Key, ...]
    spec: Mapping[str, Any]


def plot(name: str, words: tuple[str, str], keys: Sequence[Key], chart: Any, height: int = HEIGHT) -> Plot:  # noqa: ANN401 - a chart or layers
    """Return a plot as wide as the page lets it be. `words` are its title and what is seen."""
    title, about = words
    spec = chart.properties(width="container", height=height, description=f"{title}. {about}").to_dict()
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return Plot(name, title, about, tuple(keys), spec)


def rows_of(rows: Sequence[Row]) -> Any:  # noqa: ANN401 - Altair's data
    """Return rows as data that stands in the specification."""
    return {"values": list(rows)}


def milliseconds(day: date) -> int:
    """Return midnight of UTC as JavaScript counts it: what Vega reads as a date would be one of the reader's own zone."""
    return to_ms(midnight(day))


def time_axis(field: str, padding: int = 0) -> Axis:
    """Return the axis of days of UTC, from the first of what is drawn to the last, with some pixels beside it."""
    axis = alt.Axis(title=None, labelOverlap=True, tickCount={"expr": "max(2, floor(width / 90))"}, grid=False)
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc", nice=False, padding=padding), axis=axis)


def during(start: date, end: date) -> Row:
    """Return the fields of a mark over the days from `start` to before `end`."""
    return {"from": milliseconds(start), "to": milliseconds(end)}


def amount_axis(field: str, title: str | None, form: str = WHOLE) -> Axis:
    """Return the axis of amounts."""
    step = 1 if form == WHOLE else alt.Undefined
    axis = alt.Axis(title=title, format=form, tickCount=5, tickMinStep=step)
    return alt.Y(f"{field}:Q", axis=axis)


def coloured(field: str, keys: Mapping[str, str]) -> Any:  # noqa: ANN401 - Altair's
    """Return colours by the values of a field; legends are the page's own."""
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=list(keys), range=list(keys.values())), legend=None)


def tips(*names: str) -> list[Any]:
    """Return what is shown of a mark that is pointed at: fields that are texts already, called as they are."""
    return [alt.Tooltip(f"{name}:N", title=name) for name in names]


def line_at(value: float, channel: str) -> Any:  # noqa: ANN401 - Altair's
    """Return a dashed line at a value of the `x` or the `y` axis."""
    position = alt.X("at:Q") if channel == "x" else alt.Y("at:Q")
    return alt.Chart(rows_of([{"at": value}])).mark_rule(strokeDash=[4, 3], color=REST).encode(**{channel: position})


def stacked(amounts: Sequence[tuple[Row, Sequence[tuple[str, float]]]]) -> list[Row]:
    """Return a row for each part of each bar, one upon the other from zero. An amount is the bar's own fields, and (series, height)s."""
    found: list[Row] = []
    for row, parts in amounts:
        low: float = 0
        for series, height in parts:
            if height:
                found.append({**row, "series": series, "low": low, "high": low + height})
                low += height
    return found


def bars(rows: Sequence[Row], y: Axis, colour: Any, tooltip: Sequence[Any]) -> Any:  # noqa: ANN401 - Altair's
    """Return bars over the days `from` to `to`, between `low` and `high`."""
    mark = alt.Chart(rows_of(rows)).mark_bar(clip=True, binSpacing=0)
    return mark.encode(x=time_axis("from"), x2=alt.X2("to:T"), y=y, y2=alt.Y2("high:Q"), color=colour, tooltip=list(tooltip))
