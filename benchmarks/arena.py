"""What benchmarks share: the fake, a folder on local disk, how much is to be measured, and contests in interleaved rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.fake.running import Fake, fake
from benchmarks.outcome import Row
from benchmarks.process import Task, Took, measure

_MEGA: Final = 1e6
_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True)
class Arena:
    """Where contests are held. `rounds` is how often each contestant runs; `scale` divides sizes (1: as documented)."""

    fake: Fake
    spool: str
    rounds: int
    scale: int
    say: Callable[[str], None]

    def bucket(self) -> str:
        """Return the name of a bucket that nobody has used."""
        return f"bench-{next(_NUMBERS)}"

    def run(self, *tasks: Task, more: Mapping[str, str] | None = None) -> tuple[Took, Mapping[str, float]]:
        """Run tasks at the same moment, and return what they took and what the fake counted meanwhile (setting up included).

        `more` are environment variables.
        """
        self.fake.take_counts()
        before = self.fake.cpu_seconds()
        took = measure(*tasks, environment={**self.fake.environment, **(more or {})})
        used = self.fake.cpu_seconds() - before
        return took, {**self.fake.take_counts(), "fake_cpu_seconds": used}


@contextmanager
def arena(file: Path | None, *, rounds: int, scale: int, say: Callable[[str], None]) -> Iterator[Arena]:
    """Start the fake, and make a folder for spools."""
    with TemporaryDirectory() as folder, fake(file) as running:
        yield Arena(running, folder, rounds, scale, say)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Somebody who takes part: a name, and the function with its arguments for each of his processes. A table and a bucket are added."""

    name: str
    function: str
    processes: Sequence[Mapping[str, Any]] = ({},)
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """One contestant's medians over all rounds."""

    messages_a_second: float
    mb_a_second: float
    cpu_seconds_a_million: float
    peak_mb: float
    fake_cpu_share: float
    """The fake's CPU seconds for each second that the contestant took: at 1, the fake would be the bottleneck."""

    def row(self, name: str, other: Scores, who: str) -> Row:
        """Return a line of a table; `other` is the one that is compared with, in time and in CPU seconds, and `who` that is."""
        return Row(
            name,
            {
                "messages/s": self.messages_a_second,
                "MB/s of JSON": self.mb_a_second,
                f"x {who}": self.messages_a_second / other.messages_a_second,
                "x in CPU": other.cpu_seconds_a_million / self.cpu_seconds_a_million,
                "CPU s per million": self.cpu_seconds_a_million,
                "peak MB": self.peak_mb,
                "fake's CPU share": self.fake_cpu_share,
            },
        )


def contest(arena: Arena, table: str, contestants: Sequence[Contestant], lake: str | None = None) -> dict[str, Scores]:
    """Let each run once a round, in turn, over the same table, and return their scores by name.

    Each gets an empty bucket, or all get the one that is named (with a lake that has been archived to).
    """
    runs: dict[str, list[tuple[Took, Mapping[str, float]]]] = {one.name: [] for one in contestants}
    for number in range(arena.rounds):
        for one in contestants:
            bucket = lake or arena.bucket()
            tasks = [Task(one.function, {"table": table, "bucket": bucket, **more}, one.cores) for more in one.processes]
            took, counted = arena.run(*tasks)
            runs[one.name].append((took, counted))
            arena.say(
                f"round {number + 1}: {one.name}: {took.messages:,.0f} messages in {took.seconds:.1f} s, {took.cpu_seconds:.1f} CPU s"
            )
    return {name: _scores(results) for name, results in runs.items()}


def _scores(results: Sequence[tuple[Took, Mapping[str, float]]]) -> Scores:
    return Scores(
        messages_a_second=median(took.messages / took.seconds for took, _ in results),
        mb_a_second=median(counted.get("json_bytes", 0) / _MEGA / took.seconds for took, counted in results),
        cpu_seconds_a_million=median(took.cpu_seconds / took.messages * _MEGA for took, _ in results),
        peak_mb=median(took.peak_mb for took, _ in results),
        fake_cpu_share=median(counted["fake_cpu_seconds"] / took.seconds for took, counted in results),
    )
