"""Dynalake's engine, through its public parts only: what the flows call, without plan, consent, catalogue and Prefect."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from archive.engine.batch import Batch, BatchWork
from archive.engine.session import Session
from archive.model.config import Config, Lake, Limits, Policy, PurgeMode, Roles, Source
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import Window, parse_instant
from benchmarks.contestants.shares import world_of
from benchmarks.fake.world import World
from benchmarks.process import Timed

NOW: Final = datetime(2024, 12, 1, tzinfo=UTC)
"""When runs over the fake's tables begin: all messages are old enough, but those of idle modules."""
_UNLIMITED: Final = 1e9  # units a second: what is measured is the client
_SPOOL_BYTES: Final = 64 * 10**9


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
        ),
        limits=Limits(_UNLIMITED, _UNLIMITED, streams, purge_requests=4),
        roles=Roles(None, None),
    )


def part_of(window: Window, part: tuple[int, int]) -> Window:
    """Return the part (number, count) of a window of whole days."""
    number, count = part
    days = (window.end - window.start).days
    step = (window.end - window.start) / days
    return Window(window.start + step * (days * number // count), window.start + step * (days * (number + 1) // count))


def archive(table: str, bucket: str, spool: str, **more: Any) -> Timed:  # noqa: ANN401 - JSON
    """Archive a table, or its `part` (number, count) of the days, in one batch: read, spool, merge, prove, store; purge, if so set."""
    world = world_of(table)
    part = tuple(more.pop("part", (0, 1)))
    session = Session(config(world, bucket, spool, **more), "bench")
    session.open_lake()
    session.require_purgeable()
    if session.config.policy.purge != "keep":
        session.partiql_types()
    work = BatchWork(session, NOW, _ignore)
    batch = Batch(0, part_of(world.window, part), tuple(world.numbers))

    def timed() -> float:
        result = work.archive(batch)
        _require(result.failed)
        return result.added

    return timed


def _require(failed: list[str]) -> None:
    if failed:
        raise RuntimeError(failed[0])


def _ignore(_: str, __: int) -> None:
    """Show no progress."""
