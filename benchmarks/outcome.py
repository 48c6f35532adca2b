"""What a benchmark found: rows of figures, and what they say of the issue's goals; kept as JSON, one file a benchmark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: who or what, and its figures by name (the unit is part of the name)."""

    what: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, in words; what was reached, in words; and whether that is enough."""

    wanted: str
    reached: str
    met: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One benchmark's result. `about` says what was measured, so that the table can be read by itself."""

    name: str
    title: str
    about: str
    rows: list[Row]
    goals: list[Goal] = field(default_factory=list)
    drawing: list[str] = field(default_factory=list)
    machine: Mapping[str, str] = field(default_factory=dict)

    def save(self, folder: Path = RESULTS) -> None:
        """Keep it, in place of an earlier one."""
        folder.mkdir(exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(name: str, folder: Path = RESULTS) -> Outcome | None:
    """Return the outcome that was kept last; None if there is none."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    rows = [Row(**row) for row in kept.pop("rows")]
    goals = [Goal(**goal) for goal in kept.pop("goals")]
    return Outcome(**kept, rows=rows, goals=goals)


def table(outcome: Outcome) -> list[str]:
    """Return the rows as lines of a Markdown table: the first row's figures are the columns."""
    if not outcome.rows:
        return []
    names = list(dict.fromkeys(name for row in outcome.rows for name in row.figures))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for row in outcome.rows:
        cells = [_cell(row.figures.get(name)) for name in names]
        lines.append(f"| {row.what} | {' | '.join(cells)} |")
    return lines


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"  # noqa: PLR2004 - three digits are enough


def bars(values: Mapping[str, float], unit: str) -> list[str]:
    """Draw values as bars: the longest has 40 signs."""
    most, width = max(values.values()), max(map(len, values))
    return [f"{name:>{width}} {'#' * max(round(value / most * 40), 1):<40} {_cell(value)} {unit}" for name, value in values.items()]
