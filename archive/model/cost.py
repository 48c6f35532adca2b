"""Cost arithmetic: request units, dollars, and how long a purge takes. Exact in its units; money is Decimal and never rounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from typing import Final

from archive.errors import InputError
from archive.model.config import PurgeMode
from archive.model.prices import Prices

PAGE_BYTES: Final = 2**20  # a Query's page ends with the item that fills it to 1 MB
READ_BLOCK: Final = 4096
WRITE_BLOCK: Final = 1024
ITEM_OVERHEAD: Final = 100  # bytes that DynamoDB bills for each stored item, in the table and in each index
PARTITION_WRITE_UNITS: Final = 1000  # a second, for one value of an index's partition key
BUSIEST_PROVIDER: Final = Decimal("0.5")  # of the messages: there are two or three providers in all
SECONDS_A_DAY: Final = 86_400
GB: Final = 2**30
_HALF: Final = Decimal("0.5")
_EXACT: Final = Context(prec=80)
# Requests a segment: archiving looks for the object, puts it and its receipt; a purge gets the object and puts its intent and its outcome.
_ARCHIVE_PUTS, _ARCHIVE_GETS, _PURGE_PUTS, _PURGE_GETS = 2, 1, 2, 1


@dataclass(frozen=True, slots=True)
class Work:
    """What is archived: `rows` items of `item_bytes` on average, in `queries` Queries, into `segments` of `lake_bytes` in all.

    `indexes` counts the full (projection ALL) indexes that hold each item; `entries` are the bytes of an entry of each other one.
    `fetched` is such an entry's size too where the index that is queried holds only a part (0: all): the items are then fetched by key.
    """

    rows: int
    item_bytes: int
    indexes: int
    queries: int
    segments: int
    lake_bytes: int
    entries: tuple[int, ...] = ()
    fetched: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be counted, and items of no size."""
        counts = (self.rows, self.indexes, self.queries, self.segments, self.lake_bytes, self.fetched)
        if min(counts) < 0 or min(self.item_bytes, *self.entries, 1) < 1:
            message = "the work to be priced has a negative count, or items of no size; give counts from 0 and item bytes from 1"
            raise InputError(message)


@dataclass(frozen=True, slots=True)
class Cost:
    """Request units, and US dollars: once for reading, purging and S3 requests; each month for what is stored.

    `lake_month` is what the segments cost in S3; `freed_month` is what the removed items no longer cost in DynamoDB.
    """

    read_units: Decimal
    write_units: int
    reading: Decimal
    purging: Decimal
    requests: Decimal
    lake_month: Decimal
    freed_month: Decimal

    @property
    def once(self) -> Decimal:
        """Dollars that the run itself costs."""
        with localcontext(_EXACT):
            return self.reading + self.purging + self.requests

    @property
    def saved_month(self) -> Decimal:
        """Dollars a month that are saved; below zero where nothing is removed."""
        with localcontext(_EXACT):
            return self.freed_month - self.lake_month


@dataclass(frozen=True, slots=True)
class WriteRates:
    """Write units a second that a run may use: of the table, of each index, and of each value of an index's partition key."""

    table: float
    index: float
    partition: float


@dataclass(frozen=True, slots=True)
class PurgeRate:
    """How fast a purge can go: messages a second, and the hours that one day's inflow takes (None: it never ends)."""

    rows_a_second: Decimal
    hours: Decimal | None

    @property
    def keeps_up(self) -> bool:
        """Say whether a day's inflow is removed within a day."""
        return self.hours is not None and self.hours <= Decimal(24)


def page_units(page_bytes: int) -> Decimal:
    """Return the read units of one eventually consistent page: half a unit for each 4 KB begun, and for an empty page."""
    return _HALF * max(1, _blocks(page_bytes, READ_BLOCK))


def query_units(rows: int, item_bytes: int) -> Decimal:
    """Return the read units of one eventually consistent Query over `rows` items, rounded up page by page."""
    a_page = _blocks(PAGE_BYTES, item_bytes)
    full, rest = divmod(rows, a_page)
    units = full * page_units(a_page * item_bytes)
    return units + page_units(rest * item_bytes) if rest or not full else units


