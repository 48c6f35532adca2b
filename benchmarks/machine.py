"""On what it was measured: day, cores, versions. No names of machines or people."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

_LIBRARIES: Final = ("boto3", "botocore", "pyarrow", "msgspec", "awswrangler", "prefect", "duckdb")
_STEPS: Final = 2_000_000
_TRIES: Final = 3


def describe(*, real: bool) -> dict[str, str]:
    """Return what somebody needs to know who compares two results; `real` says whether the messages were."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "Python steps a second": f"{_steps() / 1e6:.1f} million",
        "messages": "real" if real else "made up",
        **{name: version(name) for name in _LIBRARIES},
    }


def _steps() -> float:
    """Return how many steps of a loop Python makes a second, at best: the same machine may be half as fast an hour later."""

    def seconds() -> float:
        began = time.perf_counter()
        found = 0
        for number in range(_STEPS):
            found += number * number % 7
        return time.perf_counter() - began

    return _STEPS / min(seconds() for _ in range(_TRIES))
