"""Athena itself is asked through its API, here answered by canned responses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from archive.errors import InputError, ServiceError, StoppedError, TransientServiceError
from archive.model.prices import US_EAST_1
from archive.model.spec import CHAT_MESSAGES
from athena import remote
from athena.access import Access, Answered, Event, Progress, scan_dollars
from athena.config import AthenaConfig, Catalog
from athena.parameters import Parameter
from athena.results import to_table

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

CATALOG = Catalog("s3://lake/chat", CHAT_MESSAGES, AthenaConfig("dynalake"))
ID = {"QueryExecutionId": "q-1"}
REUSE = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 15}}}
START = {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": "dynalake"}, "WorkGroup": "primary", **REUSE}


@pytest.fixture
def athena() -> AthenaClient:
    """An Athena client that is never sent anywhere."""
    return boto3.client("athena", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))


def _ask(
    athena: AthenaClient,
    sql: str = "SELECT 1",
    *parameters: Parameter,
    catalog: Catalog = CATALOG,
    access: Access = Access(sleep=lambda _: None),  # noqa: B008 - frozen
) -> pa.Table:
    s3 = boto3.client("s3", region_name="us-east-1")
    return remote.ask(sql, catalog, remote.Workgroup(athena, s3, catalog.config), access, parameters)


def _status(state: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of AWS's answer
    return {"QueryExecution": {"Status": {"State": state, **more}}}


def _page(*rows: tuple[str | None, ...], following: str | None = None) -> dict[str, Any]:
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    columns = [{"Name": "a", "Type": "varchar"}, {"Name": "n", "Type": "bigint"}]
    return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": columns}}, **({"NextToken": following} if following else {})}


def test_a_question_is_started_awaited_and_fetched(athena: AthenaClient) -> None:
    """All pages come back as one table; the header row is no data; NULL is not an empty text."""
    pauses: list[float] = []
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID, START)
        for state in ("QUEUED", "RUNNING", "SUCCEEDED"):
            stub.add_response("get_query_execution", _status(state), ID)
        stub.add_response("get_query_results", _page(("a", "n"), ("", "1"), (None, "2"), following="t"), {**ID, "MaxResults": 1000})
        stub.add_response("get_query_results", _page(("a", "3")), {**ID, "MaxResults": 1000, "NextToken": "t"})
        table = _ask(athena, "SELECT 1;", access=Access(sleep=pauses.append))
        stub.assert_no_pending_responses()
    assert table.to_pydict() == {"a": ["", None, "a"], "n": [1, 2, 3]}
    assert pauses == [0.25, 0.5]


def test_workgroup_output_and_reuse_are_used(athena: AthenaClient) -> None:
    """The settings reach StartQueryExecution."""
    config = AthenaConfig("school", workgroup="analysts", output="s3://results/athena/", reuse_minutes=60)
    expected = {
        **START,
        "QueryExecutionContext": {"Database": "school"},
        "WorkGroup": "analysts",
        "ResultConfiguration": {"OutputLocation": "s3://results/athena/"},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 60}},
    }
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID, expected)
        stub.add_response("get_query_execution", _status("SUCCEEDED"), ID)
        stub.add_response("get_query_results", _page(("a", "n")), {**ID, "MaxResults": 1000})
        assert _ask(athena, catalog=Catalog("s3://lake", CHAT_MESSAGES, config)).num_rows == 0
        stub.assert_no_pending_responses()


def test_no_reuse_where_it_is_switched_off(athena: AthenaClient) -> None:
    """With 0 minutes nothing is said of reuse."""
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID, {name: value for name, value in START.items() if name not in REUSE})
        stub.add_response("get_query_execution", _status("SUCCEEDED"), ID)
        stub.add_response("get_query_results", _page(("a", "n")), {**ID, "MaxResults": 1000})
        _ask(athena, catalog=Catalog("s3://lake", CHAT_MESSAGES, AthenaConfig("dynalake", reuse_minutes=0)))
        stub.assert_no_pending_responses()


def test_parameters_are_bound_and_not_pasted(athena: AthenaClient) -> None:
    """The question goes as it is, the values beside it, as literals of their types."""
    sql = "SELECT 1 FROM messages WHERE module_id = ? AND role = ? AND dt >= ?"
    expected = {**START, "QueryString": sql, "ExecutionParameters": ["205", "'it''s; DROP TABLE x --'", "DATE '2024-01-31'"]}
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID, expected)
        stub.add_response("get_query_execution", _status("SUCCEEDED"), ID)
        stub.add_response("get_query_results", _page(("a", "n")), {**ID, "MaxResults": 1000})
        _ask(athena, sql, 205, "it's; DROP TABLE x --", date(2024, 1, 31))
        stub.assert_no_pending_responses()


def test_too_few_parameters_are_refused_before_anything_is_sent(athena: AthenaClient) -> None:
    """Each question mark wants one value."""
    with Stubber(athena), pytest.raises(InputError, match="1 question mark, but 0"):
        _ask(athena, "SELECT '?' FROM messages WHERE module_id = ?")


def test_progress_and_price_are_told(athena: AthenaClient) -> None:
    """While it runs, what has been read; at the end, what was read in all, what that costs, and whether it was read at all."""
    told: list[Event] = []
    running, done = ({"DataScannedInBytes": read, "TotalExecutionTimeInMillis": 1500} for read in (5, 2**40))
    reused = {**done, "DataScannedInBytes": 0, "ResultReuseInformation": {"ReusedPreviousResult": True}}
    for statistics in (done, reused):
        with Stubber(athena) as stub:
            stub.add_response("start_query_execution", ID)
            for state, shown in (("RUNNING", running), ("SUCCEEDED", statistics)):
                answer = _status(state)
                answer["QueryExecution"]["Statistics"] = shown
                stub.add_response("get_query_execution", answer)
            stub.add_response("get_query_results", _page(("a", "n")))
            _ask(athena, access=Access(sleep=lambda _: None, told=told.append))
    assert told == [
        Progress("RUNNING", 5),
        Answered(2**40, Decimal(5), 1.5, reused=False),
        Progress("RUNNING", 5),
        Answered(0, Decimal(0), 1.5, reused=True),
    ]


@pytest.mark.parametrize(("scanned", "dollars"), [(0, 0), (1, 10), (10 * 2**20 + 1, 11), (2**40, 2**20)])
def test_a_price_is_by_whole_megabytes_and_at_least_ten(scanned: int, dollars: int) -> None:
    """As Athena's price list has it: five dollars a terabyte."""
    assert scan_dollars(scanned, US_EAST_1) * 2**20 / 5 == dollars


