"""The figures of the lake of real messages, as of a table that is made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from archive.engine.status import ModuleBacklog, Status
from archive.model.prices import US_EAST_1
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import iso
from athena import Access
from athena.config import AthenaConfig, Catalog
from flows.report.asking import About, Lake, gather
from flows.report.choosing import Wanted
from flows.report.figures import Figures, Table
from tests.athena.views.real_lake import COMPLETE, RealLake
from tests.builders import KEYS

NOW: Final = datetime(2025, 9, 10, tzinfo=UTC)
TABLE: Final = Table("ChatMessages", items=40_000, bytes=60_000_000, purge="delete", retention_days=90)
WANTED: Final = Wanted(months=13, most_bytes=10**10)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep this folder's tests where the real lake is."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("views"))


def status_with(**changed: Any) -> Status:  # noqa: ANN401 - any part of a status
    """Return a status in which nothing needs attention."""
    values: Mapping[str, Any] = dict.fromkeys(("archived", "purged", "not_purged", "gaps", "disagreeing", "overdue", "holds"), ())
    backlog = (ModuleBacklog(205, "2025-06-12T00:00:00Z", 90, overdue=False), ModuleBacklog(303, "2025-07-01T00:00:00Z", 71, overdue=False))
    return Status(
        **{
            "now": iso(NOW),
            "archive_end": "2025-06-12T00:00:00Z",
            "complete_through": iso(COMPLETE),
            "items": TABLE.items,
            "unindexed_hint": 0,
            "segments": 1,
            "bytes": 1,
            "backlog": backlog,
            "future": 0,
            "junk": 0,
            "quarantined": 0,
            "stop_sign": None,
            "ttl_ahead_days": None,
            "last_run": None,
            "last_night": None,
            **values,
            **changed,
        }
    )


@pytest.fixture(scope="session")
def lake(real_lake: RealLake) -> Lake:
    """The lake of real messages, as DuckDB answers for it."""
    return Lake(Catalog(str(real_lake.root / KEYS.prefix), CHAT_MESSAGES, AthenaConfig("dynalake")), Access(environ={}))


@pytest.fixture(scope="session")
def about() -> About:
    """A table with messages in it, and what its status says."""
    return About(status_with(), TABLE, indexes=3, grace=timedelta(days=7), prices=US_EAST_1)


@pytest.fixture(scope="session")
def figures(lake: Lake, about: About) -> Figures:
    """Everything that a report of it shows."""
    return gather(lake, about, WANTED, NOW)
