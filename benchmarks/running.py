"""Whole runs: with nothing to do, under Prefect, and as messages, idle modules and the lake's age grow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any, Final

from benchmarks.arena import Arena
from benchmarks.fake.world import World
from benchmarks.outcome import Figures, Goal, Outcome, Row, bars
from benchmarks.process import Task, Took
from tests.servers import free_port, running

_OURS: Final = "benchmarks.contestants.ours"
_PREFECT: Final = "benchmarks.contestants.with_prefect"
_IDLE_MODULES: Final = 1_000
_IDLE_SECONDS: Final = 10
_PREFECT_MESSAGES: Final = 100_000
_PREFECT_SHARE: Final = 0.05
_SIZES: Final = (10_000, 100_000, 1_000_000)
_IDLERS: Final = (0, 1_000)
_ABOUT_ONE: Final = 1.1
_AGES: Final = (10, 1_000)
_NIGHT_DAYS: Final = 5
_LINEAR: Final = 1.25
_FLAT_SECONDS: Final = 2.0
_LITTLE: Final = 10
"""Requests that a run makes whatever there is: describing the table, and the end of the index."""
_DYNAMODB: Final = ("Query", "Scan", "DescribeTable", "BatchGetItem")


def idle(arena: Arena) -> Outcome:
    """Measure a nightly run over modules none of which has a message that is old enough."""
    modules = _IDLE_MODULES // arena.scale
    world = World(modules=0, messages=0, idle=modules)
    bucket = arena.bucket()
    _night(arena, world, bucket)  # a lake's first run checks everything, and discovers once more for that
    runs = [_night(arena, world, bucket) for _ in range(arena.rounds)]
    rows = [Row(f"{modules:,} modules, nothing to do", _middle([_requests(took, counted) for took, counted in runs]))]
    figures = rows[0].figures
    each = figures["DynamoDB requests"] / modules
    goals = [
        Goal(f"under {_IDLE_SECONDS} s", f"{figures['seconds']:.1f} s", met=figures["seconds"] < _IDLE_SECONDS),
        Goal("one request a module", f"{each:.3f}", met=figures["DynamoDB requests"] - modules <= _LITTLE),
    ]
    return Outcome("idle", "A run with nothing to do", "Not the lake's first run, which checks everything.", rows, goals)


def prefect(arena: Arena) -> Outcome:
    """Measure the same nightly run as a Prefect flow and without Prefect, a server running."""
    world = World(modules=8, messages=_PREFECT_MESSAGES // 8 // arena.scale, days=10)
    ways = {"Prefect flow, a task a batch": f"{_PREFECT}:as_flow", "engine alone": f"{_PREFECT}:directly"}
    runs: dict[str, list[Took]] = {name: [] for name in ways}
    with _prefect_server() as environment:
        for _ in range(arena.rounds):
            for name, function in ways.items():
                task = Task(function, {"table": world.table, "bucket": arena.bucket(), "spool": arena.spool})
                took, _ = arena.run(task, more={**environment, "PREFECT_HOME": arena.spool})
                arena.say(f"{name}: {took.seconds:.1f} s")
                runs[name].append(took)
    rows = [
        Row(name, {"seconds": median(one.seconds for one in took), "CPU seconds": median(one.cpu_seconds for one in took)})
        for name, took in runs.items()
    ]
    flow, alone = (row.figures["seconds"] for row in rows)
    share = (flow - alone) / alone
    about = f'A nightly run of {world.modules * world.messages:,} messages with `purge = "delete"`. The server has two cores with the rest.'
    goals = [Goal(f"under {_PREFECT_SHARE:.0%} of the run", f"{share:.1%} ({flow - alone:.2f} s)", met=share < _PREFECT_SHARE)]
    return Outcome("prefect", "Prefect's share", about, rows, goals)


@contextmanager
def _prefect_server() -> Iterator[Mapping[str, str]]:
    """Run a server with a database of its own; gives the variables that a client needs."""
    port = free_port()
    settings = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_SERVER_UI_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running("prefect", port, command, "/api/health", settings) as server:
        yield {**settings, "PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_API_URL": f"{server.endpoint}/api"}


def growth(arena: Arena) -> Outcome:
    """Measure runs (`keep`) over more and more messages, more and more idle modules, and in an older and older lake."""
    small = World(8, _SIZES[0] // 8 // arena.scale)
    sizes = [_grown(arena, replace(small, messages=size // 8 // arena.scale)) for size in _SIZES]
    idlers = [_grown(arena, replace(small, idle=idle // arena.scale)) for idle in _IDLERS]
    ages = [_aged(arena, age) for age in _AGES]
    slope, calls = (_slope([row.figures[name] for row in sizes]) for name in ("seconds", "DynamoDB requests"))
    modules = _more(idlers, "DynamoDB requests") / (_IDLERS[1] // arena.scale)
    seconds, requests = _more(ages, "seconds"), _more(ages, "S3 requests")
    goals = [
        Goal("seconds a message: from 100,000 on as before", f"{slope:.2f} x", met=slope <= _LINEAR),
        Goal("requests a message likewise", f"{calls:.2f} x", met=calls <= _LINEAR),
        Goal("a module without backlog costs one request", f"{modules:.2f}", met=modules <= _ABOUT_ONE),
        Goal("flat in the lake's age", f"{seconds:+.2f} s, {requests:+.0f} requests", met=seconds < _FLAT_SECONDS),
    ]
    about = (
        'Whole runs with `purge = "keep"`, from the plan to the record, one run each. In the last two lines a run archives '
        f"{_NIGHT_DAYS} days more, after so many days that have been archived before."
    )
    each = {row.what: row.figures["seconds"] / (messages / arena.scale) * 1e6 for row, messages in zip(sizes, _SIZES, strict=True)}
    drawing = [*bars(each, "microseconds a message"), "", *bars({row.what: row.figures["seconds"] for row in idlers + ages}, "s")]
    return Outcome("growth", "Growth", about, sizes + idlers + ages, goals, drawing)


def _slope(values: list[float]) -> float:
    """Return how much more each of the many messages costs than each of the few: 1 where growth is linear."""
    few, many = values[1] - values[0], values[2] - values[1]
    return many / few * (_SIZES[1] - _SIZES[0]) / (_SIZES[2] - _SIZES[1])


def _more(rows: list[Row], name: str) -> float:
    return rows[-1].figures[name] - rows[0].figures[name]


def _grown(arena: Arena, world: World) -> Row:
    """Perform the second run of a lake: the first one checks everything, whatever there is to do."""
    bucket = arena.bucket()
    arena.run(Task(f"{_OURS}:discover", {"table": world.table, "bucket": bucket, "spool": arena.spool}))
    took, counted = _night(arena, world, bucket)
    what = f"{took.messages:,.0f} messages, {world.idle:,} idle modules"
    arena.say(f"{what}: {took.seconds:.1f} s")
    return Row(what, _requests(took, counted))


def _aged(arena: Arena, age: int) -> Row:
    """Archive the last days of a table, all that came before having been archived already."""
    world, bucket = World(1, 20 * (age + _NIGHT_DAYS), age + _NIGHT_DAYS), arena.bucket()
    arena.run(Task(f"{_OURS}:archive", {"table": world.table, "bucket": bucket, "spool": arena.spool, "days": (0, age)}))
    took, counted = _night(arena, world, bucket, last=_NIGHT_DAYS)
    arena.say(f"a lake of {age:,} days: {took.seconds:.1f} s")
    return Row(f"{took.messages:,.0f} messages into a lake of {age:,} days", _requests(took, counted))


def _night(arena: Arena, world: World, bucket: str, **more: Any) -> tuple[Took, Mapping[str, float]]:  # noqa: ANN401 - JSON
    return arena.run(Task(f"{_OURS}:nightly", {"table": world.table, "bucket": bucket, "spool": arena.spool, **more}))


def _requests(took: Took, counted: Mapping[str, float]) -> Figures:
    return {
        "seconds": took.seconds,
        "CPU seconds": took.cpu_seconds,
        "DynamoDB requests": sum(counted.get(name, 0) for name in _DYNAMODB),
        "S3 requests": sum(amount for name, amount in counted.items() if name.startswith("s3_")),
        "peak MB": took.peak_mb,
    }


def _middle(runs: list[Figures]) -> Figures:
    return {name: median(run[name] for run in runs) for name in runs[0]}
