"""What a batch costs at AWS, as the server counts it: read units, conditional deletes, requests to S3, reads of discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.arena import Arena
from benchmarks.fake.world import World
from benchmarks.outcome import Goal, Outcome, Row
from benchmarks.process import Task

_OURS: Final = "benchmarks.contestants.ours"
_FEW, _MANY = World(modules=8, messages=1_000, days=4), World(modules=8, messages=3_000, days=12)
_MODULES: Final = World(modules=200, messages=1)
_EVEN: Final = 8_192
"""Bytes that an eventually consistent read unit reads."""
_MOST_READ: Final = 1.02
_ARCHIVE, _PURGE, _MERGE = 4, 6, 2
_LITTLE: Final = 10
"""Requests of a discovery that do not depend on how many modules there are."""


def accounting(arena: Arena) -> Outcome:
    """Count what is asked for by batches over days that are new, with and without purge, by one that merges, and by a discovery."""
    kept, purged = _batch(arena, _MANY), _batch(arena, _MANY, purge="delete")
    messages, used, deletes = kept["messages_read"], kept["read_units"], purged["conditional_deletes"]
    needed = kept["message_bytes"] / _EVEN
    found = _batch(arena, _MODULES, function="discover")
    reads = found.get("Scan", 0) + found.get("Query", 0)
    archive, whole, merge = (_a_segment(arena, **more) for more in ({}, {"purge": "delete"}, {"half": True}))
    rows = [
        Row("read units, of those that the bytes need", {"needed": needed, "used": used, "ratio": used / needed}),
        Row("conditional deletes, of messages", {"needed": messages, "used": deletes, "ratio": deletes / messages}),
        Row("reads of discovery, of modules", {"needed": _MODULES.modules, "used": reads, "ratio": reads / _MODULES.modules}),
        Row("S3 requests a segment, to archive it", {"needed": _ARCHIVE, "used": archive, "ratio": archive / _ARCHIVE}),
        Row("S3 requests a segment, to archive and purge it", {"needed": _PURGE, "used": whole, "ratio": whole / _PURGE}),
        Row("S3 requests a segment, to merge into it", {"needed": _ARCHIVE + _MERGE, "used": merge, "ratio": merge / (_ARCHIVE + _MERGE)}),
    ]
    goals = [
        Goal(f"at most {_MOST_READ} x the read units that the bytes need", f"{used / needed:.3f} x", met=used <= needed * _MOST_READ),
        Goal("exactly one conditional delete a message", f"{deletes:,.0f} of {messages:,.0f}", met=deletes == messages),
        Goal(f"at most {_ARCHIVE} requests to S3 to archive a segment", f"{archive:.2f}", met=archive <= _ARCHIVE),
        Goal(f"at most {_PURGE} to archive and purge it", f"{whole:.2f}", met=whole <= _PURGE),
        Goal(f"at most {_ARCHIVE + _MERGE} to merge into it", f"{merge:.2f}", met=merge <= _ARCHIVE + _MERGE),
        Goal("discovery: one read a module", f"{reads:.0f} of {_MODULES.modules}", met=reads <= _MODULES.modules + _LITTLE),
    ]
    about = (
        f"Counted by the fake, not by us. S3's requests for a segment are those that {_MANY.days} segments need above those that "
        f"{_FEW.days} do: a batch's own (listings, the lake's record) are not in it."
    )
    return Outcome("accounting", "Requests and units", about, rows, goals)


def _a_segment(arena: Arena, *, half: bool = False, **more: str) -> float:
    """Return the S3 requests that one more segment needs; with `half`, where half of its modules are archived already."""
    few, many = (_s3(_batch(arena, world, half=half, **more)) for world in (_FEW, _MANY))
    return (many - few) / (_MANY.days - _FEW.days)


def _batch(arena: Arena, world: World, *, half: bool = False, function: str = "archive", **more: str) -> Mapping[str, float]:
    task = {"table": world.table, "bucket": arena.bucket(), "spool": arena.spool, **more}
    if half:
        arena.run(Task(f"{_OURS}:archive", {**task, "modules": world.modules // 2}))
    return arena.run(Task(f"{_OURS}:{function}", task))[1]


def _s3(counts: Mapping[str, float]) -> float:
    return sum(amount for name, amount in counts.items() if name.startswith("s3_"))
