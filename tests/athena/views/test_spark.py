"""PySpark, which shares no code with DuckDB, pyarrow or sqlglot, sees the same lake: rows, types, NULLs and sums."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pyarrow as pa
import pytest

from athena import local
from athena.config import Catalog
from athena.objects import LakeObjects
from tests.athena.views.real_lake import RealLake
from tests.builders import KEYS
from tests.conftest import missing
from tests.servers import servers_directory

_READER: Final = Path(__file__).with_name("spark_reader.py")
_TYPES: Final = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.timestamp("us"): "timestamp_ntz",
    pa.timestamp("ms"): "timestamp_ntz",
    pa.decimal128(18, 9): "decimal(18,9)",
    pa.date32(): "date",
}
Rows = list[dict[str, Any]]


def _seen_by_spark(root: Path) -> dict[str, Any]:
    python = servers_directory() / "spark" / "bin" / "python"
    if not python.exists():
        missing("PySpark is not installed in the servers folder; run make prove, which installs it")
    if shutil.which("java") is None:
        missing("PySpark needs Java 17; install it")
    done = subprocess.run([str(python), str(_READER), str(root)], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def _total(rows: Rows, column: str) -> Any:  # noqa: ANN401 - a number of the column's type
    values = [row[column] for row in rows if row[column] is not None]
    return sum(values) if values else None


def _checksum(rows: Rows, column: str) -> int | None:
    values = [crc32(row[column].encode()) for row in rows if row[column] is not None]
    return sum(values) if values else None


def _day(rows: Rows) -> Mapping[str, Any]:
    """Return what Spark is asked about a day, from rows as DuckDB gives them."""
    times = [row["sent_at"] for row in rows]
    return {
        "dt": str(rows[0]["dt"]),
        "messages": len(rows),
        "students": len({row["student_id"] for row in rows} - {None}),
        "input_tokens": _total(rows, "input_tokens"),
        "cost_usd": _total(rows, "cost_usd"),
        "first_at": min(times),
        "last_at": max(times),
        "content_sum": _checksum(rows, "content"),
        "remainder_sum": _checksum(rows, "remainder"),
    }


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_spark_sees_what_duckdb_sees(real_lake: RealLake, catalog: Catalog) -> None:
    """Types column by column, NULLs, and for each day counts, sums, ends and checksums of the texts; and the receipts."""
    seen = _seen_by_spark(real_lake.root / KEYS.prefix)
    table = local.ask("SELECT * FROM messages", catalog, LakeObjects.at(catalog.location, None, {}))
    assert seen["types"] == {field.name: _TYPES[field.type] for field in table.schema}
    assert seen["nulls"] == {name: table.column(name).null_count for name in table.schema.names}
    days: dict[Any, Rows] = {}
    for row in table.to_pylist():
        days.setdefault(row["dt"], []).append(row)
    assert [_read(day) for day in seen["days"]] == [_day(days[dt]) for dt in sorted(days)]
    assert table.num_rows == len(real_lake.messages)
    held = real_lake.receipts
    assert seen["receipts"] == {
        "receipts": len(held),
        "rows": len(real_lake.messages),
        "bytes": sum(receipt["bytes"] for receipt in held),
    }


def _read(day: dict[str, Any]) -> dict[str, Any]:
    """Return a day as Spark tells it, with numbers and times as Python has them."""
    cost = day["cost_usd"]
    times = {name: datetime.fromisoformat(day[name]) for name in ("first_at", "last_at")}
    return {**day, **times, "cost_usd": None if cost is None else Decimal(cost)}
