"""The sections of the settings file, as pydantic models: each key's type, default and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from archive.errors import InputError
from archive.model.config import Protocol, PurgeMode
from archive.model.keys import LakeKeys
from archive.model.layout import Layout, Partition
from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec
from athena.config import MAX_REUSE_MINUTES, TAKEN_NAMES
from flows.settings_prices import PricesSection
from flows.settings_types import (
    Bucket,
    Bytes,
    Cron,
    Day,
    Flag,
    Folder,
    GlueName,
    Modules,
    Output,
    Rate,
    Role,
    Section,
    TableName,
    Text,
    Topic,
    Whole,
    Zone,
    read_list,
    wrong,
)

_WEBHOOK = re.compile(r"(https://[^/\s@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?")
MOST_MONTHS: Final = 600


class ColumnEntry(Section):
    """One [[source.columns]]: an attribute and the column that holds it."""

    attribute: Text
    column: Text
    type: Text
    comment: str = ""

    @model_validator(mode="after")
    def _known_type(self) -> Self:
        try:
            ColumnType.parse(self.type)
        except InputError as error:
            key = "type"
            raise wrong(key, f": {error}") from error
        return self


class SourceSection(Section):
    """[source]: the table, its index, and what its items hold."""

    table: TableName = "ChatMessages"
    index: TableName = "ModuleAnalyticsIndex"
    region: Text | None = None
    modules: Modules | None = None
    earliest: Day = date(2015, 1, 1)
    version_attribute: Text | None = None
    partition_key: Text = CHAT_MESSAGES.partition_key
    time_key: Text = CHAT_MESSAGES.time_key
    module_key: Text = CHAT_MESSAGES.module_key
    columns: Annotated[tuple[ColumnEntry, ...], BeforeValidator(read_list)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            spec = self.spec()
        except InputError as error:
            key = "columns"
            raise wrong(key, f": {error}") from error
        kind = spec.column(self.module_key).type.kind
        expected = str if kind == "string" else int
        if self.modules and not all(isinstance(module, expected) for module in self.modules):
            key, form = "modules", "texts in quotes" if expected is str else "whole numbers without quotes"
            raise wrong(key, f" must be {form}, because {self.module_key} is a column of type {kind}")
        return self

    def spec(self) -> TableSpec:
        """Return the table spec; raises InputError where the columns or keys do not make one."""
        if self.columns is None:
            columns, bloom = CHAT_MESSAGES.columns, CHAT_MESSAGES.bloom_columns
        else:
            columns = tuple(Column(entry.attribute, entry.column, ColumnType.parse(entry.type), entry.comment) for entry in self.columns)
            bloom = tuple(column.name for column in columns if column.attribute == self.partition_key)
        return TableSpec(self.partition_key, self.time_key, self.module_key, columns, bloom)


class LakeSection(Section):
    """[lake]: where segments are stored, how time is cut, and the local spool."""

    bucket: Bucket
    prefix: str = "dynalake"
    partition: Partition = "day"
    segment: Text | None = None
    spool_directory: Folder
    spool_size: Bytes = 4 * 10**9

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        key = "segment"
        try:
            Layout.parse(date(2015, 1, 1), self.partition, self.segment or self.partition)
            key = "prefix"
            LakeKeys.below(self.prefix)
        except InputError as error:
            raise wrong(key, f": {error}") from error
        return self


class PolicySection(Section):
    """[policy]: what is archived and what happens to it then. `keep` is the default, because it removes nothing."""

    retention_days: Annotated[Whole, Field(ge=1, le=36_500)] = 90
    purge: PurgeMode = "keep"
    expire_after_days: Annotated[Whole, Field(ge=3, le=3_650)] = 7
    overlap_days: Annotated[Whole, Field(ge=0, le=3_650)] = 3
    ttl_attribute: Text = "expiresAt"
    protocol: Protocol = "partiql"
    single_writer: Flag = False
    late_rows: Annotated[Whole, Field(ge=1)] = 1000
    late_days: Annotated[Whole, Field(ge=1, le=3_650)] = 7
    backup_before_first_purge: Flag = True


class LimitsSection(Section):
    """[limits]: request units a second, requests in flight, and caps for a run (absent: none)."""

    read_units: Rate = 4000
    write_units: Rate = 2000
    index_read_units: Rate | None = None
    index_write_units: Rate | None = None
    partition_read_units: Rate = 1500
    partition_write_units: Rate = 500
    shared_by: Annotated[Whole, Field(ge=1, le=10_000)] = 1
    streams: Annotated[Whole, Field(ge=1, le=64)] = 4
    segments: Annotated[Whole, Field(ge=1, le=64)] = 4
    purge_requests: Annotated[Whole, Field(ge=1, le=256)] = 4
    max_messages: Annotated[Whole, Field(ge=1)] | None = None
    max_dollars: Rate | None = None
    max_minutes: Annotated[Whole, Field(ge=1)] | None = None
    unattended_messages: Annotated[Whole, Field(ge=0)] = 1_000_000


class RolesSection(Section):
    """[roles]: ARNs to assume; absent: the caller's own credentials."""

    archiver: Role | None = None
    purger: Role | None = None
    restorer: Role | None = None


