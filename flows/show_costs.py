"""Shows what tables cost: to people as tables with a column for each scenario, and to programs as one value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from archive.model.bill import total
from archive.model.prices import Prices
from archive.model.ways import WAYS, Change, Scenario, alternatives, change, exported, lake_classes

_TINY: Final = Decimal("0.01")
_UNITS: Final = ((10**9, "B"), (10**6, "M"), (10**3, "k"))
_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Section:
    """A table: its title, and rows of a name and a cell for each scenario."""

    title: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def show_costs(console: Console, scenarios: Sequence[Scenario], notes: Sequence[str]) -> None:
    """Print what tables cost today, what each policy makes of it, and what else would change it."""
    prices = scenarios[0].prices
    console.print(f"US dollars a month, at the prices of {prices.region} as of {prices.as_of}.", highlight=False)
    for note in (*notes, *_of_prices(prices)):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    for section in sections(scenarios):
        table = Table(title=f"\n{section.title}", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("messages a month", no_wrap=True)
        for scenario in scenarios:
            table.add_column(short(scenario.flow), justify="right", no_wrap=True)
        for name, cells in section.rows:
            table.add_row(name, *cells)
        console.print(table, highlight=False, markup=False)


def _of_prices(prices: Prices) -> Iterator[str]:
    if prices.borrowed:
        yield f"Not known of {prices.region}, and taken from us-east-1: {', '.join(prices.borrowed)}."
    if prices.overridden:
        yield f"Set in [prices]: {', '.join(prices.overridden)}."


def sections(scenarios: Sequence[Scenario]) -> Iterator[Section]:
    """Yield the tables."""
    bills = [scenario.lines for scenario in scenarios]
    today: list[tuple[str, list[Decimal]]] = []
    for number, line in enumerate(bills[0]):
        name = line.part.name if line.part.projection == "table" else f"{line.part.name} ({line.part.projection})"
        months_of = [lines[number].month for lines in bills]
        today += [(f"{name}: {what}", [getattr(month, what) for month in months_of]) for what in ("storage", "writes", "reads")]
    today.append(("in all", [total(lines).total for lines in bills]))
    yield Section("What the table costs today", tuple((name, tuple(map(dollars, cells))) for name, cells in today))
    changes = {way: [change(scenario, way) for scenario in scenarios] for way in WAYS}
    yield Section("With old messages in the lake, a month, all in all", _each(changes, lambda one: dollars(one.month)))
    yield Section("... of which archiving and removing what comes", _each(changes, lambda one: dollars(one.monthly.once)))
    once = _each(changes, lambda one: dollars(one.backlog.once))
    reading = ("(reading them by queries)", tuple(dollars(one.backlog.reading) for one in changes["keep"]))
    export = ("(reading them by one PITR export)", tuple(dollars(exported(scenario)) for scenario in scenarios))
    yield Section("Archiving the old messages, once", (*once, reading, export))
    yield Section("Months until that has paid for itself", _each(changes, lambda one: months(one.breaks_even)))
    yield Section("Months a message would have to stay for its removal to pay", _each(changes, lambda one: months(one.monthly.pays_after)))
    others = [alternatives(scenario) for scenario in scenarios]
    yield Section(
        "What else would change today's bill", tuple((name, tuple(signed(other[name]) for other in others)) for name in others[0])
    )
    yield Section("The lake", tuple(_lake(scenarios)))


def _each(changes: dict[Any, list[Change]], cell: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:  # noqa: ANN401 - a function of a Change
    return tuple((way, tuple(cell(one) for one in ones)) for way, ones in changes.items())


def _lake(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, tuple[str, ...]]]:
    classes = [lake_classes(scenario) for scenario in scenarios]
    for number, first in enumerate(classes[0]):
        here = [one[number] for one in classes]
        yield f"{first.name}: storage", tuple(dollars(one.month) for one in here)
        if any(one.moving for one in here):
            yield "    moving it there, once", tuple(dollars(one.moving) for one in here)
        yield "    Athena: a month's messages, whole", tuple(dollars(one.question) for one in here)


def dollars(amount: Decimal) -> str:
    """Return an amount with two places, or with four where that would show nothing."""
    return f"{amount:,.4f}" if 0 < abs(amount) < _TINY else f"{amount:,.2f}"


def signed(amount: Decimal) -> str:
    """Return a change with its sign."""
    return f"+{dollars(amount)}" if amount > 0 else dollars(amount)


def months(number: Decimal | None) -> str:
    """Return a number of months."""
    return "never" if number is None else f"{number:,.1f}"


def short(number: int) -> str:
    """Return a number as a column's head: 10M, 1B, or with all digits where that would round it."""
    for unit, letter in _UNITS:
        if number >= unit and number % unit == 0:
            return f"{number // unit}{letter}"
    return f"{number:,}"


def costs_as_json(scenarios: Sequence[Scenario], notes: Sequence[str]) -> dict[str, Any]:
    """Return all of it for a program: counts as numbers, money as text."""
    prices = scenarios[0].prices
    return {
        "region": prices.region,
        "prices_as_of": prices.as_of.isoformat(),
        "prices_from_us_east_1": list(prices.borrowed),
        "prices_from_settings": list(prices.overridden),
        "notes": list(notes),
        "scenarios": [_scenario(scenario) for scenario in scenarios],
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    lines, changes = scenario.lines, {way: change(scenario, way) for way in WAYS}
    return {
        "messages_a_month": scenario.flow,
        "messages_stored": scenario.stock,
        "item_bytes": scenario.shape.item_bytes,
        "regions": scenario.shape.regions,
        "dollars_a_month": _money(total(lines).total),
        "parts": [
            {
                "name": line.part.name,
                "projection": line.part.projection,
                "entry_bytes": line.part.entry_bytes,
                "stored_bytes": line.usage.stored_bytes,
                "write_units": line.usage.write_units,
                "read_units": float(line.usage.read_units),
                "dollars_storage": _money(line.month.storage),
                "dollars_writes": _money(line.month.writes),
                "dollars_reads": _money(line.month.reads),
            }
            for line in lines
        ],
        "policies": {way: _change(one) for way, one in changes.items()},
        "dollars_pitr_export_once": _money(exported(scenario)),
        "dollars_a_month_more": {name: _money(amount) for name, amount in alternatives(scenario).items()},
        "lake": [
            {
                "class": one.name,
                "dollars_a_month": _money(one.month),
                "dollars_moving_once": _money(one.moving),
                "dollars_a_question": _money(one.question),
            }
            for one in lake_classes(scenario)
        ],
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "dollars_a_month": _money(one.month),
        "dollars_saved_a_month": _money(one.saved),
        "dollars_archiving_a_month": _money(one.monthly.once),
        "write_units_a_month": one.monthly.write_units,
        "dollars_backlog_once": _money(one.backlog.once),
        "months_to_break_even": _number(one.breaks_even),
        "months_a_message_must_stay": _number(one.monthly.pays_after),
    }


def _money(amount: Decimal) -> str:
    return f"{amount:.{_PLACES}f}"


def _number(number: Decimal | None) -> float | None:
    return None if number is None else round(float(number), 2)
