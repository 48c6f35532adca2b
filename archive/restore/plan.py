"""The plan of a restore, as a value: which segments hold wanted messages, where they go, what that costs, and what will be held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from archive.model.hold import Hold
from archive.model.layout import Segment
from archive.model.prices import Prices
from archive.model.target_table import TargetTable
from archive.model.window import Window, iso
from archive.restore.removed import Removed
from archive.restore.wanted import ALL_TIME, Wanted

_GETS_A_SEGMENT: Final = 4  # its end and a deciding column for the plan, its receipt and all of it for the restore


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. `undo` names a run whose purge is undone; `table` and `file` None: the source table.

    `until` is when the hold ends.
    """

    wanted: Wanted
    until: datetime
    undo: str | None = None
    table: str | None = None
    file: Path | None = None

    @property
    def what(self) -> str:
        """What is asked for, without the values of keys: pupils' numbers stay out of records and logs."""
        parts = []
        if self.undo:
            parts.append(f"what run {self.undo} purged")
        if modules := self.wanted.modules:
            parts.append(f"modules {', '.join(map(str, modules))}" if len(modules) <= 10 else f"{len(modules)} modules")  # noqa: PLR2004
        others = {name: values for name, values in self.wanted.values.items() if name != self.wanted.spec.module_column}
        parts += [f"{len(values)} value(s) of {name}" for name, values in others.items()]
        if window := self.wanted.window:
            ends = [f"from {iso(window.start)}"] if window.start > ALL_TIME.start else []
            parts.append(" ".join(ends + ([f"to {iso(window.end)}"] if window.end < ALL_TIME.end else [])))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Part:
    """One segment's share: so many wanted rows (at most, where a purge is undone), or rows that a purge removed."""

    segment: Segment
    rows: int
    removed: Removed | None = None


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore will do. `target` None: a file. `hold` None: nothing is held, because the source table is not written to.

    `units` is what one message costs to put, on average; `rows_a_second` is how many may be put.
    """

    request: Request
    parts: tuple[Part, ...]
    target: TargetTable | None
    hold: Hold | None
    units: float
    rows_a_second: float
    prices: Prices
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Messages to put back, those included that are there already."""
        return sum(part.rows for part in self.parts)

    @property
    def total_units(self) -> int:
        """Write units in all."""
        return round(self.rows * self.units)

    @property
    def seconds(self) -> float:
        """How long putting takes within the limits."""
        return self.rows / self.rows_a_second

    @property
    def dollars(self) -> Decimal:
        """What it costs once."""
        puts = self.prices.writes(self.total_units)
        return puts + len(self.parts) * _GETS_A_SEGMENT * self.prices.get_thousand / 1000

    @property
    def window(self) -> Window | None:
        """From the first segment's begin to the last one's end, within what was asked for."""
        if not self.parts:
            return None
        hull = Window(min(part.segment.window.start for part in self.parts), max(part.segment.window.end for part in self.parts))
        return hull.intersect(self.request.wanted.window) if self.request.wanted.window else hull

    @property
    def into(self) -> str:
        """Where the messages go, in words."""
        return f"table {self.target.name}" if self.target else f"file {self.request.file}"

    def to_dict(self) -> dict[str, object]:
        """Return the plan for `--json`: numbers as numbers, money as text."""
        return {
            "command": "restore",
            "what": self.request.what,
            "into": self.into,
            "rows": self.rows,
            "exact": self.request.undo is None,
            "segments": [{"segment": part.segment.name, "rows": part.rows} for part in self.parts],
            "write_units": self.total_units,
            "dollars_once": str(round(self.dollars, 6)),
            "seconds": round(self.seconds, 1),
            "held_until": iso(self.hold.until) if self.hold else None,
            "held_modules": None if self.hold is None or self.hold.modules is None else [str(module) for module in self.hold.modules],
            "warnings": list(self.warnings),
        }