class AthenaSection(Section):
    """[athena]: where the lake is registered and queries run."""

    database: GlueName = "dynalake"
    table: GlueName = "messages"
    workgroup: Text = "primary"
    output: Output | None = None
    reuse_minutes: Annotated[Whole, Field(ge=0, le=MAX_REUSE_MINUTES)] = 15

    @model_validator(mode="after")
    def _own_table(self) -> Self:
        if self.table in TAKEN_NAMES:
            key = "table"
            raise wrong(key, f" is {self.table!r}, the name of another of the lake's tables or views; write another, such as 'messages'")
        return self


class WatchSection(Section):
    """[watch]: what is told to CloudWatch."""

    metrics: Flag = False


class RunSection(Section):
    """[run]: how a run is carried out, and by how many workers."""

    prefect: Flag = True
    engine: Literal["threads", "processes", "dask", "ray"] = "threads"
    workers: Annotated[Whole, Field(ge=1, le=1024)] = 1
    address: Text | None = None
    log: Literal["quiet", "text", "json"] = "quiet"

    @property
    def processes(self) -> int:
        """How many processes execute batches at once: threads share what this one has."""
        return 1 if self.engine == "threads" else self.workers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.prefect and (self.engine != "threads" or self.workers > 1):
            key = "prefect"
            raise wrong(key, " is false, which executes one batch after the other; leave engine and workers out, or set it true")
        return self


class ReportSection(Section):
    """[report]: the page that shows the archive to people."""

    nightly: Flag = True
    months: Annotated[Whole, Field(ge=1, le=MOST_MONTHS)] = 13
    most_bytes: Bytes = 10 * 10**9


class ScheduleSection(Section):
    """[schedule]: when `dynalake serve` begins a night."""

    cron: Cron = "0 3 * * *"
    timezone: Zone = "UTC"


class NotifySection(Section):
    """[notify]: who is told when a run fails, stops or reaches a cap. The webhook's address is a secret: it is never shown."""

    sns_topic: Topic | None = None
    webhook: SecretStr | None = None

    @model_validator(mode="after")
    def _is_address(self) -> Self:
        if self.webhook is not None and not _WEBHOOK.fullmatch(self.webhook.get_secret_value()):
            key = "webhook"
            raise wrong(key, " is not an address that begins with https://; copy it from the service that it belongs to")
        return self


SECRETS: Final[Mapping[str, str]] = {"notify": "webhook"}
"""Keys that stand in no file: they are given by their variables alone."""
SECTIONS: Final[Mapping[str, type[Section]]] = {
    "source": SourceSection,
    "lake": LakeSection,
    "policy": PolicySection,
    "limits": LimitsSection,
    "roles": RolesSection,
    "athena": AthenaSection,
    "prices": PricesSection,
    "run": RunSection,
    "watch": WatchSection,
    "report": ReportSection,
    "schedule": ScheduleSection,
    "notify": NotifySection,
}
