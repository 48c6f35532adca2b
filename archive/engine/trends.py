"""What run records say over time: the last good night, the backlog's growth, the table's, and what was changed or failed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from archive.model.window import DAY, parse_instant

Record = Mapping[str, Any]
_A_WEEK: Final = (6.5, 9.0)  # days: a night may begin some hours earlier than the one a week before
_A_MONTH: Final = (27.0, 40.0)
_MONTH: Final = 30.0
_TRIED: Final = ("messages_removed", "messages_changed", "messages_missing", "messages_refused")


@dataclass(frozen=True, slots=True)
class Trends:
    """Each None where the records do not say it (yet).

    `night_hours`: since the end of the last nightly run that did all, or since the first one began; `backlog`: messages that the last
    night left, `backlog_growth`: more than a week before, 0 where a night in between left none; `storage_growth`: of the table and its
    indexes since about 30 days before, in percent; `changed_share`: of what the last run that purged tried to remove, in percent;
    `failures`: segments stopped in the last day.
    """

    night_hours: float | None = None
    backlog: int | None = None
    backlog_growth: int | None = None
    storage_growth: float | None = None
    changed_share: float | None = None
    failures: int | None = None


NO_TRENDS: Final = Trends()
"""Nothing is known."""


def trends_of(records: Sequence[Record], now: datetime) -> Trends:
    """Return what records (newest first) say at an instant."""
    nights = [record for record in records if record["command"] == "nightly"]
    left = [(_began(night), _backlog(night)) for night in nights if "messages_unreached" in night]
    day = [record for record in records if now - _ended(record) < DAY]
    return Trends(
        night_hours=_night_hours(nights, now),
        backlog=left[0][1] if left else None,
        backlog_growth=_backlog_growth(left),
        storage_growth=_storage_growth(list(_sizes(records))),
        changed_share=next((share for record in records if (share := changed_share(record)) is not None), None),
        failures=sum(record["segments_failed"] for record in day) if records else None,
    )


def changed_share(record: Record) -> float | None:
    """Return how many in a hundred of the messages that a run tried to remove had changed; None where it tried none."""
    tried = sum(record[name] for name in _TRIED)
    return 100 * record["messages_changed"] / tried if tried else None


def _night_hours(nights: Sequence[Record], now: datetime) -> float | None:
    if not nights:
        return None
    good = next((_ended(night) for night in nights if night["why_stopped"] == "done"), None)
    return (now - (good or _began(nights[-1]))) / timedelta(hours=1)


def _backlog(night: Record) -> int:
    return int(night["messages_unreached"]) + int(night["messages_waiting"])


def _backlog_growth(left: Sequence[tuple[datetime, int]]) -> int | None:
    """Return the growth since the night of a week before, of (begin, backlog) of nights, newest first."""
    if not left:
        return None
    latest, backlog = left[0]
    for number, (began, before) in enumerate(left):
        days = (latest - began) / DAY
        if _A_WEEK[0] <= days <= _A_WEEK[1]:
            return backlog - before if all(waiting for _, waiting in left[:number]) else 0
    return None


def _sizes(records: Sequence[Record]) -> Iterator[tuple[datetime, int]]:
    for record in records:
        if (size := int(record.get("table_bytes", 0)) + int(record.get("index_bytes", 0))) > 0:
            yield _ended(record), size


def _storage_growth(sizes: Sequence[tuple[datetime, int]]) -> float | None:
    """Return the newest size over the one whose age is nearest to 30 days, less one, in percent."""
    if not sizes:
        return None
    latest, size = sizes[0]
    aged = [((latest - at) / DAY, before) for at, before in sizes]
    month = [(abs(days - _MONTH), before) for days, before in aged if _A_MONTH[0] <= days <= _A_MONTH[1]]
    return 100 * (size / min(month)[1] - 1) if month else None


def _began(record: Record) -> datetime:
    return parse_instant(str(record["started_at"]))


def _ended(record: Record) -> datetime:
    return parse_instant(str(record["ended_at"]))
