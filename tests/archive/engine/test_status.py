"""Status: what waits, what is archived, and whether the lake's parts agree."""

from __future__ import annotations

import pytest

from archive.engine.planning import Request
from archive.engine.status import status_of
from archive.engine.stopping import put_up
from archive.lake.holds import Holds
from archive.model.coverage import Range
from archive.model.hold import Hold
from archive.model.window import DAY, Window, parse_instant
from tests.archive.engine.workplace import DAY_MS, MONDAY_MS, NOW, TWO_DAYS, Workplace, hooked, message


def test_a_new_lake_has_only_a_backlog(place: Workplace) -> None:
    """Modules with their ages; overdue is what the next nightly run would archive."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 2), message("c", 100 * DAY_MS, 3))
    status = status_of(place.session(), NOW)
    assert [(one.module, one.oldest, one.age_days, one.overdue) for one in status.backlog] == [
        (1, "2024-01-15T00:00:00.001Z", 138, True),
        (2, "2024-01-16T00:00:00Z", 137, True),
        (3, "2024-04-24T00:00:00Z", 38, False),
    ]
    assert (status.segments, status.bytes, status.archived) == (0, 0, ())
    assert (status.complete_through, status.last_run, status.disagreeing) == (None, None, ())


def test_an_archived_table_has_coverage_and_no_backlog(place: Workplace) -> None:
    """And the last run."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 2))
    _, run = place.perform(Request("nightly"))
    status = status_of(place.session("run-2"), NOW)
    assert status.backlog == ()
    assert (status.segments, status.archived) == (2, (Range(TWO_DAYS, 2),))
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
    assert told["archived"] == []


def day(number: int) -> Window:
    """Return a day, counted from Monday."""
    return Window(TWO_DAYS.start + number * DAY, TWO_DAYS.start + (number + 1) * DAY)


def test_days_that_were_never_read_between_others_are_a_gap(place: Workplace) -> None:
    """Two backfills, and two days between them."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1), message("b", DAY_MS, 1), message("c", 3 * DAY_MS, 1))
    place.perform(Request("backfill", day(0)), "run-1")
    place.perform(Request("backfill", day(3)), "run-2")
    status = status_of(place.session(), NOW)
    assert [gap.window for gap in status.gaps] == [Window(day(1).start, day(2).end)]
    assert [part.window for part in status.archived] == [day(0), day(3)]
    assert any("is a gap" in sentence for sentence in status.attention())


def test_a_day_that_was_read_and_has_messages_and_no_segment_is_a_gap(place: Workplace) -> None:
    """Its object and receipt are gone without a trace, or the index lagged."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1), message("b", DAY_MS, 1))
    place.perform(Request("nightly"))
    for family in ("messages", "receipts"):
        place.s3.delete_object(Bucket=place.bucket, Key=place.keys(family)[0])
    (gap,) = status_of(place.session(), NOW).gaps
    assert gap.window == day(0)
    assert "module 1" in gap.why


def test_purged_days_are_told_from_archived_ones(place: Workplace) -> None:
    """By the purge's outcomes."""
    place.put(message("a", 1, 1), message("b", DAY_MS, 1))
    place.with_policy(purge="keep").perform(Request("nightly"), "run-1")
    place.perform(Request("purge", day(0)), "run-2")
    status = status_of(place.session(), NOW)
    assert ([part.window for part in status.purged], [part.window for part in status.not_purged]) == ([day(0)], [day(1)])


def test_modules_with_junk_are_counted_at_both_ends(place: Workplace) -> None:
    """Times in seconds fall into 1970, times in microseconds into the far future; whether modules are named or found."""
    place.put(message("a", -MONDAY_MS + 1_700_000_000, 1), message("b", 1_000 * MONDAY_MS, 2), message("c", 1, 3))
    for named in (None, (1, 2, 3)):
        status = status_of(place.with_source(modules=named).session(), NOW)
        assert (status.junk, status.future) == (1, 1)


def test_what_a_complete_run_has_read_is_not_overdue_and_what_it_has_not_is(place: Workplace) -> None:
    """In mode keep a module's oldest message stays; a later day that no run has read is overdue after a day."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1), message("b", 2, 2))
    assert status_of(place.session(), NOW).overdue == (1, 2)
    place.perform(Request("nightly"))
    assert status_of(place.session(), NOW).overdue == ()
    cutoff_ms = 48 * DAY_MS  # 2024-03-03
    place.put(message("c", cutoff_ms + 1, 2))
    assert status_of(place.session(), NOW + DAY).overdue == ()
    assert status_of(place.session(), NOW + 3 * DAY).overdue == (2,)


def test_holds_and_the_stop_sign_are_shown(place: Workplace) -> None:
    """And what is held is not overdue."""
    place.put(message("a", 1, 1))
    session = place.session()
    hold = Hold("run-0", (1,), TWO_DAYS, NOW + DAY, "restore", NOW)
    Holds(session.store, session.keys).ensure(hold)
    put_up(session.store, session.keys, "put up by somebody")
    status = status_of(session, NOW)
    assert (status.holds, status.stop_sign, status.overdue) == ((hold,), "put up by somebody", ())


@pytest.mark.parametrize("mode", ["keep", "expire"])
def test_the_ttl_of_what_waits_is_held_against_its_archiving(place: Workplace, mode: str) -> None:
    """By the nearest: a message of day 0 is archived 91 days after that day, and expires 95 days after it."""
    place = place.with_policy(purge=mode)
    now = parse_instant("2024-01-16")
    for number, days in enumerate((95, 120)):
        expires = (MONDAY_MS + (1 + days) * DAY_MS) // 1000
        place.put(message(f"c{number}", number, 1, expiresAt={"N": str(expires)}))
    place.put(message("without", 5, 1))
    assert status_of(place.session(), now).ttl_ahead_days == 4.0


def test_where_messages_are_deleted_no_ttl_is_looked_at(place: Workplace) -> None:
    """Nor is there a figure where none has one."""
    place.put(message("a", 1, 1, expiresAt={"N": str(MONDAY_MS // 1000 + 10)}))
    assert status_of(place.session(), NOW).ttl_ahead_days is None
    assert status_of(place.with_policy(purge="keep", ttl_attribute="other").session(), NOW).ttl_ahead_days is None


def test_the_oldest_message_that_is_not_archived_is_told_by_its_age(place: Workplace) -> None:
    """What the table keeps and a complete run has read does not count, and a later one counts from where that run ended."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1), message("b", DAY_MS, 2))
    assert status_of(place.session(), NOW).oldest_unarchived_days == 138.12
    place.perform(Request("nightly"))
    assert status_of(place.session(), NOW).oldest_unarchived_days is None
    place.put(message("c", 60 * DAY_MS, 2))
    assert status_of(place.session(), NOW).oldest_unarchived_days == 90.12  # since 2024-03-03


def test_trends_are_those_of_the_run_records(place: Workplace) -> None:
    """The last good night, what it left and what its purge found changed, as plain JSON too."""
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    told = status_of(place.session(), NOW + 3 * DAY).to_dict()["trends"]
    assert (told["night_hours"], told["backlog"], told["changed_share"], told["failures"]) == (72.0, 0, 0.0, 0)
    assert any("72.0 hours" in sentence for sentence in status_of(place.session(), NOW + 3 * DAY).attention())
