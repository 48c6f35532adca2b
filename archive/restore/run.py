"""Executes a restore: the hold first, then segment by segment into a table or a file; and records what was done."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from archive.aws import Clients
from archive.codec.conditions import key_of
from archive.codec.values import Item, canonical
from archive.dynamo_insert import A_BATCH, Inserter, Terms
from archive.errors import DynalakeError, ProofError, RefusedError, ServiceError
from archive.governor import Governor
from archive.lake.commit import Place
from archive.lake.holds import Holds
from archive.lake.spool import private_folder
from archive.model.config import Config
from archive.model.hold import Hold
from archive.model.target_table import TargetTable
from archive.model.window import iso, to_ms
from archive.restore.opening import OpenLake, OpenRows, proved_rows, removed_rows
from archive.restore.partiql import probe_inserts
from archive.restore.plan import Part, RestorePlan
from archive.restore.takers import IntoFile, IntoTable, Report, Restored, Taker
from archive.s3 import LostRaceError

_LOG = logging.getLogger("dynalake")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a restore works with.

    `clients` makes the restorer's, when a table is written to. `told` hears of so many more messages. `check` is asked, with
    how many messages were begun so far, before every few, and raises where the run has to stop.
    """

    config: Config
    lake: OpenLake
    clients: Callable[[], Clients]
    governor: Governor
    run: str
    now: datetime
    told: Callable[[int], None]
    check: Callable[[int], None] = lambda _: None


@dataclass(slots=True)
class RestoreResult:
    """What a restore did. `failed` are alarms: segments that were stopped, each with its reason; the others went on."""

    counts: Restored = field(default_factory=Restored)
    segments: int = 0
    hold: Hold | None = None
    report: str | None = None
    failed: list[str] = field(default_factory=list)
    error: DynalakeError | None = None
    planned: int = 0
    begun: int = 0

    @property
    def why(self) -> str:
        """Why it stopped."""
        return "done" if self.error is None else str(self.error)

    @property
    def left(self) -> str:
        """What is left to do, in words."""
        counts = self.counts
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (counts.conflicts, "messages are there with other values and were left alone"),
                (counts.refused, "messages were refused by the table"),
                (len(self.failed), "segments stopped with an alarm"),
                (max(self.planned - counts.total, 0) if self.error else 0, "messages at most are still to be restored: run again"),
            )
            if count
        ]
        return "; ".join(parts) or "nothing is left"


def execute(plan: RestorePlan, around: Surroundings) -> RestoreResult:
    """Execute a plan and record it. Errors during the run are in the result; those before the first message are raised."""
    result = RestoreResult(planned=plan.rows)
    lake = around.lake
    around.check(0)
    if plan.hold is not None:
        # Before the first message: a crash after this leaves a hold on messages that were not put back yet, and no more.
        result.hold = Holds(lake.store, lake.keys).ensure(plan.hold)
    with private_folder(around.config.lake.spool_directory) as folder:
        report = Report(folder / "report.jsonl", lake.order.spec, lake.record.layouts)
        try:
            with _taker(plan, around, report) as taker:
                result.counts = taker.counts
                _restore(plan, around, (lake.place(folder, around.run), taker), result)
                if result.failed and plan.target is None:
                    raise _alarm(result.failed)  # a file is complete, or is not there
        except DynalakeError as error:
            result.error = error
        result.report = report.store(lake.store, f"{lake.keys.folder('reports')}{around.run}-left.jsonl")
    if result.error is None and result.failed:
        result.error = _alarm(result.failed)
    if result.error is None and result.counts.refused:
        message = f"the table refused {result.counts.refused:,} message(s); their keys are in {result.report}: mend its indexes, run again"
        result.error = ServiceError(message)
    return result


def _alarm(failed: list[str]) -> ProofError:
    return ProofError(failed[0] if len(failed) == 1 else f"{len(failed)} segments were stopped; the first: {failed[0]}")


def _restore(plan: RestorePlan, around: Surroundings, where: tuple[Place, Taker], result: RestoreResult) -> None:
    place, taker = where
    with closing(_opened(plan, around, place)) as parts:
        for part, opened in parts:
            try:
                # Two versions of one segment can hold the same key: a part has landed before the next one begins.
                _take(plan, around, (part, opened.result()), (taker, result))
            except (ProofError, RefusedError) as error:
                result.failed.append(str(error))
            result.segments += 1


