"""Makes what tests of the archive need: items, rows, runs, segments' files, and places in a bucket of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from hypothesis import strategies as st

from archive.codec.decode import PageDecoder
from archive.codec.values import AttributeValue, Item
from archive.lake.commit import Place
from archive.lake.order import FROM_SPOOL, FROM_TABLE, Key, Order
from archive.lake.parquet import SegmentWriter
from archive.lake.sweep import Run
from archive.model.config import Policy, PurgeMode
from archive.model.keys import LakeKeys
from archive.model.layout import Layout, Layouts
from archive.model.receipt import Owner
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import to_ms
from archive.s3 import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ORDER: Final = Order(CHAT_MESSAGES)
KEYS: Final = LakeKeys.below("lake")
OWNER: Final = Owner("arn:aws:dynamodb:us-east-1:123456789012:table/ChatMessages", "table-1")
LAYOUTS: Final = Layouts((Layout.parse(date(2015, 1, 1), "day", "day"),))
START: Final = datetime(2024, 1, 15, tzinfo=UTC)
START_MS: Final = to_ms(START)
SEGMENT: Final = LAYOUTS.segment_of(START_MS)
NOW: Final = datetime(2024, 6, 1, 3, tzinfo=UTC)
_NUMBERS: Final = count(1)


def message(conversation: str, at: float | str, module: int | str | None = 1, /, **more: AttributeValue) -> Item:
    """Return an item sent `at` milliseconds after the segment's start; a text is the whole number as it is."""
    time = at if isinstance(at, str) else f"{START_MS + at:.15g}"
    item: Item = {"conversationId": {"S": conversation}, "timestamp": {"N": time}, **more}
    if module is not None:
        item["moduleId"] = {"N": str(module)} if isinstance(module, int) else {"S": module}
    return item


def text(value: str) -> dict[str, AttributeValue]:
    """Return a `content`, to be spread into `message`."""
    return {"content": {"S": value}}


def rows(items: Iterable[Item], mark: str | None = None) -> pa.RecordBatch:
    """Return items as rows in the spool's schema."""
    return PageDecoder(CHAT_MESSAGES, mark).rows(list(items))


def keyed(items: Iterable[Item], origin: int = FROM_SPOOL) -> pa.Table:
    """Return items as keyed rows, sorted."""
    return ORDER.sort(ORDER.keyed(rows(items), origin))


def run_of(items: Iterable[Item], origin: int = FROM_SPOOL, mark: str | None = None) -> Run:
    """Return items as one sorted run in memory."""
    table = ORDER.sort(ORDER.keyed(rows(items, mark), origin))
    return Run(ORDER.sort_key(table, 0), lambda: table, table.num_rows)


def runs_of(items: Iterable[Item], origin: int = FROM_SPOOL) -> list[Run]:
    """Return items as one run, or none where there are none."""
    found = list(items)
    return [run_of(found, origin)] if found else []


def write_segment(path: Path, items: Iterable[Item], source: str = OWNER.table_id) -> Path:
    """Write items as a segment's file, in order, and return its path."""
    with SegmentWriter(path, CHAT_MESSAGES, source) as writer:
        writer.write(keyed(items))
    return path


class BaseTable:
    """A base table in memory that answers as the real one does: consistently, by key. `asked` holds every question."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        """Hold these items."""
        self.asked: list[list[Key]] = []
        self._rows: dict[Key, Item] = {}
        self.put(*items)

    def put(self, *items: Item) -> None:
        """Put items, in place of those with their keys."""
        self._rows.update((ORDER.keys(keyed([item]))[0], item) for item in items)

    def ask(self, keys: list[Key]) -> pa.Table:
        """Return the rows of those that are there."""
        self.asked.append(keys)
        return ORDER.keyed(rows(self._rows[key] for key in keys if key in self._rows), FROM_TABLE)


def new_bucket(client: S3Client) -> str:
    """Create a versioned bucket and return its name."""
    name = f"lake-{next(_NUMBERS)}-{to_ms(datetime.now(UTC))}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def place_in(store: Store, folder: Path, run: str = "run-1") -> Place:
    """Return a place below the prefix `lake/`; `folder` is the run's private one."""
    return Place(store, KEYS, OWNER, ORDER, folder, run)


def policy(purge: PurgeMode = "delete") -> Policy:
    """Return a policy that purges so, one message a request."""
    return Policy(90, purge, 7, 3, "expiresAt", "single", single_writer=False, late_rows=1000, late_days=7, backup_before_first_purge=False)


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder for one example of a property test, which cannot use function-scoped fixtures."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


_MODULES: Final = st.sampled_from([None, 1, 2, -3, "algebra", "zoology", 10**30])
_TIMES: Final = st.sampled_from([0, 1, 0.5, 0.25, 1.5, 2])
_CONVERSATIONS: Final = st.sampled_from(["a", "b", "ä", "𝄞", "\uffff", ""])
_OTHERS: Final = st.sampled_from([{}, text("x"), text(""), {"note": {"S": '"timestamp":1'}}, {"meta": {"M": {"timestamp": {"N": "1"}}}}])


@st.composite
def near_messages(draw: st.DrawFn) -> Item:
    """Draw messages that are close together: few modules, times and conversations, some of which fit no column."""
    return message(draw(_CONVERSATIONS), draw(_TIMES), draw(_MODULES), **draw(_OTHERS))
