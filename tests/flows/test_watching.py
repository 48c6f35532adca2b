"""What a run tells CloudWatch while it goes on and at its end; and that it goes on where that fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any

import boto3
import pytest

from archive.cloudwatch import Asked, read
from archive.engine.batch_result import Batch
from archive.engine.measures import Units
from archive.engine.planning import Request
from archive.errors import NotPermittedError
from archive.model.config import Watch
from archive.model.metric import NAMESPACE, Datum
from archive.model.plan import Plan
from archive.model.rules import Series
from flows import reporter, watching
from flows.operate import Catalogue, Job, execute_batch, execute_directly, perform
from flows.watching import Meter, Timing, seconds_to_next_minute
from tests.archive.engine.workplace import MONDAY_MS, TWO_DAYS, Workplace, make_workplace, message, one_loader
from tests.integration.restored import purge, site_on
from tests.integration.sites import Servers
from tests.servers import REGION, Server

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


class Day:
    """A clock that waiting moves on: each wait takes its seconds, and something is consumed meanwhile; at last somebody stops it."""

    def __init__(self, waits: int) -> None:
        """Begin 15 seconds before noon."""
        self.now, self.waits, self.units = NOON - timedelta(seconds=15), waits, 0.0
        self.slept: list[float] = []
        self.done = Event()

    def clock(self) -> datetime:
        """Return the time."""
        return self.now

    def consumed(self) -> Units:
        """Return what was consumed so far."""
        return {("write", None): self.units, ("write", "I1"): 2 * self.units, ("read", None): 0.0}

    def wait(self, stop: Event, seconds: float) -> bool:
        """Let the seconds pass, and consume ten times as many units."""
        if len(self.slept) == self.waits:
            self.done.set()
            return stop.wait(10)
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.units += 10 * seconds
        return False


def run_for(day: Day) -> list[Datum]:
    """Let a meter run until the day is done, and five seconds more; return what it told."""
    told: list[Datum] = []
    meter = Meter("T", day.consumed, told.extend, Timing(day.clock, day.wait))
    with meter.running():
        assert day.done.wait(10)
        day.now += timedelta(seconds=5)
        day.units += 1
    return told


def test_units_are_told_as_of_the_minutes_in_which_they_were_consumed() -> None:
    """Also those before the first whole minute, and those after the last: alarms take them off minute by minute."""
    told = [(datum.metric.name, datum.index, datum.at, datum.value) for datum in run_for(Day(3)) if datum.index is None]
    minute = timedelta(minutes=1)
    assert told == [
        ("WriteUnits", None, NOON - minute, 150.0),
        ("WriteUnits", None, NOON, 600.0),
        ("WriteUnits", None, NOON + minute, 600.0),
        ("WriteUnits", None, NOON + 2 * minute, 1.0),
    ]


def test_what_consumed_nothing_is_not_told() -> None:
    """A metric costs money by the hour in which it is published."""
    told = run_for(Day(2))
    assert {(datum.metric.name, datum.index) for datum in told} == {("WriteUnits", None), ("WriteUnits", "I1")}
    assert sum(datum.value for datum in told if datum.index) == 2 * (150 + 600 + 1)


def test_several_may_measure_at_once() -> None:
    """Batches are executed in threads of one process: there is one meter, and the last one ends it."""
    day, told = Day(1), list[Datum]()
    meter = Meter("T", day.consumed, told.extend, Timing(day.clock, day.wait))
    with meter.running():
        with meter.running():
            assert day.done.wait(10)
            assert len([thread for thread in enumerate_threads() if thread.name == "meter"]) == 1
        assert [datum.value for datum in told] == [150.0, 300.0]
        day.units += 1
    assert [datum.value for datum in told] == [150.0, 300.0, 1.0, 2.0]
    with meter.running():
        day.units += 1
    assert told[-2].value == 1.0


def test_what_fails_ends_no_thread_for_good() -> None:
    """An error of the run goes on, and what it had consumed is told."""
    day, told = Day(0), list[Datum]()
    meter = Meter("T", day.consumed, told.extend, Timing(day.clock, day.wait))

    def fail() -> None:
        with meter.running():
            day.units += 1
            message = "of the run"
            raise ValueError(message)

    with pytest.raises(ValueError, match="of the run"):
        fail()
    assert told[0].value == 1.0


@pytest.mark.parametrize(("second", "left"), [(0, 60.0), (45, 15.0), (59, 1.0)])
def test_minutes_end_when_the_clock_says_so(second: int, left: float) -> None:
    """All processes tell of the same minutes."""
    assert seconds_to_next_minute(NOON.replace(second=second)) == left
    assert seconds_to_next_minute(NOON.replace(second=second, microsecond=500_000)) == left - 0.5


class Hearer(reporter.LogReporter):
    """Hears what is said, and agrees."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Hear a line."""
        self.said.append(text)

    def consent(self, plan: Plan) -> bool:
        """Agree."""
        return bool(plan)


