"""Governors for tests that are not about pace: nothing waits for units, and pauses pass at once, noted."""

from __future__ import annotations

from typing import Final

from archive.governor import Governor
from archive.model.budget import Budget, Index, Warm
from tests.archive.fake_table import VirtualClock

INDEXES: Final = (
    Index("ModuleAnalyticsIndex", ("moduleId", "timestamp")),
    Index("StudentActivityIndex", ("studentId", "timestamp")),
    Index("ProviderUsageIndex", ("provider", "timestamp")),
)
"""Those of ChatMessages."""
_PLENTY: Final = 1e12
_WARM: Final = Warm(_PLENTY, _PLENTY, {index.name: (_PLENTY, _PLENTY) for index in INDEXES})


def free_governor(naps: list[float] | None = None) -> Governor:
    """Return a governor under which nothing waits; `naps` takes the pauses between tries."""
    clock = VirtualClock()

    def nap(seconds: float) -> None:
        if naps is not None:
            naps.append(seconds)
        clock.sleep(seconds)

    return Governor(Budget(_PLENTY, _PLENTY, partition_read=_PLENTY, partition_write=_PLENTY, warm=_WARM), clock, nap)
