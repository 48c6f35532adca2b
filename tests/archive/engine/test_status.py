"""Status: what waits, what is archived, and whether the lake's parts agree."""

from __future__ import annotations

from datetime import date

from archive.engine.planning import Request
from archive.engine.status import status_of
from archive.model.window import parse_instant
from tests.archive.engine.workplace import DAY_MS, NOW, TWO_DAYS, Workplace, hooked, message


def test_a_new_lake_has_only_a_backlog(place: Workplace) -> None:
    """Modules with their ages; overdue is what the next nightly run would archive."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 2), message("c", 100 * DAY_MS, 3))
    status = status_of(place.session(), NOW)
    assert [(one.module, one.oldest, one.age_days, one.overdue) for one in status.backlog] == [
        (1, "2024-01-15T00:00:00.001Z", 138, True),
        (2, "2024-01-16T00:00:00Z", 137, True),
        (3, "2024-04-24T00:00:00Z", 38, False),
    ]
    assert (status.segments, status.bytes, status.first_dt, status.last_dt) == (0, 0, None, None)
    assert (status.complete_through, status.last_run, status.disagreeing) == (None, None, ())


def test_an_archived_table_has_coverage_and_no_backlog(place: Workplace) -> None:
    """And the last run."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 2))
    _, run = place.perform(Request("nightly"))
    status = status_of(place.session("run-2"), NOW)
    assert status.backlog == ()
    assert (status.segments, status.first_dt, status.last_dt) == (2, date(2024, 1, 15), date(2024, 1, 16))
    assert status.bytes == run.result.stored_bytes
    assert (status.archive_end, status.complete_through) == ("2024-03-03T00:00:00Z", "2024-03-03T00:00:00Z")
    assert status.last_run == run.record.values
    assert status.disagreeing == ()


def test_the_last_run_is_the_newest_and_coverage_that_of_the_last_complete_nightly_one(place: Workplace) -> None:
    """A backfill comes after it, and covers nothing."""
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"), "run-1")
    place.perform(Request("backfill", TWO_DAYS), "run-2")
    status = status_of(place.session(), NOW)
    assert status.last_run is not None
    assert status.last_run["run"] == "run-2"
    assert status.complete_through == "2024-03-03T00:00:00Z"


def test_parts_that_disagree_are_named(place: Workplace) -> None:
    """An object without a receipt, and a receipt without its object."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 2))
    place.perform(Request("nightly"))
    place.s3.delete_object(Bucket=place.bucket, Key=place.keys("receipts")[0])
    place.s3.delete_object(Bucket=place.bucket, Key=place.keys("messages")[1])
    status = status_of(place.session("run-2"), NOW)
    assert status.disagreeing == ("20240115T0000Z-20240116T0000Z", "20240116T0000Z-20240117T0000Z")
    assert status.segments == 1


def test_status_writes_nothing(place: Workplace) -> None:
    """Only reads, so that a monitor may ask with a role that may do no more."""
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    session = place.session("run-2")
    called: set[str] = set()
    with (
        hooked(session.clients.dynamodb, "before-call", lambda model, **_: called.add(model.name)),
        hooked(session.clients.s3, "before-call", lambda model, **_: called.add(model.name)),
    ):
        status_of(session, NOW)
    assert called <= {"Scan", "Query", "ListObjectsV2", "GetObject"}


def test_a_table_before_its_earliest_message_is_no_error(place: Workplace) -> None:
    """The settings may name a day that is still to come."""
    place = place.with_source(earliest=parse_instant("2025-01-01"))
    assert status_of(place.session(), NOW).segments == 0


def test_the_status_is_plain_json(place: Workplace) -> None:
    """Dates as texts, modules as texts."""
    place.put(message("a", 1, 1))
    told = status_of(place.session(), NOW).to_dict()
    assert told["backlog"] == [{"module": "1", "oldest": "2024-01-15T00:00:00.001Z", "age_days": 138, "overdue": True}]
    assert told["lake_first_dt"] is None
