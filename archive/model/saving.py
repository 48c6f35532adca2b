"""What the archive has saved, month by month: storage that the table no longer needs, less the lake's and what the runs consumed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from archive.model.cost import GB, ITEM_OVERHEAD
from archive.model.prices import Prices
from archive.model.window import midnight, months_later

MONTH: Final = timedelta(hours=730)
"""What AWS means by a month of storage."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Messages that left the table at an instant; below zero: that came back."""

    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Storing:
    """Bytes that are in the lake since an instant."""

    at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run that began at an instant consumed. S3 requests are all priced as PUTs, the dearest."""

    at: datetime
    read_units: float
    write_units: float
    s3_requests: int

    def dollars(self, prices: Prices) -> Decimal:
        """Return what it cost."""
        units = prices.reads(Decimal(str(self.read_units))) + prices.writes(Decimal(str(self.write_units)))
        return units + self.s3_requests * prices.put_thousand / 1000


@dataclass(frozen=True, slots=True)
class Item:
    """What a message takes in the table: bytes on average, and the full indexes that hold it as well."""

    bytes: int
    indexes: int

    def stored(self, messages: int) -> int:
        """Return the bytes that DynamoDB bills for so many messages."""
        return messages * (self.bytes + ITEM_OVERHEAD) * (1 + self.indexes)


@dataclass(frozen=True, slots=True)
class Month:
    """One month, as it ended or is now: what was removed by then, what it would take and cost in the table, what the lake takes and costs.

    `table_dollars` and `lake_dollars` are for a whole month of storage; `saved` is since the beginning, `spent` what the month's runs cost.
    """

    month: date
    removed: int
    table_bytes: int
    lake_bytes: int
    table_dollars: Decimal
    lake_dollars: Decimal
    spent: Decimal
    saved: Decimal


@dataclass(frozen=True, slots=True)
class Past:
    """Everything that has been removed, stored and spent."""

    removals: Sequence[Removal]
    storings: Sequence[Storing]
    spendings: Sequence[Spending]

    def removed_by(self, now: datetime) -> int:
        """Return how many messages have left the table, less those that came back."""
        return sum(removal.messages for removal in self.removals if removal.at <= now)


def months_of(past: Past, item: Item, prices: Prices, now: datetime) -> tuple[Month, ...]:
    """Return every month from the first thing that happened until now; empty where nothing has."""
    instants = [event.at for events in (past.removals, past.storings, past.spendings) for event in events if event.at <= now]
    return tuple(_month(start, min(end, now), past, item, prices) for start, end in _months(min(instants, default=None), now))


def _months(first: datetime | None, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    if first is None:
        return
    start = midnight(months_later(first, 0))
    while start <= now:
        end = midnight(months_later(start))
        yield start, end
        start = end


def _month(start: datetime, until: datetime, past: Past, item: Item, prices: Prices) -> Month:
    removals = [event for event in past.removals if event.at <= until]
    storings = [event for event in past.storings if event.at <= until]
    spendings = [event for event in past.spendings if event.at <= until]
    removed, stored = sum(event.messages for event in removals), sum(event.bytes for event in storings)
    freed = _for_as_long(((event.messages, event.at) for event in removals), until)
    kept = _for_as_long(((event.bytes, event.at) for event in storings), until)
    spent = sum((event.dollars(prices) for event in spendings), Decimal(0))
    return Month(
        month=start.date(),
        removed=removed,
        table_bytes=item.stored(removed),
        lake_bytes=stored,
        table_dollars=removed * _of_a_message(item, prices),
        lake_dollars=stored * _of_a_byte(prices),
        spent=sum((event.dollars(prices) for event in spendings if event.at >= start), Decimal(0)),
        saved=freed * _of_a_message(item, prices) - kept * _of_a_byte(prices) - spent,
    )


def _for_as_long(amounts: Iterable[tuple[int, datetime]], until: datetime) -> Decimal:
    """Return amounts times the months that have passed since."""
    return sum((amount * Decimal((until - at) // timedelta(seconds=1)) for amount, at in amounts), Decimal(0)) / Decimal(
        MONTH // timedelta(seconds=1)
    )


def _of_a_message(item: Item, prices: Prices) -> Decimal:
    """Return what one message costs in the table for a month."""
    return item.stored(1) * prices.table_gb_month / GB


def _of_a_byte(prices: Prices) -> Decimal:
    return prices.lake_gb_month / GB
