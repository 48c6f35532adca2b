"""Draws the archive itself: messages a day, the calendar of what is covered, the backlog, and the runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

import altair as alt

from archive.model.window import to_ms
from flows.report.drawing import (
    ARCHIVED,
    EDGE,
    HOT,
    QUIET,
    REMOVED,
    WHOLE,
    WRONG,
    Key,
    Plot,
    Row,
    amount_axis,
    bars,
    coloured,
    during,
    line_at,
    plot,
    rows_of,
    stacked,
    time_axis,
    tips,
)
from flows.report.figures import Figures, Partition, Run
from flows.report.wording import count, day, duration, instant

_DAY: Final = timedelta(days=1)
_MOST_YEARS, _MOST_MODULES = 12, 15
_STATES: Final = {"removed": REMOVED, "archived": ARCHIVED, "in part": "#7d6fd0", "quiet": QUIET, "missing": WRONG, "hot": HOT}
_OUTCOMES: Final = {"done": ARCHIVED, "alarms": HOT, "not done": WRONG}
_SQUARE: Final = 0.86
_ROW: Final = 22


def messages_a_day(figures: Figures) -> Plot | None:
    """Draw how many messages of each day are where, as far back as the other plots go."""
    shown, hot = figures.shown, figures.hot
    if shown is None and hot is None:
        return None
    gone = _gone(figures)
    partitions = [part for part in figures.partitions if shown and part.dt >= shown.wanted]
    bar = [(_between(part.first, part.last, _facts(part, gone)), _parts(part)) for part in partitions]
    if hot:
        told = {
            "day": f"{day(hot.first)} to {day(hot.last)}",
            "messages": f"about {hot.messages:,}",
            gone: "none",
            "a day": f"{hot.a_day:,.0f}",
        }
        bar.insert(0, (_between(hot.first, hot.last, told), [("hot", hot.a_day)]))
    rows = stacked(bar)
    keys = [
        Key(REMOVED, f"in the lake alone ({gone} the table)"),
        Key(ARCHIVED, "in the lake, not yet removed"),
        Key(HOT, "in the table alone"),
    ]
    if figures.table.purge == "keep":
        keys[1] = Key(ARCHIVED, "in the lake")
    about = "How many messages of each day there are, and where." if not _by_month(partitions) else "Messages a day, on average of a month."
    if hot:
        about += " What is in the table alone is a count of all days together, hours old: its bar is their mean."
    used = {row["series"] for row in rows}
    words = ("Messages a day", about)
    chart = bars(rows, amount_axis("low", None), coloured("series", _STATES), tips("day", "messages", gone))
    return plot("messages", words, [key for key, state in zip(keys, ("removed", "archived", "hot"), strict=True) if state in used], chart)


def _gone(figures: Figures) -> str:
    return "marked to leave" if figures.table.purge == "expire" else "removed from"


def _by_month(partitions: Iterable[Partition]) -> bool:
    return any(part.last > part.first for part in partitions)


def _between(first: date, last: date, told: Row) -> Row:
    return {**during(first, last + _DAY), **told}


def _facts(part: Partition, gone: str) -> Row:
    when = day(part.first) if part.first == part.last else f"{day(part.first)} to {day(part.last)}"
    return {"day": when, "messages": f"{part.messages:,}", gone: f"{part.removed:,}"}


def _parts(part: Partition) -> list[tuple[str, float]]:
    days = (part.last - part.first).days + 1
    removed = min(part.removed, part.messages)  # what was restored and removed again was removed twice
    return [("removed", removed / days), ("archived", (part.messages - removed) / days)]


def calendar(figures: Figures) -> list[Plot]:
    """Draw the newest years, one plot each: what is known of every day."""
    days = dict(_days(figures))
    years = sorted({moment.year for moment in days}, reverse=True)[:_MOST_YEARS]
    return [_year(year, {moment: told for moment, told in days.items() if moment.year == year}) for year in years]


def calendar_keys(figures: Figures) -> list[Key]:
    """Return the legend of all years."""
    labels = {
        "removed": f"archived, and most of it {_gone(figures)} the table",
        "archived": "archived, completely",
        "in part": "archived, and not known to be complete",
        "quiet": "nobody wrote",
        "missing": "not archived, as far as is known",
        "hot": "in the table alone",
    }
    used = {state for _, (state, _) in _days(figures)}
    return [Key(_STATES[state], label) for state, label in labels.items() if state in used]


def _days(figures: Figures) -> Iterator[tuple[date, tuple[str, str]]]:
    """Yield each day that something is known of, with its state and what is told of it. A later one says more."""
    for part in figures.partitions:
        state = "removed" if part.removed * 2 >= part.messages else "archived" if part.is_complete else "in part"
        told = f"{count(part.messages, 'message')}, {part.removed:,} removed" if part.removed else count(part.messages, "message")
        yield from ((moment, (state, told)) for moment in _each(part.first, part.last))
    for hole in figures.holes:
        state, told = ("quiet", "nobody wrote") if hole.is_complete else ("missing", "not archived, as far as is known")
        yield from ((moment, (state, told)) for moment in _each(hole.first, hole.last))
    if figures.hot:
        archived = {moment for part in figures.partitions for moment in _each(part.first, part.last)}
        hot = (moment for moment in _each(figures.hot.first, figures.hot.last) if moment not in archived)
        yield from ((moment, ("hot", "in the table alone")) for moment in hot)


def _each(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _year(year: int, days: dict[date, tuple[str, str]]) -> Plot:
    """Return a year as weeks from left to right, Monday at the top."""
    lead = date(year, 1, 1).weekday()
    rows = []
    for moment, (state, told) in days.items():
        week, weekday = divmod((moment - date(year, 1, 1)).days + lead, 7)
        place = {"x": week, "to x": week + _SQUARE, "y": weekday, "to y": weekday + _SQUARE}
        rows.append({**place, "state": state, "day": f"{moment:%A, %Y-%m-%d}", "what": told})
    firsts = [date(year, month, 1) for month in range(1, 13)]
    names = [{"x": ((first - date(year, 1, 1)).days + lead) // 7, "y": -0.35, "name": f"{first:%b}"} for first in firsts]
    across = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 53.9], nice=False))
    down = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-1.4, 7], reverse=True, nice=False))
    squares = (
        alt.Chart(rows_of(rows))
        .mark_rect()
        .encode(x=across, x2="to x:Q", y=down, y2="to y:Q", color=coloured("state", _STATES), tooltip=tips("day", "what"))
    )
    months = alt.Chart(rows_of(names)).mark_text(align="left", baseline="bottom", fontSize=10).encode(x=across, y=down, text="name:N")
    return plot(f"year-{year}", (str(year), "What is known of each day of the year."), (), squares + months, height=112)


def backlog(figures: Figures) -> Plot | None:
    """Draw the age of each module's oldest message that is still in the table: the oldest ones."""
    waiting = figures.status.backlog[:_MOST_MODULES]
    if not waiting:
        return None
    rows = [
        {
            "module": str(one.module),
            "days": one.age_days,
            "state": "overdue" if one.overdue else "in time",
            "oldest message": one.oldest or "",
            "age": count(one.age_days, "day"),
        }
        for one in waiting
    ]
    kept = figures.table.retention_days
    colours = {"overdue": WRONG, "in time": HOT}
    names = alt.Y("module:N", sort=None, axis=alt.Axis(title=None, labelLimit=110, ticks=False, domain=False))
    ages = alt.X("days:Q", axis=alt.Axis(title="days old", tickCount=5, tickMinStep=1, format=WHOLE))
    chart = (
        alt.Chart(rows_of(rows))
        .mark_bar(height={"band": 0.7})
        .encode(x=ages, y=names, color=coloured("state", colours), tooltip=tips("module", "age", "oldest message"))
    )
    keys = [Key(HOT, "within the retention, or due tonight"), Key(WRONG, "due: it may be archived, and is in the table")]
    keys = [key for key, state in zip(keys, ("in time", "overdue"), strict=True) if any(row["state"] == state for row in rows)]
    more = len(figures.status.backlog) - len(waiting)
    about = f"The age of each module's oldest message in the table; the dashed line is the retention of {count(kept, 'day')}."
    if more:
        about += f" {count(more, 'more module')} with younger ones {'is' if more == 1 else 'are'} left out."
    return plot("backlog", ("Oldest message of each module", about), keys, chart + line_at(kept, "x"), height=_ROW * len(rows) + 10)


