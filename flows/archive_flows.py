"""The Prefect flows: nightly, backfill, purge and sweep. A task is one batch; the engine below knows no Prefect.

Prefect schedules, retries and shows; it is not our checkpoint: receipts are. A flow run again does what is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from archive.engine.batch import Batch, BatchResult
from archive.engine.planning import Request
from archive.engine.run import Engine, RunResult, Wait
from archive.errors import DynalakeError
from archive.model.config import Module
from archive.model.plan import Plan
from archive.model.window import Window, iso, parse_instant
from flows.engines import task_runner
from flows.operate import Catalogue, Job, execute_batch, perform
from flows.prefect_home import quiet_prefect
from flows.report.artifact import publish_report
from flows.settings import Settings, load_settings

_RETRIES: Final = 3
_RETRY_SECONDS: Final[list[float]] = [10, 60, 300]


async def _worth_retrying(_: Any, __: TaskRun, state: State[Any]) -> bool:  # noqa: ANN401 - Prefect's signature
    """Let Prefect try again exactly where the error says that it can help."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, DynalakeError) and error.retryable


@task(
    task_run_name="batch {batch.number} {batch.window}",
    retries=_RETRIES,
    retry_delay_seconds=_RETRY_SECONDS,
    retry_condition_fn=_worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def batch_task(job: Job, batch: Batch) -> BatchResult | DynalakeError:
    """Execute one batch. An error that no retry can mend is returned, so that the flow decides what it means."""
    try:
        return execute_batch(job, batch)
    except DynalakeError as error:
        if error.retryable:
            raise
        return error


def _engine(runner: TaskRunner[Any], workers: int) -> Callable[[Job], Engine]:
    """Return what makes the engine of a job: one whose batches are tasks of a runner."""

    def of(job: Job) -> Engine:
        def begin(batch: Batch) -> Wait:
            future: PrefectFuture[BatchResult | DynalakeError] = runner.submit(batch_task, {"job": job, "batch": batch})

            def wait() -> BatchResult:
                result = future.result()
                if isinstance(result, DynalakeError):
                    raise result
                return result

            return wait

        return Engine(begin, workers)

    return of


def _tonight() -> str:
    return f"nightly {datetime.now(UTC):%Y-%m-%d}"


@flow(name="nightly", flow_run_name=_tonight, persist_result=False)
def nightly(settings: Settings | None = None, config: Path | None = None) -> tuple[Plan, RunResult]:
    """Archive everything before the cutoff and purge it as the policy says.

    Settings come with the call, or from the file `config` (else DYNALAKE_CONFIG) of the machine that runs it.
    """
    return _perform(settings or load_settings(config, os.environ), Request("nightly"))


@flow(name="backfill", flow_run_name="backfill {start} to {end}", persist_result=False)
def backfill(
    start: str, end: str, modules: list[int | str] | None = None, settings: Settings | None = None, config: Path | None = None
) -> tuple[Plan, RunResult]:
    """Archive a window, given as dates or ISO times with a zone, of some modules or all."""
    return _perform(settings or load_settings(config, os.environ), Request("backfill", *_what(start, end, modules)))


@flow(name="purge", flow_run_name="purge {start} to {end}", persist_result=False)
def purge(
    start: str, end: str, modules: list[int | str] | None = None, settings: Settings | None = None, config: Path | None = None
) -> tuple[Plan, RunResult]:
    """Purge from a window what is proved to be in the lake, without archiving anything."""
    return _perform(settings or load_settings(config, os.environ), Request("purge", *_what(start, end, modules)))


@flow(name="sweep", flow_run_name="sweep", persist_result=False)
def sweep(
    start: str | None = None, end: str | None = None, settings: Settings | None = None, config: Path | None = None
) -> tuple[Plan, RunResult]:
    """Archive and purge messages that no module's index holds, by scanning the whole table."""
    window = Window(parse_instant(start), parse_instant(end)) if start and end else None
    return _perform(settings or load_settings(config, os.environ), Request("sweep", window))


def run_flow(settings: Settings, request: Request) -> tuple[Plan, RunResult]:
    """Run a request as its flow, in this process."""
    with quiet_prefect():
        if request.command == "sweep":
            start, end = (iso(request.window.start), iso(request.window.end)) if request.window else (None, None)
            return sweep(start, end, settings)
        if request.window is None:
            return nightly(settings)
        modules = [module if isinstance(module, int | str) else str(module) for module in request.modules or ()]
        chosen = purge if request.command == "purge" else backfill
        return chosen(iso(request.window.start), iso(request.window.end), modules or None, settings)


def _what(start: str, end: str, modules: list[int | str] | None) -> tuple[Window, tuple[Module, ...] | None]:
    return Window(parse_instant(start), parse_instant(end)), tuple(modules) if modules else None


def _perform(settings: Settings, request: Request) -> tuple[Plan, RunResult]:
    catalogue = Catalogue(settings.athena.database, settings.athena.table)
    # Not the flow's own runner: a deployment's flow has that before it knows its settings.
    with task_runner(settings.run) as runner:
        plan, run = perform(settings.config(), catalogue, request, datetime.now(UTC), _engine(runner, settings.run.workers))
    publish_report(settings, run)
    table = [{"what": name.replace("_", " "), "value": str(value)} for name, value in run.record.values.items()]
    create_table_artifact(key=f"dynalake-{request.command}", table=table, description=f"What run {run.record.values['run']} did")
    return plan, run