def write_units(item_bytes: int, indexes: int) -> int:
    """Return the write units of putting, deleting or marking one item that `indexes` full indexes hold.

    An item of 2 KB with three such indexes costs 8. A conditional write that is refused costs the same. An update that
    changes an index's key costs that index twice; nothing here does that.
    """
    return _blocks(item_bytes, WRITE_BLOCK) * (1 + indexes)


def price_archive(work: Work, mode: PurgeMode, prices: Prices) -> Cost:
    """Return what archiving this work and purging it in this mode costs.

    A first query pays for all rows, each further one may round up once more: the result is a bound from above, and exact
    for one query of items of one size. `keep` removes nothing: its TTL was paid for when the items were written.
    """
    purges = mode != "keep"
    with localcontext(_EXACT):
        read = _reading_units(work) if work.queries else Decimal(0)
        written = work.rows * _removing_units(work, mode)
        puts = work.segments * (_ARCHIVE_PUTS + _PURGE_PUTS * purges)
        gets = work.segments * (_ARCHIVE_GETS + _PURGE_GETS * purges)
        freed = work.rows * _stored_bytes(work) if purges else 0
        return Cost(
            read_units=read,
            write_units=written,
            reading=prices.reads(read),
            purging=prices.writes(written),
            requests=(puts * prices.put_thousand + gets * prices.get_thousand) / 1000,
            lake_month=work.lake_bytes * prices.lake_gb_month / GB,
            freed_month=freed * prices.table_gb_month / GB,
        )


def _reading_units(work: Work) -> Decimal:
    """Return the read units of all queries; items that are fetched by key (BatchGetItem) are read consistently, and rounded one by one."""
    queries = query_units(work.rows, work.fetched or work.item_bytes) + _HALF * (work.queries - 1)
    return queries + work.rows * 2 * page_units(work.item_bytes) if work.fetched else queries


def _removing_units(work: Work, mode: PurgeMode) -> int:
    """Return the write units of removing one item. A mark is not written to an index that does not hold the TTL."""
    if mode == "keep":
        return 0
    parts = sum(write_units(size, 0) for size in work.entries) if mode == "delete" else 0
    return write_units(work.item_bytes, work.indexes) + parts


def _stored_bytes(work: Work) -> int:
    """Return what one item takes in the table and its indexes."""
    return (work.item_bytes + ITEM_OVERHEAD) * (1 + work.indexes) + sum(size + ITEM_OVERHEAD for size in work.entries)


def write_rate(item_bytes: int, indexes: int, rates: WriteRates, busiest: Decimal) -> Decimal:
    """Return how many items a second may be put, deleted or marked at these rates.

    `busiest` is the share of them, from 0 to 1, that one value of an index's partition key holds, such as a provider.
    """
    if min(rates.table, rates.index) <= 0 or rates.partition < 0 or not 0 <= busiest <= 1:
        message = "a purge needs write units above 0, and the busiest partition's share is from 0 to 1"
        raise InputError(message)
    units = write_units(item_bytes, 0)
    rate = Decimal(str(rates.table)) / units
    if indexes:
        rate = min(rate, Decimal(str(rates.index)) / units)
        if busiest:
            rate = min(rate, Decimal(str(rates.partition)) / (busiest * units))
    return rate


def purge_rate(daily_rows: int, item_bytes: int, indexes: int, rates: WriteRates, busiest: Decimal = Decimal(1)) -> PurgeRate:
    """Return how long a day's inflow of `daily_rows` takes to remove. `busiest` is as for `write_rate`.

    An index's partition takes 1,000 write units a second, of which the inflow itself uses some.
    """
    inflow = busiest * write_units(item_bytes, 0) * daily_rows / SECONDS_A_DAY
    left = max(PARTITION_WRITE_UNITS - inflow, Decimal(0))
    rate = write_rate(item_bytes, indexes, replace(rates, partition=min(rates.partition, float(left))), busiest)
    if not daily_rows:
        return PurgeRate(rate, Decimal(0))
    return PurgeRate(rate, daily_rows / rate / 3600 if rate else None)


def _blocks(size: int, block: int) -> int:
    """Return how many blocks of this size are begun."""
    return -(-size // block)
