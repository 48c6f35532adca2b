"""A table as DynamoDB describes it, read for whoever sets it up; and how it differs from the one that is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from archive.model.wanted_table import RECOVERY_DAYS, WantedIndex, WantedTable

Answer = Mapping[str, Any]
ON: Final = ("ENABLED", "ENABLING")


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index that is there. `items` is hours old; None where the server does not tell."""

    name: str
    keys: tuple[str | None, str | None]
    projection: str
    status: str
    backfilling: bool
    items: int | None


@dataclass(frozen=True, slots=True)
class Described:
    """What DescribeTable, DescribeTimeToLive, DescribeContinuousBackups and ListBackups say; a text says why one is not known."""

    table: Answer
    ttl: Answer | str
    recovery: Answer | str
    backups: Sequence[Answer] | str

    @property
    def ttl_attribute(self) -> str | None:
        """The attribute by which the table expires items; None where it does not."""
        return None if isinstance(self.ttl, str) else ttl_attribute(self.ttl)

    @property
    def recovery_days(self) -> int | None:
        """How many days point-in-time recovery reaches back, 35 where the server does not say; None where it is off."""
        recovery = self.recovery
        if isinstance(recovery, str) or recovery.get("PointInTimeRecoveryStatus") not in ON:
            return None
        return int(recovery.get("RecoveryPeriodInDays") or RECOVERY_DAYS)

    @property
    def newest_backup(self) -> Answer | None:
        """The newest backup that is there or being made."""
        backups = [] if isinstance(self.backups, str) else [one for one in self.backups if one.get("BackupStatus") != "DELETED"]
        return max(backups, key=made_at, default=None)


def ttl_attribute(ttl: Answer) -> str | None:
    """Return the attribute that a TimeToLiveDescription says items expire by; None where they do not."""
    return str(ttl.get("AttributeName")) if ttl.get("TimeToLiveStatus") in ON else None


def made_at(backup: Answer) -> datetime:
    """Return when a backup was asked for."""
    at: datetime = backup["BackupCreationDateTime"]
    return at


def keys_of(schema: Sequence[Answer]) -> tuple[str | None, str | None]:
    """Return a key schema as (partition key, sort key)."""
    keys = {str(part["KeyType"]): str(part["AttributeName"]) for part in schema}
    return keys.get("HASH"), keys.get("RANGE")


def types_of(table: Answer) -> dict[str, str]:
    """Return the types of a table's key attributes."""
    return {str(part["AttributeName"]): str(part["AttributeType"]) for part in table["AttributeDefinitions"]}


def is_provisioned(table: Answer) -> bool:
    """Say whether a table is paid for by units that were provisioned: DynamoDB leaves the mode out where that never changed."""
    mode = (table.get("BillingModeSummary") or {}).get("BillingMode")
    units = (table.get("ProvisionedThroughput") or {}).get("WriteCapacityUnits")
    return bool(units) if mode is None else mode == "PROVISIONED"


def indexes_in(table: Answer) -> dict[str, Index]:
    """Return a table's global secondary indexes by name."""
    return {
        str(index["IndexName"]): Index(
            str(index["IndexName"]),
            keys_of(index["KeySchema"]),
            str((index.get("Projection") or {}).get("ProjectionType", "ALL")),
            str(index.get("IndexStatus") or "ACTIVE"),
            bool(index.get("Backfilling")),
            index.get("ItemCount"),
        )
        for index in table.get("GlobalSecondaryIndexes") or ()
    }


def wrong_keys(table: Answer, wanted: WantedTable) -> str | None:
    """Say how the table's own keys differ from the wanted ones, which nothing can change; None where they are right."""
    keys, types = keys_of(table["KeySchema"]), types_of(table)
    if keys != wanted.keys:
        return f"the table's keys are {_pair(keys)}, not {_pair(wanted.keys)}: set the keys in [source], or name another table"
    for name in wanted.keys:
        if types[name] != wanted.types[name] and (name == wanted.keys[1] or types[name] != "B"):
            kinds = f"{types[name]}, not {wanted.types[name]}"
            return f"the table's key {name} is of type {kinds}: set the type of its column in [[source.columns]]"
    return None


def wrong_index(table: Answer, index: WantedIndex, wanted: WantedTable) -> str | None:
    """Say why an index of this name cannot serve, or cannot be made: other keys, or keys of another type; None where nothing forbids it."""
    there, types = indexes_in(table).get(index.name), types_of(table)
    if there is not None and there.keys != index.keys:
        return (
            f"index {index.name} has the keys {_pair(there.keys)}, not {_pair(index.keys)}: an index's keys cannot be changed; "
            "delete it and run `dynalake table add-indexes`" + (", or set [source] index" if index.needed else "")
        )
    for name in index.keys:
        if types.get(name, wanted.types[name]) != wanted.types[name]:
            return (
                f"index {index.name} needs {name} of type {wanted.types[name]}, and the table has it as a key of type {types[name]}: "
                "set the type of its column in [[source.columns]]"
            )
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that `table create` can switch on at a table that is there, and what that does, in words."""

    kind: Literal["ttl", "recovery", "protection"]
    text: str


@dataclass(frozen=True, slots=True)
class Differences:
    """How a table that is there differs: what can be switched on, what stays wrong, and what is only worth a word."""

    steps: tuple[Step, ...]
    wrong: tuple[str, ...]
    notes: tuple[str, ...]


def differences(described: Described, wanted: WantedTable) -> Differences:
    """Hold a table that is there, and has the right keys, against the wanted one."""
    table = described.table
    there = indexes_in(table)
    wrong = [text for index in wanted.indexes if (text := wrong_index(table, index, wanted))]
    missing = [index.name for index in wanted.indexes if index.name not in there]
    if missing:
        wrong.append(f"the table has no index {', '.join(missing)}: run `dynalake table add-indexes`")
    if (ttl := described.ttl_attribute) not in (None, wanted.ttl):
        wrong.append(f"the table's TTL is on {ttl}, not on {wanted.ttl}: set [policy] ttl_attribute, or switch that TTL off first")
    unknown = [said for said in (described.ttl, described.recovery) if isinstance(said, str)]
    notes = [f"index {one.name} projects {one.projection}, not ALL" for one in there.values() if one.projection != "ALL"]
    if is_provisioned(table):
        notes.append("the table is paid for by provisioned units, not on demand")
    return Differences(_steps(described, wanted), tuple(wrong + unknown), tuple(notes))


def _steps(described: Described, wanted: WantedTable) -> tuple[Step, ...]:
    steps: list[Step] = []
    if described.ttl_attribute is None and not isinstance(described.ttl, str):
        text = f"the TTL is off: it would be on {wanted.ttl}, and DynamoDB would remove every item whose {wanted.ttl} has passed"
        steps.append(Step("ttl", text))
    days = described.recovery_days
    if not isinstance(described.recovery, str) and (days is None or days < RECOVERY_DAYS):
        now = "is off" if days is None else f"reaches back {days} days"
        steps.append(Step("recovery", f"point-in-time recovery {now}: it would reach back {RECOVERY_DAYS} days"))
    if not described.table.get("DeletionProtectionEnabled"):
        steps.append(Step("protection", "deletion protection is off: it would be on"))
    return tuple(steps)


def _pair(keys: tuple[str | None, str | None]) -> str:
    return f"({keys[0]}, {keys[1] or 'no sort key'})"
