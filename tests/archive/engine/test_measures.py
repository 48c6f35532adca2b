"""What a run tells CloudWatch, made of its record, the status and what it consumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.engine.measures import About, of_night, of_run, of_units
from archive.engine.trends import Trends
from archive.model.metric import METRICS, Datum
from tests.archive.engine.test_attention import FINE

ABOUT = About("ChatMessages", datetime(2024, 6, 1, 3, tzinfo=UTC))
RECORD: dict[str, Any] = {
    "command": "nightly",
    "why_stopped": "done",
    "messages_read": 10,
    "messages_added": 9,
    "messages_removed": 6,
    "messages_changed": 2,
    "messages_missing": 0,
    "messages_refused": 0,
    "bytes_stored": 1_000,
    "segments_failed": 1,
    "seconds": 12.5,
    "reading_seconds": 4.5,
    "storing_seconds": 2.5,
    "purging_seconds": 1.5,
    "waited_seconds": 3.25,
    "throttles": 4,
}


def told(data: list[Datum]) -> dict[str, float]:
    """Return values by the names of their metrics; each is told once."""
    values = {(datum.metric.name, datum.index): datum.value for datum in data}
    assert len(values) == len(data)
    return {name: value for (name, index), value in values.items() if index is None}


def test_a_night_tells_its_record() -> None:
    """Each figure under its name, for the table, at its end."""
    data = of_run(ABOUT, RECORD)
    assert told(data) == {
        "MessagesRead": 10,
        "MessagesAdded": 9,
        "MessagesRemoved": 6,
        "MessagesChanged": 2,
        "MessagesRefused": 0,
        "ChangedShare": 25,
        "BytesStored": 1_000,
        "VerificationFailures": 1,
        "Seconds": 12.5,
        "ReadingSeconds": 4.5,
        "StoringSeconds": 2.5,
        "PurgingSeconds": 1.5,
        "WaitedSeconds": 3.25,
        "Throttles": 4,
        "NightsDone": 1,
    }
    assert {(datum.table, datum.at) for datum in data} == {("ChatMessages", ABOUT.at)}


def test_only_a_night_that_did_all_is_done() -> None:
    """And other runs say nothing of nights."""
    assert told(of_run(ABOUT, {**RECORD, "why_stopped": "the cap"}))["NightsDone"] == 0
    assert "NightsDone" not in told(of_run(ABOUT, {**RECORD, "command": "backfill"}))


def test_a_run_that_removed_nothing_has_no_share_of_changes() -> None:
    """Nothing is no percentage."""
    assert "ChangedShare" not in told(of_run(ABOUT, {**RECORD, "messages_removed": 0, "messages_changed": 0}))


def test_a_night_tells_the_status_after_it() -> None:
    """And leaves out what is not known."""
    trends = Trends(backlog=7, backlog_growth=-2, storage_growth=51.5)
    status = replace(FINE, trends=trends, overdue=(1, 2), ttl_ahead_days=4.5, oldest_unarchived_days=91.25)
    assert told(of_night(ABOUT, status)) == {
        "Backlog": 7,
        "BacklogGrowth": -2,
        "OldestUnarchivedDays": 91.25,
        "OverdueModules": 2,
        "TtlAheadDays": 4.5,
        "StorageGrowth": 51.5,
    }
    assert told(of_night(ABOUT, replace(FINE, trends=Trends(), ttl_ahead_days=None))) == {"OverdueModules": 0}


UNITS = st.dictionaries(st.tuples(st.sampled_from(["read", "write"]), st.sampled_from([None, "I1", "I2"])), st.floats(0, 1e9))


@given(st.lists(UNITS, max_size=6))
def test_what_is_told_adds_up_to_what_was_consumed(steps: list[dict[Any, float]]) -> None:
    """However often it is told, by kind and resource; and never less than nothing."""
    before: dict[Any, float] = {}
    sums: dict[Any, float] = {}
    for step in steps:
        now = {place: before.get(place, 0.0) + step.get(place, 0.0) for place in {**before, **step}}
        for datum in of_units(ABOUT, before, now):
            place = ("read" if datum.metric.name == "ReadUnits" else "write", datum.index)
            assert datum.value > 0
            sums[place] = sums.get(place, 0.0) + datum.value
        before = now
    assert sums == pytest.approx({place: units for place, units in before.items() if units > 0})


def test_metrics_have_different_names() -> None:
    """And few dimensions: a table with three indexes has less than fifty."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert sum(4 if metric.by_index else 1 for metric in METRICS) < 50
