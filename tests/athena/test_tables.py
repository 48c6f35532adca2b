"""The Glue tables are what archive/ writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archive.codec.fit import row_schema
from archive.engine.batch_result import BatchResult
from archive.engine.consumed import Consumed
from archive.engine.history import record_of, with_what_is_left
from archive.errors import InputError
from archive.governor import Figures
from archive.lake.purge_records import Done, Intent
from archive.model.config import Config, Lake, Limits, Policy, Roles, Source
from archive.model.keys import LakeKeys
from archive.model.prices import US_EAST_1
from archive.model.receipt import Receipt
from archive.model.spec import CHAT_MESSAGES
from archive.restore.run import RestoreResult
from archive.restore.run import record as restore_record
from athena.columns import PURGES, RECEIPTS, RECORDS, RUNS, TableColumn
from athena.config import AthenaConfig, Catalog
from athena.objects import records_schema
from athena.tables import Since, Table, lake_tables, messages_table, records_table

Golden = Callable[[str, str], None]
MESSAGES = "s3://lake/chat/messages/"
NOW = datetime(2024, 6, 1, 3, tzinfo=UTC)


def _text(table: Table) -> str:
    return json.dumps(table.glue_input(), indent=2, sort_keys=True) + "\n"


def test_messages_table_by_day(golden: Golden) -> None:
    """The definition of the messages table is the reviewed one."""
    golden("athena/messages_by_day.json", _text(messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 3, 10), "day")))


def test_messages_table_by_month(golden: Golden) -> None:
    """With months the interval is a month, and the range begins on a first day."""
    golden("athena/messages_by_month.json", _text(messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 3, 10), "month")))


@pytest.mark.parametrize("name", RECORDS)
def test_tables_of_records(golden: Golden, name: str) -> None:
    """The definitions of the tables of receipts, purges and runs are the reviewed ones."""
    golden(f"athena/{name}_by_day.json", _text(records_table(RECORDS[name], f"s3://lake/chat/{name}/", date(2015, 3, 10), "day")))


def test_message_columns_are_those_of_the_files() -> None:
    """The columns and their order equal the rows' schema in the lake."""
    table = messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 1, 1), "day")
    assert [column.name for column in table.columns] == row_schema(CHAT_MESSAGES).names


_KINDS = {"int": "bigint", "str": "string", "str | None": "string", "list[str]": "array<string>", "Ranges": "array<array<bigint>>"}


def _as_columns(record: type) -> list[tuple[str, str]]:
    """Return the fields of a record as archive/ writes them, with the types that Athena has for them."""
    return [(field.name, _KINDS[str(field.type)]) for field in fields(record)]


def _in_json(columns: tuple[TableColumn, ...]) -> list[tuple[str, str]]:
    return [(column.json_name, column.type) for column in columns]


def test_receipt_columns_are_the_fields_of_a_receipt() -> None:
    """The receipts table has every field that archive/ writes, in its order: numbers as bigint, texts as string."""
    assert _in_json(RECEIPTS.columns) == _as_columns(Receipt)


def test_purge_columns_are_the_fields_of_intents_and_outcomes() -> None:
    """One table has the fields of both kinds of purge records; what one kind lacks is null there."""
    assert set(_in_json(PURGES.columns)) == {*_as_columns(Intent), *_as_columns(Done)}


def test_run_columns_are_the_fields_of_run_records() -> None:
    """One table reads the records of all runs: restores have other fields than those that archive."""
    nothing = SimpleNamespace(window=None, command="nightly", purge="keep", holds=(), modules=(), named=None)
    nothing.rows, nothing.reads, nothing.prices, nothing.cost = 5, 1.5, US_EAST_1, SimpleNamespace(read_units=2, write_units=8)
    consumed = Consumed(Figures(1.5, 3, 2.5, 4, 5.5, 6), 7)
    plan: Any = nothing
    facts: Any = SimpleNamespace(items=1, bytes=2, sizes={})
    archived = with_what_is_left(record_of("run-1", plan, BatchResult(), "done", (NOW, NOW, 5.5), consumed), 3, facts).values
    kinds = dict(_in_json(RUNS.columns))
    assert set(archived) | _fields_of_a_restore() == set(kinds)
    numbers = {name: type(value) for name, value in archived.items() if isinstance(value, int | float)}
    assert {name: kinds[name] for name in numbers} == {name: "bigint" if kind is int else "double" for name, kind in numbers.items()}


def _fields_of_a_restore() -> set[str]:
    """Return the fields of the record that a restore stores; nothing is restored here."""
    stored: list[bytes] = []
    governor = SimpleNamespace(figures=Figures)
    lake = SimpleNamespace(requests=1, keys=LakeKeys.below(""), store=SimpleNamespace(put=lambda _key, data, _match: stored.append(data)))
    config = SimpleNamespace(policy=SimpleNamespace(purge="keep"))
    around: Any = SimpleNamespace(lake=lake, run="run-1", config=config, now=NOW, governor=governor)
    plan: Any = SimpleNamespace(window=None, target=None, request=SimpleNamespace(what="all"))
    restore_record(plan, RestoreResult(), around, NOW)
    return set(json.loads(stored[0]))


def test_lake_tables_lie_over_the_configured_lake() -> None:
    """Bucket, prefix and partition come from the settings; the range begins with the partition of the given day."""
    config = Config(
        Source("ChatMessages", "ModuleAnalyticsIndex", None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES),
        Lake("lake", "/chat/", "month", "month", Path("spool"), 1),
        Policy(1, "keep", 3, 0, "ttl", "single", single_writer=False, late_rows=1, late_days=1, backup_before_first_purge=False),
        Limits(1, 1, 1, 1, 1),
        Roles(None, None),
    )
    tables = lake_tables(config, "chat_messages", Since(messages=date(2019, 5, 17), runs=date(2024, 2, 3)))
    assert [(table.name, table.location) for table in tables] == [
        ("chat_messages", "s3://lake/chat/messages/"),
        *((name, f"s3://lake/chat/{name}/") for name in ("receipts", "purges", "runs")),
    ]
    ranges = [dict(table.parameters)["projection.dt.range"] for table in tables]
    assert ranges == [*3 * ["2019-05-01,NOW"], "2024-02-03,NOW"]
    assert dict(tables[-1].parameters)["projection.dt.interval.unit"] == "DAYS"


@pytest.mark.parametrize("name", RECORDS)
def test_record_fields_are_the_columns_that_duckdb_gets(name: str) -> None:
    """Both engines have the same columns for records, in the same order."""
    catalog = Catalog("lake", CHAT_MESSAGES, AthenaConfig("dynalake"))
    assert records_schema(RECORDS[name]).names == [column.name for column in catalog.tables[name]]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"database": "Lake"}, "database"),
        ({"database": "lake", "table": "chat-messages"}, "table"),
        ({"database": "lake", "table": "runs"}, "runs"),
        ({"database": "lake", "table": "conversations"}, "conversations"),
        ({"database": "lake", "output": "lake/results"}, "output"),
        ({"database": "lake", "reuse_minutes": 10_081}, "reuse_minutes"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str | int], names: str) -> None:
    """A setting that Glue or Athena would reject is refused with its name."""
    with pytest.raises(InputError, match=names):
        AthenaConfig(**settings)  # type: ignore[arg-type]
