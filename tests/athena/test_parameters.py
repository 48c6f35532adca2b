"""Values for question marks are bound, by both engines, and have the types that they look like."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from archive.errors import InputError
from athena import local
from athena.config import Catalog
from athena.objects import LakeObjects
from athena.parameters import Parameter, athena_literal, parse_parameter


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("205", 205),
        ("-1", -1),
        ("0.50", Decimal("0.50")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("2024-01-31", date(2024, 1, 31)),
        ("2024-01-31T12:30", datetime(2024, 1, 31, 12, 30)),  # noqa: DTZ001 - as the lake has it
        ("2024-01-31 12:30:00+01:00", datetime(2024, 1, 31, 11, 30)),  # noqa: DTZ001
        ("2024-02-31", "2024-02-31"),
        ("openai", "openai"),
        ("text:205", "205"),
        ("text:text:", "text:"),
        ("", ""),
        ("1e5", "1e5"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_what_is_written_is_what_it_looks_like(text: str, value: Parameter) -> None:
    """And a text where it looks like nothing else, or is said to be one."""
    found = parse_parameter(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (-5, "-5"),
        (Decimal("1E-9"), "DECIMAL '0.000000001'"),
        (date(2024, 1, 31), "DATE '2024-01-31'"),
        (datetime(2024, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))), "TIMESTAMP '2024-01-31 11:00:00.000'"),
        ("it's", "'it''s'"),
        ("x' OR '1' = '1", "'x'' OR ''1'' = ''1'"),
    ],
)
def test_athena_gets_a_literal_of_its_type(value: Parameter, literal: str) -> None:
    """No value can end the literal that it stands in."""
    assert athena_literal(value) == literal


def _ask(catalog: Catalog, sql: str, *values: Parameter) -> list[tuple[Any, ...]]:
    table = local.ask(sql, catalog, LakeObjects.at(catalog.location, None, {}), values)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize(
    ("condition", "values", "rows"),
    [
        ("module_id = ?", [7], 2),
        ("dt >= ?", [date(2024, 2, 1)], 1),
        ("sent_at < ?", [datetime(2024, 1, 15, 12, tzinfo=UTC)], 1),
        ("cost_usd > ?", [Decimal("0.0005")], 2),
        ("content = ?", [""], 1),
        ("content = ?", ["x' OR '1' = '1"], 0),
        ("content = ?", [None], 0),
        ("module_id / ? = 3", [2], 2),
        ("greatest(module_id, ?) = 9 AND role = ?", [9, "assistant"], 1),
    ],
)
def test_a_value_is_compared_as_what_it_is(catalog: Catalog, condition: str, values: list[Parameter], rows: int) -> None:
    """Also where the translation uses a value twice, or divides by it."""
    assert _ask(catalog, f"SELECT count(*) FROM messages WHERE {condition}", *values) == [(rows,)]


def test_values_go_by_the_order_of_the_text(catalog: Catalog) -> None:
    """Not by that of a tree: here the last question mark stands in a subquery."""
    sql = """WITH m AS (SELECT module_id, role FROM messages WHERE module_id = ?)
             SELECT count(*) FROM m WHERE role = ? AND module_id IN (SELECT module_id FROM messages WHERE student_id = ?)"""
    assert _ask(catalog, sql, 8, "student", 2) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "values", "says"),
    [
        ("SELECT 1 FROM messages WHERE module_id = ?", [], "1 question mark, but 0 parameters"),
        ("SELECT 1 FROM messages WHERE content = '?'", [1], "0 question marks, but 1 parameters"),
        ("SELECT ? FROM messages WHERE module_id = ?", [1, 2], "in WHERE only"),
        ("SELECT 1 FROM messages WHERE module_id = ?", ["7"], "does not compare integer with text"),
        ("SELECT 1 FROM messages WHERE dt = ?", ["2024-01-31"], "DATE '2024-01-31'"),
    ],
)
def test_a_value_that_athena_would_refuse(catalog: Catalog, sql: str, values: list[Parameter], says: str) -> None:
    """One clear sentence, before anything is read."""
    with pytest.raises(InputError, match=says):
        _ask(catalog, sql, *values)
