"""The source table as the settings want it: its keys, its indexes and their types, and what CreateTable is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from archive.errors import InputError
from archive.model.config import Source
from archive.model.spec import ColumnType, TableSpec

RECOVERY_DAYS: Final = 35
"""How far point-in-time recovery reaches back: as far as DynamoDB lets it."""
_MORE: Final = {"StudentActivityIndex": "studentId", "ProviderUsageIndex": "provider"}
"""ChatMessages' other indexes, each with its partition key; made where that is one of the spec's columns."""


@dataclass(frozen=True, slots=True)
class WantedIndex:
    """A global secondary index with projection ALL. `needed`: without it nothing can be archived."""

    name: str
    keys: tuple[str, str]
    needed: bool

    @property
    def definition(self) -> dict[str, Any]:
        """What CreateTable and UpdateTable are told of it."""
        return {"IndexName": self.name, "KeySchema": key_schema(self.keys), "Projection": {"ProjectionType": "ALL"}}


@dataclass(frozen=True, slots=True)
class WantedTable:
    """A table on demand. `types` are those of all key attributes (S or N); `ttl` is the attribute by which it expires items."""

    name: str
    keys: tuple[str, str]
    indexes: tuple[WantedIndex, ...]
    types: Mapping[str, str]
    ttl: str

    def definition(self, *, protected: bool) -> dict[str, Any]:
        """Return what CreateTable is told; `protected` tables cannot be deleted before that is switched off."""
        request = {
            "TableName": self.name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attribute_definitions(self.types),
            "KeySchema": key_schema(self.keys),
            "GlobalSecondaryIndexes": [index.definition for index in self.indexes],
        }
        return {**request, "DeletionProtectionEnabled": True} if protected else request


def wanted_table(source: Source, ttl: str) -> WantedTable:
    """Return the table that the settings name, with the index by module and, where their keys are columns, by student and by provider.

    Raises InputError where a key's column is of a type that no key of DynamoDB's can have.
    """
    spec = source.spec
    names = {source.index: spec.module_key}
    for name, attribute in _MORE.items():
        if attribute in spec.attributes and attribute not in (spec.module_key, spec.time_key) and name not in names:
            names[name] = attribute
    types = {spec.partition_key: _type_of(spec, spec.partition_key), spec.time_key: "N"}
    types |= {attribute: _type_of(spec, attribute) for attribute in names.values()}
    indexes = (WantedIndex(name, (attribute, spec.time_key), name == source.index) for name, attribute in names.items())
    return WantedTable(source.table, spec.primary_key, tuple(indexes), types, ttl)


def key_schema(keys: tuple[str, str]) -> list[dict[str, str]]:
    """Return a (partition key, sort key) as DynamoDB writes it."""
    return [{"AttributeName": keys[0], "KeyType": "HASH"}, {"AttributeName": keys[1], "KeyType": "RANGE"}]


def attribute_definitions(types: Mapping[str, str]) -> list[dict[str, str]]:
    """Return key attributes and their types as DynamoDB writes them."""
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def _type_of(spec: TableSpec, attribute: str) -> str:
    kind: ColumnType = spec.column(attribute).type
    if kind.kind == "boolean":
        message = (
            f"the key {attribute} has a column of type boolean, and DynamoDB's keys are texts or numbers; correct it in [[source.columns]]"
        )
        raise InputError(message)
    return "S" if kind.kind == "string" else "N"
