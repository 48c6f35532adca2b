"""How many request units a second a run may use, and what one request or one item costs: by table, index and partition value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any, Final, Literal

from archive.errors import InputError
from archive.model.config import Limits
from archive.model.cost import WRITE_BLOCK, WriteRates
from archive.model.item_size import item_size

Kind = Literal["read", "write"]
Value = str | bytes | int | Decimal
"""A value of an index's partition key. Numbers are equal if their values are, whatever their type."""
Item = Mapping[str, Mapping[str, Any]]

_REASON: Final = re.compile(r"(Table|Index)(Read|Write)(\w+)")
_KEY_TYPES: Final = frozenset({"S", "N", "B"})
_KEY_RANGE: Final = "KeyRangeThroughputExceeded"
_NEW_READ: Final = 12_000.0  # what a new on-demand table, or index, takes at once
_NEW_WRITE: Final = 4_000.0


@dataclass(frozen=True, slots=True)
class Warm:
    """Units a second that the table and its indexes have been used to; what `indexes` does not name is as a new table.

    The defaults are those of a new on-demand table (and index), of which DynamoDB says that it takes twice its last peak, and
    may throttle what more than doubles within 30 minutes:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    """

    read: float = _NEW_READ
    write: float = _NEW_WRITE
    indexes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """An index's read and write units a second."""

    def of(self, kind: Kind, index: str | None) -> float:
        """Return the units a second of the table (None) or of an index."""
        read, write = (self.read, self.write) if index is None else self.indexes.get(index, (_NEW_READ, _NEW_WRITE))
        return read if kind == "read" else write


