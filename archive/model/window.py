"""Windows: half-open UTC intervals, and the instants that bound them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from archive.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def from_ms(milliseconds: int) -> datetime:
    """Return the instant that lies `milliseconds` after 1970-01-01T00:00Z."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(instant: datetime) -> int:
    """Return whole epoch milliseconds, floored."""
    return (instant - EPOCH) // MILLISECOND


def _ceiling_ms(instant: datetime) -> int:
    return -((EPOCH - instant) // MILLISECOND)


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def months_later(day: date, months: int = 1) -> date:
    """Return the first day of the month that comes so many months after a day's; below zero: before it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(max(year, date.min.year), month + 1, 1)


def parse_instant(text: str) -> datetime:
    """Read a date (its midnight UTC) or an ISO time with a zone.

    Raises InputError for anything else; a time without a zone is refused, because it would mean two things.
    """
    try:
        if _DATE.fullmatch(text):
            return midnight(date.fromisoformat(text))
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is not a date (2024-01-31) or an ISO time with a zone (2024-01-31T12:00Z)"
        raise InputError(message) from error
    message = f"{text!r} has no time zone; write {text}Z for UTC"
    raise InputError(message)


def cutoff(now: datetime, retention_days: int) -> datetime:
    """Return midnight UTC, `retention_days` before the day of `now`: only messages strictly before it are archived."""
    if retention_days < 1:
        message = f"retention_days must be at least 1, not {retention_days}: an index lags behind its table"
        raise InputError(message)
    return midnight(now.astimezone(UTC).date() - timedelta(days=retention_days))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open UTC interval `[start, end)`. Naive, empty and reversed ones cannot be made."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what is not a window, and spell both ends in UTC."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            message = "a window needs instants with a time zone"
            raise InputError(message)
        if not self.start < self.end:
            message = f"the window from {self.start.isoformat()} to {self.end.isoformat()} is empty; --from must lie before --to"
            raise InputError(message)
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))

    @property
    def start_ms(self) -> int:
        """The first epoch millisecond inside."""
        return _ceiling_ms(self.start)

    @property
    def end_ms(self) -> int:
        """The first epoch millisecond after it."""
        return _ceiling_ms(self.end)

    def intersect(self, other: Window) -> Window | None:
        """Return what both cover, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if start < end else None

    def covers(self, other: Window) -> bool:
        """Say whether every instant of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def __str__(self) -> str:
        """Show both ends, as ISO times."""
        return f"{iso(self.start)}..{iso(self.end)}"


def iso(instant: datetime) -> str:
    """Show an instant as `2024-01-31T12:00:00Z`, with milliseconds only where there are any."""
    spec = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"
