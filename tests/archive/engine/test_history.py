"""Run records: what each run did, and through when the archive is complete."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from archive.engine.batch_result import BatchResult
from archive.engine.consumed import Consumed
from archive.engine.history import all_runs, complete_through, record_of
from archive.engine.planning import Request, make_plan
from archive.engine.run import finish
from archive.errors import CapReachedError, DynalakeError
from archive.governor import Figures
from archive.model.plan import Command, Plan
from archive.model.prices import prices_of
from archive.model.table_facts import Size
from archive.model.window import DAY
from flows.show import last_line
from tests.archive.engine.workplace import NOW, Workplace, ignore, message

CONSUMED = Consumed(Figures(1.5, 2, 8.0, 1, 0.25, 7), 4)
CUTOFF = datetime(2024, 3, 3, tzinfo=UTC)


@pytest.fixture
def plan(place: Workplace) -> Plan:
    """A nightly plan for one message."""
    place.put(message("a", 1, 1))
    return make_plan(place.session(), Request("nightly"), NOW, ignore)


def write(place: Workplace, run: str, through: str | None, named: list[str] | None = None) -> None:
    """Store a run's record under its key, of a run in mode delete."""
    body = json.dumps({"run": run, "complete_through": through, "purge": "delete", "modules_named": named}).encode()
    place.s3.put_object(Bucket=place.bucket, Key=f"lake/runs/dt={run[:10]}/{run}.json", Body=body)


@pytest.mark.parametrize(
    ("command", "why", "through"),
    [
        ("nightly", "done", "2024-03-03T00:00:00Z"),
        ("nightly", "stopped by somebody", None),
        ("backfill", "done", None),
        ("purge", "done", None),
        ("sweep", "done", None),
    ],
)
def test_only_a_nightly_run_that_is_done_covers_its_window(plan: Plan, command: Command, why: str, through: str | None) -> None:
    """Others leave modules, windows or messages out."""
    record = record_of("run-1", replace(plan, command=command), BatchResult(), why, (NOW, NOW, 0.0), CONSUMED)
    assert record.values["complete_through"] == through
    assert record.values["why_stopped"] == why


def test_a_record_is_one_line_that_says_what_was_done(plan: Plan) -> None:
    """So that Athena reads runs as a table."""
    result = BatchResult(read=5, added=3, replaced=1, waiting=1, failed=["an alarm"])
    result.purged.done = 4
    line = record_of("run-1", plan, result, "done", (NOW, NOW + DAY, 2.3456), CONSUMED).to_json()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    values = json.loads(line)
    told = [values[f"messages_{what}"] for what in ("read", "added", "replaced", "waiting", "removed")]
    assert told == [5, 3, 1, 1, 4]
    assert (values["segments_failed"], values["read_units"], values["seconds"]) == (1, 1.5, 2.346)
    assert (values["dynamodb_requests"], values["waited_seconds"], values["throttles"]) == (3, 0.25, 7)
    assert (values["started_at"], values["ended_at"]) == ("2024-06-01T03:00:00Z", "2024-06-02T03:00:00Z")


def test_a_record_holds_what_was_predicted_against_what_was_measured(plan: Plan) -> None:
    """Messages, units with those that planning read, and dollars of units on both sides, at the plan's prices."""
    prices = prices_of(None, (("read_million", Decimal(1_000_000)), ("write_million", Decimal(2_000_000))))
    predicted = replace(plan, prices=prices, reads=0.5, cost=replace(plan.cost, read_units=Decimal("2.5"), write_units=4))
    values = record_of("run-1", predicted, BatchResult(read=1), "done", (NOW, NOW, 0.0), CONSUMED).values
    told = [values[f"predicted_{what}"] for what in ("messages", "read_units", "write_units", "dollars")]
    assert told == [1, 3.0, 4.0, 3.0 + 2 * 4.0]
    assert [values[what] for what in ("messages_read", "read_units", "write_units", "dollars")] == [1, 1.5, 8.0, 1.5 + 2 * 8.0]


