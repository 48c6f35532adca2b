"""What is archived, what waits, and whether the lake's parts agree. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.engine.history import complete_through, runs
from archive.engine.planning import archive_end
from archive.engine.session import Session
from archive.model.config import Module
from archive.model.window import Window, from_ms, iso


@dataclass(frozen=True, slots=True)
class ModuleBacklog:
    """One module that has messages, and the age in days of its oldest one that is not junk."""

    module: Module
    oldest: str | None
    age_days: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a table and its lake. Row and byte counts are of the lake; `items` is the table's, hours old."""

    now: str
    archive_end: str
    complete_through: str | None
    items: int
    unindexed_hint: int
    segments: int
    bytes: int
    first_dt: date | None
    last_dt: date | None
    disagreeing: tuple[str, ...]
    backlog: tuple[ModuleBacklog, ...]
    last_run: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the status for `--json`."""
        return {
            "now": self.now,
            "archive_end": self.archive_end,
            "complete_through": self.complete_through,
            "table_items": self.items,
            "items_in_no_module_hint": self.unindexed_hint,
            "lake_segments": self.segments,
            "lake_bytes": self.bytes,
            "lake_first_dt": self.first_dt.isoformat() if self.first_dt else None,
            "lake_last_dt": self.last_dt.isoformat() if self.last_dt else None,
            "disagreeing": list(self.disagreeing),
            "backlog": [
                {"module": str(module.module), "oldest": module.oldest, "age_days": module.age_days, "overdue": module.overdue}
                for module in self.backlog
            ],
            "last_run": self.last_run,
        }


def status_of(session: Session, now: datetime) -> Status:
    """Look at the table (one read a module) and at the lake (listings, and the newest run record)."""
    end = archive_end(session, now)
    backlog = []
    for start in session.reader.modules(session.facts):
        if start.oldest_ms is None:
            continue
        oldest = from_ms(start.oldest_ms)
        backlog.append(ModuleBacklog(start.module, iso(oldest), (now - oldest).days, oldest < end))
    backlog.sort(key=lambda module: -module.age_days)
    listing = session.receipts.listing(Window(session.config.source.earliest, now)) if session.config.source.earliest < now else {}
    through = complete_through(session.store, session.keys, session.config.policy.purge, session.named_modules)
    newest = runs(session.store, session.keys, 1)
    stored = [segment for segment, seen in listing.items() if seen.message]
    return Status(
        now=iso(now),
        archive_end=iso(end),
        complete_through=iso(through) if through else None,
        items=session.facts.items,
        unindexed_hint=max(session.facts.items - session.facts.index_items, 0) if session.facts.index_items else 0,
        segments=len(stored),
        bytes=sum(seen.message.bytes for seen in listing.values() if seen.message),
        first_dt=stored[0].dt if stored else None,
        last_dt=stored[-1].dt if stored else None,
        disagreeing=tuple(segment.name for segment, seen in listing.items() if seen.disagree),
        backlog=tuple(backlog),
        last_run=newest[0] if newest else None,
    )
