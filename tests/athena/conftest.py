"""A little lake in the layout that archive/ writes, in a local directory and on S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.codec.fit import row_schema
from archive.model.keys import LakeKeys
from archive.model.layout import Layout, Segment
from archive.model.receipt import Receipt
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import iso
from athena import local
from athena.config import AthenaConfig, Catalog
from athena.objects import LakeObjects
from tests.servers import Server

Answer = Callable[[str], list[tuple[Any, ...]]]
PREFIX = "chat"
_LAYOUT = Layout.parse(date(2015, 1, 1), "day", "day")
_REMAINDER = {
    "metadata": {"rating": 4.5, "tags": ["a", "b"], "two words": {"x": 1}, "exact": 0, "ok": True},
    "note": None,
}
# json.dumps would write the number as a binary fraction.
REMAINDER = json.dumps(_REMAINDER).replace('"exact": 0', '"exact": 0.1234567890123456789012345')


def _row(conversation: str, sent_at: datetime, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - any column's value
    row: dict[str, Any] = {
        "conversation_id": conversation,
        "sent_at": sent_at,
        "message_id": f"{conversation}-{sent_at:%d}",
        "module_id": 7,
        "student_id": 1,
        "provider": "openai",
        "model": "m-1",
        "role": "student",
        "content": "hello there",
        "input_tokens": 10,
        "output_tokens": 20,
        "cost_usd": Decimal("0.001000000"),
        "latency_ms": 100,
        "finish_reason": "stop",
        "schema_version": 1,
        "remainder": None,
    }
    return {**row, **changed}


def _at(text: str) -> datetime:
    """Read a time without a zone, as the lake's files have it."""
    return datetime.fromisoformat(text)


ROWS = {
    date(2024, 1, 15): [
        _row("c-1", _at("2024-01-15T10:00:00.123"), remainder=REMAINDER),
        _row("c-2", _at("2024-01-15T23:00"), module_id=8, student_id=2, latency_ms=None, remainder="not json"),
    ],
    date(2024, 2, 1): [_row("c-1", _at("2024-02-01"), role="assistant", content="", cost_usd=Decimal("0.000000002"), input_tokens=5)],
}


def _receipt(keys: LakeKeys, segment: Segment, rows: int) -> Receipt:
    start, end = iso(segment.window.start), iso(segment.window.end)
    return Receipt(
        segment=segment.name,
        window_start=start,
        window_end=end,
        key=keys.message(segment),
        rows=rows,
        bytes=5,
        sha256="00",
        etag='"e"',
        version_id=None,
        generation=1,
        predecessor=None,
        first_sent_at=start,
        last_sent_at=start,
        spec_version=1,
        row_groups=1,
        source_table="ChatMessages",
        source_table_id="t-1",
        run="r-1",
        stored_at=end,
    )


def lake_files() -> dict[str, bytes]:
    """Return every object of the little lake by its key."""
    keys, files = LakeKeys.below(PREFIX), {}
    for day, rows in ROWS.items():
        segment = _LAYOUT.segment_of(datetime(day.year, day.month, day.day, tzinfo=UTC))
        out = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=row_schema(CHAT_MESSAGES)), out)
        files[keys.message(segment)] = out.getvalue().to_pybytes()
        files[keys.receipt(segment)] = _receipt(keys, segment, len(rows)).to_json()
    files[keys.archive] = b"{}"
    # What Athena does not see: a hidden name, and what lies in no partition.
    files[f"{keys.partition('messages', date(2024, 2, 1))}_hidden.parquet"] = b"not parquet"
    files[f"{keys.folder('messages')}stray.parquet"] = b"not parquet"
    return files


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """The little lake in a local directory."""
    for key, data in lake_files().items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Catalog(str(tmp_path / PREFIX), CHAT_MESSAGES, AthenaConfig("dynalake"))


@pytest.fixture
def answer(catalog: Catalog) -> Answer:
    """Ask the little lake with DuckDB; rows as tuples."""
    objects = LakeObjects.at(catalog.location, None, {})

    def ask(sql: str) -> list[tuple[Any, ...]]:
        table = local.ask(sql, catalog, objects)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    return ask


@pytest.fixture
def s3_catalog(moto_server: Server) -> Iterator[Catalog]:
    """The little lake in a bucket of the moto server."""
    bucket = f"lake-{uuid4().hex[:8]}"
    client = moto_server.s3()
    client.create_bucket(Bucket=bucket)
    for key, data in lake_files().items():
        client.put_object(Bucket=bucket, Key=key, Body=data)
    yield Catalog(f"s3://{bucket}/{PREFIX}", CHAT_MESSAGES, AthenaConfig("dynalake"))
    with suppress(client.exceptions.ClientError):
        for key in lake_files():
            client.delete_object(Bucket=bucket, Key=key)
        client.delete_bucket(Bucket=bucket)
