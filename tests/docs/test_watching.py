"""docs/watching.md lists every metric and every alarm as the code has them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archive.engine.attention import SENTENCES
from archive.model.metric import METRICS
from archive.model.rules import RULES

TEXT: Final = (Path(__file__).resolve().parents[2] / "docs" / "watching.md").read_text()
_WHEN: Final = {"minute": "each minute", "run": "each run", "night": "nightly runs"}


def rows(title: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    lines = TEXT.partition(f"\n## {title}\n")[2].partition("\n|")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_metric_is_listed_as_it_is() -> None:
    """In the order of the code: unit, dimensions, when, and what it says."""
    expected = [
        [f"`{one.name}`", one.unit, "Table; Table and Index" if one.by_index else "Table", _WHEN[one.when], one.says] for one in METRICS
    ]
    assert rows("Metrics") == expected


def test_every_alarm_is_listed_with_its_threshold_and_origin() -> None:
    """In the order of the code."""
    found = rows("Alarms")
    assert [row[:3] for row in found] == [[f"`{rule.name}`", rule.title, f"{rule.sense} {rule.threshold:,} {rule.unit}"] for rule in RULES]
    assert all(row[3] for row in found)


def test_as_many_are_sentences_of_attention_as_it_says() -> None:
    """Four."""
    assert len(SENTENCES) == 4
    assert "Four of them are also sentences of `attention`" in TEXT
