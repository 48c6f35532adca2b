"""What DescribeTable says of the source table, held against the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.errors import InputError
from archive.model.bill import Part
from archive.model.budget import Index, Warm, indexes_of, warm_of
from archive.model.config import Source
from archive.model.spec import Column
from archive.model.table_shape import average, index_parts, is_infrequent


@dataclass(frozen=True, slots=True)
class Size:
    """How many items an index holds, and their bytes."""

    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What DescribeTable says. Counts and bytes are hours old and approximate."""

    arn: str
    table_id: str
    items: int
    bytes: int
    index_items: int
    projection: str
    written: tuple[Index, ...]
    """The indexes that a write of an item writes too."""
    answering: tuple[Index, ...]
    """The indexes that can be asked: those that hold all messages by now."""
    warm: Warm
    replicas: int
    infrequent: bool
    parts: tuple[Part, ...]
    """The indexes, local ones too, as they are priced; the one by module comes first."""
    key_types: dict[str, str]
    sizes: Mapping[str, Size]
    """The size of each global index, by its name."""

    @property
    def item_bytes(self) -> int:
        """The average size of an item, or the usual one where nothing is counted yet."""
        return average(self.bytes, self.items)

    @property
    def is_whole(self) -> bool:
        """Say whether the index by module holds whole items."""
        return self.projection == "ALL"

    @property
    def indexes(self) -> int:
        """How many indexes are paid for beside the table."""
        return sum(not index.local for index in self.written)

    def index_by(self, attribute: str, time_key: str) -> Index | None:
        """Return the index from which messages can be read by an attribute in order of time, best one that holds whole messages."""
        found = [index for index in self.answering if index.keys == (attribute, time_key)]
        return min(found, key=lambda index: (index.attributes is not None, index.name), default=None)


def facts_of(table: Mapping[str, Any], source: Source) -> TableFacts:
    """Read a DescribeTable answer's `Table`; raises InputError where it or its index is not what the settings say."""
    spec = source.spec
    indexes = table.get("GlobalSecondaryIndexes", [])
    index = next((index for index in indexes if index.get("IndexName") == source.index), None)
    if index is None:
        names = ", ".join(sorted(str(index.get("IndexName")) for index in indexes)) or "none"
        message = f"table {source.table} has no index {source.index} (it has: {names}); set [source] index"
        raise InputError(message)
    types = {part["AttributeName"]: str(part["AttributeType"]) for part in table["AttributeDefinitions"]}
    _require_keys(table["KeySchema"], spec.primary_key, f"table {source.table}")
    _require_keys(index["KeySchema"], (spec.module_key, spec.time_key), f"index {source.index}")
    if types[spec.time_key] != "N":
        message = f"the time key {spec.time_key} of table {source.table} is not a Number; Dynalake needs epoch milliseconds"
        raise InputError(message)
    if types[spec.module_key] == "B":
        message = f"the module key {spec.module_key} of index {source.index} is binary; Dynalake needs an index by a Number or a String"
        raise InputError(message)
    for key in (spec.partition_key, spec.module_key):
        require_column(spec.column(key), types[key], f"table {source.table}")
    if (types[spec.module_key] == "S") != (spec.column(spec.module_key).type.kind == "string"):
        message = (
            f"the module key {spec.module_key} of index {source.index} is a {'String' if types[spec.module_key] == 'S' else 'Number'}, "
            f"and its column is of type {spec.column(spec.module_key).type}; correct its type in [[source.columns]]"
        )
        raise InputError(message)
    being_made = {str(index.get("IndexName")) for index in indexes if index.get("IndexStatus", "ACTIVE") in ("CREATING", "DELETING")}
    return TableFacts(
        arn=table["TableArn"],
        table_id=table.get("TableId", table["TableArn"]),
        items=table.get("ItemCount", 0),
        bytes=table.get("TableSizeBytes", 0),
        index_items=index.get("ItemCount", 0),
        projection=str(index.get("Projection", {}).get("ProjectionType", "ALL")),
        written=(written := indexes_of(table)),
        answering=tuple(index for index in written if index.name not in being_made),
        warm=warm_of(table),
        replicas=len(table.get("Replicas", [])),
        infrequent=is_infrequent(table),
        parts=index_parts(table, source.index),
        key_types=types,
        sizes={str(index.get("IndexName")): Size(index.get("ItemCount", 0), index.get("IndexSizeBytes", 0)) for index in indexes},
    )


def require_column(column: Column, kind: str, what: str) -> None:
    """Refuse a key that its column could not hold: it would be null in every row of the lake."""
    if kind != "B" and (kind == "S") != (column.type.kind == "string"):
        told = {"S": "String", "N": "Number"}[kind]
        message = (
            f"the key {column.attribute} of {what} is a {told}, and its column {column.name} is of type {column.type}; "
            "set the type of that column in [[source.columns]]"
        )
        raise InputError(message)


def _require_keys(schema: Sequence[Any], names: tuple[str, str], what: str) -> None:
    """Refuse a table or an index with other keys than the settings say."""
    keys = {part["KeyType"]: part["AttributeName"] for part in schema}
    if (keys.get("HASH"), keys.get("RANGE")) != names:
        message = f"{what} has the keys ({keys.get('HASH')}, {keys.get('RANGE')}), not {names}; set the keys in [source]"
        raise InputError(message)
