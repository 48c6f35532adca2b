"""What a purge and a restore cost the client on one core, and what a whole night costs above its parts."""

from __future__ import annotations

from typing import Final

from benchmarks.arena import Arena, Contestant, Scores, contest
from benchmarks.fake.world import World
from benchmarks.outcome import Figures, Goal, Outcome, Row
from benchmarks.process import Task

_OURS: Final = "benchmarks.contestants.ours"
_STOCK: Final = "benchmarks.contestants.stock"
_WRANGLER: Final = "benchmarks.contestants.wrangler"
_MODULES: Final = 8
_MESSAGES: Final = 2_000
_DAYS: Final = 2
_LOOP: Final = 2_000
"""Messages that are removed one by one: enough to know the rate."""
_LEAST: Final = 5_000
_TIMES: Final = 5
_NIGHT: Final = 1.5


def purge(arena: Arena) -> Outcome:
    """Measure conditional removal with conditions on all values, against what a user would use instead."""
    world, bucket = _archived(arena)
    loop, all_of_them = {"limit": _LOOP // arena.scale}, {"limit": world.modules * world.messages}
    ours, looped = "Dynalake, `purge` (PartiQL, 25 a request)", "boto3, DeleteItem in a loop, the same conditions"
    contestants = [
        Contestant(ours, f"{_OURS}:purge", ({"spool": arena.spool},), cores=1),
        Contestant(looped, f"{_STOCK}:delete", (loop,), cores=1),
        Contestant("boto3, BatchWriteItem, no conditions", f"{_STOCK}:delete_blindly", (all_of_them,), cores=1),
        Contestant("awswrangler `delete_items`, no conditions", f"{_WRANGLER}:delete_blindly", (all_of_them,), cores=1),
    ]
    scores = contest(arena, world.table, contestants, bucket)
    rate, times = scores[ours].messages_a_second, scores[ours].messages_a_second / scores[looped].messages_a_second
    goals = [
        Goal(f"{_LEAST:,} messages a second on one core", f"{rate:,.0f}", met=rate >= _LEAST),
        Goal(f"{_TIMES} x a loop of DeleteItem with the same conditions", f"{times:.1f} x", met=times >= _TIMES),
    ]
    about = (
        f"{_size(world)}. Each client has one core; the fake has the other. Ours asks for the keys, gets each segment, records its intent, "
        "removes, compares every image that comes back, and records the outcome; the others have the messages in memory at the start."
    )
    return Outcome("purge", "Purging: conditional deletes, client side", about, _rows(scores), goals)


def restore(arena: Arena) -> Outcome:
    """Measure putting messages back where their keys are absent."""
    world, bucket = _archived(arena)
    ours = "Dynalake, `restore` (PartiQL, 25 a request)"
    contestants = [
        Contestant(ours, f"{_OURS}:restore", ({"spool": arena.spool},), cores=1),
        Contestant("boto3, BatchWriteItem, whatever is there", f"{_STOCK}:put", ({"limit": world.modules * world.messages},), cores=1),
    ]
    scores = contest(arena, world.table, contestants, bucket)
    rate = scores[ours].messages_a_second
    goals = [Goal(f"{_LEAST:,} messages a second on one core", f"{rate:,.0f}", met=rate >= _LEAST)]
    about = (
        f"{_size(world)}. Each client has one core. Ours plans, writes a hold, gets and checks each segment, and puts a message only where "
        "its key is absent; the other has the messages in memory when the clock starts."
    )
    return Outcome("restore", "Restoring", about, _rows(scores), goals)


def nightly(arena: Arena) -> Outcome:
    """Measure a whole nightly run, and its read path and its purge alone."""
    world, bucket = _archived(arena)
    spool = {"spool": arena.spool}
    alone = contest(arena, world.table, [Contestant("purge alone", f"{_OURS}:purge", (spool,))], bucket)
    contestants = [
        Contestant("read path alone", f"{_OURS}:archive", (spool,)),
        Contestant("nightly run", f"{_OURS}:nightly", ({**spool, "purge": "delete"},)),
    ]
    scores = contest(arena, world.table, contestants) | alone
    seconds = {name: 1 / score.messages_a_second for name, score in scores.items()}
    times = seconds["nightly run"] / (seconds["read path alone"] + seconds["purge alone"])
    goals = [Goal(f"at most {_NIGHT} x read path and purge measured alone", f"{times:.2f} x", met=times <= _NIGHT)]
    about = (
        f"{_size(world)}; two cores, 4 streams, 4 purge requests. The run is all of it: checks, discovery, plan, catalogue, read, merge, "
        "store, prove, receipt, read back, purge, records."
    )
    return Outcome("nightly", "A nightly run as a whole", about, _rows(scores), goals)


def _archived(arena: Arena) -> tuple[World, str]:
    """Return a table, and a bucket that it has been archived to."""
    world, bucket = World(_MODULES, _MESSAGES // arena.scale, _DAYS), arena.bucket()
    arena.run(Task(f"{_OURS}:archive", {"table": world.table, "bucket": bucket, "spool": arena.spool}))
    return world, bucket


def _size(world: World) -> str:
    return f"{world.modules * world.messages:,} messages of about 2 KB in {world.days} segments"


def _rows(scores: dict[str, Scores]) -> list[Row]:
    return [Row(name, _figures(score)) for name, score in scores.items()]


def _figures(score: Scores) -> Figures:
    return {
        "messages/s": score.messages_a_second,
        "CPU s per million": score.cpu_seconds_a_million,
        "peak MB": score.peak_mb,
        "fake's CPU share": score.fake_cpu_share,
    }