def test_an_interruption_cancels_the_query(athena: AthenaClient) -> None:
    """Ctrl-C stops the query in Athena, and is passed on."""

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID)
        stub.add_response("get_query_execution", _status("RUNNING"), ID)
        stub.add_response("stop_query_execution", {}, ID)
        with pytest.raises(KeyboardInterrupt):
            _ask(athena, access=Access(sleep=interrupted))
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (
            _status(
                "FAILED", StateChangeReason="COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", AthenaError={"ErrorCategory": 2}
            ),
            InputError,
            "Column 'x'.*`dynalake views NAME`",
        ),
        (
            _status("FAILED", StateChangeReason="TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.dynalake.x' does not exist"),
            InputError,
            "no table 'awsdatacatalog.dynalake.x'; tables are messages, receipts",
        ),
        (_status("FAILED", StateChangeReason="SCHEMA_NOT_FOUND: Schema 'x' does not exist"), InputError, "setup athena"),
        (_status("FAILED", StateChangeReason="Query exhausted: Bytes scanned limit was exceeded"), InputError, "fewer days of dt"),
        (_status("FAILED", StateChangeReason="VIEW_IS_STALE: line 1:15: View is stale"), InputError, "setup athena"),
        (_status("FAILED", StateChangeReason="SYNTAX_ERROR", AthenaError={"ErrorCategory": 2}), InputError, "SYNTAX_ERROR"),
        (_status("FAILED", AthenaError={"ErrorCategory": 1, "Retryable": True, "ErrorMessage": "busy"}), TransientServiceError, "busy"),
        (_status("FAILED", StateChangeReason="GENERIC_INTERNAL_ERROR", AthenaError={"ErrorCategory": 1}), ServiceError, "INTERNAL"),
        (_status("CANCELLED", StateChangeReason="by the console"), StoppedError, "by the console"),
    ],
)
def test_a_failed_query_says_whose_turn_it_is(athena: AthenaClient, status: dict[str, Any], error: type[Exception], says: str) -> None:
    """The asker's mistakes are InputErrors, Athena's own are ServiceErrors, retryable where Athena says so."""
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", ID)
        stub.add_response("get_query_execution", status)
        with pytest.raises(error, match=says) as caught:
            _ask(athena)
    assert type(caught.value) is error


