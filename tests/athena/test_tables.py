"""The Glue tables are what archive/ writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from archive.codec.fit import row_schema
from archive.errors import InputError
from archive.model.config import Config, Lake, Limits, Policy, Roles, Source
from archive.model.receipt import Receipt
from archive.model.spec import CHAT_MESSAGES
from athena.config import AthenaConfig, Catalog
from athena.objects import LakeObjects
from athena.tables import RECEIPT_COLUMNS, Table, lake_tables, messages_table, receipts_table

Golden = Callable[[str, str], None]
MESSAGES = "s3://lake/chat/messages/"


def _text(table: Table) -> str:
    return json.dumps(table.glue_input(), indent=2, sort_keys=True) + "\n"


def test_messages_table_by_day(golden: Golden) -> None:
    """The definition of the messages table is the reviewed one."""
    golden("athena/messages_by_day.json", _text(messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 3, 10), "day")))


def test_messages_table_by_month(golden: Golden) -> None:
    """With months the interval is a month, and the range begins on a first day."""
    golden("athena/messages_by_month.json", _text(messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 3, 10), "month")))


def test_receipts_table(golden: Golden) -> None:
    """The definition of the receipts table is the reviewed one."""
    golden("athena/receipts_by_day.json", _text(receipts_table("s3://lake/chat/receipts/", date(2015, 3, 10), "day")))


def test_message_columns_are_those_of_the_files() -> None:
    """The columns and their order equal the rows' schema in the lake."""
    table = messages_table(CHAT_MESSAGES, MESSAGES, date(2015, 1, 1), "day")
    assert [column.name for column in table.columns] == row_schema(CHAT_MESSAGES).names


def test_receipt_columns_are_the_fields_of_a_receipt() -> None:
    """The receipts table has every field that archive/ writes, in its order: numbers as bigint, texts as string."""
    kinds = {"int": "bigint", "str": "string", "str | None": "string"}
    expected = [(field.name, kinds[str(field.type)]) for field in fields(Receipt)]
    assert [(column.name, column.type) for column in RECEIPT_COLUMNS] == expected


def test_lake_tables_lie_over_the_configured_lake() -> None:
    """Bucket, prefix and partition come from the settings; the range begins with the partition of the given day."""
    config = Config(
        Source("ChatMessages", "ModuleAnalyticsIndex", None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES),
        Lake("lake", "/chat/", "month", "month", Path("spool"), 1),
        Policy(1, "keep", 3, 0, "ttl", "single", single_writer=False, late_rows=1, late_days=1),
        Limits(1, 1, 1, 1, 1),
        Roles(None, None),
    )
    messages, receipts = lake_tables(config, "chat_messages", date(2019, 5, 17))
    assert (messages.name, messages.location) == ("chat_messages", "s3://lake/chat/messages/")
    assert (receipts.name, receipts.location) == ("receipts", "s3://lake/chat/receipts/")
    for table in (messages, receipts):
        assert dict(table.parameters)["projection.dt.range"] == "2019-05-01,NOW"


def test_receipt_fields_are_the_columns_that_duckdb_gets(tmp_path: Path) -> None:
    """Both engines have the same columns for receipts, in the same order."""
    catalog = Catalog(str(tmp_path), CHAT_MESSAGES, AthenaConfig("dynalake"))
    read = LakeObjects.at(str(tmp_path), None, {}).receipts()
    assert read.column_names == [column.name for column in catalog.tables["receipts"]]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"database": "Lake"}, "database"),
        ({"database": "lake", "table": "chat-messages"}, "table"),
        ({"database": "lake", "table": "receipts"}, "receipts"),
        ({"database": "lake", "output": "lake/results"}, "output"),
        ({"database": "lake", "reuse_minutes": 10_081}, "reuse_minutes"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str | int], names: str) -> None:
    """A setting that Glue or Athena would reject is refused with its name."""
    with pytest.raises(InputError, match=names):
        AthenaConfig(**settings)  # type: ignore[arg-type]
