"""Draws what the messages are: modules and providers over time, and what drifts into the remainder."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import altair as alt

from archive.model.window import months_later
from flows.report.drawing import (
    DOLLARS,
    REST,
    SERIES,
    WHOLE,
    Key,
    Plot,
    Row,
    amount_axis,
    bars,
    coloured,
    during,
    plot,
    rows_of,
    stacked,
    time_axis,
    tips,
)
from flows.report.figures import Drift, Figures, ModelUse, Period, Shown
from flows.report.wording import count, day, money, share

_MOST_ATTRIBUTES: Final = 15
_ROW: Final = 24
_REST: Final = "rest"
NONE: Final = "(none)"
"""What a name is called that is missing."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much one name has in one period, and how that is written."""

    period: date
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class _What:
    """What is drawn: what names are of, what amounts are of, and how an axis writes these."""

    name: str
    amount: str
    form: str

    def written(self, amount: Decimal) -> str:
        """Return an amount as people read it."""
        return money(amount) if self.form == DOLLARS else f"{int(amount):,}"


def modules(figures: Figures) -> Plot | None:
    """Draw the messages of the busiest modules."""
    amounts = [Amount(use.period, use.module or NONE, Decimal(use.messages)) for use in figures.modules]
    words = (f"Messages by module, {_a(figures)}", "The busiest modules of the time that is shown, and all others together.")
    return _over_time("modules", words, _What("module", "messages", WHOLE), figures.shown, amounts)


def providers(figures: Figures) -> Plot | None:
    """Draw the messages that name a provider."""
    amounts = [Amount(use.period, use.provider, Decimal(use.messages)) for use in figures.models]
    words = (f"Messages by provider, {_a(figures)}", "Messages that name a provider: the models' answers.")
    return _over_time("providers", words, _What("provider", "messages", WHOLE), figures.shown, amounts)


def costs(figures: Figures) -> Plot | None:
    """Draw what the providers asked for them."""
    amounts = [Amount(use.period, use.provider, use.cost_usd) for use in figures.models]
    missing = sum(use.cost_in_remainder for use in figures.models)
    about = "What the messages say that their answers cost, in US dollars."
    if missing:
        about += f" The costs of {count(missing, 'message')} did not fit the column, and are not in it."
    words = (f"Cost by provider, {_a(figures)}", about)
    if not any(one.amount for one in amounts):
        return None
    return _over_time("costs", words, _What("provider", "cost", DOLLARS), figures.shown, amounts)


