"""Writes what was measured into docs/performance.md, between two marks; what stands around them is written by people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.outcome import RESULTS, Outcome, load, table

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- measured: written by `make bench` from benchmarks/results/ -->"
END: Final = "<!-- /measured -->"


def write_document(names: Iterable[str], document: Path = DOCUMENT, results: Path = RESULTS) -> None:
    """Put the kept outcomes, in this order, between the marks."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    outcomes = [outcome for name in names if (outcome := load(name, results))]
    lines = [BEGIN, "", *_goals(outcomes), *(line for outcome in outcomes for line in [*section(outcome), _when(outcome), ""]), END]
    document.write_text(before + "\n".join(lines) + after)


def section(outcome: Outcome) -> list[str]:
    """Return one outcome as Markdown."""
    goals = [f"- {'met' if goal.met else '**open**'}: {goal.wanted}: {goal.reached}" for goal in outcome.goals]
    drawing = ["", "```text", *outcome.drawing, "```"] if outcome.drawing else []
    return ["", f"### {outcome.title}", "", outcome.about, "", *table(outcome), *drawing, "", *goals, ""]


def _goals(outcomes: list[Outcome]) -> list[str]:
    """Return all goals as one table."""
    lines = ["| what | goal | reached | |", "|---|---|---|---|"]
    for outcome in outcomes:
        lines += [f"| {outcome.title} | {goal.wanted} | {goal.reached} | {'met' if goal.met else '**open**'} |" for goal in outcome.goals]
    return lines


def _when(outcome: Outcome) -> str:
    """Say when, on what and with which versions it was measured."""
    return f"<sub>{', '.join(f'{name} {value}' for name, value in outcome.machine.items())}</sub>"
