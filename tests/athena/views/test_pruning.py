"""A question that names days reads the objects of these days, and of an object the row groups that can hold what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from archive.errors import DynalakeError
from archive.model.spec import CHAT_MESSAGES, TableSpec
from athena import local
from athena.columns import Records
from athena.config import AthenaConfig, Catalog
from athena.objects import File, LakeObjects
from athena.views.view import View, views_of
from tests.athena.views.conftest import Ask
from tests.athena.views.real_lake import RealLake, day_of
from tests.builders import KEYS, SEGMENT, message, text, write_segment

A_GROUP = 15  # messages of a mebibyte each: as many as a row group of 16 MiB holds
VIEWS = {view.name: view for view in views_of(CHAT_MESSAGES, "messages")[0]}


# DuckDB does not take conditions below an UNNEST, as Trino does.
BELOW_UNNEST = "archive_drift"
PRUNED = [view for view in VIEWS.values() if view.is_pruned and "messages" in view.tables and view.name != BELOW_UNNEST]


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


WEEK = _days(date(2024, 3, 4), date(2024, 3, 10))
MARCH = _days(date(2024, 3, 1), date(2024, 3, 31))
# What a user asks of a view, and the days that are needed for it.
BY_DAYS = ("dt BETWEEN DATE '2024-03-04' AND DATE '2024-03-10'", WEEK)
ASKED = {
    "modules_weekly": ("dt = DATE '2024-03-04'", WEEK),
    "modules_monthly": ("dt = DATE '2024-03-01'", MARCH),
    "modules_busiest": ("dt = DATE '2024-03-01' AND place <= 3", MARCH),
    "providers_monthly": ("dt >= DATE '2024-03-01' AND dt <= DATE '2024-03-31'", MARCH),
    "providers_month_over_month": ("dt = DATE '2024-03-01'", _days(date(2024, 2, 1), date(2024, 3, 31))),
}


@dataclass(frozen=True, slots=True)
class Watched(LakeObjects):
    """A lake's objects, and the partitions whose messages were read. What is not in `days` could not be read: it is not in the dataset."""

    days: set[date] = field(default_factory=set)
    records_read: list[File] = field(default_factory=list)

    def messages(self, spec: TableSpec, files: Any) -> Any:  # noqa: ANN401 - as it is
        """Note the files' days."""
        self.days.update(file.dt for file in files)
        return LakeObjects.messages(self, spec, files)

    def records(self, records: Records, files: Any) -> Any:  # noqa: ANN401 - as it is
        """Note the files."""
        self.records_read.extend(files)
        return LakeObjects.records(self, records, files)


def _watched(catalog: Catalog) -> Watched:
    opened = LakeObjects.at(catalog.location, None, {})
    return Watched(opened.filesystem, opened.root)


def _archived(real_lake: RealLake) -> set[date]:
    return {day_of(message) for message in real_lake.messages}


@pytest.mark.parametrize("view", PRUNED, ids=lambda view: view.name)
def test_a_view_reads_the_days_that_are_asked_for(view: View, catalog: Catalog, real_lake: RealLake) -> None:
    """Of 696 days the ones that the condition on dt leaves; also where dt is the first day of a week or a month."""
    condition, days = ASKED.get(view.name, BY_DAYS)
    watched = _watched(catalog)
    found = local.ask(f"SELECT * FROM {view.name} WHERE {condition}", catalog, watched)
    assert found.num_rows
    assert watched.days == days & _archived(real_lake)


@pytest.mark.parametrize("name", ["students_seen", "student_learning_path", "conversations", BELOW_UNNEST])
def test_a_view_of_the_whole_archive_says_so(name: str, catalog: Catalog, real_lake: RealLake) -> None:
    """What is the last, or the first, of all cannot be known from some days: such a view reads them all, and its file tells it."""
    watched = _watched(catalog)
    local.ask(f"SELECT * FROM {name} WHERE dt = DATE '2024-03-04'", catalog, watched)
    assert watched.days == _archived(real_lake)
    assert ("the whole archive" in VIEWS[name].reads) != VIEWS[name].is_pruned
    assert VIEWS[name].is_pruned == ("DuckDB" in VIEWS[name].reads)


@pytest.mark.parametrize("name", ["archive_coverage", "archive_freshness", "archive_growth", "archive_purges"])
def test_records_are_read_by_days_too(name: str, catalog: Catalog) -> None:
    """Of the receipts, purges and runs that a view is about, those of the days that are asked for."""
    watched, family = _watched(catalog), {"archive_coverage": "receipts", "archive_purges": "purges"}.get(name, "runs")
    local.ask(f"SELECT * FROM {name} WHERE dt = DATE '2024-03-04'", catalog, watched)
    assert {file.dt for file in watched.records_read if f"/{family}/" in file.path} <= {date(2024, 3, 4)}


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("dt IN (DATE '2024-03-04', DATE '2024-03-10')", {date(2024, 3, 4), date(2024, 3, 10)}),
        ("dt >= DATE '2024-03-04' AND dt <= DATE '2024-03-10' AND content LIKE '%a%'", WEEK),
        ("NOT (dt < DATE '2024-03-04' OR dt > DATE '2024-03-10')", WEEK),
        ("year(dt) = 2024 AND month(dt) = 3", MARCH),
        ("date_trunc('month', dt) = DATE '2024-03-01'", MARCH),
        (
            "dt BETWEEN DATE '2024-03-04' AND DATE '2024-03-31' AND (module_id = 205 OR dt <= DATE '2024-03-10')",
            MARCH - _days(date(2024, 3, 1), date(2024, 3, 3)),
        ),
    ],
)
def test_a_condition_on_days_in_any_form(condition: str, days: set[date], catalog: Catalog, real_lake: RealLake) -> None:
    """As Trino evaluates it over the partitions' names."""
    watched = _watched(catalog)
    local.ask(f"SELECT count(*) FROM messages WHERE {condition}", catalog, watched)
    assert watched.days == days & _archived(real_lake)


