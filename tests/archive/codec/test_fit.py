"""Typed columns hold a value exactly or not at all, whatever Arrow's own casts would make of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.fit import MARK, NumberColumn, arrow_type, fit, fit_number, row_schema, spool_schema
from archive.errors import ProofError
from archive.model.spec import CHAT_MESSAGES, ColumnType
from tests.dynamo_items import FIRST_MS, LAST_MS, Value, numbers

INT64 = ColumnType("int64")
TIMESTAMP = ColumnType("timestamp")
MONEY = ColumnType("decimal", 18, 9)
KINDS = [INT64, TIMESTAMP, MONEY, ColumnType("decimal", 38, 0), ColumnType("decimal", 38, 38), ColumnType("decimal", 3, 2)]


def cast(kind: ColumnType, *texts: str | None) -> tuple[list[Any], dict[int, str]]:
    """Return a number column's values (timestamps as milliseconds), and what it does not hold as a whole."""
    array, left_over = NumberColumn(kind).cast(list(texts))
    assert array.type == arrow_type(kind)
    return (array.cast(pa.int64()) if kind is TIMESTAMP else array).to_pylist(), left_over


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.0", 0),
        ("7", 7),
        ("007", 7),
        ("+7", 7),
        ("7.0", 7),
        ("1E3", 1000),
        ("-1e18", -(10**18)),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9007199254740993", 2**53 + 1),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("18446744073709551616", None),
        ("7.5", None),
        ("1E-130", None),
        ("9.9E+125", None),
        ("9" * 38, None),
        ("1" * 19, int("1" * 19)),
        ("9" * 19, None),
    ],
)
def test_an_int64_column_holds_whole_numbers_of_64_bits(text: str, value: int | None) -> None:
    """However they are spelled; any other number is left to the remainder with its own digits."""
    assert cast(INT64, text) == ([value], {} if value is not None else {0: text})


@pytest.mark.parametrize("kind", KINDS, ids=map(str, KINDS))
@pytest.mark.parametrize("text", ["0x1F", "", "x", "NaN", "Infinity", "1.2.3", "12\nx", "-", "1-2", "--1", "5-"])
def test_what_is_no_number_is_refused(kind: ColumnType, text: str) -> None:
    """Arrow would cast 0x1F to 31."""
    with pytest.raises(ProofError, match="attribute of type N"):
        cast(kind, "5", text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (MONEY, "0.000431", "0.000431"),
        (MONEY, "-0.00", "0"),
        (MONEY, "1E-9", "0.000000001"),
        (MONEY, "1E-10", None),
        (MONEY, "999999999.999999999", "999999999.999999999"),
        (MONEY, "1000000000", None),
        (MONEY, "1E8", "100000000"),
        (MONEY, "1E9", None),
        (MONEY, "999999999.9999999990", "999999999.999999999"),
        (MONEY, "999999999.9999999999", None),
        (ColumnType("decimal", 38, 0), "9" * 38, "9" * 38),
        (ColumnType("decimal", 38, 0), "1" + "0" * 38, None),
        (ColumnType("decimal", 38, 0), "1" + "0" * 39, None),
        (ColumnType("decimal", 38, 0), "0.5", None),
        (ColumnType("decimal", 38, 38), "0." + "9" * 38, "0." + "9" * 38),
        (ColumnType("decimal", 38, 38), "1", None),
        (ColumnType("decimal", 38, 38), "0", "0"),
        (ColumnType("decimal", 3, 2), "9.99", "9.99"),
        (ColumnType("decimal", 3, 2), "10", None),
        (ColumnType("decimal", 3, 2), "9.999", None),
    ],
)
def test_a_decimal_column_holds_what_its_digits_can(kind: ColumnType, text: str, value: str | None) -> None:
    """Arrow's cast would overflow silently: one digit too many gives another number."""
    expected = None if value is None else Decimal(value)
    assert cast(kind, text) == ([expected], {} if value is not None else {0: text})


@pytest.mark.parametrize(
    ("text", "value", "whole"),
    [
        ("0", 0, True),
        ("1705276800000", 1705276800000, True),
        ("1.7052768E12", 1705276800000, True),
        ("1705276800000.999", 1705276800000, False),
        ("-0.1", -1, False),
        ("-1", -1, True),
        (str(LAST_MS), LAST_MS, True),
        (f"{LAST_MS}.9", LAST_MS, False),
        (str(LAST_MS + 1), None, False),
        (str(FIRST_MS), FIRST_MS, True),
        (str(FIRST_MS - 1), None, False),
        (f"{FIRST_MS}.5", None, False),
        ("99999999999999", 99_999_999_999_999, True),
        ("999999999999999", None, False),
        ("1E20", None, False),
        ("1E21", None, False),
        ("1E125", None, False),
    ],
)
def test_a_timestamp_column_holds_the_years_1_to_9999(text: str, value: int | None, whole: bool) -> None:  # noqa: FBT001 - expected
    """Floored to the millisecond; what is finer or farther keeps its own digits elsewhere."""
    assert cast(TIMESTAMP, text) == ([value], {} if whole else {0: text})


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.none() | numbers, max_size=4))
def test_a_column_holds_a_number_exactly_or_leaves_it_over(kind: ColumnType, texts: list[str | None]) -> None:
    """For any numbers and any column, alone or together; of times, the floor may stand beside what is left over."""
    values, left_over = cast(kind, *texts)
    for position, (text, value) in enumerate(zip(texts, values, strict=True)):
        if text is None:
            assert value is None
        elif position in left_over:
            assert left_over[position] == text
            assert value is None or (kind is TIMESTAMP and value < Decimal(text) < value + 1)
        else:
            assert Decimal(value) == Decimal(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KINDS), numbers)
def test_a_trusted_cast_and_a_judged_one_agree(kind: ColumnType, text: str) -> None:
    """What Arrow is trusted with comes out as the exact judgement would have it."""
    fitted, whole = fit_number(kind, text)
    array, left_over = NumberColumn(kind).cast([text])
    again, _ = NumberColumn(kind).cast([fitted])
    assert array.equals(again)
    assert left_over == ({} if whole else {0: text})


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        ("string", {"S": ""}, ("", True)),
        ("string", {"N": "1"}, (None, False)),
        ("boolean", {"BOOL": False}, (False, True)),
        ("boolean", {"S": "true"}, (None, False)),
        ("int64", {"S": "1"}, (None, False)),
        ("int64", {"N": "1.0"}, ("1", True)),
        ("int64", {"NULL": True}, (None, False)),
        ("int64", {"NS": ["1"]}, (None, False)),
        ("timestamp", {"N": "0.5"}, ("0", False)),
    ],
)
def test_a_column_holds_one_type_only(kind: str, value: Value, fitted: tuple[Any, bool]) -> None:
    """A value of another type is never turned into the column's."""
    assert fit(ColumnType(kind), value) == fitted


def test_the_schemas_follow_the_spec() -> None:
    """Columns in the spec's order, the remainder; and in the spool the mark, which the lake never gets."""
    schema = row_schema(CHAT_MESSAGES)
    assert schema.names == [*(column.name for column in CHAT_MESSAGES.columns), "remainder"]
    assert schema.field("sent_at").type == pa.timestamp("ms")
    assert schema.field("cost_usd").type == pa.decimal128(18, 9)
    assert spool_schema(CHAT_MESSAGES).names == [*schema.names, MARK]
