"""A result that Athena has put on S3 as a CSV file is read from there; canned here, as no emulator's Athena knows SQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pyarrow as pa
import pytest

from archive.errors import ServiceError
from archive.model.spec import CHAT_MESSAGES
from athena.access import Access
from athena.config import AthenaConfig, Catalog
from athena.query import query
from athena.results import read_csv
from tests.servers import CREDENTIALS, REGION, Server

BUCKET = "athena-results"
COLUMNS: list[dict[str, Any]] = [
    {"Name": "name", "Type": "varchar"},
    {"Name": "n", "Type": "bigint"},
    {"Name": "cost", "Type": "decimal", "Precision": 38, "Scale": 9},
    {"Name": "dt", "Type": "date"},
    {"Name": "name", "Type": "varchar"},
]
CSV = (
    '"name","n","cost","dt","name"\n'
    '"","1","12345678901234567890123456789.123456789","2024-01-31","a ""quoted"", text"\n'
    ',"9223372036854775807",,,"two\nlines"\n'
)
ROWS = [
    ("", 1, Decimal("12345678901234567890123456789.123456789"), date(2024, 1, 31), 'a "quoted", text'),
    (None, 2**63 - 1, None, None, "two\nlines"),
]


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_each_value_of_the_file_is_exact() -> None:
    """NULL is not an empty text, 38 digits stay, quotes and line breaks are read, and two columns may have one name."""
    table = read_csv(COLUMNS, CSV.encode())
    assert table.column_names == ["name", "n", "cost", "dt", "name"]
    assert _rows(table) == ROWS


def test_an_answer_without_rows_has_its_types() -> None:
    """The line of names is all there is."""
    table = read_csv(COLUMNS[:2], b'"name","n"\n')
    assert (table.num_rows, [field.type for field in table.schema]) == (0, [pa.string(), pa.int64()])


@pytest.fixture
def access(moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Access, Callable[[str | None], None]]]:
    """Athena of the moto server with one canned answer, and what puts a CSV file where Athena would, as soon as the question is started."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    canned = {"results": [{"rows": [], "column_info": [_canned(column) for column in COLUMNS]}]}
    body = json.dumps({"region": REGION, "account_id": "123456789012", **canned}).encode()
    address = f"{moto_server.endpoint}/moto-api/static/athena/query-results"
    with urlopen(Request(address, body, {"Content-Type": "application/json"})) as answer:  # noqa: S310 - the test's own server
        assert answer.status == 201
    s3 = moto_server.s3()
    s3.create_bucket(Bucket=BUCKET)
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)

    def put(text: str | None) -> None:
        def place(parsed: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - botocore's
            key = f"out/{parsed['QueryExecutionId']}.csv"
            if text is None:
                s3.delete_object(Bucket=BUCKET, Key=key)
            else:
                s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())

        session.events.register("after-call.athena.StartQueryExecution", place)

    # Not an emulator to `query`, which would ask DuckDB then: its own view of the environment is empty.
    yield Access(session, {}, sleep=lambda _: None), put
    for listed in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=listed["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def _canned(column: dict[str, Any]) -> dict[str, Any]:
    """Return a column's information with all that moto wants of it."""
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Label": column["Name"],
        "Precision": 0,
        "Scale": 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": True,
        **column,
    }


CATALOG = Catalog("s3://lake/chat", CHAT_MESSAGES, AthenaConfig("dynalake", output=f"s3://{BUCKET}/out/"))


def test_the_result_is_read_from_where_athena_put_it(access: tuple[Access, Callable[[str | None], None]]) -> None:
    """From the question to the typed rows, over HTTP."""
    reached, put = access
    put(CSV)
    table = query("SELECT count(*) FROM receipts", CATALOG, engine="athena", access=reached)
    assert _rows(table) == ROWS
    assert table.schema.field("cost").type == pa.decimal128(38, 9)


def test_a_result_that_is_not_there_is_named(access: tuple[Access, Callable[[str | None], None]]) -> None:
    """The error says which object, and that it is the result."""
    reached, put = access
    put(None)
    with pytest.raises(ServiceError, match=f"s3://{BUCKET}/out/"):
        query("SELECT count(*) FROM receipts", CATALOG, engine="athena", access=reached)


@pytest.mark.parametrize("text", ["", '"name","n","cost","dt","name"\n"a","b","1","x","c"\n'])
def test_a_file_that_is_no_result_is_an_error(access: tuple[Access, Callable[[str | None], None]], text: str) -> None:
    """Somebody else's file under that name is never taken for the answer."""
    reached, put = access
    put(text)
    with pytest.raises(ServiceError, match="is not what Athena writes"):
        query("SELECT count(*) FROM receipts", CATALOG, engine="athena", access=reached)
