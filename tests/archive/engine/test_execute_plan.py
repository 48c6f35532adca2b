"""Executing a plan: batches follow one another without gap or overlap, and fit their length to the spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.engine.batch_result import Batch, BatchResult
from archive.engine.planning import Request
from archive.engine.run import Engine, Wait, execute_plan, finish, one_by_one
from archive.engine.session import Session
from archive.errors import InputError, LocalDiskError, NotPermittedError, ProofError, SpoolFullError, TransientServiceError
from archive.model.config import Module
from archive.model.cost import Work, WriteRates, price_archive, purge_rate
from archive.model.layout import Layout, Layouts
from archive.model.plan import ModulePlan, Plan
from archive.model.prices import prices_of
from archive.model.window import DAY, Window, parse_instant
from tests.archive.engine.workplace import NOW, TWO_DAYS, Workplace, denied, ignore, make_workplace, message
from tests.servers import Server

START = parse_instant("2024-01-15")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def session(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session whose lake is not opened: executing a plan alone reads and writes nothing of it but the stop sign."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        yield make_workplace(moto_server, tmp_path_factory.mktemp("plan")).session()


def a_plan(windows: dict[Module, Window], first_batch: int = 1) -> Plan:
    """Return a plan of these modules' windows, that costs nothing."""
    modules = tuple(ModulePlan(module, window, 0, 0, 0, junk=False) for module, window in windows.items())
    window = Window(min(one.start for one in windows.values()), max(one.end for one in windows.values()))
    cost = price_archive(Work(0, 1, 0, 0, 0, 0), "delete", prices_of(None))
    return Plan(
        command="backfill",
        window=window,
        modules=modules,
        named=None,
        holds=(),
        purge="delete",
        segments=1,
        first_batch=first_batch,
        item_bytes=1,
        cost=cost,
        prices=prices_of(None),
        rate=purge_rate(0, 1, 0, WriteRates(1.0, 1.0, 1.0)),
        exact=False,
        reads=0.0,
        warnings=(),
    )


def executed(session: Session, plan: Plan, result: Callable[[Batch], BatchResult] = lambda _: BatchResult()) -> list[Batch]:
    """Execute a plan with batches that return this, and return those that did."""
    done: list[Batch] = []
    execute_plan(session, plan, one_by_one(result), lambda batch, _: done.append(batch), BatchResult())
    return done


@settings(max_examples=60, deadline=None)
@given(
    edges=st.tuples(st.integers(0, 50), st.integers(1, 400)),
    layout=st.sampled_from(["day", "12h", "1h"]),
    first=st.integers(1, 40),
    a_segment=st.lists(st.integers(0, 2**31), min_size=1, max_size=6),
    fits=st.integers(1, 30),
)
def test_batches_tile_the_window_whatever_they_hold(
    session: Session, edges: tuple[int, int], layout: str, first: int, *, a_segment: list[int], fits: int
) -> None:
    """In order, without gap or overlap, each segment whole, and no number twice; those that do not fit come again, halved."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", layout),)))
    start, hours = edges
    window = Window(START + start * HOUR, START + (start + hours) * HOUR)
    tried: list[Window] = []

    def result(batch: Batch) -> BatchResult:
        tried.append(batch.window)
        segments = list(session.record.layouts.segments(batch.window))
        if len(segments) > fits:
            raise SpoolFullError
        return BatchResult(spooled_bytes=a_segment[len(tried) % len(a_segment)] * len(segments))

    done = executed(session, a_plan({1: window}, first), result)
    numbers = [batch.number for batch in done]
    assert numbers == sorted(set(numbers))
    cuts = [batch.window.start for batch in done] + [done[-1].window.end]
    assert (cuts[0], cuts[-1]) == (window.start, window.end)
    assert cuts[1:-1] == [batch.window.end for batch in done[:-1]]
    assert set(cuts[1:-1]) <= {segment.window.start for segment in session.record.layouts.segments(window)}
    assert {batch.modules for batch in done} == {(1,)}


def test_the_first_batch_is_as_long_as_the_plan_says(session: Session) -> None:
    """The plan knows from its looks what fits."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    done = executed(session, a_plan({1: Window(START, START + 10 * DAY)}, 4))
    assert done[0].window == Window(START, START + 4 * DAY)


