"""What Prefect calls when a flow fails, crashes or is cancelled: each tells people, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import PrefectException
from prefect.flows import Flow

from archive.errors import DynalakeError, StoppedError
from flows import reporter
from flows.notify import Ending, message_of, tell, tell_end
from flows.settings import Settings, load_settings


def on_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Tell why a flow failed: with the error that it raised, or the one that its run ended with."""
    outcome = state.result(raise_on_failure=False)
    _told(flow, flow_run, outcome if isinstance(outcome, BaseException) else outcome[1].error)


def on_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect passes it by name
    """Tell that a flow's process ended without a word."""
    _told(flow, flow_run, "crashed", "its process ended before the run did")


def on_cancellation(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect passes it by name
    """Tell that a flow was cancelled, in whatever order it ended: see `tell_stop`."""
    _told(flow, flow_run, "was cancelled", "it was cancelled in Prefect")


def tell_stop(settings: Settings, what: str, error: DynalakeError | None) -> None:
    """Tell that this flow's run stopped in good order, for which Prefect calls no hook; if it was cancelled, the hook will tell it."""
    if isinstance(error, StoppedError) and not is_cancelling(runtime.flow_run.id):
        tell_end(settings, what, error)


def is_cancelling(run: str | UUID) -> bool:
    """Say whether somebody has cancelled a run: then its last state is not for the run to choose."""
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(str(run))).state
    except (httpx.HTTPError, PrefectException):
        return False
    return state is not None and state.is_cancelling()


def _told(flow: Flow[..., Any], run: FlowRun, ending: Ending | BaseException | None, why: str = "") -> None:
    """Tell, if the run's settings can be read; a hook that raises would only be a second failure."""
    config = (run.parameters or {}).get("config")
    try:
        settings = load_settings(Path(config) if config else None, os.environ)
    except DynalakeError as error:
        reporter.current().say(f"warning: nobody was notified: {error}")
        return
    what = run.name if run.name.startswith(flow.name) else flow.name  # a worker may know the run by its first name only
    if isinstance(ending, str):
        tell(settings, message_of(settings, what, ending, why))
    else:
        tell_end(settings, what, ending)


HOOKS: dict[str, Any] = {"on_failure": [on_failure], "on_crashed": [on_crashed], "on_cancellation": [on_cancellation]}
"""What every flow is made with."""
