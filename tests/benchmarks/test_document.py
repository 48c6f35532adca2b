"""How results are kept and documented."""

from __future__ import annotations

from pathlib import Path

from benchmarks.document import BEGIN, END, write_document
from benchmarks.outcome import Goal, Outcome, Row, load

FOUND = Outcome(
    "speed",
    "How fast",
    "About it.",
    [Row("ours", {"messages/s": 12_345.6, "x": 7.0}), Row("theirs", {"messages/s": 0.0123})],
    [Goal("7 x", "7.0 x", met=True)],
    ["ours ###"],
    {"cores": "2"},
)


def test_an_outcome_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    """All of it; and there is none where none was saved."""
    FOUND.save(tmp_path)
    assert load("speed", tmp_path) == FOUND
    assert load("other", tmp_path) is None


def test_results_are_written_between_the_marks(tmp_path: Path) -> None:
    """What people wrote around them stays; a second time changes nothing."""
    FOUND.save(tmp_path)
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_document(["missing", "speed"], document, tmp_path)
    text = document.read_text()
    write_document(["missing", "speed"], document, tmp_path)
    assert document.read_text() == text
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "old" not in text


def test_a_table_has_a_column_a_figure(tmp_path: Path) -> None:
    """Rows lack what they do not have; three digits are enough."""
    FOUND.save(tmp_path)
    document = tmp_path / "performance.md"
    document.write_text(f"{BEGIN}{END}")
    write_document(["speed"], document, tmp_path)
    assert "| | messages/s | x |\n|---|---:|---:|\n| ours | 12,346 | 7 |\n| theirs | 0.0123 |  |\n" in document.read_text()
    assert "| How fast | 7 x | 7.0 x | met |" in document.read_text()
