"""What archiving changes in a table's bill: by what is done with archived messages, by how they are read, and what else would change it.

Pure arithmetic over archive/model/bill.py and price_archive; a scenario is one table, as it is today.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import Final, Literal

from archive.model.bill import EXACT, Line, Part, Shape, Usage, bill, price, provisioned, total, usage_of
from archive.model.config import PurgeMode
from archive.model.cost import GB, Work, price_archive
from archive.model.prices import Prices

Way = Literal["delete", "expire", "born with a TTL", "keep"]
"""What becomes of archived messages: the three modes of `[policy] purge`, and `keep` of messages that expire by themselves."""

WAYS: Final[tuple[Way, ...]] = ("delete", "expire", "born with a TTL", "keep")
DAYS_A_MONTH: Final = 30
LAKE_SHARE: Final = 4
"""The lake's bytes are about a quarter of the items' (zstd)."""
KEY_BYTES: Final = 120
"""What a KEYS_ONLY entry of ChatMessages holds: the names and values of its keys and of the table's."""
INCLUDED: Final = 4
"""An INCLUDE entry without the text is about so small a part of its item."""
SPARSE: Final = Decimal("0.1")
_MODE: Final[dict[Way, PurgeMode]] = {"delete": "delete", "expire": "expire", "born with a TTL": "keep", "keep": "keep"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A table: `flow` messages come each month, `stock` are stored today.

    Messages of `retention_days` stay, and `grace_days` longer where a TTL removes them. `modules` are queried each night, into one
    segment a day.
    """

    shape: Shape
    flow: int
    stock: int
    prices: Prices
    retention_days: int = 90
    grace_days: int = 7
    modules: int = 1_000

    @property
    def lines(self) -> tuple[Line, ...]:
        """A month's bill today."""
        return bill(self.shape, self.flow, self.stock, self.prices)

    def kept(self, way: Way) -> int:
        """Return how many messages stay in the table."""
        if way == "keep":
            return self.stock
        days = self.retention_days + (0 if way == "delete" else self.grace_days)
        return min(self.stock, -(-self.flow * days // DAYS_A_MONTH))

    @property
    def archived(self) -> int:
        """How many of the messages that are stored today are old enough to be in the lake."""
        return max(self.stock - -(-self.flow * self.retention_days // DAYS_A_MONTH), 0)


@dataclass(frozen=True, slots=True)
class Archived:
    """What archiving so many messages costs once (reading, requests, removing), and a month of them in the lake and in the table."""

    reading: Decimal
    requests: Decimal
    removing: Decimal
    write_units: int
    lake_month: Decimal
    freed_month: Decimal

    @property
    def once(self) -> Decimal:
        """Dollars once."""
        with localcontext(EXACT):
            return self.reading + self.requests + self.removing

    @property
    def pays_after(self) -> Decimal | None:
        """Months that a message would have to stay in the table for its removal to be cheaper; None: it never is."""
        with localcontext(EXACT):
            saved = self.freed_month - self.lake_month
            return self.once / saved if saved > 0 else None


def archived(scenario: Scenario, way: Way, messages: int) -> Archived:
    """Return what archiving so many messages of a table costs and saves."""
    shape, prices = scenario.shape, scenario.shape.prices(scenario.prices)
    days = -(-messages * DAYS_A_MONTH // scenario.flow) if scenario.flow else min(messages, 1)
    module = next(iter(shape.indexes), None)  # the index that is queried comes first
    fetched = module.entry_bytes if module is not None and module.projection != "ALL" else 0
    lake_bytes = messages * shape.item_bytes // LAKE_SHARE
    work = Work(messages, shape.item_bytes, 0, days * scenario.modules, days, lake_bytes, fetched=fetched)
    cost = price_archive(work, _MODE[way], prices)
    with localcontext(EXACT):
        removals = [_removal(shape, part, way, messages) for part in shape.parts]
        removing = sum((_removed(shape, part, units, prices) for part, units in zip(shape.parts, removals, strict=True)), Decimal(0))
        return Archived(
            reading=cost.reading,
            requests=cost.requests,
            removing=removing,
            write_units=sum(removals),
            lake_month=cost.lake_month,
            freed_month=Decimal(0) if way == "keep" else total(bill(shape, 0, messages, scenario.prices)).storage,
        )


def _removal(shape: Shape, part: Part, way: Way, messages: int) -> int:
    """Return the write units, in all regions, of removing so many messages from a part.

    A delete and a mark are written in each region; what a TTL removes is free where it expires, and written in the other regions.
    A mark is written to the indexes that hold all attributes, and to no others.
    """
    units = usage_of(part, shape.item_bytes, messages, 0).write_units
    if way == "delete":
        return units * shape.regions
    expired = units * (shape.regions - 1) if way != "keep" else 0
    marked = units * shape.regions if way == "expire" and part.projection in ("table", "ALL") else 0
    return marked + expired


def _removed(shape: Shape, part: Part, units: int, prices: Prices) -> Decimal:
    return price(Usage(0, units, Decimal(0)), prices, replicated=shape.regions > 1 and part.projection == "table").writes


def exported(scenario: Scenario) -> Decimal:
    """Return what a full export of the table to S3 costs: it takes all of it, whatever is wanted, and needs point-in-time recovery."""
    with localcontext(EXACT):
        return scenario.stock * scenario.shape.item_bytes * scenario.prices.export_gb / GB


@dataclass(frozen=True, slots=True)
class Change:
    """What a policy makes of a table's bill: what the old messages cost once, and a month when they are in the lake.

    `month` are the table, the lake and the archiving of what comes; `today` is the bill without any of that.
    """

    way: Way
    backlog: Archived
    monthly: Archived
    today: Decimal
    table: Decimal
    lake: Decimal

    @property
    def month(self) -> Decimal:
        """A month's whole bill."""
        with localcontext(EXACT):
            return self.table + self.lake + self.monthly.once

    @property
    def saved(self) -> Decimal:
        """Dollars a month that are saved; below zero where it costs more."""
        with localcontext(EXACT):
            return self.today - self.month

    @property
    def breaks_even(self) -> Decimal | None:
        """After how many months the old messages' archiving has paid for itself; None: never."""
        with localcontext(EXACT):
            return self.backlog.once / self.saved if self.saved > 0 else None


def change(scenario: Scenario, way: Way) -> Change:
    """Return what a policy changes."""
    backlog = archived(scenario, way, scenario.archived)
    return Change(
        way=way,
        backlog=backlog,
        monthly=archived(scenario, way, scenario.flow),
        today=total(scenario.lines).total,
        table=total(bill(scenario.shape, scenario.flow, scenario.kept(way), scenario.prices)).total,
        lake=backlog.lake_month,
    )


def alternatives(scenario: Scenario) -> dict[str, Decimal]:
    """Return by how much other decisions would change today's bill, a month."""
    shape, lines, prices = scenario.shape, scenario.lines, scenario.prices
    today = total(lines)
    with localcontext(EXACT):

        def other(changed: Shape) -> Decimal:
            return total(bill(changed, scenario.flow, scenario.stock, prices)).total - today.total

        stored = lines[0].usage.stored_bytes * shape.regions
        result = {"table class Standard-IA": other(replace(shape, infrequent=True))} if not shape.infrequent else {}
        result |= {f"without {line.part.name}": -line.month.total for line in lines[1:]}
        if shape.indexes:
            result["indexes that INCLUDE all but the text"] = other(projected(shape, "INCLUDE"))
            result["indexes with KEYS_ONLY"] = other(projected(shape, "KEYS_ONLY"))
            result["sparse indexes, of a tenth of the messages"] = other(sparse(shape))
        on_demand = today.writes + today.reads
        if shape.regions == 1 and not shape.infrequent:
            result["provisioned, evenly used"] = provisioned(lines, prices) - on_demand
            result["... reserved for a year"] = provisioned(lines, prices, 1) - on_demand
            result["... reserved for three years"] = provisioned(lines, prices, 3) - on_demand
        result["one region more (replica)"] = other(replace(shape, regions=shape.regions + 1))
        result["point-in-time recovery"] = stored * prices.recovery_gb_month / GB
        result["one backup on demand that is kept"] = stored * prices.backup_gb_month / GB
    return result


def projected(shape: Shape, projection: Literal["INCLUDE", "KEYS_ONLY"]) -> Shape:
    """Return the table with indexes that hold less; those that hold as little already stay as they are."""
    size = max(shape.item_bytes // INCLUDED, KEY_BYTES) if projection == "INCLUDE" else KEY_BYTES
    indexes = (
        replace(part, projection=projection, entry_bytes=min(size, part.entry_bytes)) if part.entry_bytes > size else part
        for part in shape.indexes
    )
    return replace(shape, parts=(shape.parts[0], *indexes))


def sparse(shape: Shape) -> Shape:
    """Return the table with indexes that hold a tenth of what they hold."""
    return replace(shape, parts=(shape.parts[0], *(replace(part, share=part.share * SPARSE) for part in shape.indexes)))


@dataclass(frozen=True, slots=True)
class LakeClass:
    """What the messages that are in the lake cost in one storage class: a month, moving them there once, and one question over a month's.

    The question reads whole messages; one that names a few columns, or a module, reads a small part of them.
    """

    name: str
    month: Decimal
    moving: Decimal
    question: Decimal


def lake_classes(scenario: Scenario) -> tuple[LakeClass, ...]:
    """Return what the lake costs, by storage class of S3."""
    prices, size = scenario.prices, scenario.archived * scenario.shape.item_bytes // LAKE_SHARE
    read = scenario.flow * scenario.shape.item_bytes // LAKE_SHARE
    with localcontext(EXACT):
        objects = (scenario.archived * DAYS_A_MONTH / Decimal(scenario.flow)).to_integral_value(ROUND_CEILING) if scenario.flow else 1
        scanned = read * prices.scan_tb / (GB * 1024)
        classes = (
            ("S3 Standard", prices.lake_gb_month, Decimal(0), Decimal(0)),
            ("S3 Standard-IA", prices.lake_ia_gb_month, prices.lake_ia_move_thousand, prices.lake_ia_read_gb),
            ("S3 Glacier Instant Retrieval", prices.lake_instant_gb_month, prices.lake_instant_move_thousand, prices.lake_instant_read_gb),
        )
        return tuple(
            LakeClass(name, size * month / GB, objects * move / 1000, scanned + read * read_gb / GB)
            for name, month, move, read_gb in classes
        )
