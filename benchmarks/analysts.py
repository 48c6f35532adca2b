"""How many bytes three questions of analysts read: from the lake, and from one file a page, unsorted, as exports are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zlib import crc32

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from archive.model.window import DAY, Window
from benchmarks.arena import Arena
from benchmarks.counted import CountedFiles
from benchmarks.fake.world import FIRST_MODULE, START, World
from benchmarks.outcome import Figures, Goal, Outcome, Row
from benchmarks.process import Task
from tests.servers import Server

_OURS: Final = "benchmarks.contestants.ours"
_MODULES: Final = 20
_MESSAGES: Final = 10_000
_DAYS: Final = 120
_PAGE_ROWS: Final = 470
"""Messages of 2 KB in a page of 1 MB."""
_WEEK: Final = Window(START + 30 * DAY, START + 37 * DAY)
_MONTH: Final = Window(START + 31 * DAY, START + 60 * DAY)
_TERM: Final = Window(START, START + _DAYS * DAY)
Question = tuple[Window, str, int | str, list[str]]
"""When, which column has which value, and which columns are wanted."""
_TALK: Final = ["sent_at", "student_id", "role", "content"]
_COSTS: Final = ["sent_at", "model", "input_tokens", "output_tokens", "cost_usd"]


def analysts(arena: Arena) -> Outcome:
    """Count the bytes that pyarrow and DuckDB really read."""
    with TemporaryDirectory() as folder:
        lake, export = Path(folder) / "lake", Path(folder) / "export"
        _copy_lake(arena, World(_MODULES, _MESSAGES // arena.scale, _DAYS), lake)
        _export(lake, export)
        student = _a_student(lake)
        questions: dict[str, Question] = {
            "a module in a week, with its texts": (_WEEK, "module_id", FIRST_MODULE + 3, _TALK),
            "a student in a term, with the texts": (_TERM, "student_id", student, _TALK),
            "a provider in a month, its costs by model": (_MONTH, "provider", "openai", _COSTS),
        }
        rows = [Row(what, _figures(lake, export, question)) for what, question in questions.items()]
    goals = [
        Goal(f"less than from an export: {row.what}", f"{least:.0f} x less", met=least > 1)
        for row in rows
        for least in [min(row.figures["pyarrow, x less"], row.figures["DuckDB, x less"])]
    ]
    about = (
        f"{_MODULES * (_MESSAGES // arena.scale):,} messages of {_DAYS} days. The export has the same rows and the same compression, in "
        f"the order of a hash of the conversation, {_PAGE_ROWS} to a file. Bytes are those that pyarrow's dataset and DuckDB's own reader "
        "ask a file system for, footers included. The lake is asked by `dt` too, as Athena is."
    )
    return Outcome("analysts", "What analysts read", about, rows, goals)


def _copy_lake(arena: Arena, world: World, folder: Path) -> None:
    """Archive a table, and bring the lake's segments to local disk under their own names."""
    bucket = arena.bucket()
    arena.run(Task(f"{_OURS}:archive", {"table": world.table, "bucket": bucket, "spool": arena.spool}))
    s3 = Server("the fake", arena.fake.endpoint, 0).s3()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="dynalake/messages/"):
        for found in page["Contents"]:
            path = folder / found["Key"].removeprefix("dynalake/messages/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())


def _export(lake: Path, folder: Path) -> None:
    """Write the lake's rows again: one file a page, in the order of a hash of the conversation, as a scan returns them."""
    folder.mkdir()
    rows = pa.concat_tables(pq.ParquetFile(path).read() for path in sorted(lake.rglob("*.parquet")))
    hashes = np.array([crc32(name.encode()) for name in rows.column("conversation_id").to_pylist()])
    order = np.argsort(hashes, kind="stable")
    for number, start in enumerate(range(0, len(order), _PAGE_ROWS)):
        page = rows.take(pa.array(order[start : start + _PAGE_ROWS]))
        pq.write_table(page, folder / f"{number:06}.parquet", compression="zstd", compression_level=3)


def _a_student(lake: Path) -> int:
    """Return a student who has a typical number of messages."""
    students = ds.dataset(lake, format="parquet").to_table(columns=["student_id"]).column("student_id").value_counts().to_pylist()
    by_count = sorted(students, key=lambda found: (found["counts"], found["values"]))
    return int(by_count[len(by_count) // 2]["values"])


def _figures(lake: Path, export: Path, question: Question) -> Figures:
    figures: Figures = {}
    for reader, read in (("pyarrow", _with_pyarrow), ("DuckDB", _with_duckdb)):
        (rows, ours), (same, theirs) = (read(folder, question) for folder in (lake, export))
        if rows != same:
            message = f"{reader} found {rows} rows in the lake and {same} in the export"
            raise RuntimeError(message)
        figures |= {
            "rows": rows,
            f"{reader}, MB": ours / 1e6,
            f"{reader} from the export, MB": theirs / 1e6,
            f"{reader}, x less": theirs / ours,
        }
    return figures


def _with_pyarrow(folder: Path, question: Question) -> tuple[int, int]:
    """Return how many rows there are, and how many bytes were read for them."""
    window, column, value, columns = question
    files = CountedFiles()
    hive = ds.partitioning(pa.schema([("dt", pa.string())]), flavor="hive") if _by_day(folder) else None
    data = ds.dataset(str(folder), format="parquet", filesystem=files.for_pyarrow(), partitioning=hive)
    start, end = (pa.scalar(milliseconds, pa.timestamp("ms")) for milliseconds in (window.start_ms, window.end_ms))
    wanted = (ds.field(column) == value) & (ds.field("sent_at") >= start) & (ds.field("sent_at") < end)
    if hive:
        wanted &= (ds.field("dt") >= f"{window.start:%F}") & (ds.field("dt") < f"{window.end:%F}")
    files.bytes = 0  # opening the dataset has read one footer, which the scan reads again
    return data.to_table(columns=columns, filter=wanted).num_rows, files.bytes


def _with_duckdb(folder: Path, question: Question) -> tuple[int, int]:
    window, column, value, columns = question
    files = CountedFiles()
    parts = _by_day(folder)
    source = f"counted://{folder}/{'dt=*/' if parts else ''}*.parquet"
    days = f"AND dt >= '{window.start:%F}' AND dt < '{window.end:%F}'" if parts else ""
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        found = connection.execute(
            f"SELECT {', '.join(columns)} FROM read_parquet('{source}', hive_partitioning = {parts}, hive_types_autocast = false) "  # noqa: S608 - ours
            f"WHERE {column} = ? AND sent_at >= ? AND sent_at < ? {days}",
            [value, window.start.replace(tzinfo=None), window.end.replace(tzinfo=None)],
        )
        rows = len(found.fetchall())
    return rows, files.bytes


def _by_day(folder: Path) -> bool:
    return any(folder.glob("dt=*"))
