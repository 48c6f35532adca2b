"""The Prefect flows: nightly, backfill, purge and sweep. A task is one batch; the engine below knows no Prefect.

Prefect schedules, retries and shows; it is not our checkpoint: receipts are. A flow run again does what is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prefect import flow, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.flows import Flow
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner

from archive.engine.batch_result import Batch, BatchResult
from archive.engine.run import Engine, RunResult, Wait
from archive.errors import CapReachedError, DynalakeError, StoppedError
from archive.model.plan import Plan
from flows import reporter
from flows.artifacts import ArtifactReporter, plan_artifact, result_artifact
from flows.engines import task_runner
from flows.forms import BackfillForm, NightlyForm, PurgeForm, RunForm, SweepForm
from flows.hooks import HOOKS, tell_stop
from flows.operate import Catalogue, Job, execute_batch, perform, plan_only
from flows.prefect_home import quiet_prefect
from flows.report.artifact import publish_report
from flows.settings import load_settings
from flows.show import last_line
from flows.turns import turn

_RETRIES: Final = 3
_RETRY_SECONDS: Final[list[float]] = [10, 60, 300]
_EVERYTHING: Final = NightlyForm()
_EVERYWHERE: Final = SweepForm()


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


@flow(name="nightly", flow_run_name=_tonight, persist_result=False, **HOOKS)
def nightly(request: NightlyForm = _EVERYTHING, config: str = "") -> State[Any]:
    """Archive everything before the cutoff and purge it as the policy says.

    Args:
        request: What is to be archived.
        config: The settings file, on the machine that runs it. Empty: DYNALAKE_CONFIG, else dynalake.toml.

    """
    return _performed(request, config)


@flow(name="backfill", flow_run_name="backfill{request}", persist_result=False, **HOOKS)
def backfill(request: BackfillForm, config: str = "") -> State[Any]:
    """Archive a window of some modules or all, and purge it as the policy says.

    Args:
        request: What is to be archived.
        config: The settings file, on the machine that runs it. Empty: DYNALAKE_CONFIG, else dynalake.toml.

    """
    return _performed(request, config)


@flow(name="purge", flow_run_name="purge{request}", persist_result=False, **HOOKS)
def purge(request: PurgeForm, config: str = "") -> State[Any]:
    """Purge from a window what is proved to be in the lake, without archiving anything.

    Args:
        request: What is to be purged.
        config: The settings file, on the machine that runs it. Empty: DYNALAKE_CONFIG, else dynalake.toml.

    """
    return _performed(request, config)


@flow(name="sweep", flow_run_name="sweep{request}", persist_result=False, **HOOKS)
def sweep(request: SweepForm = _EVERYWHERE, config: str = "") -> State[Any]:
    """Archive and purge messages that no module's index holds, by scanning the whole table.

    Args:
        request: What is to be looked for.
        config: The settings file, on the machine that runs it. Empty: DYNALAKE_CONFIG, else dynalake.toml.

    """
    return _performed(request, config)


_FLOWS: Final[dict[str, Flow[..., Any]]] = {"nightly": nightly, "backfill": backfill, "purge": purge, "sweep": sweep}


def run_flow(form: RunForm, config: Path | None) -> tuple[Plan, RunResult]:
    """Run what a form asks for as its flow, in this process; raises what it was refused with."""
    table = load_settings(config, os.environ).source.table
    with quiet_prefect(), tags("dynalake", form.command, table):
        state: Any = _FLOWS[form.command](form, str(config or ""), return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    ended: tuple[Plan, RunResult] = outcome
    return ended


def _performed(form: RunForm, config: str) -> State[Any]:
    """Perform what a form asks for; returns how it ended, as Prefect's state, with the plan and the result."""
    settings = load_settings(named(config), os.environ)
    request, now = form.asked(settings), datetime.now(UTC)
    if form.dry_run:
        plan = plan_only(settings.config(), request, now)
        plan_artifact(plan)
        return Completed(name="Planned", message=f"about {plan.rows:,} messages; nothing was changed")
    catalogue = Catalogue(settings.athena.database, settings.athena.table)
    shown = ArtifactReporter(reporter.current())
    # Not the flow's own runner: a deployment's flow has that before it knows its settings.
    with turn(settings.source.table), reporter.reporting(shown), task_runner(settings.run) as runner:
        plan, run = perform(settings.config(), catalogue, request, now, _engine(runner, settings.run.workers))
    result_artifact(request.command, run.record.values)
    publish_report(settings, run)
    if run.error is None:
        shown.finish()
    tell_stop(settings, f"{form.command}{form}", run.error)
    return ended(run.error, last_line(run), (plan, run))


def named(config: str) -> Path | None:
    """Return the settings file that a flow was given, if it was given one: a form knows texts, and empty ones."""
    return Path(config) if config else None


def ended(error: DynalakeError | None, line: str, data: Any) -> State[Any]:  # noqa: ANN401 - a plan and a result
    """Return the state of a run that came to an end: a cap and a stop are no failures, but have names of their own."""
    if error is not None and not isinstance(error, StoppedError):
        return Failed(message=line, data=data)
    name = "CapReached" if isinstance(error, CapReachedError) else "Stopped" if error else None
    return Completed(name=name, message=line, data=data)
