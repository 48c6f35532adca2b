"""What Prefect calls when a flow fails, crashes or is cancelled: each tells people, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from archive.errors import DynalakeError
from flows import reporter
from flows.notify import Ending, message_of, tell, tell_end
from flows.settings import load_settings


def on_failure(_: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    """Tell why a flow failed: with the error that it raised, or the one that its run ended with."""
    outcome = state.result(raise_on_failure=False)
    _told(run, outcome if isinstance(outcome, BaseException) else outcome[1].error)


def on_crashed(_: Flow[..., Any], run: FlowRun, __: State[Any]) -> None:
    """Tell that a flow's process ended without a word."""
    _told(run, "crashed", "its process ended before the run did")


def on_cancellation(_: Flow[..., Any], run: FlowRun, __: State[Any]) -> None:
    """Tell that a flow was cancelled, unless it ended in good order in time: then it has told that itself."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    if state is None or not (state.is_completed() or state.is_failed()):
        _told(run, "was cancelled", "it was cancelled in Prefect")


def _told(run: FlowRun, ending: Ending | BaseException | None, why: str = "") -> None:
    """Tell, if the run's settings can be read; a hook that raises would only be a second failure."""
    config = (run.parameters or {}).get("config")
    try:
        settings = load_settings(Path(config) if config else None, os.environ)
    except DynalakeError as error:
        reporter.current().say(f"warning: nobody was notified: {error}")
        return
    if isinstance(ending, str):
        tell(settings, message_of(settings, run.name, ending, why))
    else:
        tell_end(settings, run.name, ending)


HOOKS: dict[str, Any] = {"on_failure": [on_failure], "on_crashed": [on_crashed], "on_cancellation": [on_cancellation]}
"""What every flow is made with."""
