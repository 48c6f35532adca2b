"""The views of the archive itself: coverage, gaps, freshness, purges, growth and drift, held against the records and the messages."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.athena.views.conftest import Ask
from tests.athena.views.independent import by, column, grouped, kept_in_remainder
from tests.athena.views.real_lake import COMPLETE, PURGE_RUN, STORED_AT, RealLake, day_of, sent_at

THROUGH = COMPLETE.replace(tzinfo=None)


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def test_coverage(real_lake: RealLake, ask: Ask) -> None:
    """Each day's messages, and whether it lies before complete_through."""
    found = by(ask("SELECT * FROM archive_coverage"), "dt")
    expected = {}
    for day, group in grouped(real_lake.messages, day_of).items():
        start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as the lake has it
        (receipt,) = (receipt for receipt in real_lake.receipts if receipt["window_start"] == f"{day}T00:00:00Z")
        expected[day,] = {
            "segments": 1,
            "messages": len(group),
            "bytes": receipt["bytes"],
            "window_start": start,
            "window_end": start + timedelta(days=1),
            "first_sent_at": min(map(sent_at, group)),
            "last_sent_at": max(map(sent_at, group)),
            "stored_at": STORED_AT.replace(tzinfo=None),
            "most_generations": 1,
            "is_complete": start + timedelta(days=1) <= THROUGH,
            "complete_through": THROUGH,
        }
    assert found == expected
    assert {row["is_complete"] for row in found.values()} == {True, False}


def test_gaps(real_lake: RealLake, ask: Ask) -> None:
    """Days without messages before complete_through are no loss; those after it are not archived, as far as is known."""
    days = sorted({day_of(message) for message in real_lake.messages})
    expected = []
    for before, after in pairwise(days):
        start, end = (datetime(day.year, day.month, day.day) for day in (before + timedelta(days=1), after))  # noqa: DTZ001
        if start < end:
            expected.append((start, end, (end - start).days, end <= THROUGH))
    found = ask("SELECT * FROM archive_gaps ORDER BY gap_start")
    assert [(row["gap_start"], row["gap_end"], row["days"], row["is_complete"]) for row in found] == expected
    assert all(row["dt"] == row["gap_start"].date() and row["complete_through"] == THROUGH for row in found)
    assert {row["is_complete"] for row in found} == {True, False}


def test_freshness(real_lake: RealLake, ask: Ask) -> None:
    """Of each run that says through when the archive is complete; the last one is what holds now."""
    found = by(ask("SELECT * FROM archive_freshness"), "run")
    expected = {}
    for run in real_lake.runs:
        if run["complete_through"]:
            ended, through = _naive(run["ended_at"]), _naive(run["complete_through"])
            expected[run["run"],] = {
                "dt": _naive(run["started_at"]).date(),
                "command": "nightly",
                "ended_at": ended,
                "complete_through": through,
                "behind_days": (ended - through).days,
                "why_stopped": "done",
            }
    assert found == expected
    assert len(found) == 2


def test_what_was_purged_when_and_why(real_lake: RealLake, ask: Ask) -> None:
    """An outcome that was stored twice counts once, two parts count together, and a purge without outcome was killed."""
    found = by(ask("SELECT * FROM archive_purges"), "segment")
    whole, parts, killed = (receipt["segment"] for receipt in real_lake.receipts[:3])
    assert {key for (key,) in found} == {whole, parts, killed}
    wanted = ("intended", "removed", "changed", "was_killed", "command", "purge", "run_stopped_because")
    assert [found[whole,][name] for name in wanted] == [5, 4, 1, False, "purge", "delete", "done"]
    assert [found[parts,][name] for name in wanted] == [6, 6, 0, False, "purge", "delete", "done"]
    assert [found[killed,][name] for name in wanted] == [2, None, None, True, None, None, None]
    assert found[whole,]["run"] == PURGE_RUN
    assert (found[whole,]["began_at"], found[whole,]["ended_at"]) == (_naive("2025-09-01T05:10:00"), _naive("2025-09-01T05:20:00.5"))
    assert found[parts,]["ended_at"] == _naive("2025-09-01T05:30:00")
    assert found[killed,]["ended_at"] is None
    assert [f"{row['dt']:%Y%m%d}" for row in found.values()] == [key[:8] for (key,) in found]


def test_growth(real_lake: RealLake, ask: Ask) -> None:
    """What the runs of a day did together; restores and other runs have different fields, and both count."""
    expected = {}
    for day, runs in grouped(real_lake.runs, lambda run: _naive(run["started_at"]).date()).items():
        sums = Counter(dict.fromkeys(("messages_replaced", "messages_restored", "bytes_stored"), 0))
        names = (
            "messages_added",
            "messages_replaced",
            "messages_removed",
            "messages_restored",
            "bytes_stored",
            "read_units",
            "write_units",
            "seconds",
        )
        for run in runs:
            sums.update({name: run[name] for name in names if name in run})
        expected[day,] = {"runs": len(runs), "runs_not_done": sum(run["why_stopped"] != "done" for run in runs), **sums}
    assert by(ask("SELECT * FROM archive_growth"), "dt") == expected


def test_drift(real_lake: RealLake, ask: Ask) -> None:
    """Every attribute that no column holds, by day and type, and how large a part of the day's messages has it."""
    expected = {}
    for day, messages in grouped(real_lake.messages, day_of).items():
        found = [(kept, sent_at(message)) for message in messages for kept in kept_in_remainder(message)]
        for (attribute, kind), times in grouped(found, lambda pair: pair[0]).items():  # type: ignore[arg-type, index] # of pairs
            moments = [moment for _, moment in times]
            expected[day, attribute, kind] = {
                "messages": len(moments),
                "share": pytest.approx(len(moments) / len(messages)),
                "first_at": min(moments),
                "last_at": max(moments),
            }
    assert by(ask("SELECT * FROM archive_drift"), "dt", "attribute", "type") == expected
    kinds = {kind for _, _, kind in expected}
    assert kinds == {"number", "text", "boolean", "null", "list", "map", "binary", "number set", "text set"}
    assert Decimal(column(real_lake.messages[0], "module_id"))
