"""Athena's last questions: what each read, and which of them named no days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from archive.errors import NotPermittedError
from archive.model.spec import CHAT_MESSAGES
from athena.advice import is_unpruned
from athena.config import AthenaConfig, Catalog
from athena.recent import Recent, recent_questions

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

CATALOG = Catalog("s3://lake/dynalake", CHAT_MESSAGES, AthenaConfig("dynalake"))
EARLY, LATE = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 2, tzinfo=UTC)


@pytest.fixture
def stubbed() -> Iterator[tuple[AthenaClient, Stubber]]:
    """A client whose answers are written down beforehand."""
    made = boto3.client("athena", region_name="us-east-1")
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


def test_the_last_questions_are_those_of_the_workgroup(stubbed: tuple[AthenaClient, Stubber]) -> None:
    """Newest first, however Athena orders them; one that failed has read nothing."""
    client, stubber = stubbed
    stubber.add_response("list_query_executions", {"QueryExecutionIds": ["a", "b"]}, {"WorkGroup": "wg", "MaxResults": 50})
    found: list[Any] = [
        {"QueryExecutionId": "a", "Query": "SELECT 1", "Status": {"SubmissionDateTime": EARLY}},
        {
            "QueryExecutionId": "b",
            "Query": "SELECT 2",
            "Status": {"SubmissionDateTime": LATE},
            "Statistics": {"DataScannedInBytes": 5},
        },
    ]
    stubber.add_response("batch_get_query_execution", {"QueryExecutions": found}, {"QueryExecutionIds": ["a", "b"]})
    assert recent_questions(client, "wg") == [Recent("b", "SELECT 2", LATE, 5), Recent("a", "SELECT 1", EARLY, 0)]


def test_where_nothing_was_asked_nothing_is_looked_up(stubbed: tuple[AthenaClient, Stubber]) -> None:
    """Athena refuses an empty list of ids."""
    client, stubber = stubbed
    stubber.add_response("list_query_executions", {})
    assert recent_questions(client, "wg") == []


def test_what_is_not_permitted_names_the_action(stubbed: tuple[AthenaClient, Stubber]) -> None:
    """As every other call's error does."""
    client, stubber = stubbed
    stubber.add_client_error("list_query_executions", "AccessDeniedException", http_status_code=400)
    with pytest.raises(NotPermittedError, match="athena:ListQueryExecutions on workgroup wg"):
        recent_questions(client, "wg")


@pytest.mark.parametrize(
    ("sql", "unpruned"),
    [
        ("SELECT count(*) FROM messages", True),
        ("SELECT * FROM messages WHERE sent_at > TIMESTAMP '2024-01-01 00:00:00'", True),
        ("SELECT * FROM dynalake.messages WHERE dt = DATE '2024-01-01'", False),
        ("SELECT * FROM modules_daily WHERE module_id = ?", True),
        ("SELECT * FROM modules_daily WHERE module_id = ? AND dt >= ?", False),
        ("SELECT * FROM receipts", False),
        ("SELECT 1", False),
        ("CREATE OR REPLACE VIEW v AS SELECT * FROM messages", False),
        ("no SQL at all", False),
    ],
)
def test_a_question_without_days_reads_them_all(sql: str, unpruned: bool) -> None:  # noqa: FBT001 - a row of the table
    """If it is of messages, or of a view that could leave days out."""
    assert is_unpruned(sql, CATALOG) is unpruned