@pytest.mark.parametrize(("spooled", "expected"), [(2**30, 2), (2**29, 4), (2**28, 8), (2**27, 16), (0, 32), (2**40, 1)])
def test_the_next_batch_fills_half_the_spool(session: Session, spooled: int, expected: int) -> None:
    """Judged by what the last one held; it grows eightfold at most, and is never empty. The spool takes 2**30 bytes."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    done = executed(session, a_plan({1: Window(START, START + 100 * DAY)}, 4), lambda _: BatchResult(spooled_bytes=spooled))
    assert (done[1].window.end - done[1].window.start) // DAY == expected


def test_a_batch_that_does_not_fit_is_halved_until_it_does(session: Session) -> None:
    """Nothing of what did not fit was stored, so that it is simply made again."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    tried: list[int] = []

    def result(batch: Batch) -> BatchResult:
        tried.append((batch.window.end - batch.window.start) // DAY)
        if tried[-1] > 2:
            raise SpoolFullError
        return BatchResult(spooled_bytes=2**29)

    done = executed(session, a_plan({1: Window(START, START + 8 * DAY)}, 8), result)
    assert tried[:3] == [8, 4, 2]
    assert len(done) == 4


@pytest.mark.parametrize(("layout", "fitting"), [("day", "12h"), ("12h", "6h"), ("6h", "3h"), ("2h", "1h"), ("1h", "15m"), ("15m", "5m")])
def test_a_segment_that_is_too_large_is_an_error_that_names_a_length(session: Session, layout: str, fitting: str) -> None:
    """And the length is one that the settings take, and shorter."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", layout),)))

    def result(_: Batch) -> BatchResult:
        message = "the spool is full"
        raise SpoolFullError(message)

    with pytest.raises(SpoolFullError, match=rf'the spool is full; .*segment = "{fitting}"'):
        executed(session, a_plan({1: TWO_DAYS}, 2), result)


def test_the_shortest_segment_has_no_shorter_one(session: Session) -> None:
    """Then only a larger spool helps."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "1m"),)))

    def result(_: Batch) -> BatchResult:
        message = "the spool is full"
        raise SpoolFullError(message)

    with pytest.raises(SpoolFullError, match=r"the spool is full; raise \[lake\] spool_size$"):
        executed(session, a_plan({1: TWO_DAYS}, 2), result)


def several_at_once(workers: int, result: Callable[[Batch], BatchResult], seen: list[str]) -> Engine:
    """Return an engine that notes what is begun and what is waited for."""

    def begin(batch: Batch) -> Wait:
        seen.append(f"begin {batch.number}")

        def wait() -> BatchResult:
            seen.append(f"wait {batch.number}")
            return result(batch)

        return wait

    return Engine(begin, workers)


def test_as_many_batches_are_under_way_as_there_are_workers(session: Session) -> None:
    """And none more: the next one begins when the oldest is done."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    seen: list[str] = []
    engine = several_at_once(3, lambda _: BatchResult(spooled_bytes=2**30), seen)
    execute_plan(session, a_plan({1: Window(START, START + 5 * DAY)}), engine, ignore, BatchResult())
    assert seen == [f"begin {number}" for number in range(3)] + ["wait 0", "begin 3", "wait 1", "begin 4", "wait 2", "wait 3", "wait 4"]


def test_every_worker_has_its_part_of_a_plan_that_would_fit_one_batch(session: Session) -> None:
    """The spool alone does not decide how long a batch is."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    lengths: list[int] = []
    engine = several_at_once(4, lambda _: BatchResult(), [])
    told = lambda batch, _: lengths.append((batch.window.end - batch.window.start) // DAY)  # noqa: E731
    execute_plan(session, a_plan({1: Window(START, START + 16 * DAY)}, 100), engine, told, BatchResult())
    assert lengths[:4] == [4, 3, 3, 2]
    assert sum(lengths) == 16


def test_a_batch_that_does_not_fit_comes_again_while_others_go_on(session: Session) -> None:
    """No day is left out, and none comes twice."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))

    def result(batch: Batch) -> BatchResult:
        if batch.number == 1:
            raise SpoolFullError
        return BatchResult(spooled_bytes=2**29)

    done: list[Window] = []
    engine = several_at_once(2, result, [])
    execute_plan(session, a_plan({1: Window(START, START + 8 * DAY)}, 2), engine, lambda batch, _: done.append(batch.window), BatchResult())
    days = [START + day * DAY for day in range(8)]
    assert sorted(day for window in done for day in days if window.start <= day < window.end) == days


def test_an_error_waits_for_what_is_under_way(session: Session) -> None:
    """What the others did is counted; nothing more is begun."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))

    def result(batch: Batch) -> BatchResult:
        if batch.number == 0:
            message = "throttled"
            raise TransientServiceError(message)
        return BatchResult(read=10, spooled_bytes=2**30)

    total, seen = BatchResult(), list[str]()
    with pytest.raises(TransientServiceError):
        execute_plan(session, a_plan({1: Window(START, START + 9 * DAY)}), several_at_once(3, result, seen), ignore, total)
    assert (total.read, seen[-1]) == (20, "wait 2")


def test_modules_are_read_where_they_have_messages(session: Session) -> None:
    """A batch names the modules whose window it touches; where none does there is no batch."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))
    windows: dict[Module, Window] = {
        1: Window(START, START + 2 * DAY),
        2: Window(START + DAY, START + 2 * DAY),
        3: Window(START + 4 * DAY, START + 5 * DAY),
    }
    done = executed(session, a_plan(windows), lambda _: BatchResult(spooled_bytes=2**30))
    assert [(batch.window.start, batch.modules) for batch in done] == [(START, (1,)), (START + DAY, (1, 2)), (START + 4 * DAY, (3,))]


def test_an_empty_plan_executes_nothing(session: Session) -> None:
    """Nothing is old enough."""
    assert executed(session, replace(a_plan({1: TWO_DAYS}), window=None, modules=())) == []


def test_an_error_ends_the_run_and_leaves_the_total_of_what_was_done(session: Session) -> None:
    """Only what was done is counted."""
    session.record = replace(session.record, layouts=Layouts((Layout.parse(START.date(), "day", "day"),)))

    def result(batch: Batch) -> BatchResult:
        if batch.number == 2:
            message = "throttled"
            raise TransientServiceError(message)
        return BatchResult(read=10, spooled_bytes=2**30)

    total = BatchResult()
    with pytest.raises(TransientServiceError):
        execute_plan(session, a_plan({1: Window(START, START + 5 * DAY)}), one_by_one(result), ignore, total)
    assert total.read == 20


def test_a_whole_run_archives_purges_and_records_itself(place: Workplace) -> None:
    """What it did, and why it stopped."""
    place.put(message("a", 1, 1), message("b", 2, 2))
    _, run = place.perform(Request("nightly"))
    assert (run.error, run.why, run.left) == (None, "done", "nothing is left")
    values = run.record.values
    assert (values["messages_read"], values["messages_added"], values["messages_removed"]) == (2, 2, 2)
    assert values["complete_through"] == "2024-03-03T00:00:00Z"
    assert [place.get(key) for key in place.keys("runs")] == [run.record.to_json()]
    assert place.items() == []


def test_alarms_make_a_run_that_is_not_done(place: Workplace) -> None:
    """It ends with an error, and does not claim to have covered anything."""
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    place.s3.delete_object(Bucket=place.bucket, Key=place.keys("messages")[0])
    place.put(message("b", 2, 1))
    _, run = place.perform(Request("nightly"), "run-2")
    assert isinstance(run.error, ProofError)
    assert run.error.exit_code == 4
    assert "1 segments stopped with an alarm" in run.left
    assert run.record.values["complete_through"] is None
    assert run.record.values["segments_failed"] == 1


def test_several_alarms_are_one_error_that_counts_them(place: Workplace) -> None:
    """And shows the first."""
    total = BatchResult(failed=["the first alarm", "the second alarm"])
    run = finish(place.opened(), a_plan({1: TWO_DAYS}), total, None, (NOW, NOW), 1.0)
    assert str(run.error) == "2 segments were stopped; the first: the first alarm"


def test_the_first_reason_to_stop_is_the_one_that_is_told(place: Workplace) -> None:
    """Alarms before an error do not hide it."""
    error = InputError("the reason")
    run = finish(place.opened(), a_plan({1: TWO_DAYS}), BatchResult(failed=["an alarm"]), error, (NOW, NOW), 1.0)
    assert (run.error, run.why) == (error, "the reason")


@pytest.mark.parametrize("error", [None, ProofError("an alarm")])
def test_a_record_that_cannot_be_stored_hides_nothing(place: Workplace, error: ProofError | None) -> None:
    """What the run did is told, and what ended it goes first."""
    session = place.opened()
    with denied(session, "PutObject"):
        run = finish(session, a_plan({1: TWO_DAYS}), BatchResult(read=3), error, (NOW, NOW), 1.0)
    assert run.result.read == 3
    assert isinstance(run.error, ProofError if error else NotPermittedError)
    assert run.why == ("an alarm" if error else "done")


def test_a_disk_that_fails_is_not_told_as_a_spool_that_is_too_small(session: Session) -> None:
    """Less at once may fit; where one segment does not, no setting helps."""
    tried: list[Window] = []

    def execute(batch: Batch) -> BatchResult:
        tried.append(batch.window)
        message_ = "the local disk failed"
        raise LocalDiskError(message_)

    with pytest.raises(LocalDiskError, match=r"^the local disk failed$"):
        execute_plan(session, a_plan({1: TWO_DAYS}, first_batch=2), one_by_one(execute), ignore, BatchResult())
    assert [window.end - window.start for window in tried] == [2 * DAY, DAY]
