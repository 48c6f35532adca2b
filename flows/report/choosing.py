"""Decides what figures are of: which partitions, cut into which periods, and how many messages are in the table alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from archive.engine.status import Status
from archive.model.window import months_later, parse_instant
from flows.report.figures import Hot, Partition, Period, Shown

_DAYS_DAILY: Final = 45
_DAYS_WEEKLY: Final = 400
_A_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to be of: so many months of messages back from the newest, but no more of the lake's bytes than this."""

    months: int
    most_bytes: int


def shown_of(partitions: Sequence[Partition], wanted: Wanted) -> Shown | None:
    """Return which partitions the figures about messages are of; None: there are none. The newest is always among them."""
    if not partitions:
        return None
    last = partitions[-1].dt
    start = months_later(last, 1 - wanted.months)
    first, size = last, 0
    for partition in reversed(partitions):
        size += partition.bytes
        if partition.dt < start or (size > wanted.most_bytes and partition.dt != last):
            break
        first = partition.dt
    asked = next(partition.dt for partition in partitions if partition.dt >= start)
    return Shown(first, last, asked, wanted.most_bytes, _period([part for part in partitions if part.dt >= first]))


def _period(partitions: Sequence[Partition]) -> Period:
    """Return what the figures are cut into: about as many pieces as a plot shows well, and none smaller than a partition."""
    days = (partitions[-1].last - partitions[0].first).days + 1
    longest = max((part.last - part.first).days + 1 for part in partitions)
    if days > _DAYS_WEEKLY or longest > _A_WEEK:
        return "month"
    return "week" if days > _DAYS_DAILY else "day"


def begin_of(day: date, period: Period) -> date:
    """Return the first day of the period that a day is in: as SQL's date_trunc has it, weeks begin on Mondays."""
    if period == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "week" else day


def hot_of(status: Status, partitions: Sequence[Partition], removed: int, *, keeps: bool) -> Hot | None:
    """Return what is in the table alone; None where that cannot be told: its TTL removes messages that nobody counts."""
    if keeps and status.ttl_ahead_days is not None:
        return None
    messages = status.items - (sum(partition.messages for partition in partitions) - removed)
    if messages <= 0:
        return None
    today = parse_instant(status.now).date()
    oldest = min((parse_instant(one.oldest).date() for one in status.backlog if one.oldest), default=today)
    through = parse_instant(status.complete_through).date() if status.complete_through else oldest
    first = max(oldest, through)
    return Hot(messages, min(first, today), today)


def day_before(end: datetime) -> date:
    """Return the last day of a window that ends there."""
    return (end - timedelta(milliseconds=1)).date()
