"""DuckDB answers over the lake's own objects, in a directory and on S3 over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pytest

from archive.errors import InputError, LakeDamagedError, ServiceError, TransientServiceError
from archive.model.spec import CHAT_MESSAGES
from athena import local
from athena.access import Access
from athena.config import AthenaConfig, Catalog
from athena.endpoints import endpoint_of
from athena.macros import connect
from athena.objects import LakeObjects
from athena.query import query
from tests.servers import CREDENTIALS, REGION, Server

Answer = Callable[[str], list[tuple[Any, ...]]]
SESSION = boto3.Session(
    aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
)


def _ask(catalog: Catalog, sql: str) -> pa.Table:
    return local.ask(sql, catalog, LakeObjects.at(catalog.location, None, {}))


@pytest.mark.parametrize("name", ["messages", "dynalake.messages", "awsdatacatalog.dynalake.messages", '"dynalake"."messages"', "Messages"])
def test_the_names_of_a_table(answer: Answer, name: str) -> None:
    """The table is known by its bare name, with its database, and with Athena's catalog."""
    assert answer(f"SELECT count(*) FROM {name}") == [(3,)]


def test_another_table_name(catalog: Catalog) -> None:
    """The messages table has the name that the settings give it."""
    renamed = replace(catalog, config=AthenaConfig("school", "chat_messages"))
    assert _ask(renamed, "SELECT count(*) AS n FROM school.chat_messages")["n"].to_pylist() == [3]
    with pytest.raises(InputError, match="no table 'messages'; did you mean chat_messages"):
        _ask(renamed, "SELECT count(*) FROM messages")


def test_types_are_those_that_athena_gives(catalog: Catalog) -> None:
    """Each column has the type of its Glue column; a sum of integers is a bigint."""
    table = _ask(catalog, "SELECT * FROM messages")
    kinds = {"string": pa.string(), "bigint": pa.int64(), "timestamp": pa.timestamp("ms"), "date": pa.date32(), "boolean": pa.bool_()}
    expected = [kinds.get(column.type, pa.decimal128(18, 9)) for column in catalog.tables["messages"]]
    assert [field.type for field in table.schema] == expected
    assert _ask(catalog, "SELECT sum(input_tokens) AS n FROM messages").schema.field("n").type == pa.int64()


def test_nameless_columns_are_called_as_in_athena(catalog: Catalog) -> None:
    """The n-th column without a name is _coln, counted from 0."""
    assert _ask(catalog, "SELECT module_id, count(*), 1 AS one FROM messages GROUP BY 1").column_names == ["module_id", "_col1", "one"]


def test_only_the_named_partitions_are_opened(catalog: Catalog, answer: Answer) -> None:
    """A day that is not asked for is not read: its object may even be broken."""
    broken = next(Path(catalog.location).glob("messages/dt=2024-02-01/*.parquet"))
    broken.write_bytes(b"not parquet")
    assert answer("SELECT count(*) FROM messages WHERE dt = DATE '2024-01-15'") == [(2,)]
    assert answer("SELECT count(*) FROM messages WHERE dt BETWEEN DATE '2024-01-01' AND DATE '2024-01-31'") == [(2,)]
    with pytest.raises((InputError, ServiceError)):
        answer("SELECT count(content) FROM messages")


def test_receipts_are_a_table(answer: Answer) -> None:
    """Receipts are read from their JSON; fields that the table does not have are left out."""
    found = answer("SELECT dt, rows, version_id FROM receipts ORDER BY dt")
    assert [(str(dt), rows, version) for dt, rows, version in found] == [("2024-01-15", 2, None), ("2024-02-01", 1, None)]


def test_receipts_and_messages_join(answer: Answer) -> None:
    """What the receipts say can be compared with what is there."""
    sql = "SELECT r.dt FROM receipts r JOIN (SELECT dt, count(*) AS n FROM messages GROUP BY dt) m ON m.dt = r.dt WHERE m.n = r.rows"
    assert len(answer(sql)) == 2


def test_a_broken_receipt_is_named(catalog: Catalog, answer: Answer) -> None:
    """A receipt that is no JSON is an error that says which one it is."""
    receipt = next(Path(catalog.location).glob("receipts/dt=2024-02-01/*.json"))
    receipt.write_text("{")
    with pytest.raises(LakeDamagedError, match=receipt.name):
        answer("SELECT count(*) FROM receipts")


