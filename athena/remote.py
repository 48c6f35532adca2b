"""Answers a question in Athena itself: starts it, waits, cancels it when interrupted, fetches the result.

boto3, not awswrangler: awswrangler answers with pandas, which knows no 38-digit decimals and mixes up NULL and an empty text in the CSV
that it reads. GetQueryResults keeps these apart, names each column's type, and works where Athena manages the results' place itself
(https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html). It gives 1,000 rows a call: good for answers, not
for exporting millions of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from archive.errors import InputError, ServiceError, StoppedError, TransientServiceError
from athena.config import AthenaConfig, Catalog
from athena.faults import translated
from athena.gate import check_question
from athena.results import to_table

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

_ROWS_A_PAGE: Final = 1_000
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
_USER_ERROR: Final = 2  # AthenaError.ErrorCategory: 1 system, 2 user, 3 other


def ask(sql: str, catalog: Catalog, athena: AthenaClient, sleep: Callable[[float], None]) -> pa.Table:
    """Return the answer to one question. `sleep` waits so many seconds between two looks.

    Raises InputError for what is not one read-only query and for what Athena calls the asker's mistake, StoppedError where somebody
    cancelled it, ServiceError for the rest. An interruption (KeyboardInterrupt) cancels the query, so that it costs nothing more.
    """
    config = catalog.config
    started = _start(athena, check_question(sql), config)
    try:
        _wait(athena, started, catalog, sleep)
        return _fetch(athena, started)
    except KeyboardInterrupt:
        with translated("athena:StopQueryExecution", config.workgroup):
            athena.stop_query_execution(QueryExecutionId=started)
        raise


def _start(athena: AthenaClient, sql: str, config: AthenaConfig) -> str:
    options: dict[str, Any] = {}
    if config.output:
        options["ResultConfiguration"] = {"OutputLocation": config.output}
    if config.reuse_minutes:
        options["ResultReuseConfiguration"] = {
            "ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": config.reuse_minutes},
        }
    with translated("athena:StartQueryExecution", f"workgroup {config.workgroup}"):
        answer = athena.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": config.database}, WorkGroup=config.workgroup, **options
        )
    return answer["QueryExecutionId"]


def _wait(athena: AthenaClient, started: str, catalog: Catalog, sleep: Callable[[float], None]) -> None:
    pause = _FIRST_PAUSE
    while True:
        with translated("athena:GetQueryExecution", f"workgroup {catalog.config.workgroup}"):
            status: Any = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"].get("Status", {})
        state = status.get("State")
        if state == "SUCCEEDED":
            return
        if state == "CANCELLED":
            message = f"the question was cancelled in Athena ({status.get('StateChangeReason', 'no reason given')})"
            raise StoppedError(message)
        if state == "FAILED":
            raise _failure(status, catalog)
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _failure(status: dict[str, Any], catalog: Catalog) -> InputError | ServiceError:
    error = status.get("AthenaError", {})
    reason = status.get("StateChangeReason") or error.get("ErrorMessage") or "no reason given"
    if any(code in reason for code in ("COLUMN_NOT_FOUND", "TABLE_NOT_FOUND", "cannot be resolved")):
        return InputError(f"Athena refused the question: {reason}; {catalog.describe()}")
    if "SCHEMA_NOT_FOUND" in reason:
        return InputError(f"Athena refused the question: {reason}; register the lake's tables with a run, or correct [athena] database")
    if error.get("ErrorCategory") == _USER_ERROR:
        return InputError(f"Athena refused the question: {reason}")
    if error.get("Retryable"):
        return TransientServiceError(f"Athena failed for now: {reason}; run again later")
    return ServiceError(f"Athena failed: {reason}")


def _fetch(athena: AthenaClient, started: str) -> pa.Table:
    rows: list[Any] = []
    columns: Any = []
    token: str | None = None
    while True:
        more: Any = {"NextToken": token} if token else {}
        with translated("athena:GetQueryResults", "the result"):
            page: Any = athena.get_query_results(QueryExecutionId=started, MaxResults=_ROWS_A_PAGE, **more)
        columns = columns or page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
        found = [row.get("Data", []) for row in page["ResultSet"].get("Rows", [])]
        # The first row of the first page is not data: it repeats the columns' names.
        rows += found if token else found[1:]
        token = page.get("NextToken")
        if not token:
            return to_table(columns, rows)
