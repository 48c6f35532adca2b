"""Whoever asks is told what the answer would not say: that it reads everything, or that its window is not all archived."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from archive.model.spec import CHAT_MESSAGES
from athena.access import Access, Advice, Event
from athena.advice import Extent, advise
from athena.config import AthenaConfig, Catalog
from athena.objects import File, LakeObjects
from athena.parameters import Parameter
from athena.query import query

CATALOG = Catalog("lake", CHAT_MESSAGES, AthenaConfig("dynalake"))
LARGE = Extent(2 * 2**40, date(2023, 1, 2), datetime(2024, 11, 18, tzinfo=UTC))
SMALL = Extent(1000, date(2023, 1, 2), datetime(2024, 11, 18, tzinfo=UTC))
BEGINS = "the archive begins on 2023-01-02"
COMPLETE = "the archive is complete through 2024-11-17: later messages may still be in DynamoDB alone"


def _advice(sql: str, *parameters: Parameter, lake: Extent = SMALL) -> list[str]:
    return advise(sql, CATALOG, parameters, lambda: lake)


@pytest.mark.parametrize("table", ["messages", "dynalake.messages", "modules_daily", "(SELECT * FROM messages)"])
def test_a_large_archive_without_a_day_has_its_price(table: str) -> None:
    """Every day is read, and what that costs at most is said."""
    (said,) = _advice(f"SELECT count(*) FROM {table}", lake=LARGE)
    assert "no condition on dt" in said
    assert "up to 2,199.0 GB, $10.00 in Athena" in said


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM messages WHERE dt >= DATE '2024-01-01'",
        "SELECT * FROM (SELECT dt, count(*) AS n FROM messages GROUP BY dt) WHERE dt = DATE '2024-01-01'",
        "SELECT count(*) FROM receipts",
        "SELECT * FROM students_seen",
        "SELECT 1",
        "SELECT nonsense FROM",
    ],
)
def test_no_advice_where_there_is_none_to_give(sql: str) -> None:
    """A condition on dt anywhere, small tables, views that have to read it all, and what is no question."""
    assert _advice(sql, lake=LARGE) == []


def test_a_small_archive_may_be_read_whole() -> None:
    """A warning that always comes is not read."""
    assert _advice("SELECT count(*) FROM messages") == []


@pytest.mark.parametrize("lake", [SMALL, LARGE])
def test_a_condition_on_the_time_alone_is_a_trap(lake: Extent) -> None:
    """It looks as if it named days, and leaves none out: said of any archive."""
    (said,) = _advice("SELECT count(*) FROM messages WHERE sent_at >= TIMESTAMP '2024-01-01 00:00:00'", lake=lake)
    assert said.startswith("a condition on sent_at alone does not leave any day out")


@pytest.mark.parametrize(
    ("condition", "parameters", "said"),
    [
        ("dt < DATE '2023-01-02'", (), [f"{BEGINS}: nothing of the window that is asked for is in it"]),
        ("dt BETWEEN DATE '2020-01-01' AND DATE '2020-12-31'", (), [f"{BEGINS}: nothing of the window that is asked for is in it"]),
        ("dt >= DATE '2020-01-01'", (), [f"{BEGINS}: what is older is not in it"]),
        ("dt >= ?", (date(2020, 1, 1),), [f"{BEGINS}: what is older is not in it"]),
        ("DATE '2020-01-01' <= dt", (), [f"{BEGINS}: what is older is not in it"]),
        ("dt >= DATE '2023-01-02'", (), []),
        ("dt BETWEEN DATE '2024-11-01' AND DATE '2024-11-17'", (), []),
        ("dt BETWEEN DATE '2024-11-01' AND DATE '2024-11-18'", (), [COMPLETE]),
        ("dt >= DATE '2024-11-01' AND dt < DATE '2024-11-18'", (), []),
        ("dt >= DATE '2024-11-01' AND dt < DATE '2024-12-01'", (), [COMPLETE]),
        ("dt = DATE '2025-01-01'", (), [COMPLETE]),
        ("dt IN (DATE '2024-01-01', DATE '2025-01-01')", (), [COMPLETE]),
        ("dt >= ? AND sent_at < ?", (date(2024, 11, 1), datetime(2025, 1, 1, tzinfo=UTC)), [COMPLETE]),
        ("dt > DATE '2024-12-24'", (), [COMPLETE]),
    ],
)
def test_a_window_that_is_not_all_archived(condition: str, parameters: tuple[Parameter, ...], said: list[str]) -> None:
    """Before the archive begins, or after what is complete; a window without an end ends where the archive does."""
    assert _advice(f"SELECT count(*) FROM messages WHERE {condition}", *parameters) == said


def test_an_archive_of_which_nothing_is_known_is_not_judged() -> None:
    """No messages, and no nightly run that was done."""
    assert _advice("SELECT 1 FROM messages WHERE dt = DATE '2030-01-01'", lake=Extent(0, None, None)) == []


def test_what_the_lake_holds_is_read_from_it(catalog: Catalog) -> None:
    """Bytes and first day from the listing, complete_through from the newest run that says it."""
    objects = LakeObjects.at(catalog.location, None, {})
    assert Extent.of(objects, None).complete_through is None
    for day, through in (("2024-03-01", "2024-02-01T00:00:00Z"), ("2024-03-02", "2024-02-02T00:00:00Z"), ("2024-03-03", None)):
        folder = f"{objects.root}runs/dt={day}"
        objects.filesystem.create_dir(folder)
        with objects.filesystem.open_output_stream(f"{folder}/run.json") as stream:
            stream.write(f'{{"run":"r","complete_through":{"null" if through is None else chr(34) + through + chr(34)}}}\n'.encode())
    objects = LakeObjects.at(catalog.location, None, {})
    found = Extent.of(objects, None)
    assert (found.first_dt, found.complete_through) == (date(2024, 1, 15), datetime(2024, 2, 2, tzinfo=UTC))
    assert found.bytes == sum(file.bytes for file in objects.files("messages")) > 0


def test_advice_comes_before_the_answer(catalog: Catalog) -> None:
    """And does not keep from it."""
    told: list[Event] = []
    table = query("SELECT count(*) AS n FROM messages WHERE dt >= DATE '2001-01-01'", catalog, access=Access(environ={}, told=told.append))
    assert told == [Advice("the archive begins on 2024-01-15: what is older is not in it")]
    assert table["n"].to_pylist() == [3]


def test_advice_and_answer_list_the_lake_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing is a request for every 1,000 objects."""
    listed: list[str] = []
    listing = LakeObjects._list  # noqa: SLF001 - what it asks S3 for is nobody else's to see

    def counted(self: LakeObjects, family: str) -> list[File]:
        listed.append(family)
        return listing(self, family)

    monkeypatch.setattr(LakeObjects, "_list", counted)
    query("SELECT count(*) AS n FROM messages", catalog, access=Access(environ={}))
    assert sorted(listed) == ["messages", "runs"]
