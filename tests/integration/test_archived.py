"""A whole backfill that keeps its table (dynalite, modules discovered): every message once and exact, receipts true, nothing done twice."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from tests.integration.items import by_key, size_of
from tests.integration.lake import messages_of, table_of
from tests.integration.receipts import check_receipts
from tests.integration.worlds import World, differences


def test_every_message_is_in_the_lake_once_and_equal_to_its_source(kept: World) -> None:
    """Attribute by attribute, type by type, digit by digit; and no other message."""
    found = by_key(message for stored in kept.segments.values() for message in messages_of(stored))
    assert len(found) == len(kept.expected) > 1_000
    assert not differences(found, kept.expected)


def test_nothing_is_written_to_the_table(kept: World) -> None:
    """With purge = keep, neither at the first run nor at the second."""
    calls = kept.first.of("dynamodb") + kept.second.of("dynamodb")
    assert {call.operation for call in calls} == {"DescribeTable", "Scan", "Query", "BatchGetItem"}


def test_a_message_lies_in_the_segment_of_its_time(kept: World) -> None:
    """In the object of its UTC day, whose key says so; sorted by module, time and conversation."""
    for key, stored in kept.segments.items():
        table = table_of(stored)
        [day] = set(pc.strftime(table.column("sent_at"), "%Y-%m-%d").to_pylist())
        assert key.startswith(f"messages/dt={day}/{day.replace('-', '')}T0000Z-")
        rows = list(zip(*(table.column(name).to_pylist() for name in ("module_id", "sent_at", "conversation_id")), strict=True))
        assert rows == sorted(rows, key=lambda row: (row[0] is not None, row[0] or 0, row[1], row[2].encode()))


def test_receipts_are_true(kept: World) -> None:
    """Each of them, in every field."""
    check_receipts(kept.site)


def test_the_run_record_says_what_was_done(kept: World) -> None:
    """Counts, bytes and the end; it is the same that --json prints."""
    record = kept.first.json()
    assert record["messages_read"] == record["messages_added"] == len(kept.expected)
    assert record["segments"] == record["segments_stored"] == len(kept.segments)
    assert record["bytes_stored"] == sum(len(stored.body) for stored in kept.segments.values())
    assert (record["why_stopped"], record["left"], record["messages_removed"]) == ("done", "nothing is left", 0)
    runs = {key: json.loads(stored.body) for key, stored in kept.site.lake.all("runs").items()}
    assert {**runs[f"runs/dt={record['started_at'][:10]}/{record['run']}.json"], "left": "nothing is left"} == record


def test_a_second_run_reads_everything_and_writes_nothing(kept: World) -> None:
    """No version of any object is added, changed or removed; nothing is put but the run's record."""
    assert kept.second.json()["messages_read"] == len(kept.expected)
    assert kept.second.json()["segments_stored"] == 0
    assert kept.before == kept.after
    puts = [call.target for call in kept.second.of("s3") if call.is_write and call.status == 200]
    assert len(puts) == 1
    assert puts[0].startswith("lake/runs/")


def test_reading_costs_what_the_bytes_need(kept: World) -> None:
    """Read units of the pages, as the server counts them, are within 5 % of half a unit for each 4 KB of the items."""
    units = sum(call.units for call in kept.first.calls)
    needed = sum(size_of(message) for message in kept.expected.values()) / 8192
    begun = 0.5 * len(kept.modules)  # a Query is charged for the 4 KB that it begins
    assert needed * 0.98 < units <= needed * 1.05 + begun


def test_each_module_is_queried_once(kept: World) -> None:
    """One Query over the whole window, and one more for each page of 1 MB."""
    pages = [call for call in kept.first.calls if call.paged]
    size_by_module: Counter[Decimal] = Counter()
    for message in kept.expected.values():
        size_by_module[message["moduleId"][1]] += size_of(message)
    most = sum(size // 2**20 + 2 for size in size_by_module.values())
    assert len(kept.modules) <= len(pages) <= most
    assert max(size_by_module.values()) > 2 * 2**20


def test_a_segment_costs_few_requests(kept: World) -> None:
    """A PUT for the object and one for the receipt; with all that a run does besides, at most four each."""
    requests = kept.first.of("s3")
    assert len(requests) <= 4 * len(kept.segments)
    assert len(requests) >= kept.first.json()["s3_requests"]


def test_status_finds_object_and_receipt_of_every_segment(kept: World) -> None:
    """Nothing disagrees, and the modules are those of the source."""
    status = kept.site.run("status", "--json").json()  # what it needs attention for is another matter
    assert status["lake_segments"] == len(kept.segments)
    assert status["disagreeing"] == []
    assert {Decimal(module["module"]) for module in status["backlog"]} >= set(kept.modules)


def test_the_plans_error_range_holds_the_truth(kept: World) -> None:
    """The estimate comes from a few looks a module; planning writes nothing."""
    outcome = kept.site.run("plan", "--from", "2023-01-01", "--to", "2026-01-01", "--json").done()
    plan = outcome.json()
    assert plan["rows_low"] <= len(kept.expected) <= plan["rows_high"]
    assert {Decimal(str(module["module"])) for module in plan["modules"]} >= set(kept.modules)
    assert not [call for call in outcome.calls if call.is_write]


@pytest.mark.parametrize("kept", ["generated"], indirect=True)
def test_an_exact_plan_counts(kept: World) -> None:
    """To the message."""
    plan = kept.site.run("plan", "--from", "2023-01-01", "--to", "2026-01-01", "--exact", "--json").done().json()
    assert plan["rows_low"] == plan["rows"] == plan["rows_high"] == len(kept.expected)
