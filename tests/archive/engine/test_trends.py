"""What run records say over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.engine.trends import Trends, changed_share, trends_of
from archive.model.window import DAY, iso

NOW = datetime(2024, 6, 1, 3, tzinfo=UTC)


def night(days: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - a record's values
    """Return the record of a nightly run of half an hour, that ended so many days ago."""
    ended = NOW - days * DAY
    return {
        "command": "nightly",
        "why_stopped": "done",
        "started_at": iso(ended - timedelta(minutes=30)),
        "ended_at": iso(ended),
        "segments_failed": 0,
        "messages_removed": 0,
        "messages_changed": 0,
        "messages_missing": 0,
        "messages_refused": 0,
        "messages_waiting": 0,
        "messages_unreached": 0,
        **more,
    }


def left(days: float, messages: int) -> dict[str, Any]:
    """Return a night that left so many messages."""
    return night(days, messages_unreached=messages, why_stopped="the cap is reached")


def test_without_records_nothing_is_known() -> None:
    """A new lake."""
    assert trends_of([], NOW) == Trends()


def test_hours_count_from_the_last_night_that_did_all() -> None:
    """Backfills and nights that ended early do not count."""
    backfill = {**night(0.1), "command": "backfill"}
    assert trends_of([backfill, left(0.5, 1), night(1.5), night(2.5)], NOW).night_hours == pytest.approx(36)


def test_where_no_night_did_all_hours_count_from_the_first() -> None:
    """Its begin."""
    assert trends_of([left(1, 1), left(2, 1)], NOW).night_hours == pytest.approx(48.5)
    assert trends_of([{**night(1), "command": "backfill"}], NOW).night_hours is None


def test_a_backlog_that_grows_for_a_week_is_its_growth() -> None:
    """The last night's, with the late messages that wait, less that of a week before."""
    records = [night(0, messages_unreached=150, messages_waiting=20), *(left(day, 110 - day) for day in range(1, 8))]
    found = trends_of(records, NOW)
    assert (found.backlog, found.backlog_growth) == (170, 170 - 103)


def test_a_night_that_left_nothing_is_an_end_of_growth() -> None:
    """Whatever there was a week before."""
    records = [left(0, 100), *(left(day, 10) for day in (1, 2)), night(3), *(left(day, 10) for day in (4, 5, 6, 7))]
    assert trends_of(records, NOW).backlog_growth == 0


@pytest.mark.parametrize("days", [6.4, 9.1, 30])
def test_without_a_night_of_about_a_week_before_growth_is_not_known(days: float) -> None:
    """Too near, or too far."""
    assert trends_of([left(0, 5), left(days, 1)], NOW).backlog_growth is None


def test_records_of_older_versions_have_no_backlog() -> None:
    """They do not say what was not reached."""
    old = night(1)
    del old["messages_unreached"]
    assert trends_of([old], NOW).backlog is None


def test_the_month_is_the_record_nearest_to_30_days() -> None:
    """Table and indexes together, in percent."""
    sizes = {day: {"table_bytes": size, "index_bytes": 3 * size} for day, size in ((0, 160), (26, 1), (29, 100), (33, 2), (41, 3))}
    records = [night(day, **size) for day, size in sizes.items()]
    assert trends_of(records, NOW).storage_growth == pytest.approx(60)
    assert trends_of(records[:2], NOW).storage_growth is None
    assert trends_of([night(1)], NOW).storage_growth is None


@given(st.integers(1, 10**13), st.integers(1, 10**13))
def test_growth_is_a_ratio(before: int, now: int) -> None:
    """As the sizes are, so is the percentage; it is never below -100."""
    growth = trends_of([night(0, table_bytes=now), night(30, table_bytes=before)], NOW).storage_growth
    assert growth is not None
    assert growth >= -100
    assert (growth > 0) == (now > before)


def test_the_share_of_changed_messages_is_that_of_the_last_purge() -> None:
    """Runs that removed nothing do not hide it."""
    purge = night(2, messages_removed=70, messages_changed=20, messages_missing=5, messages_refused=5)
    assert trends_of([night(1), purge], NOW).changed_share == pytest.approx(20)
    assert changed_share(night(1)) is None


def test_failures_are_those_of_the_last_day() -> None:
    """Of all runs."""
    records = [{**night(0.1, segments_failed=1), "command": "backfill"}, night(0.9, segments_failed=2), night(1.1, segments_failed=4)]
    assert trends_of(records, NOW).failures == 3
    assert trends_of([night(3, segments_failed=4)], NOW).failures == 0
