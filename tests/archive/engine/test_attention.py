"""What a status says needs attention, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from archive.engine.attention import attention
from archive.engine.status import Status
from archive.engine.trends import Trends
from archive.model.coverage import Gap
from archive.model.window import iso
from tests.archive.engine.workplace import NOW, TWO_DAYS

NIGHT: dict[str, Any] = {"run": "r", "command": "nightly", "ended_at": iso(NOW - timedelta(hours=26)), "why_stopped": "done"}
FINE = Status(
    now=iso(NOW),
    archive_end="2024-03-03T00:00:00Z",
    complete_through="2024-03-03T00:00:00Z",
    items=10,
    unindexed_hint=3,
    segments=2,
    bytes=10,
    archived=(),
    purged=(),
    not_purged=(),
    gaps=(),
    disagreeing=(),
    backlog=(),
    overdue=(),
    future=1,
    junk=1,
    quarantined=1,
    holds=(),
    stop_sign="put up",
    ttl_ahead_days=2.0,
    last_run=NIGHT,
    last_night=NIGHT,
    trends=Trends(night_hours=26.0, backlog=5, backlog_growth=0, storage_growth=51, changed_share=5.0, failures=0),
)


def test_nothing_needs_attention_that_is_only_to_be_known() -> None:
    """Junk, quarantine, messages without a module and the stop sign are shown, and are no alarm."""
    assert list(attention(FINE)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"overdue": (1, 2, 3, 4, 5, 6)}, "6 modules (1, 2, 3, 4, 5, ...)"),
        ({"gaps": (Gap(TWO_DAYS, "no segment is"),)}, "dynalake backfill"),
        ({"disagreeing": ("s",)}, "disagree"),
        ({"last_run": {**NIGHT, "why_stopped": "the spool is full"}}, "the spool is full"),
        ({"trends": Trends(night_hours=26.1)}, "26.1 hours: look why"),
        ({"trends": Trends(backlog_growth=1)}, "grown by 1 messages in a week"),
        ({"trends": Trends(changed_share=5.1)}, "5.1 % of the messages"),
        ({"ttl_ahead_days": 1.9}, "1.9 days ahead"),
    ],
)
def test_each_alarm_is_one_sentence(changes: dict[str, Any], says: str) -> None:
    """And says what to do."""
    (sentence,) = attention(replace(FINE, **changes))
    assert says in sentence


def test_without_nightly_runs_and_without_ttls_nothing_is_missed() -> None:
    """Somebody may work with backfills alone."""
    assert list(attention(replace(FINE, last_night=None, last_run=None, ttl_ahead_days=None, trends=Trends()))) == []
