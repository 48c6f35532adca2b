"""What is archived, what waits, and whether the lake's parts agree. Reads only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from archive.codec.fit import LATEST_MS, MARK
from archive.engine.attention import attention, is_overdue
from archive.engine.history import all_runs, complete_through
from archive.engine.planning import archive_end
from archive.engine.session import Session
from archive.engine.trends import NO_TRENDS, Trends, trends_of
from archive.lake.holds import Holds
from archive.lake.quarantine import Quarantine
from archive.lake.receipts import Seen
from archive.model.config import Module
from archive.model.coverage import Gap, Range, covers, ranges, united, unread
from archive.model.hold import Hold, hold_covers
from archive.model.layout import Segment
from archive.model.window import DAY, MILLISECOND, Window, from_ms, iso, parse_instant, to_ms

_SAMPLED_MODULES: Final = 20
_SAMPLED_ROWS: Final = 25


@dataclass(frozen=True, slots=True)
class ModuleBacklog:
    """One module that has messages, and the age in days of its oldest one that is not junk."""

    module: Module
    oldest: str | None
    age_days: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a table and its lake. Row and byte counts are of the lake; `items` is the table's, hours old.

    `overdue` are modules with messages that should have been archived more than a day ago; `last_night` is the newest nightly run's record;
    `future` and `junk` count modules that have messages after now, and before `[source] earliest`. `oldest_unarchived_days` is the age
    of the oldest message that no complete run has read; where the table keeps what is archived, it may be younger.
    """

    now: str
    archive_end: str
    complete_through: str | None
    items: int
    unindexed_hint: int
    segments: int
    bytes: int
    archived: tuple[Range, ...]
    purged: tuple[Range, ...]
    not_purged: tuple[Range, ...]
    gaps: tuple[Gap, ...]
    disagreeing: tuple[str, ...]
    backlog: tuple[ModuleBacklog, ...]
    overdue: tuple[Module, ...]
    future: int
    junk: int
    quarantined: int
    holds: tuple[Hold, ...]
    stop_sign: str | None
    ttl_ahead_days: float | None
    last_run: dict[str, Any] | None
    last_night: dict[str, Any] | None
    trends: Trends = NO_TRENDS
    oldest_unarchived_days: float | None = None

    def attention(self) -> tuple[str, ...]:
        """Return what needs somebody's attention, a sentence each."""
        return tuple(attention(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the status for `--json`; docs/operations.md says what the names mean."""
        return {
            "now": self.now,
            "attention": list(self.attention()),
            "archive_end": self.archive_end,
            "complete_through": self.complete_through,
            "table_items": self.items,
            "items_in_no_module_hint": self.unindexed_hint,
            "modules_with_future_messages": self.future,
            "modules_with_messages_before_earliest": self.junk,
            "messages_in_quarantine": self.quarantined,
            "lake_segments": self.segments,
            "lake_bytes": self.bytes,
            "archived": [part.to_dict() for part in self.archived],
            "purged": [part.to_dict() for part in self.purged],
            "archived_not_purged": [part.to_dict() for part in self.not_purged],
            "gaps": [gap.to_dict() for gap in self.gaps],
            "disagreeing": list(self.disagreeing),
            "overdue_modules": [str(module) for module in self.overdue],
            "backlog": [
                {"module": str(module.module), "oldest": module.oldest, "age_days": module.age_days, "overdue": module.overdue}
                for module in self.backlog
            ],
            "holds": [{"hold": hold.run, "window": str(hold.window), "until": iso(hold.until)} for hold in self.holds],
            "stop_sign": self.stop_sign,
            "ttl_ahead_days": self.ttl_ahead_days,
            "oldest_unarchived_days": self.oldest_unarchived_days,
            "trends": asdict(self.trends),
            "last_run": self.last_run,
            "last_nightly_run": self.last_night,
        }


@dataclass(frozen=True, slots=True)
class _Ends:
    """A module's oldest message that is not junk, whether it has junk, and its newest one: epoch milliseconds."""

    module: Module
    oldest_ms: int | None
    junk: bool
    newest_ms: int | None


def status_of(session: Session, now: datetime) -> Status:
    """Look at the table (two or three reads a module, and a sample) and at the lake (listings, records, holds)."""
    end = archive_end(session, now)
    ends = _ends(session)
    listing = session.listing(now)
    stored = [segment for segment, seen in listing.items() if seen.message]
    records = all_runs(session.store, session.keys, session.config.limits.streams)
    read = united(_read_by(records, session.named_modules))
    holds = tuple(Holds(session.store, session.keys).active(now))
    archived = ranges(stored, read)
    purged, not_purged = _purged(session, stored, read)
    through = complete_through(session.store, session.keys, session.config.policy.purge, session.named_modules)
    stop = session.store.get(session.keys.stop)
    return Status(
        now=iso(now),
        archive_end=iso(end),
        complete_through=iso(through) if through else None,
        items=session.facts.items,
        unindexed_hint=max(session.facts.items - session.facts.index_items, 0) if session.facts.index_items else 0,
        segments=len(stored),
        bytes=sum(seen.message.bytes for seen in listing.values() if seen.message),
        archived=tuple(archived),
        purged=tuple(purged),
        not_purged=tuple(not_purged),
        gaps=(*unread(archived, read), *_missing(session, ends, listing, read, end)),
        disagreeing=tuple(segment.name for segment, seen in listing.items() if seen.disagree),
        backlog=_backlog(ends, now, end),
        overdue=tuple(one.module for one in ends if _is_overdue(one, read, end, holds, now)),
        future=sum(1 for one in ends if one.newest_ms is not None and one.newest_ms > to_ms(now)),
        junk=sum(1 for one in ends if one.junk),
        quarantined=Quarantine(session.store, session.keys, session.config.policy).count(),
        holds=holds,
        stop_sign=stop[0].decode(errors="replace").strip() if stop else None,
        ttl_ahead_days=_ttl_ahead(session, ends, read, now),
        last_run=records[0] if records else None,
        last_night=next((record for record in records if record["command"] == "nightly"), None),
        trends=trends_of(records, now),
        oldest_unarchived_days=_oldest_unarchived_days(ends, read, now),
    )


def _ends(session: Session) -> list[_Ends]:
    """Look at both ends of each module: one read of one message each."""
    reader = session.reader
    named = session.config.source.modules is not None
    earliest_ms = to_ms(session.config.source.earliest)

    def look(module: Module, oldest_ms: int | None, *, junk: bool) -> _Ends:
        if named:
            first = reader.oldest(module)
            junk = first is not None and first < earliest_ms
        return _Ends(module, oldest_ms, junk, reader.newest(module))

    with ThreadPoolExecutor(session.config.limits.streams, "status") as pool:
        return list(pool.map(lambda start: look(start.module, start.oldest_ms, junk=start.junk), reader.modules(session.facts)))


def _backlog(ends: list[_Ends], now: datetime, end: datetime) -> tuple[ModuleBacklog, ...]:
    oldest = [(one.module, from_ms(one.oldest_ms)) for one in ends if one.oldest_ms is not None]
    backlog = [ModuleBacklog(module, iso(moment), (now - moment).days, moment < end) for module, moment in oldest]
    return tuple(sorted(backlog, key=lambda module: -module.age_days))


def _read_by(records: list[dict[str, Any]], named: tuple[str, ...] | None) -> list[Window]:
    """Return the windows that runs have read to their ends, of all modules that are asked for now."""
    return [
        Window(parse_instant(record["window_start"]), parse_instant(record["window_end"]))
        for record in records
        if record["why_stopped"] == "done" and record["command"] in ("nightly", "backfill") and record["window_start"]
        if (scope := record.get("modules_named")) is None or (named is not None and set(named) <= set(scope))
    ]


def _purged(session: Session, stored: list[Segment], read: list[Window]) -> tuple[list[Range], list[Range]]:
    """Return which segments have been purged at least once, and which never, as ranges."""
    folder = session.keys.folder("purges")
    names = {name for listed in session.store.list(folder) if (name := session.keys.purged_segment(listed.key))}
    purged = [segment for segment in stored if segment.name in names]
    rest = [segment for segment in stored if segment.name not in names]
    return ranges(purged, read), ranges(rest, []) if session.config.policy.purge != "keep" else []


def _missing(session: Session, ends: list[_Ends], listing: dict[Segment, Seen], read: list[Window], end: datetime) -> list[Gap]:
    """Return the segments that a module's oldest message says should be there: their time was read, and no object is there."""
    found: dict[Segment, Gap] = {}
    for one in ends:
        if one.oldest_ms is None or from_ms(one.oldest_ms) >= end:
            continue
        segment = session.record.layouts.segment_of(one.oldest_ms)
        if covers(read, segment.window) and (segment not in listing or listing[segment].message is None) and segment not in found:
            found[segment] = Gap(segment.window, f"module {one.module} has a message there, and no segment is")
    return list(found.values())


def _is_overdue(one: _Ends, read: list[Window], end: datetime, holds: tuple[Hold, ...], now: datetime) -> bool:
    """Say whether a module has messages that no complete run has read, and that should have been archived more than a day ago."""
    oldest = _unread_from(one, read)
    if oldest is None or not is_overdue(oldest, end):
        return False
    return hold_covers(holds, one.module, Window(oldest, oldest + MILLISECOND), now) is None


def _unread_from(one: _Ends, read: list[Window]) -> datetime | None:
    """Return since when a module has, or may have, messages that no complete run has read; None where it has none."""
    if one.oldest_ms is None or one.newest_ms is None:
        return None
    oldest = from_ms(one.oldest_ms)
    begun = next((window for window in read if window.start <= oldest < window.end), None)
    if begun is None:
        return oldest
    return begun.end if one.newest_ms >= to_ms(begun.end) else None  # read from here on to there; what lies behind may wait


def _oldest_unarchived_days(ends: list[_Ends], read: list[Window], now: datetime) -> float | None:
    oldest = min((since for one in ends if (since := _unread_from(one, read)) is not None), default=None)
    return None if oldest is None else round((now - oldest) / DAY, 2)


def _ttl_ahead(session: Session, ends: list[_Ends], read: list[Window], now: datetime) -> float | None:
    """Return by how many days the TTLs of messages that wait lie behind their archiving, at least; None where none has a TTL.

    A message is archived in the night after its partition has passed the retention; one for which that is over, tonight.
    """
    policy, layouts = session.config.policy, session.record.layouts
    if policy.purge == "delete":
        return None
    start = max((window.end for window in read), default=session.config.source.earliest)
    if start >= now:
        return None
    decoder = session.decoder_of_ttl()
    spec = session.config.source.spec
    wanted = (spec.partition_key, spec.time_key, spec.module_key, policy.ttl_attribute)
    ahead: list[float] = []
    for one in ends[:_SAMPLED_MODULES]:
        page = next(session.reader.pages(one.module, Window(start, now), decoder, limit=_SAMPLED_ROWS, only=wanted))
        times = page.rows.column(spec.time_column).cast(pa.int64()).to_pylist()
        for sent, expires in zip(times, page.rows.column(MARK).to_pylist(), strict=True):
            if expires is not None and expires * 1000 <= LATEST_MS:
                due = layouts.segment_of(sent).window.end + (policy.retention_days + 1) * DAY
                ahead.append((from_ms(expires * 1000) - max(due, now)) / DAY)
    return round(min(ahead), 2) if ahead else None
