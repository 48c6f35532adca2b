"""A lake of all real messages in a local directory, some of them made to fit no column; and the same messages as plain Python values.

It is built with the codec and the writer of archive/, but without servers: a whole archive takes some seconds.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from archive.codec.decode import PageDecoder
from archive.codec.values import from_plain
from archive.lake.order import FROM_SPOOL
from archive.lake.parquet import SegmentFile, SegmentWriter
from archive.lake.purge_records import Done, Intent
from archive.model.layout import Segment
from archive.model.receipt import Held, StoredObject, object_metadata, receipt_of
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import iso
from tests.builders import KEYS, LAYOUTS, ORDER, OWNER

Plain = dict[str, Any]
"""A message as JSON has it: numbers are Decimal."""
COMPLETE: Final = datetime(2024, 11, 18, tzinfo=UTC)
"""Through when the newest nightly run that was done says that the lake is complete; there are messages after it."""
STORED_AT: Final = datetime(2025, 9, 1, 3, tzinfo=UTC)
_A_PAGE: Final = 1_000
# Every so many messages, where the attribute is there, it gets a value that its column does not hold.
_ODD: Final[tuple[tuple[int, str, Any], ...]] = (
    (97, "costUsd", Decimal("0.000000000001")),
    (101, "inputTokens", "many"),
    (103, "outputTokens", Decimal(2**70)),
    (107, "latencyMs", Decimal("12.5")),
    (211, "studentId", "s-1"),
)
# Every so many messages get an attribute that no column is for, or another value of one.
_NEW: Final[tuple[tuple[int, str, Any], ...]] = (
    (301, "tags", {"$SS": ["a", "b"]}),
    (307, "scores", {"$NS": [Decimal(1), Decimal(2)]}),
    (311, "photo", {"$B": "AQI="}),
    (313, "flag", True),
    (317, "note", None),
    (331, "finishReason", "content_filter"),
)


@dataclass(frozen=True, slots=True)
class RealLake:
    """The lake's directory, and what is in it."""

    root: Path
    messages: tuple[Plain, ...]
    runs: tuple[Plain, ...]
    purges: tuple[Plain, ...]
    receipts: tuple[Plain, ...]


def read_messages(path: Path) -> list[Plain]:
    """Read the file of real messages, and make some of them odd. Two days are left out, as if nobody had written."""
    messages: list[Plain] = []
    with gzip.open(path) as lines:
        for number, line in enumerate(lines):
            message = json.loads(line, parse_float=Decimal, parse_int=Decimal)
            message |= {name: value for every, name, value in _ODD if number % every == 0 and name in message}
            message |= {name: value for every, name, value in _NEW if number % every == 0}
            messages.append(message)
    return messages


def sent_at(message: Mapping[str, Any]) -> datetime:
    """Return a message's time (UTC, without a zone)."""
    return datetime(1970, 1, 1) + timedelta(milliseconds=int(message["timestamp"]))  # noqa: DTZ001 - as the lake has it


def build(root: Path, messages: Iterable[Plain]) -> RealLake:
    """Write a lake, by day, and return it."""
    found = tuple(messages)
    receipts = tuple(_write_segment(root, segment, rows) for segment, rows in _by_segment(_decoded(found)))
    runs, purges = tuple(_runs()), tuple(_purges([receipt["segment"] for receipt in receipts[:3]]))
    for run in runs:
        _write(root / KEYS.run(run["run"], datetime.fromisoformat(run["started_at"]).date()), run)
    for number, record in enumerate(purges):
        day = datetime.strptime(record["segment"][:8], "%Y%m%d").replace(tzinfo=UTC).date()
        _write(root / KEYS.partition("purges", day) / f"{record['segment']}-{number}.json", record)
    return RealLake(root, found, runs, purges, receipts)


def _decoded(messages: tuple[Plain, ...]) -> pa.Table:
    decoder = PageDecoder(CHAT_MESSAGES)
    items = [{name: from_plain(value) for name, value in message.items()} for message in messages]
    batches = [decoder.rows(items[start : start + _A_PAGE]) for start in range(0, len(items), _A_PAGE)]
    table = pa.Table.from_batches(batches).combine_chunks()
    return ORDER.sort(ORDER.keyed(table.to_batches()[0], FROM_SPOOL))