@dataclass(frozen=True, slots=True)
class Budget:
    """Request units a second: of the table, of each index (None: as the table), and of each value of an index's partition key.

    A partition of an index takes 1,000 write and 3,000 read units a second, live traffic included: the defaults are half of that.
    What was not used for `burst_seconds` may be used at once, so in any w seconds at most `budget * (w + burst_seconds)` units
    begin, and one request more. `workers` is among how many this budget's table was divided.
    """

    table_read: float = 4_000
    table_write: float = 2_000
    index_read: float | None = None
    index_write: float | None = None
    partition_read: float = 1_500
    partition_write: float = 500
    burst_seconds: float = 0.25
    warm: Warm = field(default_factory=Warm)
    workers: int = 1

    def __post_init__(self) -> None:
        """Refuse a budget with which nothing could ever be done."""
        rates = (self.table_read, self.table_write, self.index_read, self.index_write, self.partition_read, self.partition_write)
        if any(rate is not None and not (rate > 0 and isfinite(rate)) for rate in rates) or self.burst_seconds < 0 or self.workers < 1:
            message = "the request units a second of [limits] must be above 0, and a budget is shared by at least one worker"
            raise InputError(message)

    @classmethod
    def of(cls, limits: Limits, warm: Warm) -> Budget:
        """Return what the settings leave to one of those that share them, for a table that has been used to so much."""
        return cls(
            table_read=limits.read_units,
            table_write=limits.write_units,
            index_read=limits.index_read_units,
            index_write=limits.index_write_units,
            partition_read=limits.partition_read_units,
            partition_write=limits.partition_write_units,
            warm=warm,
            workers=limits.shared_by,
        )

    def rate(self, kind: Kind, index: str | None = None) -> float:
        """Return the units a second of the table (None) or of an index."""
        table, own = (self.table_read, self.index_read) if kind == "read" else (self.table_write, self.index_write)
        return (table if index is None or own is None else own) / self.workers

    def partition(self, kind: Kind) -> float:
        """Return the units a second of each value of an index's partition key."""
        return (self.partition_read if kind == "read" else self.partition_write) / self.workers

    def start(self, kind: Kind, index: str | None = None) -> float:
        """Return the units a second that the table (None) or an index has been used to."""
        return self.warm.of(kind, index) / self.workers

    def write_rates(self) -> WriteRates:
        """Return what may be written a second; the indexes have one limit, each its own."""
        return WriteRates(self.rate("write"), self.rate("write", "any"), self.partition("write"))


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its name, its keys (the partition key first), and the attributes it holds (None: all of them).

    A local one has no units of its own: it uses the table's.
    """

    name: str
    keys: tuple[str, ...]
    attributes: frozenset[str] | None = None
    local: bool = False

    def image(self, item: Item) -> Item | None:
        """Return what the index holds of an item; None where it does not hold it: its keys are not there, or are no keys."""
        for key in self.keys:
            if _KEY_TYPES.isdisjoint(item.get(key, ())):
                return None
        if self.attributes is None:
            return item
        return {name: value for name, value in item.items() if name in self.attributes}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request or one item costs in request units: at the table, at each index, and at each (index, partition value)."""

    kind: Kind
    table: float = 0.0
    indexes: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[tuple[str, Value], float] = field(default_factory=dict)

    @property
    def units(self) -> float:
        """Units that are paid for: those of the table and of the indexes."""
        return self.table + sum(self.indexes.values())

    def refused(self) -> Cost:
        """Return what it costs if its condition does not hold: the table's units; the indexes are not written."""
        return Cost(self.kind, self.table)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why DynamoDB throttled a request: what it was, at which index (None: the table), and whether it is one range of keys."""

    kind: Kind
    index: str | None
    key_range: bool


def total(kind: Kind, costs: Iterable[Cost]) -> Cost:
    """Return what several of one kind cost together."""
    table = 0.0
    indexes: dict[str, float] = {}
    values: dict[tuple[str, Value], float] = {}
    for cost in costs:
        table += cost.table
        for index, units in cost.indexes.items():
            indexes[index] = indexes.get(index, 0.0) + units
        for place, units in cost.values.items():
            values[place] = values.get(place, 0.0) + units
    return Cost(kind, table, indexes, values)


def read_cost(units: float, index: str | None = None, value: Value | None = None) -> Cost:
    """Return the cost of a read that takes so many units: of the table, or of an index, or of one value of its partition key."""
    if index is None:
        return Cost("read", units)
    return Cost("read", 0.0, {index: units}, {} if value is None else {(index, value): units})


def write_cost(before: Item | None, after: Item | None, indexes: Iterable[Index]) -> Cost:
    """Return the cost of a write that turns one image of an item into another; None: the item is not there.

    The table counts the larger image, each index that holds one of them its own: twice where a key of that index changes,
    nothing where what it holds stays the same.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
    """
    wholes = [(item, _units(item)) for item in (before, after) if item is not None]
    table = max((units for _, units in wholes), default=1.0)
    by_index: dict[str, float] = {}
    by_value: dict[tuple[str, Value], float] = {}
    for index in indexes:
        entries = []
        for item, whole in wholes:
            if (image := index.image(item)) is not None:  # most indexes hold all of an item: it is measured once
                entries.append((image, whole if image is item else _units(image)))
        if len(entries) > 1:
            (old, _), (new, _) = entries
            if old == new:
                continue
            if all(old[key] == new[key] for key in index.keys):
                entries = [max(entries, key=lambda entry: entry[1])]
        units = sum(entry_units for _, entry_units in entries)
        if index.local:
            table += units
        elif entries:
            by_index[index.name] = units
            for image, entry_units in entries:
                place = (index.name, value_of(image[index.keys[0]]))
                by_value[place] = by_value.get(place, 0.0) + entry_units
    return Cost("write", table, by_index, by_value)


def value_of(attribute: Mapping[str, Any]) -> Value:
    """Return a key attribute's value, such that equal keys are equal: 55 and 55.0 are one."""
    [tag] = attribute
    inner: Any = attribute[tag]
    found: Value = Decimal(inner) if tag == "N" else inner
    return found


