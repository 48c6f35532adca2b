"""Which names the lake has in Athena, and where and how its questions are run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from archive.errors import InputError
from archive.model.prices import Overrides
from archive.model.spec import TableSpec
from athena.columns import RECORDS, TableColumn, message_columns, record_columns
from athena.views import VIEW_NAMES

if TYPE_CHECKING:
    from athena.views.view import View

_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")
MAX_REUSE_MINUTES: Final = 10_080
TAKEN_NAMES: Final = frozenset({*RECORDS, *VIEW_NAMES})
"""What the messages table cannot be called."""


@dataclass(frozen=True, slots=True)
class AthenaConfig:
    """The `[athena]` settings.

    `table` is the messages table's name; the others have names of their own. `output` is an s3:// URL, or None where the workgroup
    says it. `reuse_minutes` above 0 lets Athena answer with a result that is at most so old. `prices` go before the list's.
    """

    database: str
    table: str = "messages"
    workgroup: str = "primary"
    output: str | None = None
    reuse_minutes: int = 15
    prices: Overrides = ()

    def __post_init__(self) -> None:
        """Refuse names that Glue would change, and settings that Athena would reject."""
        for setting, name in (("database", self.database), ("table", self.table)):
            if not _NAME.fullmatch(name):
                message = f"[athena] {setting} = {name!r} must be lower-case letters, digits and underscores, and begin with a letter"
                raise InputError(message)
        if self.table in TAKEN_NAMES:
            message = f"[athena] table cannot be {self.table!r}, the name of another of the lake's tables or views; choose another name"
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
        records = {name: record_columns(family) for name, family in RECORDS.items()}
        return {self.config.table: message_columns(self.spec), **records}

    @property
    def views(self) -> Mapping[str, View]:
        """The views that the table spec allows, by name."""
        from athena.views.view import views_of  # noqa: PLC0415 - a grammar of SQL, which runs that archive need not load

        return {view.name: view for view in views_of(self.spec, self.config.table)[0]}

    @property
    def relations(self) -> Mapping[str, tuple[TableColumn, ...]]:
        """The columns of everything that can be asked: tables and views."""
        return {**self.tables, **{name: view.columns for name, view in self.views.items()}}

    def no_table(self, name: str) -> str:
        """Say that there is no such table, and which there are: those whose names are like it first."""
        near = get_close_matches(name.rsplit(".", maxsplit=1)[-1].strip('"').lower(), list(self.relations), n=2)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        return f"there is no table {name!r}; {meant}tables are {', '.join(self.tables)}; `dynalake views` lists the views"

    def no_column(self, name: str, tables: Iterable[str]) -> str:
        """Say that there is no such column, and which ones the tables of a question have."""
        known = [f"{table} has the columns {', '.join(column.name for column in self.relations[table])}" for table in self._known(tables)]
        return f"there is no column or table {name!r}; {'; '.join(known) or 'tables are ' + ', '.join(self.tables)}"

    def _known(self, tables: Iterable[str]) -> list[str]:
        return sorted(table for table in tables if table in self.relations)
