"""One restore, from its request to its record: look, plan, and put back. The command line and the flow both do it so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from archive.aws import Clients
from archive.engine.stopping import Brake, Used, cap_reached
from archive.governor import Governor
from archive.model.budget import Budget, Warm
from archive.model.config import Config
from archive.model.window import iso
from archive.restore.opening import OpenLake, open_lake
from archive.restore.plan import Request, RestorePlan
from archive.restore.planning import make_plan, target_of_request
from archive.restore.run import RestoreResult, Surroundings, execute, record
from flows.operate import run_id
from flows.signals import signals_stop
from flows.watching import measured_restore


@dataclass(frozen=True, slots=True)
class Prepared:
    """A restore that is planned, and what it will be carried out with."""

    plan: RestorePlan
    config: Config
    lake: OpenLake
    reader: Clients
    restorer: Callable[[], Clients]
    run: str
    now: datetime


def prepare(config: Config, request: Request, now: datetime, *, read_only: bool) -> Prepared:
    """Look which segments hold such messages, and plan. With `read_only`, clients refuse every call that could change anything."""
    name, limits = run_id("restore", now), config.limits

    @lru_cache(maxsize=1)
    def restorer() -> Clients:
        return Clients(config.source.region, config.roles.restorer, "restorer", limits.purge_requests + 4, read_only=read_only)

    reader = Clients(config.source.region, config.roles.archiver, "archiver", limits.streams * 2 + 4, read_only=read_only)
    lake = open_lake(reader, config)
    target = target_of_request(restorer, config, lake, request)
    return Prepared(make_plan(lake, target, request, config, (name, now)), config, lake, reader, restorer, name, now)


def carry_out(prepared: Prepared, told: Callable[[int], None]) -> tuple[RestoreResult, dict[str, Any]]:
    """Put back what was planned, and record it; returns the result and the record. `told` hears of so many more messages."""
    plan, config, lake = prepared.plan, prepared.config, prepared.lake
    governor = Governor(Budget.of(config.limits, plan.target.warm if plan.target else Warm()), time.monotonic, time.sleep)
    brake = Brake(lake.store, lake.keys, time.monotonic)

    def check(begun: int) -> None:
        figures = governor.figures()
        used = Used(begun, figures.read_units, figures.write_units, brake.seconds)
        brake.check(lambda: cap_reached(config.limits, used, plan.prices))

    around = Surroundings(config, lake, prepared.restorer, governor, prepared.run, prepared.now, told, check)
    table = plan.target.name if plan.target else None
    with signals_stop(brake), measured_restore(config.watch, prepared.reader, table, governor):
        result = execute(plan, around)
    return result, record(plan, result, around, datetime.now(UTC))


def last_line(plan: RestorePlan, result: RestoreResult, seconds: float) -> str:
    """Return what was done, what is left, and why it stopped."""
    counts = result.counts
    done = f"{counts.restored:,} messages restored into {plan.into}"
    if plan.target is not None:
        done += f", {counts.present:,} were there already"
    if counts.kept:
        done += f", {counts.kept:,} kept from expiring"
    if result.hold is not None:
        done += f"; held until {iso(result.hold.until)} as {result.hold.run}"
    report = f" (their keys: {result.report})" if result.report else ""
    return f"Done: {done}; {seconds:,.1f} s. Left: {result.left}{report}. Stopped because: {result.why}."