def _opened(plan: RestorePlan, around: Surroundings, place: Place) -> Generator[tuple[Part, Future[OpenRows]], None, None]:
    """Open the parts' files in their order, a few ahead of the one in use."""
    ahead: deque[tuple[Part, Future[OpenRows]]] = deque()
    with ThreadPoolExecutor(around.config.limits.streams, "open") as pool:
        try:
            for number, part in enumerate(plan.parts):
                # A folder each: two parts may be versions of one segment, whose files would have one name.
                own = replace(place, folder=place.folder / f"part-{number}")
                own.folder.mkdir(mode=0o700)
                ahead.append((part, pool.submit(_open, around.lake, own, part)))
                if len(ahead) > around.config.limits.streams:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            for _, future in ahead:
                if not future.cancel() and future.exception() is None:
                    future.result().close()


def _open(lake: OpenLake, place: Place, part: Part) -> OpenRows:
    return proved_rows(lake, place, part.segment) if part.removed is None else removed_rows(lake, place, part.removed)


def _take(plan: RestorePlan, around: Surroundings, opened: tuple[Part, OpenRows], to: tuple[Taker, RestoreResult]) -> None:
    """Give a part's wanted messages to the taker, and count them as begun."""
    part, rows = opened
    taker, result = to
    removed = part.removed
    left = removed.left if removed else frozenset[str]()
    before = result.begun

    def counted(items: Iterator[Item]) -> Iterator[Item]:
        for number, item in enumerate(items):
            if number % A_BATCH == 0:
                around.check(result.begun)
            if left and canonical(key_of(around.lake.order.spec, item)).decode() in left:
                continue  # the purge left it: it was not what was archived
            result.begun += 1
            yield item

    with closing(rows):
        positions = rows.find(plan.request.wanted, removed.ranges if removed and rows.positions else None)
        cursors = rows.lanes(positions) if taker.spreads else [rows.items(positions)]
        taker.take([counted(cursor) for cursor in cursors])
    _LOG.info("segment restored", extra={"run": around.run, "segment": part.segment.name, "rows": result.begun - before})


def _taker(plan: RestorePlan, around: Surroundings, report: Report) -> IntoFile | IntoTable:
    if plan.target is None:
        return IntoFile(plan.request.file or Path(), around.told)
    return IntoTable(_inserter(plan, plan.target, around), around.config.limits.purge_requests, report, around.told)


def _inserter(plan: RestorePlan, target: TargetTable, around: Surroundings) -> Inserter:
    policy = around.config.policy
    client = around.clients().dynamodb
    types = probe_inserts(client, target, around.governor, around.run) if policy.protocol == "partiql" else frozenset[str]()
    expires = policy.purge == "expire" or any(part.removed and part.removed.mode == "expire" for part in plan.parts)
    ours = plan.hold is not None and expires and target.ttl == policy.ttl_attribute
    return Inserter(client, target, around.governor, Terms(to_ms(around.now) // 1000, types, ours))


def record(plan: RestorePlan, result: RestoreResult, around: Surroundings, ended: datetime) -> dict[str, Any]:
    """Store the run's record under `runs/`, once, and return it. It has no value of any key but modules'."""
    lake, counts, window, figures = around.lake, result.counts, plan.window, around.governor.figures()
    values: dict[str, Any] = {
        "run": around.run,
        "command": "restore",
        "purge": around.config.policy.purge,
        "what": plan.request.what,
        "into": "file" if plan.target is None else plan.into,
        "started_at": iso(around.now),
        "ended_at": iso(ended),
        "why_stopped": result.why,
        "window_start": iso(window.start) if window else None,
        "window_end": iso(window.end) if window else None,
        "complete_through": None,
        "segments": result.segments,
        "segments_failed": len(result.failed),
        "messages_restored": counts.restored,
        "messages_present": counts.present,
        "messages_kept": counts.kept,
        "messages_in_conflict": counts.conflicts,
        "messages_refused": counts.refused,
        "messages_added": 0,
        "messages_removed": 0,
        "report": result.report,
        "hold": result.hold.run if result.hold else None,
        "held_until": iso(result.hold.until) if result.hold else None,
        "read_units": figures.read_units,
        "write_units": figures.write_units,
        "dynamodb_requests": figures.requests,
        "waited_seconds": round(figures.waited_seconds, 3),
        "throttles": figures.throttles,
        "s3_requests": lake.requests,
        "seconds": round((ended - around.now).total_seconds(), 3),
    }
    with suppress(LostRaceError):  # the key is this run's own: what is there is our own PUT, whose answer was lost
        lake.store.put(lake.keys.run(around.run, around.now.date()), json.dumps(values, separators=(",", ":")).encode() + b"\n", None)
    return values
