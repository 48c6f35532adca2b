"""Which names the lake has in Athena, and where and how its questions are run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archive.errors import InputError
from archive.model.spec import TableSpec
from athena.tables import RECEIPTS, TableColumn, message_columns, receipt_columns

_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")
MAX_REUSE_MINUTES: Final = 10_080


@dataclass(frozen=True, slots=True)
class AthenaConfig:
    """The `[athena]` settings.

    `table` is the messages table's name; the receipts table is always called `receipts`. `output` is an s3:// URL, or None
    where the workgroup says it. `reuse_minutes` above 0 lets Athena answer with a result that is at most so old.
    """

    database: str
    table: str = "messages"
    workgroup: str = "primary"
    output: str | None = None
    reuse_minutes: int = 0

    def __post_init__(self) -> None:
        """Refuse names that Glue would change, and settings that Athena would reject."""
        for setting, name in (("database", self.database), ("table", self.table)):
            if not _NAME.fullmatch(name):
                message = f"[athena] {setting} = {name!r} must be lower-case letters, digits and underscores, and begin with a letter"
                raise InputError(message)
        if self.table == RECEIPTS:
            message = f"[athena] table cannot be {RECEIPTS!r}: that is the table of receipts; choose another name"
            raise InputError(message)
        if self.output is not None and not re.fullmatch(r"s3://[^/]+(/.*)?", self.output):
            message = f"[athena] output = {self.output!r} must be an S3 location such as s3://bucket/athena-results/"
            raise InputError(message)
        if not 0 <= self.reuse_minutes <= MAX_REUSE_MINUTES:
            message = f"[athena] reuse_minutes must lie between 0 (off) and {MAX_REUSE_MINUTES} (seven days), not {self.reuse_minutes}"
            raise InputError(message)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The lake's tables as SQL sees them.

    `location` is the lake's root: `s3://bucket/prefix`, or a local directory that holds a copy of what is below it.
    """

    location: str
    spec: TableSpec
    config: AthenaConfig

    @property
    def tables(self) -> Mapping[str, tuple[TableColumn, ...]]:
        """Every table's columns in the order of `SELECT *`, `dt` last."""
        return {self.config.table: message_columns(self.spec), RECEIPTS: receipt_columns()}

    def describe(self) -> str:
        """Name all tables and their columns in one clause, for error messages."""
        return "; ".join(f"{name} has the columns {', '.join(column.name for column in columns)}" for name, columns in self.tables.items())
