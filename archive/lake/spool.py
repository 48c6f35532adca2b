"""The spool: a private file on local disk that turns "by module" into "by time" in bounded memory.

It holds pupils' text while a run works: its folder is readable by its owner only (0700), is removed when the run ends,
and what a crashed run left is removed when the next run starts.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa

from archive.disk import local_disk
from archive.errors import InputError, SpoolFullError
from archive.lake.order import Order
from archive.lake.sweep import Run
from archive.model.layout import Layouts, Segment

_LOCK_NAME: Final = "in-use"


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Make a folder (0700) for one run below `parent`, and remove it at the end, with those of crashed runs first.

    A folder belongs to a living run exactly while that run holds the lock on the file inside it.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(parent, os.O_RDONLY):  # so that no other run takes a folder that is not locked yet for a crashed run's
            _remove_left_overs(parent)
            folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
            lock = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        message = f"the spool directory {parent} cannot be used ({error.strerror}); set [lake] spool_directory"
        raise InputError(message) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def _locked(path: Path, flags: int, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    lock = os.open(path, flags, 0o600)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)


def _remove_left_overs(parent: Path) -> None:
    for folder in parent.glob("run-*"):
        with suppress(OSError), _locked(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


class Spool:
    """An append-only file of Arrow batches, each with its segment and its first key. Threads may share it."""

    def __init__(self, path: Path, order: Order, most_bytes: int) -> None:
        """Create the file. `most_bytes` caps what is appended in all."""
        self._order = order
        self._most_bytes = most_bytes
        with local_disk():
            self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        self._path = path
        self._lock = Lock()
        self._runs: dict[Segment, list[Run]] = {}
        self._schemas: list[pa.Schema] = []
        self.bytes = 0
        self.rows: dict[Segment, int] = {}
        """Rows appended, by segment."""

    @property
    def folder(self) -> Path:
        """The private folder that the file is in."""
        return self._path.parent

    def append(self, segment: Segment, rows: pa.Table, origin: int) -> None:
        """Append rows of one segment, in any order. Raises SpoolFullError where they do not fit."""
        self._append(segment, self._order.keyed(rows, origin))

    def append_page(self, rows: pa.RecordBatch, layouts: Layouts, origin: int) -> None:
        """Append a page, split by segment."""
        table = self._order.keyed(rows, origin)
        times = rows.column(self._order.spec.time_column).cast(pa.int64()).to_numpy()
        if (np.diff(times) < 0).any():
            order = np.argsort(times, kind="stable")
            table, times = table.take(pa.array(order)), times[order]
        position = 0
        while position < len(times):
            segment = layouts.segment_of(int(times[position]))
            end = int(np.searchsorted(times, segment.window.end_ms, side="left"))
            self._append(segment, table.slice(position, end - position))
            position = end

    def _append(self, segment: Segment, keyed: pa.Table) -> None:
        table = self._order.sort(keyed).combine_chunks()
        for batch in table.to_batches():
            data = batch.serialize()
            with self._lock:
                offset = self.bytes
                if offset + data.size > self._most_bytes:
                    message = f"the spool is full: {self._most_bytes:,} bytes do not hold segment {segment.name} and what was read with it"
                    raise SpoolFullError(message)
                self.bytes += data.size
            with local_disk():
                _write_all(self._descriptor, data, offset)
            first = self._order.sort_key(table, 0)
            with self._lock:
                run = Run(first, _Loader(self._descriptor, offset, data.size, self._kept(batch.schema)), batch.num_rows)
                self._runs.setdefault(segment, []).append(run)
                self.rows[segment] = self.rows.get(segment, 0) + batch.num_rows

    def segments(self) -> list[Segment]:
        """Return the segments that have rows, in order of time."""
        return sorted(self.rows)

    def runs(self, segment: Segment) -> list[Run]:
        """Return the sorted runs of one segment."""
        return list(self._runs.get(segment, ()))

    def _kept(self, schema: pa.Schema) -> pa.Schema:
        """Return the one schema that is kept for all batches like this: Arrow makes one of some 5 KB for each."""
        for kept in self._schemas:
            if kept.equals(schema, check_metadata=True):
                return kept
        self._schemas.append(schema)
        return schema

    def close(self) -> None:
        """Close and remove the file."""
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Use the spool in a with statement."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close and remove the file."""
        self.close()


class _Loader:
    """Maps one batch of the file into memory: rows are looked at where the system keeps the file's pages, and copied once, if at all."""

    __slots__ = ("_descriptor", "_offset", "_schema", "_size")

    def __init__(self, descriptor: int, offset: int, size: int, schema: pa.Schema) -> None:
        self._descriptor, self._offset, self._size, self._schema = descriptor, offset, size, schema

    def __call__(self) -> pa.Table:
        before = self._offset % mmap.ALLOCATIONGRANULARITY
        with local_disk():
            mapped = mmap.mmap(self._descriptor, before + self._size, prot=mmap.PROT_READ, offset=self._offset - before)
        data = pa.py_buffer(mapped)[before:]
        return pa.Table.from_batches([pa.ipc.read_record_batch(data, self._schema)])


def _write_all(descriptor: int, data: pa.Buffer, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
