"""The plan: what a run will do, as a value that is printed, saved and executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archive.model.config import Module, PurgeMode
from archive.model.cost import Cost, PurgeRate
from archive.model.hold import Hold
from archive.model.prices import Prices
from archive.model.window import Window, iso

Command = Literal["nightly", "backfill", "purge", "sweep"]


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """One module's share: its window, and how many messages are expected in it (`low` to `high`; exact where equal).

    The module None stands for the messages of no module.
    """

    module: Module | None
    window: Window
    rows: int
    low: int
    high: int
    junk: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do. Batches are cut while it runs, within `window`; the first has `first_batch` segments.

    `named` are the modules that the settings or the request name (None: all were discovered). `holds` are those in force: what
    they cover is left out of `modules`, and no batch reaches over an edge of theirs. `reads` are the read
    units that planning itself cost.
    """

    command: Command
    window: Window | None
    modules: tuple[ModulePlan, ...]
    named: tuple[str, ...] | None
    holds: tuple[Hold, ...]
    purge: PurgeMode
    segments: int
    first_batch: int
    item_bytes: int
    cost: Cost
    prices: Prices
    rate: PurgeRate
    exact: bool
    reads: float
    warnings: tuple[str, ...]

    @property
    def removes(self) -> bool:
        """Say whether it would remove or mark anything."""
        return self.purge != "keep" and self.window is not None and bool(self.modules)

    @property
    def rows(self) -> int:
        """Messages expected in all."""
        return sum(module.rows for module in self.modules)

    @property
    def low(self) -> int:
        """At least so many."""
        return sum(module.low for module in self.modules)

    @property
    def high(self) -> int:
        """At most so many."""
        return sum(module.high for module in self.modules)

    def modules_in(self, window: Window) -> tuple[Module | None, ...]:
        """Return the modules that have messages in a batch's window, or may have."""
        return tuple(dict.fromkeys(module.module for module in self.modules if module.window.intersect(window)))

    def to_dict(self) -> dict[str, object]:
        """Return the plan for `--json`: numbers as numbers, money as text."""
        return {
            "command": self.command,
            "from": iso(self.window.start) if self.window else None,
            "to": iso(self.window.end) if self.window else None,
            "purge": self.purge,
            "rows": self.rows,
            "rows_low": self.low,
            "rows_high": self.high,
            "exact": self.exact,
            "segments": self.segments,
            "item_bytes": self.item_bytes,
            "read_units": float(self.cost.read_units),
            "write_units": self.cost.write_units,
            "dollars_once": str(round(self.cost.once, 6)),
            "dollars_saved_a_month": str(round(self.cost.saved_month, 6)),
            "prices_of": self.prices.region,
            "prices_as_of": self.prices.as_of.isoformat(),
            "purge_hours": None if self.rate.hours is None else round(float(self.rate.hours), 4),
            "planning_read_units": self.reads,
            "warnings": list(self.warnings),
            "modules": [
                {
                    "module": module.module if isinstance(module.module, int | str | None) else str(module.module),
                    "from": iso(module.window.start),
                    "rows": module.rows,
                    "rows_low": module.low,
                    "rows_high": module.high,
                    "junk_before_earliest": module.junk,
                }
                for module in self.modules
            ],
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What one bounded look found: `rows` from `start_ms` to `last_ms`, in a window that ends at `end_ms`."""

    start_ms: int
    end_ms: int
    rows: int
    last_ms: int | None
    complete: bool


def estimate(looks: list[Look]) -> tuple[int, int, int]:
    """Return (expected, at least, at most) rows from looks at consecutive parts of one window.

    A look that reached its part's end counted it. Otherwise the density it saw is carried on to the part's end; the
    bounds carry the lowest and the highest density of all looks, and never fall below what was seen.
    """
    seen = sum(look.rows for look in looks)
    if all(look.complete for look in looks):
        return seen, seen, seen
    densities = [_density(look) for look in looks]
    expected = low = high = 0.0
    for look, density in zip(looks, densities, strict=True):
        if look.complete:
            expected, low, high = expected + look.rows, low + look.rows, high + look.rows
            continue
        rest = max(look.end_ms - (look.last_ms or look.start_ms), 0)
        expected += look.rows + density * rest
        low += look.rows + min(densities) * rest / 2
        high += look.rows + max(densities) * rest * 2
    return round(expected), max(seen, round(low)), round(high)


def _density(look: Look) -> float:
    """Return rows a millisecond over what the look covered."""
    end = look.end_ms if look.complete or look.last_ms is None else look.last_ms
    return look.rows / max(end - look.start_ms, 1)
