"""Answers a question in Athena itself: starts it, tells how it goes, cancels it when interrupted, reads the result.

boto3 and Arrow, not awswrangler, which answers with pandas (docs/adr/0019). The result is the CSV file that Athena puts where the
workgroup says; where Athena keeps results to itself (managed results), they come by GetQueryResults, 1,000 rows a call. CREATE TABLE AS
and UNLOAD are never used: an analyst who only reads may not, and only plain questions' answers are reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from archive.errors import InputError, ServiceError, StoppedError, TransientServiceError
from archive.model.prices import prices_of
from athena.access import Access, Answered, Progress, scan_dollars
from athena.config import AthenaConfig, Catalog
from athena.faults import translated
from athena.gate import check_question, count_marks
from athena.parameters import Parameter, athena_literal, require_as_many
from athena.results import read_csv, to_table

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_s3 import S3Client

_ROWS_A_PAGE: Final = 1_000
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
_USER_ERROR: Final = 2  # AthenaError.ErrorCategory: 1 system, 2 user, 3 other
_COLUMNS: Final = "; `dynalake views NAME` shows the columns of a table or view"
# What Athena's reasons have in them, and what to do then.
_ADVICE: Final = {
    "COLUMN_NOT_FOUND": _COLUMNS,
    "cannot be resolved": _COLUMNS,
    "SCHEMA_NOT_FOUND": "; run `dynalake setup athena`, or correct [athena] database",
    "Bytes scanned limit": "; this is the workgroup's limit: name fewer days of dt, or fewer columns",
    "VIEW_IS_STALE": "; run `dynalake setup athena`, which makes the views anew",
}


@dataclass(frozen=True, slots=True)
class Workgroup:
    """The clients that a question needs, and the settings it is asked with."""

    athena: AthenaClient
    s3: S3Client
    config: AthenaConfig

    @classmethod
    def of(cls, config: AthenaConfig, access: Access) -> Workgroup:
        """Make the clients."""
        session = access.opened()
        with translated("loading credentials", "the default credentials"):
            return cls(session.client("athena"), session.client("s3"), config)


def ask(sql: str, catalog: Catalog, workgroup: Workgroup, access: Access, parameters: Sequence[Parameter] = ()) -> pa.Table:
    """Return the answer to one question, whose question marks stand for the parameters in their order.

    Raises InputError for what is not one read-only query and for what Athena calls the asker's mistake, StoppedError where somebody
    cancelled it, ServiceError for the rest. An interruption (KeyboardInterrupt) cancels the query, so that it costs nothing more.
    """
    question = check_question(sql)
    require_as_many(count_marks(question), len(parameters))
    options: dict[str, Any] = {}
    if parameters:
        options["ExecutionParameters"] = [athena_literal(value) for value in parameters]
    if workgroup.config.reuse_minutes:
        reuse = {"Enabled": True, "MaxAgeInMinutes": workgroup.config.reuse_minutes}
        options["ResultReuseConfiguration"] = {"ResultReuseByAgeConfiguration": reuse}
    started = start(workgroup, question, options)
    try:
        execution = wait(workgroup, started, access, catalog)
        answer = _fetch(workgroup, started, execution)
    except KeyboardInterrupt:
        with translated("athena:StopQueryExecution", workgroup.config.workgroup):
            workgroup.athena.stop_query_execution(QueryExecutionId=started)
        raise
    access.told(_answered(execution, workgroup))
    return answer


def start(workgroup: Workgroup, sql: str, options: dict[str, Any]) -> str:
    """Start one statement, and return its id."""
    config = workgroup.config
    if config.output:
        options = {**options, "ResultConfiguration": {"OutputLocation": config.output}}
    with translated("athena:StartQueryExecution", f"workgroup {config.workgroup}"):
        answer = workgroup.athena.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": config.database}, WorkGroup=config.workgroup, **options
        )
    return answer["QueryExecutionId"]


def wait(workgroup: Workgroup, started: str, access: Access, catalog: Catalog) -> dict[str, Any]:
    """Wait for a statement, and return its QueryExecution. Raises what `ask` raises."""
    pause = _FIRST_PAUSE
    while True:
        with translated("athena:GetQueryExecution", f"workgroup {workgroup.config.workgroup}"):
            execution: Any = workgroup.athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        status = execution.get("Status", {})
        state = status.get("State")
        if state == "SUCCEEDED":
            return dict(execution)
        if state == "CANCELLED":
            message = f"the question was cancelled in Athena ({status.get('StateChangeReason', 'no reason given')})"
            raise StoppedError(message)
        if state == "FAILED":
            raise _failure(status, catalog)
        access.told(Progress(str(state), _scanned(execution)))
        access.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _scanned(execution: dict[str, Any]) -> int:
    return int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def _answered(execution: dict[str, Any], workgroup: Workgroup) -> Answered:
    statistics, scanned = execution.get("Statistics", {}), _scanned(execution)
    return Answered(
        scanned=scanned,
        dollars=scan_dollars(scanned, prices_of(workgroup.athena.meta.region_name, workgroup.config.prices)),
        seconds=statistics.get("TotalExecutionTimeInMillis", 0) / 1000,
        reused=bool(statistics.get("ResultReuseInformation", {}).get("ReusedPreviousResult")),
    )


def _failure(status: dict[str, Any], catalog: Catalog) -> InputError | ServiceError:
    error = status.get("AthenaError", {})
    reason = status.get("StateChangeReason") or error.get("ErrorMessage") or "no reason given"
    if "TABLE_NOT_FOUND" in reason:
        name = reason.split("'")[1] if reason.count("'") > 1 else "of that name"
        return InputError(f"Athena refused the question: {catalog.no_table(name)}")
    advice = next((advice for mark, advice in _ADVICE.items() if mark in reason), "")
    if advice or error.get("ErrorCategory") == _USER_ERROR:
        return InputError(f"Athena refused the question: {reason}{advice}")
    if error.get("Retryable"):
        return TransientServiceError(f"Athena failed for now: {reason}; run again later")
    return ServiceError(f"Athena failed: {reason}")


def _fetch(workgroup: Workgroup, started: str, execution: dict[str, Any]) -> pa.Table:
    """Read the result: its columns' types come from Athena, its rows from the CSV file, or page by page where there is none."""
    location = str(execution.get("ResultConfiguration", {}).get("OutputLocation", ""))
    if not location.endswith(".csv"):
        return _paged(workgroup, started)
    columns = _page(workgroup, started, 1)["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
    bucket, _, key = location.removeprefix("s3://").partition("/")
    with translated("s3:GetObject", location):
        body = workgroup.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return read_csv(columns, body)
    except (pa.ArrowInvalid, ValueError) as error:
        message = f"the result {location} is not what Athena writes; ask again, and look who else writes there"
        raise ServiceError(message) from error


def _paged(workgroup: Workgroup, started: str) -> pa.Table:
    page = _page(workgroup, started, _ROWS_A_PAGE)
    columns = page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
    # The first row of the first page is not data: it repeats the columns' names.
    rows = _data(page)[1:]
    while token := page.get("NextToken"):
        page = _page(workgroup, started, _ROWS_A_PAGE, token)
        rows += _data(page)
    return to_table(columns, [[cell.get("VarCharValue") for cell in row] for row in rows])


def _data(page: dict[str, Any]) -> list[Any]:
    return [row.get("Data", []) for row in page["ResultSet"].get("Rows", [])]


def _page(workgroup: Workgroup, started: str, rows: int, token: str | None = None) -> dict[str, Any]:
    more: Any = {"NextToken": token} if token else {}
    with translated("athena:GetQueryResults", "the result"):
        return dict(workgroup.athena.get_query_results(QueryExecutionId=started, MaxResults=rows, **more))
