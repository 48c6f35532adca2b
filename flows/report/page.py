"""Puts a report's figures and plots into one HTML page that needs nothing else, and lets nothing else in."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from flows.report import of_archive, of_messages, of_money
from flows.report.drawing import Key, Plot
from flows.report.figures import Figures, Run
from flows.report.tiles import tiles_of
from flows.report.wording import count, day, duration, instant, size

_MOST_RUNS, _MOST_MODELS = 12, 12
_ESCAPED: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: its cells by column, and the columns whose cell is bad news."""

    cells: Mapping[str, str]
    bad: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """A small table; `numbers` are the columns that are set to the right."""

    columns: tuple[str, ...]
    numbers: frozenset[str]
    rows: tuple[Line, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. With `wide` each plot has a row of its own."""

    title: str
    plots: tuple[Plot, ...] = ()
    sentences: tuple[str, ...] = ()
    wide: bool = False
    years: tuple[Plot, ...] = ()
    keys: tuple[Key, ...] = ()
    tables: tuple[Lines, ...] = field(default=())


def page_of(figures: Figures) -> str:
    """Return the page. Every name in it is escaped, as HTML or as JSON, and its policy allows no request and no script but its own."""
    sections = sections_of(figures)
    drawn = [plot for section in sections for plot in (*section.plots, *section.years)]
    css, vega, script = _asset("page.css"), _asset("vega.js"), _asset("page.js")
    return _template().render(
        figures=figures,
        made_at=instant(figures.made_at),
        attention=figures.status.attention(),
        tiles=tiles_of(figures),
        sections=sections,
        plots=Markup(embedded({plot.name: plot.spec for plot in drawn})),  # noqa: S704 - escaped for where it stands
        policy=_policy(css, (vega, script)),
        css=Markup(css),  # noqa: S704 - ours
        vega=Markup(vega),  # noqa: S704
        script=Markup(script),  # noqa: S704
    )


def embedded(values: Any) -> str:  # noqa: ANN401 - whatever JSON takes
    """Return JSON that nothing in it can break out of, wherever it stands in HTML."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, default=str)
    for character, escaped in _ESCAPED.items():
        text = text.replace(character, escaped)
    return text


def _policy(css: str, scripts: Iterable[str]) -> str:
    """Return the content security policy: the page's own styles and scripts, known by their hashes, and nothing from anywhere.

    Vega's marks have style attributes; those can fetch nothing, for no source of images or fonts is allowed.
    """
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src-elem {_hash(css)}; style-src-attr 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_asset("page.html"))


def sections_of(figures: Figures) -> tuple[Section, ...]:
    """Return the parts of the page, in their order; what has no figures says so instead."""
    parts = (_days(figures), _storage(figures), _usage(figures), _coverage(figures), _backlog(figures), _runs(figures), _drift(figures))
    return tuple(parts)


def _there(*plots: Plot | None) -> tuple[Plot, ...]:
    return tuple(plot for plot in plots if plot is not None)


def _days(figures: Figures) -> Section:
    plots = _there(of_archive.messages_a_day(figures))
    nothing = () if figures.partitions else ("Nothing is archived yet: the lake is empty.",)
    return Section("Where the messages are", plots, nothing)


def _storage(figures: Figures) -> Section:
    sentences = []
    if not figures.months:
        sentences.append("There is nothing to say yet: no run has stored or removed anything that is known in bytes.")
    elif figures.table.purge == "keep":
        sentences.append("The policy is to keep: Dynalake removes nothing, and what the table's own TTL removes is not counted here.")
    if figures.months and figures.item:
        known = "of those that are there" if figures.table.items and figures.table.bytes else "by the units that reading them has cost"
        sentences.append(f"A message of the table is counted as {size(figures.item.bytes)}: the mean {known}.")
    return Section(
        "Bytes and dollars", _there(of_money.saved(figures), of_money.stored(figures), of_money.dollars(figures)), tuple(sentences)
    )


def _usage(figures: Figures) -> Section:
    plots = _there(of_messages.modules(figures), of_messages.providers(figures), of_messages.costs(figures))
    sentences = [f"There are no figures of {what}: {figures.left_out[view]}." for what, view in _VIEWS if view in figures.left_out]
    if not plots and not sentences:
        sentences.append("There are none yet: these are figures of archived messages.")
    models = of_messages.models(figures)
    columns = ("provider", "model", "messages", "tokens", "cost", "errors")
    more = f"{count(len(models) - _MOST_MODELS, 'more model')} left out. " if len(models) > _MOST_MODELS else ""
    table = Lines(
        columns,
        frozenset(columns[2:]),
        tuple(Line(row) for row in models[:_MOST_MODELS]),
        f"{more}Errors are of the messages whose end is known.",
    )
    return Section("Modules and providers", plots, (*sentences, *_extent(figures)), tables=(table,) if models else ())


_VIEWS: Final = (("modules", "modules_daily"), ("providers", "providers_daily"))


def _extent(figures: Figures) -> tuple[str, ...]:
    """Say which days the figures about messages are of."""
    shown = figures.shown
    if shown is None:
        return ()
    text = f"Of archived messages, dt from {day(shown.first)} to {day(shown.last)}."
    if shown.first != shown.wanted:
        text += f" Older ones back to {day(shown.wanted)} were wanted, but would have meant reading more than {size(shown.most_bytes)}."
    return (text,)


def _coverage(figures: Figures) -> Section:
    years = of_archive.calendar(figures)
    through = figures.status.complete_through
    said = f"Complete through {through[:10]}: everything before that day is archived." if through else "No nightly run has finished yet."
    return Section("Coverage", sentences=(said,), years=tuple(years), keys=tuple(of_archive.calendar_keys(figures)))


def _backlog(figures: Figures) -> Section:
    plots = _there(of_archive.backlog(figures), of_archive.behind(figures))
    return Section("Backlog", plots, () if figures.status.backlog else ("No module has a message in the table.",))


def _runs(figures: Figures) -> Section:
    plots = _there(of_archive.runs(figures))
    columns = ("began", "command", "took", "added", "removed", "ended because")
    newest = tuple(_line(run) for run in reversed(figures.runs[-_MOST_RUNS:]))
    more = f"The newest {len(newest)} of {count(len(figures.runs), 'run')}." if len(figures.runs) > len(newest) else ""
    table = Lines(columns, frozenset(columns[2:5]), newest, more)
    return Section("Runs", plots, () if figures.runs else ("There has been no run yet.",), tables=(table,) if newest else ())


def _line(run: Run) -> Line:
    cells = {
        "began": instant(run.started_at).removesuffix(" UTC"),
        "command": run.command,
        "took": duration(run.seconds),
        "added": f"{run.added:,}",
        "removed": f"{run.removed:,}",
        "ended because": f"{run.why}; {count(run.alarms, 'alarm')}" if run.alarms else run.why,
    }
    return Line(cells, () if run.is_done and not run.alarms else ("ended because",))


def _drift(figures: Figures) -> Section:
    if "archive_drift" in figures.left_out:
        return Section("Drift", sentences=(f"There are no figures: {figures.left_out['archive_drift']}.",))
    plots = _there(of_messages.drift(figures))
    return Section("Drift", plots, _extent(figures) if plots else ("No message has anything that its columns do not hold.",))