def test_a_run_that_goes_to_plan_consumes_what_was_predicted(place: Workplace) -> None:
    """Its own record says so: as many messages and write units, and at the price of those that it was told to pay."""
    place.put(message("a", 1, 1), message("b", 2, 2))
    paid = replace(place, config=replace(place.config, prices=(("write_million", Decimal(1_000_000)),)))
    _, run = paid.perform(Request("nightly"))
    values = run.record.values
    assert values["predicted_messages"] == values["messages_read"] == 2
    assert values["predicted_write_units"] == 8.0
    assert values["dollars"] == pytest.approx(values["write_units"], abs=0.01)
    line = last_line(run)
    assert f"planned: 2 messages, {values['predicted_read_units']:,.1f} and 8.0 units, ${values['predicted_dollars']:,.4f}" in line
    assert f"${values['dollars']:,.4f} (planned" in line


@pytest.mark.parametrize(("error", "unreached"), [(CapReachedError("the cap"), 3), (None, 0)])
def test_a_record_says_what_was_not_reached_and_how_large_the_table_is(
    place: Workplace, error: DynalakeError | None, unreached: int
) -> None:
    """By the plan's estimate, and only where the run ended early."""
    place.put(*(message(f"c{number}", number, 1) for number in range(5)))
    session = place.opened()
    made = make_plan(session, Request("nightly"), NOW, ignore)
    session.facts = replace(session.facts, bytes=70, sizes={"I": Size(5, 30), "J": Size(5, 10)})
    values = finish(session, made, BatchResult(read=2), error, (NOW, NOW), 0.0).record.values
    assert (values["messages_unreached"], values["table_items"]) == (unreached, 5)
    assert (values["table_bytes"], values["index_bytes"]) == (70, 40)


def test_a_lake_without_runs_is_complete_through_nothing(place: Workplace) -> None:
    """None where no nightly run has finished."""
    session = place.session()
    assert complete_through(session.store, session.keys, "delete", None) is None
    assert all_runs(session.store, session.keys, 2) == []


def test_coverage_is_that_of_the_newest_complete_run(place: Workplace) -> None:
    """Runs since that were not complete do not hide it, and older ones do not count."""
    write(place, "2024-06-01", "2024-03-01T00:00:00Z")
    write(place, "2024-06-03", "2024-03-03T00:00:00Z")
    write(place, "2024-06-04", None)
    session = place.session()
    assert complete_through(session.store, session.keys, "delete", None) == CUTOFF


@pytest.mark.parametrize(
    ("now", "then", "covers"),
    [
        (None, None, True),
        (("1",), None, True),
        (("1", "2"), ("1", "2", "3"), True),
        (("1", "4"), ("1", "2", "3"), False),
        (None, ("1", "2", "3"), False),
    ],
)
def test_a_run_covers_the_modules_that_it_looked_at(
    place: Workplace, now: tuple[str, ...] | None, then: list[str] | None, *, covers: bool
) -> None:
    """A run of named modules left the others unread."""
    write(place, "2024-06-01", "2024-03-03T00:00:00Z", named=then)
    session = place.session()
    assert complete_through(session.store, session.keys, "delete", now) == (CUTOFF if covers else None)


def test_a_run_covers_its_own_mode_alone(place: Workplace) -> None:
    """What was only kept is not marked."""
    write(place, "2024-06-01", "2024-03-03T00:00:00Z")
    session = place.session()
    assert complete_through(session.store, session.keys, "expire", None) is None


def test_runs_come_newest_first(place: Workplace) -> None:
    """Their names begin with their time."""
    for day in ("2024-06-02", "2024-06-01", "2024-06-03"):
        write(place, day, None)
    session = place.session()
    assert [record["run"] for record in all_runs(session.store, session.keys, 2)] == ["2024-06-03", "2024-06-02", "2024-06-01"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_a_record_that_cannot_be_read_covers_nothing(place: Workplace, data: bytes) -> None:
    """What it covered is read again; the others count as ever."""
    write(place, "2024-06-01", "2024-03-03T00:00:00Z")
    place.s3.put_object(Bucket=place.bucket, Key="lake/runs/dt=2024-06-02/2024-06-02.json", Body=data)
    session = place.session()
    assert complete_through(session.store, session.keys, "delete", None) == CUTOFF
    assert [record["run"] for record in all_runs(session.store, session.keys, 2)] == ["2024-06-01"]
