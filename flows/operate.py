"""One run from its request to its record: plan, consent, set up, execute, record. Prefect is one way to execute a batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Literal

from archive.engine.batch import BatchWork
from archive.engine.batch_result import Batch, BatchResult
from archive.engine.checking import check
from archive.engine.first_purge import back_up_once
from archive.engine.planning import Request, make_plan
from archive.engine.run import Engine, RunResult, execute_plan, finish, one_by_one
from archive.engine.session import Session
from archive.errors import DynalakeError, RefusedError
from archive.model.config import Config
from archive.model.finding import Finding
from archive.model.plan import Command, Plan
from athena import Since, lake_tables, widen
from flows import reporter
from flows.memory import keep_little
from flows.signals import signals_stop
from flows.watching import measured, publish_run


@dataclass(frozen=True, slots=True)
class Job:
    """What one batch needs besides itself: it is pickled to wherever the batch is executed."""

    config: Config
    command: Command
    run: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Where the lake's tables are registered."""

    database: str
    table: str


def run_id(command: Command | Literal["restore"], now: datetime) -> str:
    """Return a run's name: what it does, and when it began, so that records sort by time."""
    return f"{now:%Y%m%dT%H%M%S.%f}Z-{command}"


@lru_cache(maxsize=4)
def _work(job: Job) -> BatchWork:
    """Return this process's clients and decoders for a job; they are made once."""
    keep_little()
    session = Session(job.config, job.run)
    return BatchWork(session, job.now, lambda what, messages: reporter.current().step(what, messages))


def execute_batch(job: Job, batch: Batch) -> BatchResult:
    """Execute one batch in this process."""
    work = _work(job)
    with measured(work.session):
        result = work.purge(batch) if job.command == "purge" else work.archive(batch)
    result.consumed = work.session.consumed()
    return result


def execute_directly(job: Job) -> Engine:
    """Return the engine that executes batches in this very process, without Prefect."""
    return one_by_one(partial(execute_batch, job))


def plan_only(config: Config, request: Request, now: datetime) -> Plan:
    """Make a plan through clients that refuse every call that could change anything."""
    session = Session(config, run_id(request.command, now), read_only=True)
    return make_plan(session, request, now, reporter.current().say)


def perform(
    config: Config, catalogue: Catalogue, request: Request, now: datetime, engine: Callable[[Job], Engine]
) -> tuple[Plan, RunResult]:
    """Perform a run; returns its plan and result. `engine` makes what executes batches for a job.

    Raises RefusedError where consent was not given or a promise could not be kept; nothing was written then. Errors
    during the run are in the result, and recorded.
    """
    began = time.monotonic()
    job = Job(config, request.command, run_id(request.command, now), now)
    work = _work(job)
    session = work.session
    plan = make_plan(session, request, now, reporter.current().say)
    _require_consent(plan, config)
    error: DynalakeError | None = None
    total = BatchResult()
    if session.is_new_lake:
        require_all(check(session))
    session.open_lake()
    listing = session.listing(now)
    if plan.window is not None and plan.modules:
        for warning in session.require_purgeable():
            reporter.current().say(f"warning: {warning}")
        back_up_once(session, now, reporter.current().say)
        if plan.purge != "keep" and config.policy.protocol == "partiql":
            session.partiql_types()  # tried here once, and not by each process that executes batches
        # Before anything can be purged, Athena must be able to see the days that it will be purged from, and all older ones.
        first = min((segment.dt for segment in listing), default=plan.window.start.date())
        _widen(session, catalogue, Since(min(first, plan.window.start.date()), now.date()))
    try:
        with signals_stop(session.brake), measured(session):
            total.add(work.mend(listing))
            execute_plan(session, plan, engine(job), reporter.current().batch, total)
    except DynalakeError as stopped:
        error = stopped
    ended = datetime.now(UTC)
    run = finish(session, plan, total, error, (now, ended), time.monotonic() - began)
    publish_run(session, run, ended)
    return plan, run


def _require_consent(plan: Plan, config: Config) -> None:
    """Show the plan, and refuse it where nobody agrees, or where nobody can be asked and it would remove too much."""
    shown, most = reporter.current(), config.limits.unattended_messages
    if not shown.consent(plan):
        message = "nothing was done: the plan was not agreed to"
        raise RefusedError(message)
    if plan.removes and plan.rows > most and not shown.attended:
        message = (
            f"nothing was done: about {plan.rows:,} messages would be removed, and without a person who agrees it may be {most:,} "
            "([limits] unattended_messages); run it once by hand with --yes, or raise that"
        )
        raise RefusedError(message)


def require_all(findings: list[Finding]) -> None:
    """Refuse to begin a lake where a run could not do all it would have to."""
    failed = [finding for finding in findings if finding.verdict == "failed"]
    if failed:
        message = f"the first run's checks failed ({failed[0].what}): {failed[0].text}"
        raise RefusedError(message)


def _widen(session: Session, catalogue: Catalogue, since: Since) -> None:
    """Let Athena's tables reach back as far as the lake will; that there are tables is for `dynalake setup athena`."""
    changes, missing = widen(session.clients.glue, catalogue.database, lake_tables(session.config, catalogue.table, since))
    for change in changes:
        reporter.current().say(change)
    if missing:
        reporter.current().say(f"Athena has no {', '.join(missing)} yet: run `dynalake setup athena` once")
