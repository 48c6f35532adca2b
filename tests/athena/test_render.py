"""Answers are shown without losing a digit, a NULL or an empty text."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.errors import InputError
from athena.render import FORMATS, render

ANSWER = pa.table(
    {
        "who": pa.array(["Ada", "", None]),
        "n": pa.array([1, None, 2**62], pa.int64()),
        "cost": pa.array([Decimal("0.000000002"), None, Decimal("-12345678901234567890.000000001")], pa.decimal128(38, 9)),
        "sent_at": pa.array([datetime(2024, 1, 15, 10, 0, 0, 123_000), None, datetime(2024, 1, 1)], pa.timestamp("ms")),  # noqa: DTZ001 - naive
        "seen": pa.array([datetime(2024, 1, 15, tzinfo=UTC), None, None], pa.timestamp("ms", "UTC")),
        "dt": pa.array([date(2024, 1, 15), None, None]),
        "ok": pa.array([True, None, False]),
        "x": pa.array([0.5, None, float("nan")]),
        "tags": pa.array([["a", None], None, []], pa.list_(pa.string())),
        "raw": pa.array([b"\x00\xff", None, b""], pa.binary()),
        "counts": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    }
)


def test_csv() -> None:
    """NULL is empty, an empty text is two quotes, nested values are JSON."""
    lines = render(ANSWER, "csv").decode().splitlines()
    assert lines[0] == '"who","n","cost","sent_at","seen","dt","ok","x","tags","raw","counts"'
    assert lines[1] == (
        '"Ada",1,"0.000000002","2024-01-15 10:00:00.123","2024-01-15 00:00:00.000 UTC",'
        '"2024-01-15",true,"0.5","[""a"", null]","AP8=","[[""a"", 1]]"'
    )
    assert lines[2] == '"",,,,,,,,,,'


def test_json() -> None:
    """Decimals are strings, integers numbers, times ISO 8601; one object a row."""
    rows = json.loads(render(ANSWER, "json"))
    assert rows[0] == {
        "who": "Ada",
        "n": 1,
        "cost": "0.000000002",
        "sent_at": "2024-01-15T10:00:00.123",
        "seen": "2024-01-15T00:00:00.000Z",
        "dt": "2024-01-15",
        "ok": True,
        "x": 0.5,
        "tags": ["a", None],
        "raw": "AP8=",
        "counts": [["a", 1]],
    }
    assert set(rows[1].values()) == {"", None}
    assert (rows[2]["x"], rows[2]["n"], rows[2]["cost"]) == ("NaN", 2**62, "-12345678901234567890.000000001")


def test_parquet() -> None:
    """The file holds the answer with its types."""
    comparable = ANSWER.drop_columns(["x"])  # NaN equals nothing
    assert pq.read_table(io.BytesIO(render(comparable, "parquet"))).equals(comparable)


def test_text() -> None:
    """A table for people tells NULL from an empty text and counts its rows."""
    shown = render(ANSWER.select(["who", "n", "cost"]), "table").decode()
    assert [line.split() for line in shown.splitlines()] == [
        ["who", "n", "cost"],
        [shown.splitlines()[1].strip()],
        ["Ada", "1", "0.000000002"],
        ["NULL", "NULL"],
        ["NULL", "4611686018427387904", "-12345678901234567890.000000001"],
        ["3", "rows"],
    ]
    assert shown.splitlines()[3].startswith("      ")


def test_text_cannot_drive_the_terminal() -> None:
    """Escape sequences, markup and line breaks in pupils' text are shown, not obeyed."""
    shown = render(pa.table({"content": ["\x1b[2J[red]a[/red]\nb\u202e"]}), "table").decode()
    assert "\x1b" not in shown
    assert r"\x1b[2J[red]a[/red]\nb\u202e" in shown


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_answer(form: str) -> None:
    """No rows is an answer in every form."""
    shown = render(ANSWER.slice(0, 0), form)  # type: ignore[arg-type]
    assert shown
    if form == "json":
        assert json.loads(shown) == []


def test_two_columns_of_one_name_are_no_json_object() -> None:
    """JSON would lose one of them; the error says to use AS."""
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InputError, match="AS"):
        render(twice, "json")
    assert render(twice, "csv") == b'"a","a"\n1,2\n'
