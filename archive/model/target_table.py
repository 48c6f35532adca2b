"""What DescribeTable and DescribeTimeToLive say of a table that messages are put back into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive.errors import InputError
from archive.model.budget import Index, Warm, indexes_of, warm_of
from archive.model.described_table import ttl_attribute
from archive.model.receipt import Owner
from archive.model.spec import TableSpec


@dataclass(frozen=True, slots=True)
class TargetTable:
    """The table that messages are put into. `ttl` is the attribute by which it expires items, if it does."""

    name: str
    owner: Owner
    spec: TableSpec
    indexes: tuple[Index, ...]
    warm: Warm
    key_types: dict[str, str]
    ttl: str | None


def target_of(table: Mapping[str, Any], ttl: Mapping[str, Any], spec: TableSpec) -> TargetTable:
    """Read a DescribeTable answer's `Table` and a TimeToLiveDescription; raises InputError where its keys are not the spec's."""
    name = str(table["TableName"])
    types = {part["AttributeName"]: str(part["AttributeType"]) for part in table["AttributeDefinitions"]}
    keys = {part["KeyType"]: part["AttributeName"] for part in table["KeySchema"]}
    if (keys.get("HASH"), keys.get("RANGE")) != spec.primary_key or types[spec.time_key] != "N":
        message = (
            f"table {name} has the keys ({keys.get('HASH')}, {keys.get('RANGE')}); a restored message needs "
            f"({spec.partition_key}, {spec.time_key}), the second of them a Number: name another table"
        )
        raise InputError(message)
    return TargetTable(
        name=name,
        owner=Owner(table["TableArn"], table.get("TableId", table["TableArn"])),
        spec=spec,
        indexes=indexes_of(table),
        warm=warm_of(table),
        key_types={key: types[key] for key in spec.primary_key},
        ttl=ttl_attribute(ttl),
    )