def test_throttling_may_be_tried_again(athena: AthenaClient) -> None:
    """Athena's name for throttling is known, although its status is 400."""
    with Stubber(athena) as stub:
        stub.add_client_error("start_query_execution", "TooManyRequestsException", "slow", 400)
        with pytest.raises(TransientServiceError):
            _ask(athena)


def test_a_statement_that_writes_is_never_sent(athena: AthenaClient) -> None:
    """The gate stands before the client: the stub has no answer to give."""
    with Stubber(athena), pytest.raises(InputError, match="DROP"):
        _ask(athena, "DROP TABLE messages")


@pytest.mark.parametrize(
    ("column", "text", "kind", "value"),
    [
        ({"Type": "varchar"}, "x", pa.string(), "x"),
        ({"Type": "boolean"}, "true", pa.bool_(), True),
        ({"Type": "boolean"}, "false", pa.bool_(), False),
        ({"Type": "tinyint"}, "-1", pa.int8(), -1),
        ({"Type": "integer"}, "5", pa.int32(), 5),
        ({"Type": "bigint"}, "9223372036854775807", pa.int64(), 2**63 - 1),
        ({"Type": "double"}, "Infinity", pa.float64(), float("inf")),
        ({"Type": "float"}, "0.5", pa.float32(), 0.5),
        (
            {"Type": "decimal", "Precision": 38, "Scale": 9},
            "12345678901234567890123456789.123456789",
            pa.decimal128(38, 9),
            Decimal("12345678901234567890123456789.123456789"),
        ),
        ({"Type": "date"}, "2024-01-31", pa.date32(), date(2024, 1, 31)),
        ({"Type": "timestamp"}, "2024-01-31 10:00:00.123", pa.timestamp("ms"), datetime(2024, 1, 31, 10, 0, 0, 123_000)),  # noqa: DTZ001 - naive
        (
            {"Type": "timestamp with time zone"},
            "2024-01-31 10:00:00.000 Europe/Berlin",
            pa.timestamp("ms", "UTC"),
            datetime(2024, 1, 31, 9, tzinfo=UTC),
        ),
        (
            {"Type": "timestamp with time zone"},
            "2024-01-31 10:00:00.000 +01:00",
            pa.timestamp("ms", "UTC"),
            datetime(2024, 1, 31, 9, tzinfo=UTC),
        ),
        (
            {"Type": "timestamp with time zone"},
            "2024-01-31 10:00:00.000 UTC",
            pa.timestamp("ms", "UTC"),
            datetime(2024, 1, 31, 10, tzinfo=UTC),
        ),
        ({"Type": "varbinary"}, "68 65 6c", pa.binary(), b"hel"),
        ({"Type": "array"}, "[a, b]", pa.string(), "[a, b]"),
    ],
)
def test_each_type_of_athena(column: dict[str, Any], text: str, kind: Any, value: object) -> None:  # noqa: ANN401 - a pyarrow type
    """Texts become typed values, and a missing value NULL."""
    table = to_table([{"Name": "c", **column}], [[text], [None]])
    assert table.schema.field("c").type == kind
    assert table["c"].to_pylist() == [value, None]
