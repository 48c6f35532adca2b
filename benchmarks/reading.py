"""The read path: from the HTTP page through spool and sort to stored Parquet, against what a user would use instead."""

from __future__ import annotations

from typing import Final

from benchmarks.arena import Arena, Contestant, contest
from benchmarks.fake.world import World
from benchmarks.outcome import Goal, Outcome

_MODULES: Final = 8
_MESSAGES: Final = 8_000
_DAYS: Final = 2
"""32,000 messages a day: a table that grows by a million a month."""
_OURS: Final = "benchmarks.contestants.ours:archive"
_WRANGLER: Final = "benchmarks.contestants.wrangler:archive"
_STOCK: Final = "benchmarks.contestants.stock:archive"
_NOTHING: Final = "nothing but receiving (how fast the fake is)"
_FASTER: Final = 3
_QUOTA: Final = 320
"""MB/s that a table's default quota of 40,000 read units a second allows."""
_WAIT: Final = 15
"""Milliseconds that a page takes at DynamoDB and on the way."""
_STREAMS: Final = (1, 2, 4, 8)
_ONE: Final = (7, 8)
_ALL: Final = (9, 11)
"""Times awswrangler: the goal, and the stretch."""


def read_path(arena: Arena) -> Outcome:
    """Measure one stream, and all streams on two cores."""
    world = World(_MODULES, _MESSAGES // arena.scale, _DAYS)
    halves = [{"part": (0, 2)}, {"part": (1, 2)}]
    middle = world.days // 2
    days = [{"days": (0, middle)}, {"days": (middle, world.days)}]
    spool = {"spool": arena.spool}
    contestants = [
        Contestant(_NOTHING, "benchmarks.contestants.trivial:read"),
        Contestant("Dynalake, 1 stream", _OURS, ({**spool, "streams": 1},)),
        Contestant("Dynalake, 8 streams", _OURS, ({**spool, "streams": 8},)),
        Contestant("Dynalake, 2 processes of 4 streams", _OURS, [{**spool, **part, "streams": 4} for part in days]),
        Contestant("Dynalake, 8 streams on one core", _OURS, ({**spool, "streams": 8},), cores=1),
        Contestant("awswrangler", _WRANGLER),
        Contestant("awswrangler, 2 processes", _WRANGLER, halves),
        Contestant("boto3 + pyarrow", _STOCK),
        Contestant("boto3 + pyarrow, 2 processes", _STOCK, halves),
        Contestant("Airflow's DynamoDBToS3, its steps (JSON lines)", "benchmarks.contestants.exporters:airflow"),
        Contestant("Singer's tap-dynamodb, its steps (JSON lines)", "benchmarks.contestants.exporters:singer"),
    ]
    scores = contest(arena, world.table, contestants)
    other = scores["awswrangler"]
    rows = [score.row(name, other, "awswrangler") for name, score in scores.items()]
    stream = scores["Dynalake, 1 stream"].messages_a_second / other.messages_a_second
    best = max((name for name in scores if name.startswith("Dynalake")), key=lambda name: scores[name].messages_a_second)
    both = scores[best].messages_a_second / scores["awswrangler, 2 processes"].messages_a_second
    fastest = scores[best].mb_a_second
    spare = scores[_NOTHING].messages_a_second / scores[best].messages_a_second
    goals = [
        Goal(
            f"the fake is not the bottleneck: {_FASTER} x as fast as the fastest of ours",
            f"{spare:.1f} x; for ours it needs {scores[best].fake_cpu_share:.0%} of a core",
            met=spare >= _FASTER,
        ),
        Goal(f"one stream: {_ONE[0]} x awswrangler ({_ONE[1]} x stretch)", f"{stream:.1f} x", met=stream >= _ONE[0]),
        Goal(
            f"two cores: {_ALL[0]} x awswrangler with two processes ({_ALL[1]} x stretch)",
            f"{both:.1f} x ({best}); {fastest:.0f} MB/s are {fastest / _QUOTA:.0%} of a table's default quota",
            met=both >= _ALL[0],
        ),
    ]
    about = (
        f"{world.modules} modules of {world.messages:,} messages over {world.days} days, about 2 KB each. Ours stores zstd 3 and proves "
        "it; the others store zstd 1 and prove nothing. The first line is what a client gets that throws everything away."
    )
    return Outcome("read_path", "Read path: HTTP page to stored Parquet", about, rows, goals)


def streams(arena: Arena) -> Outcome:
    """Measure what more streams bring where each page takes its time."""
    world = World(_MODULES, _MESSAGES // arena.scale, _DAYS, wait=_WAIT)
    names = {f"{count} stream{'s'[: count > 1]}": count for count in _STREAMS}
    contestants = [Contestant(name, _OURS, ({"spool": arena.spool, "streams": count},)) for name, count in names.items()]
    scores = contest(arena, world.table, contestants)
    first, *_, last = scores.values()
    rows = [score.row(name, first, "1 stream") for name, score in scores.items()]
    goals = [
        Goal(
            "more streams, more messages",
            f"{last.messages_a_second / first.messages_a_second:.1f} x",
            met=last.mb_a_second > first.mb_a_second,
        )
    ]
    about = f"The same read path, where each page takes {_WAIT} ms to come: one process, two cores."
    return Outcome("streams", "Streams, where a page takes its time", about, rows, goals)