def _a(figures: Figures) -> str:
    return f"a {figures.shown.period}" if figures.shown else ""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Names by how much they have in all: those with colours of their own, by their series, and all the others."""

    series: dict[str, str]
    others: tuple[str, ...]

    @classmethod
    def of(cls, amounts: Iterable[Amount]) -> _Ranked:
        totals: dict[str, Decimal] = defaultdict(Decimal)
        for one in amounts:
            totals[one.name] += one.amount
        ranked = sorted(totals, key=lambda name: (-totals[name], name))
        most = len(SERIES) if len(ranked) <= len(SERIES) else len(SERIES) - 1
        return cls({name: f"s{number}" for number, name in enumerate(ranked[:most])}, tuple(ranked[most:]))

    @property
    def rest(self) -> str:
        """What the others are called together."""
        return count(len(self.others), "other")

    def colours(self) -> dict[str, str]:
        """Return the colour of each series."""
        return dict(zip(self.series.values(), SERIES, strict=False)) | {_REST: REST}

    def keys(self) -> list[Key]:
        """Return the legend."""
        colours = self.colours()
        own = [Key(colours[series], name) for name, series in self.series.items()]
        return [*own, Key(REST, self.rest)] if self.others else own

    def parts(self, found: Mapping[str, Decimal]) -> list[tuple[str, str, Decimal]]:
        """Return the parts of one bar: the series, what it is called, and how much it is."""
        own = [(series, name, found.get(name, Decimal(0))) for name, series in self.series.items()]
        return [*own, (_REST, self.rest, sum((found.get(name, Decimal(0)) for name in self.others), Decimal(0)))]


def _over_time(name: str, words: tuple[str, str], what: _What, shown: Shown | None, amounts: Sequence[Amount]) -> Plot | None:
    """Draw amounts as bars upon each other, one a period, the largest names in colours of their own."""
    if shown is None or not amounts:
        return None
    ranked = _Ranked.of(amounts)
    periods: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in amounts:
        periods[one.period][one.name] += one.amount
    rows: list[Row] = []
    for period in sorted(periods):
        parts = ranked.parts(periods[period])
        names = {series: {what.name: called, what.amount: what.written(amount)} for series, called, amount in parts}
        bar = stacked([(_during(period, shown.period), [(series, float(amount)) for series, _, amount in parts])])
        rows += [{**row, **names[row["series"]]} for row in bar]
    y = amount_axis("low", None, what.form)
    tooltip = tips(shown.period, what.name, what.amount)
    return plot(name, words, ranked.keys(), bars(rows, y, coloured("series", ranked.colours()), tooltip))


def _during(period: date, length: Period) -> Row:
    """Return the fields of a mark that spans a period."""
    if length == "month":
        end, told = months_later(period), f"{period:%B %Y}"
    elif length == "week":
        end, told = period + timedelta(days=7), f"from {day(period)}"
    else:
        end, told = period + timedelta(days=1), day(period)
    return {**during(period, end), length: told}


def models(figures: Figures) -> list[Row]:
    """Return the models that were used most, for a table."""
    groups: dict[tuple[str, str], list[ModelUse]] = defaultdict(list)
    for use in figures.models:
        groups[use.provider, use.model or NONE].append(use)
    ranked = sorted(groups.items(), key=lambda group: (-sum(use.messages for use in group[1]), group[0]))
    return [{"provider": names[0], "model": names[1], **_sums(uses)} for names, uses in ranked]


def _sums(uses: Iterable[ModelUse]) -> Row:
    found = list(uses)
    finished = sum(use.finished for use in found)
    cost = sum((use.cost_usd for use in found), Decimal(0))
    return {
        "messages": f"{sum(use.messages for use in found):,}",
        "tokens": f"{sum(use.tokens for use in found):,}",
        "cost": money(cost),
        "errors": share(sum(use.errors for use in found) / finished) if finished else "not known",
    }


def drift(figures: Figures) -> Plot | None:
    """Draw which attributes are in the remainder, when, and in what share of the messages."""
    shown = figures.shown
    if shown is None or not figures.drift:
        return None
    totals: Counter[str] = Counter()
    for one in figures.drift:
        totals[_name(one)] += one.messages
    names = sorted(totals, key=lambda name: (-totals[name], name))
    kept = names[:_MOST_ATTRIBUTES]
    rows = [
        {
            **_during(one.period, shown.period),
            "attribute": _name(one),
            "rank": kept.index(_name(one)),
            "share": one.share,
            "messages": f"{one.messages:,}",
            "of all": share(one.share),
        }
        for one in figures.drift
        if _name(one) in kept
    ]
    # By a number: names in an order of its own become part of an expression, and not every name can be.
    order = alt.EncodingSortField("rank", op="min")
    down = alt.Y("attribute:N", sort=order, axis=alt.Axis(title=None, labelLimit=150, ticks=False, domain=False))
    strength = alt.Opacity("share:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0.15, 1]), legend=None)
    chart = (
        alt.Chart(rows_of(rows))
        .mark_bar(color=SERIES[3], clip=True, height={"band": 0.72})
        .encode(
            x=time_axis("from"),
            x2="to:T",
            y=down,
            opacity=strength,
            tooltip=tips(shown.period, "attribute", "messages", "of all"),
        )
    )
    about = (
        "Attributes that no column holds, or whose value did not fit, with the type of the value. The stronger, the more messages have it."
    )
    if len(names) > len(kept):
        about += f" {count(len(names) - len(kept), 'rarer one')} left out."
    return plot("drift", ("What is in the remainder", about), (), chart, height=_ROW * len(kept) + 10)


def _name(one: Drift) -> str:
    return f"{one.attribute} ({one.type})"
