"""On what it was measured: day, cores, versions. No names of machines or people."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

_LIBRARIES: Final = ("boto3", "botocore", "pyarrow", "msgspec", "awswrangler", "prefect", "duckdb")


def describe(*, real: bool) -> dict[str, str]:
    """Return what somebody needs to know who compares two results; `real` says whether the messages were."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "messages": "real" if real else "made up",
        **{name: version(name) for name in _LIBRARIES},
    }