def test_two_reads_of_one_table_need_the_days_of_both(catalog: Catalog, real_lake: RealLake) -> None:
    """A week against the one before."""
    watched = _watched(catalog)
    sql = """SELECT (SELECT count(*) FROM messages WHERE dt = DATE '2024-03-04') AS first,
                    (SELECT count(*) FROM messages WHERE dt = DATE '2024-03-10') AS second"""
    (row,) = local.ask(sql, catalog, watched).to_pylist()
    assert watched.days == {date(2024, 3, 4), date(2024, 3, 10)}
    counts = [sum(day_of(message) == day for message in real_lake.messages) for day in sorted(watched.days)]
    assert [row["first"], row["second"]] == counts


def test_a_condition_on_the_time_alone_leaves_no_day_out(catalog: Catalog, real_lake: RealLake) -> None:
    """That is why `dt` has to be named, and why there is a warning."""
    watched = _watched(catalog)
    local.ask("SELECT count(*) FROM messages WHERE sent_at >= TIMESTAMP '2024-03-04 00:00:00'", catalog, watched)
    assert watched.days == _archived(real_lake)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS n FROM (SELECT CAST(sent_at AS date) - INTERVAL '7' DAY AS dt FROM messages) WHERE dt = DATE '2024-03-04'",
        "SELECT count(*) AS n FROM (SELECT date_add('day', -7, dt) AS dt FROM messages) WHERE dt = DATE '2024-03-04'",
        """WITH earlier (dt) AS (SELECT CAST(sent_at AS date) - INTERVAL '7' DAY FROM messages)
           SELECT count(*) AS n FROM earlier WHERE dt = DATE '2024-03-04'""",
        """SELECT count(*) AS n FROM messages
           WHERE NOT (dt >= DATE '2024-01-01' AND dt < DATE '2024-03-11') AND dt < DATE '2024-03-12' AND dt > DATE '2024-03-05'""",
    ],
)
def test_another_dt_than_the_partition_is_not_taken_for_it(sql: str, ask: Ask, real_lake: RealLake) -> None:
    """A column that a question calls dt itself leaves no partition out that its rows lie in."""
    expected = sum(day_of(message) == date(2024, 3, 11) for message in real_lake.messages)
    assert expected
    assert ask(sql) == [{"n": expected}]


@pytest.fixture
def broken(tmp_path: Path) -> Catalog:
    """A segment of three row groups, one for each module, of which the first and the last cannot be read."""
    long = text("x" * 2**20)
    path = tmp_path / KEYS.message(SEGMENT)
    path.parent.mkdir(parents=True)
    write_segment(path, [message(f"c-{number}", number * 60_000, number // A_GROUP, **long) for number in range(3 * A_GROUP)])
    metadata, data = pq.read_metadata(path), bytearray(path.read_bytes())
    assert metadata.num_row_groups == 3
    for number in (0, 2):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(number).column(index)
            start = min(offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset)
            data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    return Catalog(str(tmp_path / KEYS.prefix), CHAT_MESSAGES, AthenaConfig("dynalake"))


@pytest.mark.parametrize("view", ["module_messages", "modules_hourly", "modules_daily"])
def test_row_groups_that_cannot_hold_the_module_are_skipped(broken: Catalog, view: str) -> None:
    """Two of three row groups are broken, and the module in between is read without touching them."""
    objects = LakeObjects.at(broken.location, None, {})
    assert local.ask(f"SELECT * FROM {view} WHERE dt = DATE '2024-01-15' AND module_id = 1", broken, objects).num_rows
    with pytest.raises(DynalakeError):
        local.ask(f"SELECT * FROM {view} WHERE dt = DATE '2024-01-15' AND module_id = 0", broken, objects)


def test_row_groups_outside_of_the_window_are_skipped(broken: Catalog) -> None:
    """By the time in the day too: row groups tell their first and last."""
    objects = LakeObjects.at(broken.location, None, {})
    sql = """SELECT count(content) AS messages FROM module_messages WHERE dt = DATE '2024-01-15'
             AND sent_at >= TIMESTAMP '2024-01-15 00:15:00' AND sent_at < TIMESTAMP '2024-01-15 00:30:00'"""
    assert local.ask(sql, broken, objects).to_pylist() == [{"messages": A_GROUP}]
    with pytest.raises(DynalakeError):
        local.ask(sql.replace("00:30", "00:31"), broken, objects)
