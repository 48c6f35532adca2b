"""The Prefect flow that puts messages back: restore. From a form it is asked for by window, modules or run alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.archive_flows import ended, named
from flows.artifacts import restore_plan_artifact, result_artifact
from flows.forms import RestoreForm
from flows.hooks import HOOKS, tell_stop
from flows.memory import keep_little
from flows.restore import carry_out, last_line, prepare
from flows.settings import load_settings
from flows.turns import turn


@flow(name="restore", flow_run_name="restore{request}", persist_result=False, **HOOKS)
def restore(request: RestoreForm, config: str = "") -> State[Any]:
    """Put archived messages back where their keys are absent; what is there with other values is left alone, and reported.

    Args:
        request: What is to be put back.
        config: The settings file, on the machine that runs it. Empty: DYNALAKE_CONFIG, else dynalake.toml.

    """
    keep_little()
    settings, now = load_settings(named(config), os.environ), datetime.now(UTC)
    told = settings.config()
    asked = request.asked(told.source.spec, now)
    prepared = prepare(told, asked, now, read_only=request.dry_run)
    plan = prepared.plan
    restore_plan_artifact(plan)
    if request.dry_run or not plan.parts:
        return Completed(name="Planned", message=f"{plan.rows:,} messages; nothing was changed")
    with turn(settings.source.table):
        result, values = carry_out(prepared, lambda _: None)
    result_artifact("restore", values)
    tell_stop(settings, f"restore{request}", result.error)
    return ended(result.error, last_line(plan, result, values["seconds"]), (plan, result))
