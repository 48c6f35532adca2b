"""Tables to be priced: the built-in one at some size, and a real one as DescribeTable tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from archive.errors import InputError
from archive.model.bill import Part, Projection, Reads, Shape
from archive.model.ways import DAYS_A_MONTH, INCLUDED, KEY_BYTES

READS: Final[Mapping[str, Reads]] = {
    "ModuleAnalyticsIndex": Reads(100_000, 10),
    "StudentActivityIndex": Reads(50_000, 5),
    "ProviderUsageIndex": Reads(10_000, 100),
}
"""How the platform's guide has its indexes read, for each million messages of a month."""

TYPICAL_BYTES: Final = 2_048
_CLASS_IA: Final = "STANDARD_INFREQUENT_ACCESS"


@dataclass(frozen=True, slots=True)
class Described:
    """A real table: its shape, how many items it has (hours old), how many come a month if they came evenly, and its ARN.

    `capacity` are the write and read units a second that are provisioned for it and its indexes; (0, 0) on demand.
    """

    shape: Shape
    items: int
    monthly: int
    arn: str
    capacity: tuple[int, int]


def chat_messages(item_bytes: int) -> Shape:
    """Return the built-in table: three indexes that hold all attributes."""
    indexes = (Part(name, "ALL", item_bytes, reads) for name, reads in READS.items())
    return Shape((Part("base table", "table", item_bytes), *indexes))


def described(table: Mapping[str, Any], index: str, now: datetime) -> Described:
    """Read a DescribeTable answer's `Table`; `index` is the one by module.

    Raises InputError for a table that is empty, as far as is known.
    """
    name, items = str(table["TableName"]), int(table.get("ItemCount", 0))
    if not items:
        message = (
            f"table {name} has no items as far as DescribeTable knows (its counts are up to six hours old); "
            "leave out --table, and give --messages and --item-bytes"
        )
        raise InputError(message)
    item_bytes = average(int(table.get("TableSizeBytes", 0)), items)
    created = table.get("CreationDateTime", now)
    days = max((now - created).days, 1)
    shape = Shape(
        parts=(Part("base table", "table", item_bytes), *index_parts(table, index)),
        regions=1 + len(table.get("Replicas", [])),
        infrequent=is_infrequent(table),
    )
    provisioned = [one.get("ProvisionedThroughput", {}) for one in (table, *table.get("GlobalSecondaryIndexes", ()))]
    writes, reads = (sum(int(one.get(f"{kind}CapacityUnits", 0)) for one in provisioned) for kind in ("Write", "Read"))
    return Described(shape, items, max(items * DAYS_A_MONTH // max(days, DAYS_A_MONTH), 1), str(table["TableArn"]), (writes, reads))


def is_infrequent(table: Mapping[str, Any]) -> bool:
    """Say whether a DescribeTable answer's `Table` is of the class Standard-Infrequent Access."""
    return bool(table.get("TableClassSummary", {}).get("TableClass") == _CLASS_IA)


def average(size: int, items: int) -> int:
    """Return the average size of so many items, or the usual one where nothing is counted yet."""
    return max(size // items, 1) if items else TYPICAL_BYTES


def index_parts(table: Mapping[str, Any], first: str) -> tuple[Part, ...]:
    """Return the indexes of a DescribeTable answer's `Table`, the one called `first` before the others."""
    items = int(table.get("ItemCount", 0))
    item_bytes = average(int(table.get("TableSizeBytes", 0)), items)
    indexes = [*table.get("GlobalSecondaryIndexes", ()), *table.get("LocalSecondaryIndexes", ())]
    parts = [_part(index, items, item_bytes) for index in indexes]
    return tuple(sorted(parts, key=lambda part: part.name != first))


def _part(index: Mapping[str, Any], items: int, item_bytes: int) -> Part:
    """Return an index: of the size that it has, or where it is empty, of the one that its projection suggests."""
    projection: Projection = index.get("Projection", {}).get("ProjectionType", "ALL")
    held = int(index.get("ItemCount", 0))
    suggested = {"ALL": item_bytes, "INCLUDE": max(item_bytes // INCLUDED, KEY_BYTES)}.get(projection, KEY_BYTES)
    size = int(index.get("IndexSizeBytes", 0)) // held if held else suggested
    name = str(index["IndexName"])
    return Part(name, projection, max(size, 1), READS.get(name, Reads()), min(Decimal(held) / max(items, 1), Decimal(1)))
