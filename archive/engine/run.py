"""Executes a plan batch by batch, and records the run. What executes one batch is passed in: a function, or Prefect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from archive.engine.batch import Batch, BatchResult
from archive.engine.history import RunRecord, Spent, record_of
from archive.engine.session import Session
from archive.errors import DynalakeError, ProofError, SpoolFullError
from archive.model.hold import before_next_edge
from archive.model.layout import Segment
from archive.model.plan import Plan
from archive.model.window import Window
from archive.s3 import LostRaceError

_FILL: Final = 0.5  # how much of the spool the next batch is meant to fill
_MOST_GROWTH: Final = 8
_LENGTHS: Final = {f"{hours}h": timedelta(hours=hours) for hours in (24, 12, 6, 3, 1)} | {
    f"{minutes}m": timedelta(minutes=minutes) for minutes in (15, 5, 1)
}
"""Segment lengths to propose, longest first."""

Execute = Callable[[Batch], BatchResult]


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


def execute_plan(session: Session, plan: Plan, execute: Execute, told: Callable[[Batch, BatchResult], None], total: BatchResult) -> None:
    """Cut the plan into batches and execute them in order of time; each one's length follows what the last one held.

    `told` hears of every batch that is done, `total` grows by it: so it is right also where an error ends the run.
    Ends early, with `total.stopped`, or by raising StoppedError, where the run has to stop. Raises SpoolFullError
    where a single segment does not fit the spool.
    """
    if plan.window is None:
        return
    segments = list(session.record.layouts.segments(plan.window))
    length = plan.first_batch
    position = number = 0
    while position < len(segments):
        part = before_next_edge(segments[position : position + length], plan.holds)
        window = _clip(part, plan.window)
        modules = plan.modules_in(window)
        if not modules:
            position += len(part)
            continue
        batch = Batch(number, window, modules)
        session.brake.check(lambda: session.cap(total.read))
        try:
            result = execute(batch)
        except SpoolFullError as error:
            if len(part) == 1 or plan.command == "sweep":
                raise _too_large(part[0], error) from error
            length = max(1, len(part) // 2)
            continue
        total.add(result)
        told(batch, result)
        if result.stopped is not None:
            return
        number, position = number + 1, position + len(part)
        wanted = len(part) * session.config.lake.spool_bytes * _FILL / max(result.spooled_bytes, 1)
        length = max(1, min(int(wanted), len(part) * _MOST_GROWTH))


def _clip(part: Sequence[Segment], window: Window) -> Window:
    return Window(max(part[0].window.start, window.start), min(part[-1].window.end, window.end))


def _too_large(segment: Segment, error: SpoolFullError) -> SpoolFullError:
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
    spent = Spent(
        read_units=session.reads.units,
        write_units=session.writes.units,
        dynamodb_requests=session.reads.requests + session.writes.requests,
        s3_requests=session.store.requests,
        seconds=seconds,
    )
    record = record_of(session.run, plan, total, why, times, spent)
    with suppress(LostRaceError):  # the key is this run's own: what is there is our own PUT, whose answer was lost
        session.store.put(session.keys.run(session.run, times[0].date()), record.to_json(), None)
    unreached = max(plan.rows - total.read, 0) if error is not None else 0
    return RunResult(total, why, record, error, unreached)
