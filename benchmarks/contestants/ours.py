"""Dynalake's engine, through its public parts only: single steps as the flows call them, and whole runs."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import flows  # noqa: F401 - before Arrow, whose memory it chooses
from archive.aws import Clients
from archive.engine.batch import BatchWork
from archive.engine.batch_result import Batch, BatchResult
from archive.engine.planning import Request
from archive.engine.session import Session
from archive.governor import Governor
from archive.model.budget import Budget, Warm
from archive.model.config import Config, Lake, Limits, Policy, PurgeMode, Roles, Source
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import DAY, Window, parse_instant
from archive.restore import plan as restoring
from archive.restore.opening import open_lake
from archive.restore.planning import make_plan, target_of_request
from archive.restore.run import Surroundings, execute
from archive.restore.wanted import Wanted
from benchmarks.contestants.shares import world_of
from benchmarks.fake.world import World
from benchmarks.process import Timed
from flows.memory import keep_little
from flows.operate import Catalogue, execute_directly, perform

# Pandas is here because of awswrangler, which users of Dynalake need not have: pyarrow imports it where it finds it (30 MB).
sys.modules["pandas"] = None  # type: ignore[assignment] # which is how an import is made to fail

_UNLIMITED: Final = 1e9  # units a second: what is measured is the client
_INDEXES: Final = ("ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex")
_USED_TO_ALL: Final = Warm(_UNLIMITED, _UNLIMITED, dict.fromkeys(_INDEXES, (_UNLIMITED, _UNLIMITED)))
_SPOOL_BYTES: Final = 64 * 10**9
_SEGMENTS: Final = 4
_PURGE_REQUESTS: Final = 4


def now_of(world: World) -> datetime:
    """Return when runs over a table begin: all its messages are old enough by then, but those of idle modules."""
    return world.window.end + 100 * DAY


def config(world: World, bucket: str, spool: str, *, streams: int = 4, purge: PurgeMode = "keep") -> Config:
    """Return settings as a user would have them, but for limits that nothing reaches."""
    return Config(
        source=Source(world.table, "ModuleAnalyticsIndex", None, None, parse_instant("2015-01-01"), None, CHAT_MESSAGES),
        lake=Lake(bucket, "dynalake", "day", "day", Path(spool), _SPOOL_BYTES),
        policy=Policy(
            retention_days=90,
            purge=purge,
            expire_after_days=7,
            overlap_days=3,
            ttl_attribute="expiresAt",
            protocol="partiql",
            single_writer=False,
            late_rows=1_000,
            late_days=7,
            backup_before_first_purge=False,
        ),
        limits=Limits(_UNLIMITED, _UNLIMITED, streams, _SEGMENTS, _PURGE_REQUESTS, None, None, _UNLIMITED, _UNLIMITED),
        roles=Roles(None, None),
    )


def archive(table: str, bucket: str, spool: str, days: tuple[int, int] | None = None, **more: Any) -> Timed:  # noqa: ANN401 - JSON
    """Archive a table in one batch: read, spool, merge, prove, store. Or its days [first, end), or its first few modules (`modules`)."""
    modules = more.pop("modules", None)
    work, batch = _work(table, bucket, spool, **more)
    batch = replace(batch, modules=batch.modules[:modules])
    if days is not None:
        start = batch.window.start
        batch = replace(batch, window=Window(start + days[0] * DAY, start + days[1] * DAY))

    def timed() -> float:
        return _added(work.archive(batch))

    return timed


def purge(table: str, bucket: str, spool: str, modules: int | None = None, **more: Any) -> Timed:  # noqa: ANN401 - JSON
    """Purge what has been archived of a table, or of its first few modules: ask for keys, get the segments, remove conditionally."""
    work, batch = _work(table, bucket, spool, purge="delete", **more)
    work.session.require_purgeable()
    work.session.partiql_types()
    batch = replace(batch, modules=batch.modules[:modules])

    def timed() -> float:
        result = work.purge(batch)
        _require(not result.failed, result.failed)
        return result.purged.done

    return timed


def discover(table: str, bucket: str, spool: str) -> Timed:
    """Begin a lake, and find the modules that have messages."""
    session = Session(config(world_of(table), bucket, spool), _run())
    session.open_lake()

    def timed() -> float:
        return len(session.reader.modules(session.facts))

    return timed


def nightly(table: str, bucket: str, spool: str, **more: Any) -> Timed:  # noqa: ANN401 - JSON
    """Perform a whole run as the command does: check, plan, register, archive, purge, record. `last`: a backfill of so many days."""
    world, last = world_of(table), more.pop("last", None)
    settings, now = config(world, bucket, spool, **more), now_of(world)
    request = Request("nightly") if last is None else Request("backfill", Window(world.window.end - last * DAY, world.window.end))
    catalogue = Catalogue(f"lake_{bucket.replace('-', '_')}", "messages")

    def timed() -> float:
        _, run = perform(settings, catalogue, request, now, execute_directly)
        _require(run.error is None, run.why)
        return run.result.added

    return timed


def restore(table: str, bucket: str, spool: str, modules: int | None = None, **more: Any) -> Timed:  # noqa: ANN401 - JSON
    """Restore what has been archived of a table, or of its first few modules, into that table."""
    world = world_of(table)
    keep_little()
    settings = config(world, bucket, spool, **more)
    clients = Clients(None, None, "purger", settings.limits.purge_requests + 4)
    lake = open_lake(Clients(None, None, "archiver", settings.limits.streams * 2 + 4), settings)
    values = {"module_id": tuple(world.numbers[:modules])}
    name, now = _run(), now_of(world)
    request = restoring.Request(Wanted(CHAT_MESSAGES, world.window, values), now + DAY)

    def timed() -> float:
        target = target_of_request(lambda: clients, settings, lake, request)
        plan = make_plan(lake, target, request, settings, (name, now))
        governor = Governor(Budget.of(settings.limits, _USED_TO_ALL), time.monotonic, time.sleep)
        result = execute(plan, Surroundings(settings, lake, lambda: clients, governor, name, now, lambda _: None))
        _require(result.error is None, result.why)
        return result.counts.restored

    return timed


def _work(table: str, bucket: str, spool: str, **more: Any) -> tuple[BatchWork, Batch]:  # noqa: ANN401 - settings
    world = world_of(table)
    keep_little()
    session = Session(config(world, bucket, spool, **more), _run())
    session.open_lake()
    return BatchWork(session, now_of(world), lambda _, __: None), Batch(0, world.window, tuple(world.numbers))


def _run() -> str:
    """Return a name that no other process's run has: records are kept under it."""
    return f"bench-{os.getpid()}"


def _added(result: BatchResult) -> int:
    _require(not result.failed, result.failed)
    return result.added


def _require(good: bool, why: object) -> None:  # noqa: FBT001 - said at once what for
    if not good:
        raise RuntimeError(why)
