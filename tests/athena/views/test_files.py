"""Each view's file says what is true of it, and is Athena's SQL by the judgement of two parsers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlglot import exp, parse_one

from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec
from athena import local
from athena.config import AthenaConfig, Catalog
from athena.objects import LakeObjects
from athena.views import VIEW_NAMES
from athena.views.view import View, views_of
from tests.athena.views.grammar import Grammar

VIEWS = {view.name: view for view in views_of(CHAT_MESSAGES, "messages")[0]}
_ARROW = {
    "bigint": "int64",
    "boolean": "bool",
    "date": "date32[day]",
    "double": "double",
    "string": "string",
    "timestamp": "timestamp[ms]",
}

each_view = pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))


@each_view
def test_the_columns_are_those_that_the_file_tells(view: View, catalog: Catalog) -> None:
    """Names, order and types: `dt`, a date, comes first."""
    schema = local.ask(f"SELECT * FROM {view.name} LIMIT 0", catalog, LakeObjects.at(catalog.location, None, {})).schema
    expected = [
        (column.name, _ARROW.get(column.type, column.type.replace("decimal(", "decimal128(").replace(",", ", "))) for column in view.columns
    ]
    assert [(field.name, str(field.type)) for field in schema] == expected
    assert expected[0] == ("dt", "date32[day]")
    assert all(column.comment for column in view.columns)


@each_view
def test_sqlglot_reads_the_query(view: View) -> None:
    """As Athena's dialect, and the names of its columns are those of the file."""
    tree = parse_one(view.sql, read="athena")
    assert isinstance(tree, exp.Query)
    assert tree.named_selects == [column.name for column in view.columns]


@each_view
def test_trinos_own_grammar_accepts_it(view: View, grammar: Grammar) -> None:
    """As a query, in the statement that makes the view, and with its example."""
    assert grammar([view.sql, f'CREATE OR REPLACE VIEW "dynalake"."{view.name}" AS\n{view.sql}', view.example]) == [[], [], []]


def test_trinos_grammar_refuses_what_sqlglot_lets_through(grammar: Grammar) -> None:
    """The second judge is stricter than the first."""
    foreign = ["SELECT a::int FROM t", "SELECT * EXCLUDE (a) FROM t", "FROM t", "SELECT a FROM t LIMIT 1 OFFSET 1"]
    assert all(grammar(foreign))
    assert all(parse_one(sql, read="athena") for sql in foreign)


@each_view
def test_the_example_is_answered(view: View, catalog: Catalog) -> None:
    """What the file shows can be asked as it stands, and names the view."""
    assert view.name in {table.name for table in parse_one(view.example, read="athena").find_all(exp.Table)}
    local.ask(view.example, catalog, LakeObjects.at(catalog.location, None, {}))


@each_view
def test_beside_every_sum_stands_what_is_not_in_it(view: View) -> None:
    """A message whose value did not fit the column is counted, for each column of the messages that is summed up."""
    names = {column.name for column in view.columns}
    summed = {
        select.alias
        for query in parse_one(view.sql, read="athena").find_all(exp.Select)
        for select in query.selects
        if select.find(exp.Sum)
        and select.find(exp.Column)
        and view.tables & {"messages"}
        and select.alias.startswith(("input_", "output_", "cost_"))
    }
    assert {f"{name}_in_remainder" for name in summed} <= names
    assert view.name not in ("modules_daily", "students_activity", "providers_monthly") or summed


@pytest.mark.parametrize("name", ["students_seen", "providers_month_over_month", "archive_coverage", "archive_gaps", "archive_freshness"])
def test_what_is_only_known_up_to_a_time_tells_it(name: str) -> None:
    """Last seen, inactive, this month, coverage: as of complete_through, which is a column."""
    assert "complete_through" in {column.name for column in VIEWS[name].columns}


def test_types_and_comments_of_columns_that_are_passed_on_are_the_specs() -> None:
    """The table spec is their one source: another comment or type there is another one in the views."""
    changed = tuple(
        replace(column, comment="Lesson", type=ColumnType("string")) if column.name == "module_id" else column
        for column in CHAT_MESSAGES.columns
    )
    spec = TableSpec("conversationId", "timestamp", "moduleId", changed)
    view = next(view for view in views_of(spec, "messages")[0] if view.name == "modules_daily")
    assert [(column.type, column.comment) for column in view.columns if column.name == "module_id"] == [("string", "Lesson")]


def test_another_table_lacks_the_views_that_need_its_columns() -> None:
    """They are named with what is missing; what needs nothing of the kind is there."""
    columns = (
        Column("room", "conversation_id", ColumnType("string")),
        Column("at", "sent_at", ColumnType("timestamp")),
        Column("course", "module_id", ColumnType("string")),
        Column("price", "cost_usd", ColumnType("decimal", 18, 9)),
    )
    fitting, left_out = views_of(TableSpec("room", "at", "course", columns), "messages")
    assert {view.name for view in fitting} | {view.name for view in left_out} == VIEW_NAMES
    assert {view.name for view in fitting} == {
        "archive_coverage",
        "archive_drift",
        "archive_freshness",
        "archive_gaps",
        "archive_growth",
        "archive_purges",
    }
    reasons = {view.name: view.why for view in left_out}
    assert "student_id" in reasons["students_seen"]
    assert "attribute costUsd in the column cost_usd" in reasons["module_provider_costs"]


def test_a_messages_table_of_another_name() -> None:
    """Only the table's name is changed, wherever it is read from; the query is otherwise to the letter the same."""
    for view in views_of(CHAT_MESSAGES, "chat")[0]:
        original = VIEWS[view.name]
        read = {table.name for table in parse_one(view.sql, read="athena").find_all(exp.Table)}
        assert "messages" not in read
        assert view.sql.replace("FROM chat", "FROM messages") == original.sql
        assert ("chat" in view.tables) == ("messages" in original.tables)


def test_views_over_a_messages_table_of_another_name_answer(catalog: Catalog) -> None:
    """Locally too."""
    renamed = Catalog(catalog.location, CHAT_MESSAGES, AthenaConfig("school", "chat"))
    objects = LakeObjects.at(catalog.location, None, {})
    sql = "SELECT * FROM modules_monthly WHERE dt = DATE '2024-03-01' ORDER BY module_id"
    assert local.ask(sql, renamed, objects).equals(local.ask(sql, catalog, objects))
