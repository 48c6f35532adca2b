"""Athena's last questions in a workgroup: what each read. Reads only; it needs no right to ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from athena.faults import translated

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

_MOST: Final = 50
"""So many are listed in one call, and looked at in another."""


@dataclass(frozen=True, slots=True)
class Recent:
    """One question: its id, its SQL, when it was asked, and the bytes that it read."""

    id: str
    sql: str
    asked_at: datetime
    scanned: int


def recent_questions(client: AthenaClient, workgroup: str) -> list[Recent]:
    """Return the last 50 questions at most, newest first."""
    with translated("athena:ListQueryExecutions", f"workgroup {workgroup}"):
        ids = client.list_query_executions(WorkGroup=workgroup, MaxResults=_MOST).get("QueryExecutionIds")
    if not ids:
        return []
    with translated("athena:BatchGetQueryExecution", f"workgroup {workgroup}"):
        found = client.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
    questions = [
        Recent(
            execution["QueryExecutionId"],
            execution.get("Query", ""),
            execution["Status"]["SubmissionDateTime"],
            execution.get("Statistics", {}).get("DataScannedInBytes", 0),
        )
        for execution in found
    ]
    return sorted(questions, key=lambda question: question.asked_at, reverse=True)
