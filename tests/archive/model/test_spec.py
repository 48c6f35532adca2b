"""The table spec: what could not be stored, registered or found again is refused at the start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.errors import InputError
from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec

_STRING = ColumnType("string")


def _with(*columns: Column) -> TableSpec:
    return replace(CHAT_MESSAGES, columns=(*CHAT_MESSAGES.columns, *columns))


def test_the_keys_columns_are_found_by_their_attributes() -> None:
    """Code asks for columns; only the spec knows attributes."""
    spec = CHAT_MESSAGES
    assert (spec.partition_column, spec.time_column, spec.module_column) == ("conversation_id", "sent_at", "module_id")
    assert len(spec.attributes) == len(spec.columns) == len(set(spec.attributes))
    assert spec.column("costUsd").type == ColumnType("decimal", 18, 9)


@pytest.mark.parametrize("name", ["Upper", "a-b", "1st", "_mark", "a b", "", "é", "a" * 256])
def test_a_column_name_that_glue_would_change_is_refused(name: str) -> None:
    """Glue lower-cases names."""
    with pytest.raises(InputError, match="lower-case"):
        _with(Column("x", name, _STRING))


@pytest.mark.parametrize("name", ["remainder", "dt", "content"])
def test_a_column_name_that_is_taken_is_refused(name: str) -> None:
    """By another attribute, or by the lake itself."""
    with pytest.raises(InputError, match="two attributes map"):
        _with(Column("x", name, _STRING))


def test_an_attribute_that_is_mapped_twice_is_refused() -> None:
    """One of the two columns would stay empty."""
    with pytest.raises(InputError, match="mapped twice"):
        _with(Column("content", "text", _STRING))


@pytest.mark.parametrize(
    "keys", [("x", "timestamp", "moduleId"), ("conversationId", "x", "moduleId"), ("conversationId", "timestamp", "x")]
)
def test_a_key_without_a_column_is_refused(keys: tuple[str, str, str]) -> None:
    """Rows are sorted and found by them."""
    with pytest.raises(InputError, match="has no column"):
        TableSpec(*keys, columns=CHAT_MESSAGES.columns)


def test_a_time_that_is_no_timestamp_is_refused() -> None:
    """Segments are cut by it."""
    with pytest.raises(InputError, match="type timestamp"):
        replace(CHAT_MESSAGES, time_key="inputTokens")


def test_a_bloom_filter_for_no_column_is_refused() -> None:
    """It would fail when the first segment is written."""
    with pytest.raises(InputError, match="bloom"):
        replace(CHAT_MESSAGES, bloom_columns=("conversationId",))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("string", "string"), (" INT64 ", "int64"), ("decimal(18, 9)", "decimal(18,9)"), ("decimal(38,38)", "decimal(38,38)")],
)
def test_a_type_is_shown_so_that_it_is_read_back(text: str, shown: str) -> None:
    """archive.json keeps the text form."""
    assert str(ColumnType.parse(text)) == shown
    assert ColumnType.parse(shown) == ColumnType.parse(text)


@pytest.mark.parametrize("text", ["", "float", "decimal", "decimal(39,0)", "decimal(0,0)", "decimal(5,6)", "decimal(5)"])
def test_a_type_there_is_not_is_refused(text: str) -> None:
    """The message lists those there are."""
    with pytest.raises(InputError, match="use string, int64"):
        ColumnType.parse(text)
