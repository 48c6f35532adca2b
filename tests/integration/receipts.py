"""Holds receipts against the stored objects that they speak of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.integration.lake import Stored, table_of
from tests.integration.sites import Site


def check_receipts(site: Site) -> None:
    """Assert that each segment has a receipt, each receipt a segment, and that every field of it is true."""
    segments = site.lake.all("messages")
    receipts = {
        key.replace("receipts/", "messages/").replace(".json", ".parquet"): stored for key, stored in site.lake.all("receipts").items()
    }
    assert receipts.keys() == segments.keys()
    table = site.servers.dynamodb.dynamodb().describe_table(TableName=site.table)["Table"]
    source = {"source_table": table["TableArn"], "source_table_id": table.get("TableId", table["TableArn"])}
    for key, segment in segments.items():
        receipt = receipts[key]
        assert receipt.body.endswith(b"\n")
        assert receipt.body.count(b"\n") == 1, "Athena reads one line an object"
        assert json.loads(receipt.body) == {**_expected(segment, site.prefix), **source}


def _expected(segment: Stored, prefix: str) -> dict[str, Any]:
    """Return what the receipt has to say of a segment, found out from the object alone."""
    table = table_of(segment)
    times = pc.min_max(table.column("sent_at").cast(pa.int64())).as_py()
    name = segment.key.rsplit("/", 1)[1].removesuffix(".parquet")
    start, end = (datetime.strptime(text, "%Y%m%dT%H%MZ").replace(tzinfo=UTC) for text in name.split("-"))
    return {
        "segment": name,
        "window_start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "window_end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "key": f"{prefix}/{segment.key}",
        "rows": table.num_rows,
        "bytes": len(segment.body),
        "sha256": segment.sha256,
        "etag": segment.etag,
        "version_id": segment.version_id,
        "generation": int(segment.metadata["generation"]),
        "predecessor": segment.metadata["predecessor"] or None,
        "first_sent_at": _iso(times["min"]),
        "last_sent_at": _iso(times["max"]),
        "spec_version": 1,
        "row_groups": pq.ParquetFile(pa.BufferReader(segment.body)).num_row_groups,
        "run": segment.metadata["run"],
        "stored_at": segment.metadata["stored-at"],
    }


def _iso(milliseconds: int) -> str:
    text = f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{milliseconds % 1000:03}Z" if milliseconds % 1000 else f"{text}Z"