def test_an_empty_lake_has_empty_tables(tmp_path: Path) -> None:
    """Before the first run, questions have no rows and the right columns."""
    catalog = Catalog(str(tmp_path), CHAT_MESSAGES, AthenaConfig("dynalake"))
    for name, columns in catalog.tables.items():
        table = _ask(catalog, f"TABLE {name}")
        assert (table.num_rows, table.column_names) == (0, [column.name for column in columns])


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nosuch FROM messages", "'nosuch'; messages has the columns conversation_id, "),
        ("SELECT m.nosuch FROM messages m", "nosuch"),
        ("SELECT 1 FROM nosuch", "no table 'nosuch'; tables are messages, receipts, purges, runs"),
        ("SELECT 1 FROM otherbase.messages", "messages"),
        ("SELECT module_id FROM messages GROUP BY role", "module_id"),
        ("SELECT 1 / 0", "zero"),
        ("SELECT CAST('x' AS integer)", "x"),
    ],
)
def test_a_mistake_is_one_sentence(answer: Answer, sql: str, says: str) -> None:
    """What the asker did wrong is an InputError; an unknown name comes with those that there are."""
    with pytest.raises(InputError, match=says) as caught:
        answer(sql)
    assert "\n" not in str(caught.value)


def test_a_python_variable_is_no_table() -> None:
    """DuckDB's search for tables among Python's variables is off."""
    somebody = pa.table({"secret": [1]})
    with pytest.raises(duckdb.CatalogException, match="somebody"):
        connect().execute("SELECT * FROM somebody")
    assert somebody.num_rows


def test_a_file_is_no_table(catalog: Catalog, tmp_path: Path) -> None:
    """No other file can be read, by any name that DuckDB would take for one."""
    path = tmp_path / "other"
    path.write_text("a,b\n1,2\n")
    for sql in ('TABLE "{}"', "SELECT * FROM '{}'", "SELECT * FROM read_csv('{}')", "SELECT content FROM read_text('{}')"):
        with pytest.raises(InputError):
            _ask(catalog, sql.format(path))


def test_a_directory_that_is_not_there_is_refused() -> None:
    """A location that is neither S3 nor a directory is named."""
    with pytest.raises(InputError, match="nowhere"):
        LakeObjects.at("nowhere", None, {})


def test_the_same_answers_over_http(s3_catalog: Catalog, catalog: Catalog, moto_server: Server) -> None:
    """On S3, found by botocore's endpoint variable, the answers equal those from the directory."""
    for sql in (
        "SELECT * FROM messages ORDER BY sent_at",
        "SELECT role, count(*) FROM dynalake.messages WHERE dt >= DATE '2024-02-01' GROUP BY role",
        "SELECT * FROM receipts ORDER BY dt",
    ):
        found = query(sql, s3_catalog, access=Access(SESSION, {"AWS_ENDPOINT_URL_S3": moto_server.endpoint}))
        assert found.num_rows
        assert found.equals(query(sql, catalog, access=Access(environ={})))


def test_a_bucket_that_is_not_there(moto_server: Server) -> None:
    """A missing bucket is a mistake, not an empty lake."""
    catalog = Catalog("s3://no-such-bucket-here/chat", CHAT_MESSAGES, AthenaConfig("dynalake"))
    with pytest.raises(InputError, match="no bucket"):
        query("SELECT count(*) FROM messages", catalog, access=Access(SESSION, {"AWS_ENDPOINT_URL": moto_server.endpoint}))


def test_a_server_that_does_not_answer() -> None:
    """A dead endpoint may come back: the error is retryable."""
    catalog = Catalog("s3://bucket/chat", CHAT_MESSAGES, AthenaConfig("dynalake"))
    with pytest.raises(TransientServiceError):
        query("SELECT count(*) FROM messages", catalog, access=Access(SESSION, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "http://a"}, "http://a"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b"),
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://c"}, None),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
    ],
)
def test_endpoints_as_botocore_reads_them(environ: dict[str, str], expected: str | None) -> None:
    """The service's own variable comes before the one for all; both can be switched off."""
    assert endpoint_of("s3", environ) == expected