def behind(figures: Figures) -> Plot | None:
    """Draw how far the archive was behind after each nightly run that was done."""
    runs = [run for run in figures.runs if run.behind_days is not None]
    if not runs:
        return None
    rows = [
        {"from": to_ms(run.started_at), "days": run.behind_days, "run": run.run, "behind": count(run.behind_days or 0, "day")}
        for run in runs
    ]
    days = amount_axis("days", "days")
    chart = (
        alt.Chart(rows_of(rows))
        .mark_line(point=alt.OverlayMarkDef(size=28), color=ARCHIVED)
        .encode(x=time_axis("from", EDGE), y=days, tooltip=tips("run", "behind"))
    )
    kept = figures.table.retention_days
    about = f"How old the youngest message was that a nightly run had come to. The dashed line is the retention of {count(kept, 'day')}."
    return plot("behind", ("How far behind the clock", about), (), chart + line_at(kept, "y"))


def runs(figures: Figures) -> Plot | None:
    """Draw every run: when it was, how many messages it moved, and how it ended."""
    if not figures.runs:
        return None
    rows = [_run(run) for run in figures.runs]
    powers = [0, *(10**power for power in range(len(str(max(row["moved"] for row in rows))) + 1))]
    axis = alt.Axis(title="messages", values=powers, format=WHOLE)
    moved = alt.Y("moved:Q", axis=axis, scale=alt.Scale(type="symlog", domain=[0, powers[-1]]))
    chart = (
        alt.Chart(rows_of(rows))
        .mark_point(filled=True, opacity=0.85, size=70)
        .encode(
            x=time_axis("from", EDGE),
            y=moved,
            color=coloured("outcome", _OUTCOMES),
            shape=alt.Shape("outcome:N", scale=alt.Scale(domain=list(_OUTCOMES), range=["circle", "diamond", "triangle-up"]), legend=None),
            tooltip=tips("run", "began", "took", "added", "replaced", "removed", "restored", "alarms", "ended because"),
        )
    )
    labels = {"done": "done", "alarms": "done, with alarms", "not done": "stopped, or ended with an error"}
    used = {row["outcome"] for row in rows}
    keys = [Key(_OUTCOMES[name], label) for name, label in labels.items() if name in used]
    about = "How many messages each run added, replaced, removed or put back, on a logarithmic scale."
    return plot("runs", ("Messages moved by each run", about), keys, chart)


def _run(run: Run) -> Row:
    return {
        "from": to_ms(run.started_at),
        "moved": run.added + run.replaced + run.removed + run.restored,
        "outcome": "not done" if not run.is_done else "alarms" if run.alarms else "done",
        "run": run.run,
        "began": instant(run.started_at),
        "took": duration(run.seconds),
        "added": f"{run.added:,}",
        "replaced": f"{run.replaced:,}",
        "removed": f"{run.removed:,}",
        "restored": f"{run.restored:,}",
        "alarms": f"{run.alarms:,}",
        "ended because": run.why,
    }
