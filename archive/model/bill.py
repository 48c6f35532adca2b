"""What a DynamoDB table costs a month: storage, writes and reads, of the base table and of each index by what it projects.

Units are whole or half request units, and exact; money is Decimal and never rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Final, Literal

from archive.errors import InputError
from archive.model.cost import GB, ITEM_OVERHEAD, page_units, query_units, write_units
from archive.model.prices import Prices

Projection = Literal["table", "ALL", "INCLUDE", "KEYS_ONLY"]
"""What a part holds of an item: `table` is the base table itself."""

MILLION: Final = 10**6
EXACT: Final = Context(prec=80)
HOURS_A_MONTH: Final = 730
SECONDS_A_MONTH: Final = HOURS_A_MONTH * 3600
TARGET: Final = Decimal("0.7")
"""How much of what is provisioned is used, as auto scaling aims at unless it is told otherwise."""
BLOCK: Final = 100
"""Reserved capacity is sold by so many units."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Queries for each million messages of a month, and the items that one finds on average."""

    queries: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The base table or an index: how many bytes one entry has on average, as it is projected and without DynamoDB's overhead.

    `share` of the messages are in it: less than 1 where it is sparse.
    """

    name: str
    projection: Projection
    entry_bytes: int
    reads: Reads = Reads()
    share: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Refuse entries of no size, and shares that are none."""
        if self.entry_bytes < 1 or not 0 <= self.share <= 1:
            message = f"{self.name} has entries of {self.entry_bytes} bytes, and a share of {self.share}; give 1 byte or more, and 0 to 1"
            raise InputError(message)

    def holds(self, messages: int) -> int:
        """Return how many of so many messages are in it."""
        return int((messages * self.share).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its parts, the base table first, in how many regions it is, and whether it is of the class Standard-IA."""

    parts: tuple[Part, ...]
    regions: int = 1
    infrequent: bool = False

    @property
    def item_bytes(self) -> int:
        """The average size of an item."""
        return self.parts[0].entry_bytes

    @property
    def indexes(self) -> tuple[Part, ...]:
        """The parts but the base table."""
        return self.parts[1:]

    def prices(self, prices: Prices) -> Prices:
        """Return what this table's class costs."""
        return prices.of_class(infrequent=self.infrequent)


@dataclass(frozen=True, slots=True)
class Usage:
    """What is stored (bytes, overhead included), and the request units of a month."""

    stored_bytes: int
    write_units: int
    read_units: Decimal

    def __add__(self, other: Usage) -> Usage:
        """Return both together."""
        with localcontext(EXACT):
            return Usage(self.stored_bytes + other.stored_bytes, self.write_units + other.write_units, self.read_units + other.read_units)


@dataclass(frozen=True, slots=True)
class Month:
    """US dollars of a month."""

    storage: Decimal
    writes: Decimal
    reads: Decimal

    @property
    def total(self) -> Decimal:
        """All three."""
        with localcontext(EXACT):
            return self.storage + self.writes + self.reads

    def __add__(self, other: Month) -> Month:
        """Return both together."""
        with localcontext(EXACT):
            return Month(self.storage + other.storage, self.writes + other.writes, self.reads + other.reads)


@dataclass(frozen=True, slots=True)
class Line:
    """One part's line of the bill. `usage` is of one region, `month` of all of them."""

    part: Part
    usage: Usage
    month: Month


def usage_of(part: Part, item_bytes: int, flow: int, stock: int) -> Usage:
    """Return what a part uses in a month in which `flow` messages are written while `stock` are stored.

    Reads are eventually consistent Queries. What KEYS_ONLY does not hold is fetched from the base table, item by item.
    """
    with localcontext(EXACT):
        a_query = query_units(part.reads.rows, part.entry_bytes)
        if part.projection == "KEYS_ONLY":
            a_query += part.reads.rows * page_units(item_bytes)
        return Usage(
            stored_bytes=part.holds(stock) * (part.entry_bytes + ITEM_OVERHEAD),
            write_units=part.holds(flow) * write_units(part.entry_bytes, 0),
            read_units=a_query * part.reads.queries * flow / MILLION,
        )


def price(usage: Usage, prices: Prices, regions: int = 1, *, replicated: bool = False) -> Month:
    """Return what a usage costs: it is stored and written in each region, read once. `replicated`: at the price of replicated writes."""
    with localcontext(EXACT):
        write = prices.replicated_write_million if replicated else prices.write_million
        return Month(
            storage=usage.stored_bytes * prices.table_gb_month / GB * regions,
            writes=usage.write_units * write / MILLION * regions,
            reads=prices.reads(usage.read_units),
        )


def bill(shape: Shape, flow: int, stock: int, prices: Prices) -> tuple[Line, ...]:
    """Return a month's bill, a line for each part: `flow` messages are written and `stock` are stored. On demand.

    Of a table with replicas the base table pays replicated writes, and the indexes pay plain ones, in each region.
    """
    if min(flow, stock) < 0:
        message = "a table cannot have fewer messages than none; give counts from 0"
        raise InputError(message)
    priced = shape.prices(prices)
    lines = []
    for part in shape.parts:
        usage = usage_of(part, shape.item_bytes, flow, stock)
        replicated = shape.regions > 1 and part.projection == "table"
        lines.append(Line(part, usage, price(usage, priced, shape.regions, replicated=replicated)))
    return tuple(lines)


def total(lines: tuple[Line, ...]) -> Month:
    """Return the sum of a bill."""
    result = Month(Decimal(0), Decimal(0), Decimal(0))
    for line in lines:
        result += line.month
    return result


def capacity(units: Decimal | int) -> int:
    """Return the units a second to provision for so many in a month that come evenly: whole ones, at least one, used by 70 %."""
    with localcontext(EXACT):
        return max(1, int((Decimal(units) / SECONDS_A_MONTH / TARGET).to_integral_value(ROUND_CEILING)))


def provisioned(lines: tuple[Line, ...], prices: Prices, years: Literal[0, 1, 3] = 0) -> Decimal:
    """Return a month's units of a bill, provisioned instead of on demand; whole hundreds of them reserved for so many years.

    Each part has its own units; reservations are shared by all. A bound from below: units that come in bursts need more.
    """
    writes = sum(capacity(line.usage.write_units) for line in lines)
    reads = sum(capacity(line.usage.read_units) for line in lines)
    with localcontext(EXACT):
        return _units(writes, prices.write_unit_hour, _reserved(prices, "write", years)) + _units(
            reads, prices.read_unit_hour, _reserved(prices, "read", years)
        )


def _reserved(prices: Prices, kind: Literal["write", "read"], years: Literal[0, 1, 3]) -> Decimal | None:
    """Return a month of one reserved unit, or None where nothing is reserved."""
    if not years:
        return None
    term = "year" if years == 1 else "three_years"
    once: Decimal = getattr(prices, f"reserved_{term}_{kind}")
    hour: Decimal = getattr(prices, f"reserved_{term}_{kind}_hour")
    return once / (12 * years) + hour * HOURS_A_MONTH


def _units(units: int, hour: Decimal, reserved: Decimal | None) -> Decimal:
    """Return a month of so many units, of which whole blocks are reserved."""
    blocks = units // BLOCK * BLOCK if reserved is not None else 0
    return (units - blocks) * hour * HOURS_A_MONTH + blocks * (reserved or Decimal(0))