def _units(image: Item) -> float:
    return float(max(1, -(-item_size(image) // WRITE_BLOCK)))


def reported(estimate: Cost, consumed: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> Cost:
    """Return an estimate corrected by a ConsumedCapacity (of ReturnConsumedCapacity=INDEXES), or by several of one batch.

    What is missing, zero or no number leaves the estimate: some servers report nonsense. Partition values are never
    reported; they are scaled by what their index reported. A TOTAL alone is taken where only one resource was estimated.
    """
    parts = [consumed] if isinstance(consumed, Mapping) else list(consumed or ())
    table = sum(_number(part.get("Table")) + sum(map(_number, _of(part, "LocalSecondaryIndexes").values())) for part in parts)
    indexes: dict[str, float] = {}
    for part in parts:
        for name, index in _of(part, "GlobalSecondaryIndexes").items():
            indexes[name] = indexes.get(name, 0.0) + _number(index)
    alone = sum(map(_number, parts)) if not table and not indexes else 0.0
    if alone and not estimate.indexes:
        table = alone
    elif alone and not estimate.table and len(estimate.indexes) == 1:
        indexes = dict.fromkeys(estimate.indexes, alone)
    by_index = {**estimate.indexes, **{name: units for name, units in indexes.items() if units}}
    scales = {name: by_index[name] / units for name, units in estimate.indexes.items() if units}
    values = {place: units * scales.get(place[0], 1.0) for place, units in estimate.values.items()}
    return Cost(estimate.kind, table or estimate.table, by_index, values)


def _of(part: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = part.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(capacity: object) -> float:
    units = capacity.get("CapacityUnits") if isinstance(capacity, Mapping) else None
    return float(units) if isinstance(units, int | float | Decimal) and units > 0 and isfinite(units) else 0.0


def reasons_of(response: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return the throttling reasons of an error's response (botocore's `ClientError.response`); what is not understood is left out.

    A reason is (Table|Index)(Read|Write)(KeyRangeThroughputExceeded | ProvisionedThroughputExceeded | AccountLimitExceeded |
    MaxOnDemandThroughputExceeded), with the ARN of the table or index:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html. ThrottlingException spells the list
    in lower case. The error of one statement of a batch has none.
    """
    found: list[Reason] = []
    for each in response.get("ThrottlingReasons") or response.get("throttlingReasons") or ():
        match = _REASON.fullmatch(str(each.get("reason", "")))
        index = str(each.get("resource", "")).partition("/index/")[2] or None
        if match and (match[1] == "Index") == (index is not None):
            found.append(Reason("read" if match[2] == "Read" else "write", index, match[3] == _KEY_RANGE))
    return tuple(found)


def indexes_of(table: Mapping[str, Any]) -> tuple[Index, ...]:
    """Return the indexes in a DescribeTable answer's `Table`."""
    own = {str(part["AttributeName"]) for part in table.get("KeySchema", ())}
    found: list[Index] = []
    for name, local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
        for index in table.get(name) or ():
            keys = tuple(str(part["AttributeName"]) for part in sorted(index["KeySchema"], key=lambda part: part["KeyType"] != "HASH"))
            projection = index.get("Projection") or {}
            attributes = own.union(keys, projection.get("NonKeyAttributes") or ())
            whole = projection.get("ProjectionType", "ALL") == "ALL"
            found.append(Index(str(index["IndexName"]), keys, None if whole else frozenset(attributes), local))
    return tuple(found)


def warm_of(table: Mapping[str, Any]) -> Warm:
    """Return what a table and its indexes have been used to, from a DescribeTable answer's `Table`; without it, as a new one."""
    read, write = _warm(table)
    indexes = {str(index["IndexName"]): _warm(index) for index in table.get("GlobalSecondaryIndexes") or ()}
    return Warm(read, write, indexes)


def _warm(described: Mapping[str, Any]) -> tuple[float, float]:
    warm = described.get("WarmThroughput") or {}
    return float(warm.get("ReadUnitsPerSecond") or _NEW_READ), float(warm.get("WriteUnitsPerSecond") or _NEW_WRITE)
