"""What a run is told: plain, picklable values. The settings file is read in flows/, and becomes these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from archive.model.prices import Overrides
from archive.model.spec import TableSpec

PurgeMode = Literal["delete", "expire", "keep"]
Protocol = Literal["partiql", "single"]
Module = int | str | Decimal
"""The value of the index's partition key: a number or a text."""


@dataclass(frozen=True, slots=True)
class Source:
    """The table, its index, and where its messages begin.

    `modules` None means: discover them. `region` None means: botocore's own default.
    """

    table: str
    index: str
    region: str | None
    modules: tuple[Module, ...] | None
    earliest: datetime
    version_attribute: str | None
    spec: TableSpec


@dataclass(frozen=True, slots=True)
class Lake:
    """Where segments are stored, how time is cut, and the local spool. `segment` is the text form of its length."""

    bucket: str
    prefix: str
    partition: str
    segment: str
    spool_directory: Path
    spool_bytes: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What is archived and what happens to it then. Days are whole UTC days."""

    retention_days: int
    purge: PurgeMode
    expire_after_days: int
    overlap_days: int
    ttl_attribute: str
    protocol: Protocol
    single_writer: bool
    late_rows: int
    late_days: int
    backup_before_first_purge: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Request units a second, what is done at once, and caps for a run (None: no cap).

    Units are those of the table, of each index (None: as the table), and of each value of an index's partition key. `shared_by`:
    so many runs or workers share them, each an equal part. `streams` modules are read at once, `segments` of a batch are merged, proved,
    stored and purged at once, each with `purge_requests` in flight.
    A run that would remove more than `unattended_messages` needs a person who agrees.
    """

    read_units: float
    write_units: float
    streams: int
    segments: int
    purge_requests: int
    index_read_units: float | None = None
    index_write_units: float | None = None
    partition_read_units: float = 1_500
    partition_write_units: float = 500
    shared_by: int = 1
    max_messages: int | None = None
    max_dollars: float | None = None
    max_minutes: int | None = None
    unattended_messages: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Roles:
    """ARNs to assume for each part of the work; None: the caller's own credentials."""

    archiver: str | None
    purger: str | None
    restorer: str | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether runs publish `metrics` to CloudWatch, which needs a permission and costs some cents."""

    metrics: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the engine is told, and nothing else: no clients, no clock."""

    source: Source
    lake: Lake
    policy: Policy
    limits: Limits
    roles: Roles
    prices: Overrides = ()
    """What is paid instead of list prices."""
    watch: Watch = Watch()
