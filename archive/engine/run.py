"""Executes a plan batch by batch, and records the run. What executes batches is passed in: this process, or Prefect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from archive.engine.batch_result import Batch, BatchResult
from archive.engine.consumed import latest
from archive.engine.consumed import total as sum_up
from archive.engine.cutting import Cut, Cutter
from archive.engine.history import RunRecord, record_of, with_what_is_left
from archive.engine.session import Session
from archive.errors import DynalakeError, LocalDiskError, ProofError, SpoolFullError
from archive.model.layout import Segment
from archive.model.plan import Plan
from archive.s3 import LostRaceError

_FILL: Final = 0.5  # how much of the spool the next batch is meant to fill
_LENGTHS: Final = {f"{hours}h": timedelta(hours=hours) for hours in (24, 12, 6, 3, 1)} | {
    f"{minutes}m": timedelta(minutes=minutes) for minutes in (15, 5, 1)
}
"""Segment lengths to propose, longest first."""

Wait = Callable[[], BatchResult]
"""Waits for a batch that was begun, and returns its result or raises its error."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What executes batches: `begin` begins one, and at most `workers` are under way at once."""

    begin: Callable[[Batch], Wait]
    workers: int = 1


def one_by_one(execute: Callable[[Batch], BatchResult]) -> Engine:
    """Return the engine that executes each batch here, when it is waited for."""
    return Engine(lambda batch: partial(execute, batch))


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run's end: what it did, why it stopped, and its record as it is stored."""

    result: BatchResult
    why: str
    record: RunRecord
    error: DynalakeError | None
    unreached: int
    """Messages of the plan, by its estimate, that the run did not come to."""

    @property
    def left(self) -> str:
        """Say what is left to do, in words."""
        purged = self.result.purged
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (self.unreached, "messages of the plan (about) were not reached"),
                (purged.changed, "changed messages stay until they are archived anew"),
                (purged.refused, "unchanged messages were refused"),
                (self.result.waiting, "late messages wait in the table"),
                (self.result.quarantined, "messages are in quarantine"),
                (len(self.result.failed), "segments stopped with an alarm"),
            )
            if count
        ]
        return "; ".join(parts) or "nothing is left"


def execute_plan(session: Session, plan: Plan, engine: Engine, told: Callable[[Batch, BatchResult], None], total: BatchResult) -> None:
    """Cut the plan into batches and execute them in order of time, as many at once as the engine has workers.

    `told` hears of every batch that is done, `total` grows by it: so it is right also where an error ends the run.
    Ends early, with `total.stopped`, or by raising StoppedError, where the run has to stop: nothing more is begun then, and what
    is under way is waited for. Raises SpoolFullError where a single segment does not fit the spool.
    """
    if plan.window is None:
        return
    cutter = Cutter(plan, plan.window, list(session.record.layouts.segments(plan.window)), engine.workers)
    flying: deque[tuple[Cut, Wait]] = deque()
    stop: DynalakeError | None = None
    while True:
        while stop is None and total.stopped is None and len(flying) < engine.workers and (cut := cutter.next()) is not None:
            stop = session.brake.reason(lambda: session.cap(total.read, total.consumed))
            if stop is None:
                flying.append((cut, engine.begin(cut.batch)))
        if not flying:
            break
        cut, wait = flying.popleft()
        try:
            result = wait()
            total.add(result)
            told(cut.batch, result)
            cutter.held(cut, session.config.lake.spool_bytes * _FILL, result.spooled_bytes)
        except DynalakeError as error:
            if isinstance(error, SpoolFullError) and len(cut.segments) > 1 and plan.command != "sweep":
                cutter.halve(cut)
            else:
                stop = stop or _in_the_end(cut, error)
    if stop is not None:
        raise stop


def _in_the_end(cut: Cut, error: DynalakeError) -> DynalakeError:
    """Return the error that ends the run: of a segment that is too large, one that names a length that would fit."""
    too_large = isinstance(error, SpoolFullError) and not isinstance(error, LocalDiskError)
    return _too_large(cut.segments[0], error) if too_large else error


def _too_large(segment: Segment, error: DynalakeError) -> SpoolFullError:
    shorter = next((text for text, length in _LENGTHS.items() if length * 2 <= segment.window.end - segment.window.start), None)
    advice = f', or set [lake] segment = "{shorter}"' if shorter else ""
    return SpoolFullError(f"{error}; raise [lake] spool_size{advice}")


def finish(
    session: Session, plan: Plan, total: BatchResult, error: DynalakeError | None, times: tuple[datetime, datetime], seconds: float
) -> RunResult:
    """Record a run that has ended, in whatever way; the record is written under the run's own key, once."""
    error = error or total.stopped
    if error is None and total.failed:
        error = ProofError(
            total.failed[0] if len(total.failed) == 1 else f"{len(total.failed)} segments were stopped; the first: {total.failed[0]}"
        )
    why = "done" if error is None else str(error)
    consumed = sum_up(latest(total.consumed, session.consumed()).values())
    unreached = max(plan.rows - total.read, 0) if error is not None else 0
    record = with_what_is_left(record_of(session.run, plan, total, why, (*times, seconds), consumed), unreached, session.facts)
    try:
        with suppress(LostRaceError):  # the key is this run's own: what is there is our own PUT, whose answer was lost
            session.store.put(session.keys.run(session.run, times[0].date()), record.to_json(), None)
    except DynalakeError as unrecorded:  # what the run did is told all the same, and what ended it goes before this
        error = error or unrecorded
    return RunResult(total, why, record, error, unreached)
