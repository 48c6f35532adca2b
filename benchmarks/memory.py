"""Peak memory: for a batch of 1 GB and of 4 GB of pages, archived, and then purged and restored."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.arena import Arena
from benchmarks.fake.world import World
from benchmarks.outcome import Goal, Outcome, Row
from benchmarks.process import Task

_OURS: Final = "benchmarks.contestants.ours"
_MODULES: Final = 32
_GIGABYTE: Final = 456_000
"""Messages whose pages are 1 GB (10^9 bytes) as DynamoDB counts."""
_SIZES: Final = (1, 4)
_DAYS: Final = 2
_MOST_MB: Final = 400
_FLAT: Final = 1.15


def memory(arena: Arena) -> Outcome:
    """Measure the peak resident set of each step; purge and restore take one module's messages out of the whole segments."""
    rows = []
    for size in _SIZES:
        world, bucket = World(_MODULES, _GIGABYTE * size // _MODULES // arena.scale, _DAYS), arena.bucket()
        steps: dict[str, dict[str, Any]] = {"archive": {}, "purge": {"modules": 1}, "restore": {"modules": 1}}
        for step, more in steps.items():
            took, counted = arena.run(Task(f"{_OURS}:{step}", {"table": world.table, "bucket": bucket, "spool": arena.spool, **more}))
            read = max(counted.get("json_bytes", 0), counted.get("bytes_got", 0)) / 1e9
            figures = {"peak MB": took.peak_mb, "messages": took.messages, "seconds": took.seconds, "GB received": read}
            rows.append(Row(f"{step}, {size} GB", figures))
            arena.say(f"{step}, {size} GB: {took.peak_mb:.0f} MB in {took.seconds:.0f} s")
    worst = max(rows, key=lambda row: row.figures["peak MB"])
    half = len(rows) // 2
    growth = max(large.figures["peak MB"] / small.figures["peak MB"] for small, large in zip(rows[:half], rows[half:], strict=True))
    goals = [
        Goal(f"under {_MOST_MB} MB", f"{worst.figures['peak MB']:.0f} MB ({worst.what})", met=worst.figures["peak MB"] < _MOST_MB),
        Goal("the same for 1 GB and 4 GB", f"{growth:.2f} x", met=growth <= _FLAT),
    ]
    about = (
        f"One process each, the interpreter and all libraries included. {_MODULES} modules, {_DAYS} segments, one batch: a segment of the "
        "larger table is 2 GB of messages. Purge and restore go through whole segments for the messages of one module."
    )
    return Outcome("memory", "Peak memory", about, rows, goals)
