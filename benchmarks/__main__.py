"""Runs the benchmarks that can run here, prints what they measured, and keeps it under benchmarks/results/."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.backfill import measure

_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure the backfill of the real messages; DYNALAKE_TEST_DATA names the file."""
    data = os.environ.get("DYNALAKE_TEST_DATA")
    if not data:
        sys.exit("set DYNALAKE_TEST_DATA to a file of JSON Lines (.gz) to measure with")
    _RESULTS.mkdir(exist_ok=True)
    measured = [measure(server, Path(data)) for server in ("dynalite", "ministack")]
    (_RESULTS / "backfill.json").write_text(json.dumps(measured, indent=1) + "\n")
    for row in measured:
        print(json.dumps(row))


main()