@pytest.fixture(scope="module")
def place(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A table of three messages on moto, which has CloudWatch too; runs publish."""
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        made = make_workplace(moto_server, tmp_path_factory.mktemp("watching"))
        made.put(*(message(f"c{number}", number, number % 2) for number in range(3)))
        yield replace(made, config=replace(made.config, watch=Watch(metrics=True)))


@contextmanager
def hearing() -> Iterator[Hearer]:
    """Hear what runs say meanwhile."""
    hearer = Hearer()
    with reporter.reporting(hearer):
        yield hearer


def nightly(place: Workplace) -> tuple[dict[str, Any], list[str]]:
    """Perform a nightly run; return its record, and what was said."""
    with hearing() as hearer:
        _, run = perform(place.config, Catalogue("none", "none"), Request("nightly"), datetime.now(UTC), execute_directly)
    return run.record.values, hearer.said


def published(server: Server, table: str) -> dict[tuple[str, str | None], float]:
    """Return the sums of all metrics of a table in the last hour, by name and index."""
    client = boto3.client("cloudwatch", endpoint_url=server.endpoint, region_name=REGION)
    now = datetime.now(UTC)
    found: dict[tuple[str, str | None], float] = {}
    for metric in client.list_metrics(Namespace="Dynalake")["Metrics"]:
        dimensions = tuple((one["Name"], one["Value"]) for one in metric["Dimensions"])
        if dict(dimensions)["Table"] == table:
            asked = Asked(Series(NAMESPACE, metric["MetricName"], "Sum", dimensions), table, None, 60)
            (values,) = read(client, [asked], now - timedelta(hours=1), now + timedelta(minutes=1))
            found[metric["MetricName"], dict(dimensions).get("Index")] = sum(values.values())
    return found


def test_a_night_is_published(moto_server: Server, place: Workplace) -> None:
    """What it did, how large the table is, how the lake is after it, and every unit that it consumed."""
    record, said = nightly(place)
    told = published(moto_server, place.table)
    assert not [text for text in said if "metrics" in text]
    assert record["why_stopped"] == "done"
    assert {name for name, index in told if index} <= {"ReadUnits", "WriteUnits", "Items", "Bytes"}
    assert (told["MessagesRead", None], told["MessagesRemoved", None], told["NightsDone", None]) == (3, 3, 1)
    assert (told["Backlog", None], told["OverdueModules", None]) == (0, 0)
    assert told["Items", None] == record["table_items"] == 3
    assert {index for name, index in told if name == "Bytes" and index} == {
        *("ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex"),
    }
    units = {kind: sum(value for (name, _), value in told.items() if name == kind) for kind in ("ReadUnits", "WriteUnits")}
    assert units["WriteUnits"] == pytest.approx(record["write_units"])
    assert units["ReadUnits"] > record["read_units"]  # the status after the night reads too


def test_a_run_that_may_not_publish_says_so_once_and_goes_on(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as good as any other run."""
    place.put(message("later", MONDAY_MS % 1_000 + 9, 1))

    def denied(_: object, __: Sequence[Datum]) -> int:
        message = "cloudwatch:PutMetricData on namespace Dynalake is not permitted; grant it to the role in use"
        raise NotPermittedError(message)

    monkeypatch.setattr(watching, "publish", denied)
    record, said = nightly(place)
    assert (record["why_stopped"], record["messages_removed"]) == ("done", 1)
    warnings = [text for text in said if "cloudwatch:PutMetricData" in text]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: metrics were not published, and the run goes on without: ")


def test_nothing_is_published_unless_the_settings_say_so(place: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No client of CloudWatch is made."""
    monkeypatch.setattr(watching, "publish", lambda *_: pytest.fail("it was published"))
    monkeypatch.setattr(watching, "_of", lambda _: pytest.fail("a client was made"))
    quiet = replace(place, config=replace(place.config, watch=Watch(), lake=replace(place.config.lake, spool_directory=tmp_path)))
    assert nightly(quiet)[0]["why_stopped"] == "done"


def test_a_process_that_executes_a_batch_publishes_its_units(moto_server: Server, place: Workplace) -> None:
    """Whoever planned the run may be another process."""
    place.put(message("batch", 5, 1))
    before = published(moto_server, place.table)
    job = Job(place.config, "backfill", "run-batch", datetime.now(UTC))
    result = execute_batch(job, Batch(0, TWO_DAYS, (1,)))
    after = published(moto_server, place.table)
    assert result.purged.done >= 1  # the table is the other tests' too
    told = {place: after[place] - before.get(place, 0.0) for place in after if place[0] in ("ReadUnits", "WriteUnits")}
    (consumed,) = result.consumed.values()
    assert sum(told.values()) == pytest.approx(consumed.dynamodb.read_units + consumed.dynamodb.write_units)


def test_a_restore_publishes_the_units_that_it_writes(moto_server: Server, tmp_path: Path) -> None:
    """So that it does not ring as others' writes."""
    site = site_on(Servers(moto_server, moto_server, moto_server), tmp_path).with_settings(watch={"metrics": True})
    purge(site)
    before = published(moto_server, site.table)["WriteUnits", None]
    record = site.run("restore", "--module", "1", "--yes", "--json").done().json()
    after = published(moto_server, site.table)
    assert record["messages_restored"] == 20
    assert after["WriteUnits", None] - before >= 20
