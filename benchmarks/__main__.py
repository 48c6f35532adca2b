"""Runs benchmarks by name (else all), prints, keeps and documents what they found: `python -m benchmarks [--quick] [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.accounting import accounting
from benchmarks.analysts import analysts
from benchmarks.arena import Arena, arena
from benchmarks.document import section, write_document
from benchmarks.machine import describe
from benchmarks.memory import memory
from benchmarks.outcome import Outcome
from benchmarks.reading import read_path, streams
from benchmarks.removing import nightly, purge, restore
from benchmarks.running import growth, idle, prefect

BENCHMARKS: Final[Mapping[str, Callable[[Arena], Outcome]]] = {
    "read_path": read_path,
    "streams": streams,
    "purge": purge,
    "restore": restore,
    "nightly": nightly,
    "memory": memory,
    "idle": idle,
    "prefect": prefect,
    "growth": growth,
    "analysts": analysts,
    "accounting": accounting,
}
_ROUNDS: Final = 3
_QUICK: Final = 8  # times smaller


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="one round of small sizes: to see that it works; nothing is kept")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each contestant runs (default: %(default)s)")
    parser.add_argument("--write-docs", action="store_true", help="measure nothing; write what was kept into docs/performance.md")
    options = parser.parse_args()
    if options.write_docs:
        write_document(BENCHMARKS)
        return
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    named = os.environ.get("DYNALAKE_TEST_DATA")
    if not named:
        _say("DYNALAKE_TEST_DATA names no file of real messages (JSON Lines): made-up ones are used")
    rounds, scale = (1, _QUICK) if options.quick else (options.rounds, 1)
    with arena(Path(named) if named else None, rounds=rounds, scale=scale, say=_say) as place:
        for name in options.names or BENCHMARKS:
            _say(f"\n{name}")
            outcome = replace(BENCHMARKS[name](place), machine=describe(real=bool(named)))
            print("\n".join(section(outcome)), flush=True)
            if not options.quick:
                outcome.save()
    if not options.quick:
        write_document(BENCHMARKS)


def _say(text: str) -> None:
    """Tell what is going on, on the way."""
    print(text, file=sys.stderr, flush=True)


main()
