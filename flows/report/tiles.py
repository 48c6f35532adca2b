"""The headline figures of a report: what to know at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from archive.model.window import parse_instant
from flows.report.figures import Figures
from flows.report.wording import count, instant, money, size


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: what it is of, the figure, and what else to know."""

    name: str
    figure: str
    more: str


def tiles_of(figures: Figures) -> tuple[Tile, ...]:
    """Return the headline figures, in their order."""
    return (_lake(figures), _table(figures), _removed(figures), _complete(figures), _saved(figures), _last(figures))


def _lake(figures: Figures) -> Tile:
    partitions = len(figures.partitions)
    return Tile("Messages in the lake", f"{figures.messages:,}", f"{size(figures.bytes)}, {count(partitions, 'partition')}")


def _table(figures: Figures) -> Tile:
    table = figures.table
    return Tile(
        "Messages in the table", f"{table.items:,}", f"{size(table.bytes)}, counted hours ago" if table.bytes else "counted hours ago"
    )


def _removed(figures: Figures) -> Tile:
    removed = sum(run.removed for run in figures.runs)
    restored = sum(run.restored for run in figures.runs)
    name = "Marked to expire" if figures.table.purge == "expire" else "Removed so far"
    return Tile(name, f"{removed:,}", f"{restored:,} restored" if restored else f"policy: {figures.table.purge}")


def _complete(figures: Figures) -> Tile:
    through = figures.status.complete_through
    if through is None:
        return Tile("Complete through", "not known", "no nightly run has finished yet")
    behind = (figures.made_at - parse_instant(through)).days
    kept = figures.table.retention_days
    return Tile("Complete through", through[:10], f"{count(behind, 'day')} ago; retention {kept:,}")


def _saved(figures: Figures) -> Tile:
    if not figures.months:
        return Tile("Saved so far", "not known", "nothing was removed yet")
    last = figures.months[-1]
    a_month: Decimal = last.table_dollars - last.lake_dollars
    return Tile("Saved so far", money(last.saved), f"{money(a_month)} a month in storage, now")


def _last(figures: Figures) -> Tile:
    if not figures.runs:
        return Tile("Last run", "none", "there has been no run yet")
    run = figures.runs[-1]
    return Tile("Last run", "done" if run.is_done else "not done", f"{run.command}, {instant(run.started_at)}")
