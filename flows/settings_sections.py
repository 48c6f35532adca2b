"""The sections of the settings file, as pydantic models: each key's type, default and limits."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from archive.errors import InputError
from archive.model.config import Module, Protocol, PurgeMode
from archive.model.keys import LakeKeys
from archive.model.layout import Layout, Partition
from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec
from athena.config import MAX_REUSE_MINUTES, TAKEN_NAMES
from flows.settings_prices import PricesSection, Section

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SIZE = re.compile(r"(\d{1,12})\s*([KMGT]i?)?B?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_GLUE_NAME = re.compile(r"[a-z0-9_]{1,255}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}")
_WEBHOOK = re.compile(r"(https://[^/\s@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?")
_OUTPUT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
MOST_MONTHS: Final = 600
_CRON_FIELDS: Final = 5
_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def wrong(key: str, message: str) -> PydanticCustomError:
    """Make the error of a check over several keys: `key` is the one to change, `message` follows its name."""
    return PydanticCustomError("key", "{message}", {"key": key, "message": message})


def _whole(value: object) -> object:
    """Read a whole number from the environment's text; anything else goes on to the strict check."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _rate(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _day(value: object) -> object:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _size(value: object) -> object:
    """Read a size in bytes: a whole number, or a text such as 4GB (a thousand millions) or 4GiB (1024 cubed)."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        size = int(match[1]) * _PREFIXES[match[2] or ""]
    else:
        size = 0
    if size < 1:
        message = "is not a size; write one such as '4GB', or a number of bytes"
        raise ValueError(message)
    return size


def _list(value: object) -> object:
    """Read a list from the environment's text, as JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _modules(value: object) -> object:
    found = _list(value)
    if not isinstance(found, list) or not all(isinstance(item, int | str) and not isinstance(item, bool) for item in found):
        message = "is not a list of modules; write one such as [205, 303], or leave it out to have the modules discovered"
        raise ValueError(message)
    if not found:
        message = "is empty, so nothing would be archived; name at least one module, or leave it out to have them discovered"
        raise ValueError(message)
    if len(set(found)) < len(found):
        message = "names a module twice; keep one of the two"
        raise ValueError(message)
    return tuple(found)


def _folder(value: object) -> object:
    if isinstance(value, str) and value:
        return Path(value).expanduser()
    message = "is not a folder; write its path in quotes"
    raise ValueError(message)


def _cron(value: object) -> object:
    """Read a schedule of five fields that comes round."""
    if isinstance(value, str) and len(value.split()) == _CRON_FIELDS:
        with suppress(CronSimError, StopIteration):
            next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
            return value
    message = "is not a schedule; write minute, hour, day, month and weekday, such as '0 3 * * *' for three o'clock each night"
    raise ValueError(message)


def _zone(value: object) -> object:
    if isinstance(value, str) and value in available_timezones():
        return value
    message = "is not a time zone; write its name, such as 'UTC' or 'Europe/Berlin'"
    raise ValueError(message)


def _matching(pattern: re.Pattern[str], advice: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        raise ValueError(advice)

    return BeforeValidator(check)


Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
Rate = Annotated[float, Field(strict=True, gt=0, lt=math.inf, allow_inf_nan=False), BeforeValidator(_rate)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Day = Annotated[date, Field(strict=True), BeforeValidator(_day)]
Bytes = Annotated[int, BeforeValidator(_size)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Modules = Annotated[tuple[Module, ...], BeforeValidator(_modules)]
Bucket = Annotated[str, _matching(_BUCKET, "is not a bucket's name; write it alone, such as 'my-lake', without s3:// or a path")]
TableName = Annotated[str, _matching(_TABLE, "is not a name DynamoDB takes; write the name alone, without its ARN")]
GlueName = Annotated[str, _matching(_GLUE_NAME, "is not a name Glue takes; use lower-case letters, digits and underscores")]
Role = Annotated[str, _matching(_ROLE, "is not a role; write its ARN, such as 'arn:aws:iam::123456789012:role/archiver'")]
Topic = Annotated[str, _matching(_TOPIC, "is not a topic; write its ARN, such as 'arn:aws:sns:us-east-1:123456789012:dynalake'")]
Cron = Annotated[str, BeforeValidator(_cron)]
Zone = Annotated[str, BeforeValidator(_zone)]
Output = Annotated[str, _matching(_OUTPUT, "is not a place in S3; write one such as 's3://my-results/athena/'")]


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
    columns: Annotated[tuple[ColumnEntry, ...], BeforeValidator(_list)] | None = None

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