def _by_segment(rows: pa.Table) -> Iterable[tuple[Segment, pa.Table]]:
    days: dict[datetime, list[int]] = defaultdict(list)
    for number, day in enumerate(pc.floor_temporal(rows["sent_at"], unit="day").to_pylist()):
        days[day].append(number)
    for day in sorted(days):
        yield LAYOUTS.at(day.replace(tzinfo=UTC)).segment_of(day.replace(tzinfo=UTC)), rows.take(days[day])


def _write_segment(root: Path, segment: Segment, rows: pa.Table) -> Plain:
    path = root / KEYS.message(segment)
    path.parent.mkdir(parents=True)
    with SegmentWriter(path, CHAT_MESSAGES, OWNER.table_id) as writer:
        writer.write(rows)
    data = path.read_bytes()
    file = SegmentFile(path, ORDER)
    contents = file.contents
    file.close()
    metadata = object_metadata(1, None, "20250901T030000.000000Z-nightly", STORED_AT)
    stored = StoredObject(KEYS.message(segment), len(data), sha256(data).hexdigest(), '"e"', "v-1", metadata)
    held = Held(contents.rows, contents.row_groups, contents.first_ms, contents.last_ms, contents.spec_version)
    receipt = asdict(receipt_of(segment, stored, held, OWNER))
    _write(root / KEYS.receipt(segment), receipt)
    return receipt


def _write(path: Path, record: Plain) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")


def _run(began: str, command: str, why: str, through: datetime | None = None, **more: Any) -> Plain:  # noqa: ANN401 - any field
    start = datetime.fromisoformat(began).replace(tzinfo=UTC)
    return {
        "run": f"{start:%Y%m%dT%H%M%S.%f}Z-{command}",
        "command": command,
        "purge": "delete",
        "started_at": iso(start),
        "ended_at": iso(start + timedelta(hours=1)),
        "why_stopped": why,
        "window_start": "2023-01-01T00:00:00Z",
        "window_end": None if through is None else iso(through),
        "complete_through": None if through is None else iso(through),
        "messages_added": 10,
        "messages_removed": 4,
        "read_units": 1.5,
        "write_units": 2.25,
        "dynamodb_requests": 3,
        "s3_requests": 4,
        "seconds": 3600.0,
        **more,
    }


def _runs() -> Iterable[Plain]:
    archived: Plain = {"messages_replaced": 2, "bytes_stored": 1000, "modules": 3, "modules_named": None}
    yield _run("2025-08-01T03:00", "nightly", "done", datetime(2024, 10, 1, tzinfo=UTC), **archived)
    yield _run("2025-09-01T03:00", "nightly", "done", COMPLETE, **archived)
    yield _run("2025-09-01T05:00", "purge", "done", **archived)
    yield _run("2025-09-02T03:00", "nightly", "stopped by somebody", **archived | {"modules_named": ["1", "2"]})
    yield _run("2025-09-03T10:00", "restore", "done", what="module 205", into="ChatMessages", messages_restored=7, messages_kept=1)


PURGE_RUN: Final = "20250901T050000.000000Z-purge"
_AT: Final = ("2025-09-01T05:10:00Z", "2025-09-01T05:20:00.500Z")


def _purges(segments: list[str]) -> Iterable[Plain]:
    """Yield a purge that was concluded and whose outcome was stored twice, one in two parts, and one that was killed."""
    whole, parts, killed = segments
    yield _intent(whole, 5)
    yield _done(whole, 5, 4, _AT[1])
    yield _done(whole, 5, 4, _AT[1])
    for at in ("2025-09-01T05:20:00Z", "2025-09-01T05:30:00Z"):
        yield _intent(parts, 3, at=at)
        yield _done(parts, 3, 3, at)
    yield _intent(killed, 2, run="20240101T000000.000000Z-nightly")


def _intent(segment: str, rows: int, run: str = PURGE_RUN, at: str = _AT[0]) -> Plain:
    return asdict(Intent(run, segment, "delete", "partiql", "key", 1, "00", None, rows, [[0, rows]], at))


def _done(segment: str, rows: int, done: int, at: str) -> Plain:
    left = ['{"conversationId":"c","timestamp":1}'] * (rows - done)
    return asdict(Done(PURGE_RUN, segment, "delete", rows, done, rows - done, 0, 0, 0, left, at))


def day_of(message: Mapping[str, Any]) -> date:
    """Return a message's day, which is its partition."""
    return sent_at(message).date()
