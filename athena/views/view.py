"""Reads the views' files, and fits them to a lake: its messages table's name, and the columns that its table spec has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

from sqlglot import exp, parse_one, tokenize
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]  # sqlglot hands them on without saying so

from archive.errors import InputError
from archive.model.spec import CHAT_MESSAGES, TableSpec
from athena.columns import RECORDS, TableColumn, message_columns, record_columns
from athena.views import VIEW_NAMES

_MESSAGES: Final = "messages"
_AS_IT_IS: Final = "="
_COLUMN = re.compile(r"(\w+) +(=|[a-z]+(?:\(\d+,\d+\))?)(?: +(.*))?")
_PATH = re.compile(r"'\$\.(\w+)'")


@dataclass(frozen=True, slots=True)
class View:
    """One view. `tables` are those that it reads, by their names in the lake; `sql` is its query without the comment."""

    name: str
    purpose: str
    reads: str
    example: str
    columns: tuple[TableColumn, ...]
    tables: frozenset[str]
    sql: str

    @property
    def is_pruned(self) -> bool:
        """Say whether a condition on `dt` leaves out the partitions that it does not hold for, also of messages."""
        return self.reads.startswith("Reads only")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A view that the lake's table spec does not allow, and why."""

    name: str
    why: str


@cache
def _files() -> tuple[View, ...]:
    """Return all views as their files have them: over ChatMessages, in a table called messages."""
    return tuple(_read(name, (files(__package__) / f"{name}.sql").read_text(encoding="utf-8")) for name in sorted(VIEW_NAMES))


def _read(name: str, text: str) -> View:
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    purpose, about, columns = (part.split("\n") for part in "\n".join(line[2:].removeprefix(" ") for line in lines[:start]).split("\n\n"))
    sql = "\n".join(lines[start:]) + "\n"
    names = {table.name for table in parse_one(sql, read="athena").find_all(exp.Table)}
    return View(
        name=name,
        purpose=" ".join(purpose),
        reads=" ".join(line for line in about if not line.startswith("Example: ")),
        example=next(line.removeprefix("Example: ") for line in about if line.startswith("Example: ")),
        columns=tuple(_column(name, line) for line in columns),
        tables=frozenset(names & {_MESSAGES, *RECORDS}),
        sql=sql,
    )


def _column(view: str, line: str) -> TableColumn:
    match = _COLUMN.fullmatch(line)
    if match is None:
        message = f"the comment of the view {view} has {line!r} among its columns; write a name, a type or =, and what it means"
        raise InputError(message)
    return TableColumn(match[1], match[2], match[3] or "")


@cache
def views_of(spec: TableSpec, table: str) -> tuple[tuple[View, ...], tuple[LeftOut, ...]]:
    """Return the views over a lake whose messages table is called `table`, and those that its spec lacks columns for."""
    fitting, left_out = [], []
    for view in _files():
        missing = sorted(_missing(view, spec))
        if missing:
            left_out.append(LeftOut(view.name, f"the table spec has no {', '.join(missing)}"))
        else:
            fitting.append(_fitted(view, spec, table))
    return tuple(fitting), tuple(left_out)


def _missing(view: View, spec: TableSpec) -> Iterator[str]:
    """Name what a view needs of ChatMessages and a spec does not have: columns, their types, and the attributes they hold."""
    if _MESSAGES not in view.tables:
        return
    there = {column.name: column for column in spec.columns}
    named = {column.name for column in parse_one(view.sql, read="athena").find_all(exp.Column)}
    passed_on = {column.name for column in view.columns if column.type == _AS_IT_IS}
    attributes = set(_PATH.findall(view.sql))
    for column in CHAT_MESSAGES.columns:
        ours = there.get(column.name)
        if column.name in named and (ours is None or (ours.type != column.type and column.name not in passed_on)):
            yield f"column {column.name} of type {column.type}"
        elif column.attribute in attributes and ours is not None and ours.attribute != column.attribute:
            yield f"attribute {column.attribute} in the column {column.name}"


def _fitted(view: View, spec: TableSpec, table: str) -> View:
    sources = {column.name: column for name in view.tables for column in _columns_of(name, spec)}
    columns = tuple(sources[column.name] if column.type == _AS_IT_IS else column for column in view.columns)
    if table == _MESSAGES or _MESSAGES not in view.tables:
        return replace(view, columns=columns)
    tables = view.tables - {_MESSAGES} | {table}
    return replace(view, columns=columns, tables=tables, sql=_renamed(view.sql, table), example=view.example)


def _columns_of(table: str, spec: TableSpec) -> tuple[TableColumn, ...]:
    return message_columns(spec) if table == _MESSAGES else record_columns(RECORDS[table])


def _renamed(sql: str, table: str) -> str:
    """Return the query over another messages table, otherwise to the letter as it was."""
    tokens = tokenize(sql, read="trino")
    for before, token in reversed([*pairwise(tokens)]):
        if before.token_type in (TokenType.FROM, TokenType.JOIN) and token.text == _MESSAGES:
            sql = sql[: token.start] + table + sql[token.end + 1 :]
    return sql
