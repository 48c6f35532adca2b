"""The Parquet file of a segment: the same rows give the same bytes, and its footer says what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archive.codec.fit import MARK, row_schema
from archive.errors import LakeDamagedError
from archive.lake.lanes import Lane, Positions, lanes
from archive.lake.order import ORIGIN, Order
from archive.lake.sweep import Run
from archive.model.spec import REMAINDER, SPEC_VERSION, TableSpec

ROWS_A_GROUP: Final = 10_000
BYTES_A_GROUP: Final = 16 * 2**20
_READ_AT_ONCE: Final = 2**20
_BLOOM_VALUES: Final = 4_096  # students or conversations a row group; the default of a million is slow to fill (docs/adr/0002)
_FOOTER: Final = "dynalake"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a segment's file says of itself. Times are epoch milliseconds; `source` is the owning table's id."""

    rows: int
    row_groups: int
    first_ms: int
    last_ms: int
    spec_version: int
    source: str


class SegmentWriter:
    """Writes sorted rows to a file, in row groups that depend on the rows alone (10,000 rows or 16 MiB of values).

    Encoding takes most of the time of a merge, and no lock of Python's: it has a thread of its own, one row group behind.
    """

    def __init__(self, path: Path, spec: TableSpec, source: str) -> None:
        """Create the file, readable by its owner only."""
        self._spec, self._source = spec, source
        self._schema = row_schema(spec)
        path.touch(mode=0o600)
        big = {"content", REMAINDER}
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=[name for name in self._schema.names if name not in big],
            write_statistics=[name for name in self._schema.names if name not in big],
            write_page_index=True,
            bloom_filter_options={name: {"ndv": _BLOOM_VALUES, "fpp": 0.05} for name in spec.bloom_columns},
            store_schema=False,
        )
        self._encoder = ThreadPoolExecutor(1, "encode")
        self._encoding: Future[None] | None = None
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._first: int | None = None
        self._last: int | None = None
        self.rows = 0

    def write(self, rows: pa.Table) -> None:
        """Append sorted rows; columns that the lake does not have are left out."""
        rows = rows.select(self._schema.names)
        if not rows.num_rows:
            return
        times = pc.min_max(rows.column(self._spec.time_column).cast(pa.int64())).as_py()
        self._first = times["min"] if self._first is None else min(self._first, times["min"])
        self._last = times["max"] if self._last is None else max(self._last, times["max"])
        self.rows += rows.num_rows
        start = 0
        ends = np.cumsum(_row_bytes(rows))
        while start < rows.num_rows:
            spent = int(ends[start - 1]) if start else 0
            room = BYTES_A_GROUP - self._waiting_bytes
            fitting = int(np.searchsorted(ends, spent + room, side="right")) - start
            fitting = min(fitting, ROWS_A_GROUP - self._waiting_rows, rows.num_rows - start)
            if fitting == 0 and self._waiting_rows == 0:
                fitting = 1
            if fitting:
                self._waiting.append(rows.slice(start, fitting))
                self._waiting_rows += fitting
                self._waiting_bytes += int(ends[start + fitting - 1]) - spent
                start += fitting
            if start < rows.num_rows or self._waiting_rows == ROWS_A_GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._settle()
            # Combined here, so that what the rows are slices of can go while they are encoded.
            self._encoding = self._encoder.submit(self._encode, pa.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0

    def _encode(self, group: pa.Table) -> None:
        self._writer.write_table(group, row_group_size=group.num_rows)

    def _settle(self) -> None:
        """Wait for the row group that is being encoded; what went wrong there is raised here."""
        if self._encoding is not None:
            self._encoding.result()

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._flush()
        self._settle()
        about = {
            "spec_version": SPEC_VERSION,
            "source": self._source,
            "first_ms": self._first,
            "last_ms": self._last,
            "columns": {column.name: [column.attribute, str(column.type)] for column in self._spec.columns},
        }
        self._writer.add_key_value_metadata({_FOOTER: json.dumps(about, sort_keys=True)})
        self._writer.close()

    def __enter__(self) -> Self:
        """Use the writer in a with statement."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Finish the file, or give it up where an error came."""
        with self._encoder:
            if error is None:
                self.close()
                return
        self._writer.close()


def _row_bytes(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    total = np.full(rows.num_rows, 8 * rows.num_columns, np.int64)
    for name in rows.schema.names:
        if pa.types.is_string(rows.schema.field(name).type):
            total += pc.fill_null(pc.binary_length(rows.column(name)), 0).to_numpy()
    return total


class SegmentFile:
    """A segment's Parquet file on local disk, read one row group at a time."""

    def __init__(self, path: Path, order: Order) -> None:
        """Open the file; raises LakeDamagedError where it is not a segment of this spec."""
        self._order = order
        with ExitStack() as stack:
            try:
                self._file = stack.enter_context(pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_AT_ONCE))
                self.contents = _contents(self._file.metadata)
            except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
                message = f"segment {_segment_of(path)} is not readable Parquet; restore its last version from the bucket's version history"
                raise LakeDamagedError(message) from error
            if self._file.schema_arrow != row_schema(order.spec):
                message = f"segment {_segment_of(path)} has other columns than [source] columns has; a lake's columns cannot be changed"
                raise LakeDamagedError(message)
            stack.pop_all()

    def groups(self) -> Iterator[pa.Table]:
        """Yield the row groups in order, with the lake's columns."""
        for number in range(self.contents.row_groups):
            yield self._group(number)

    def lanes(self, positions: Positions) -> list[Lane]:
        """Cut the rows at these positions (ascending) into lanes, which yield them with the lake's columns."""
        return [self._readable(lane) for lane in lanes(self._file, positions)]

    def _readable(self, lane: Lane) -> Lane:
        while (some := self._read(lambda: next(lane, None))) is not None:
            yield some

    def runs(self, origin: int) -> list[Run]:
        """Return the row groups as sorted runs."""
        return [self._run(number, origin) for number in range(self.contents.row_groups)]

    def _run(self, number: int, origin: int) -> Run:
        first = self._read(lambda: next(self._file.iter_batches(1, row_groups=[number], columns=self._key_columns)))
        place = self._order.sort_key(self._order.keyed(first, origin), 0)
        return Run(place, lambda: self._order.keyed(self._group(number), origin), self._file.metadata.row_group(number).num_rows)

    def key_runs(self, origin: int) -> list[Run]:
        """Return the row groups as sorted runs of keys alone."""
        return [
            Run(run.first, lambda number=number: self._keys(number, origin), run.rows)  # type: ignore[misc]
            for number, run in enumerate(self.runs(origin))
        ]

    @property
    def _key_columns(self) -> list[str]:
        """The columns that a row's place in the order is made of."""
        return [*self._order.columns[:-1], REMAINDER]

    def _keys(self, number: int, origin: int) -> pa.Table:
        order = self._order
        rows = self._read(lambda: self._file.read_row_group(number, columns=self._key_columns))
        return order.keyed(rows, origin).select([*order.columns, ORIGIN, MARK])

    def _group(self, number: int) -> pa.Table:
        return self._read(lambda: self._file.read_row_group(number, use_threads=False))

    @staticmethod
    def _read(read: Callable[[], _T]) -> _T:
        try:
            return read()
        except (OSError, pa.ArrowException) as error:
            message = "a segment's rows cannot be read; restore its last version from the bucket's version history"
            raise LakeDamagedError(message) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _segment_of(path: Path) -> str:
    """Return the segment's name: a local file's is that, and what it is there for."""
    return path.stem.rpartition("-")[0] or path.stem


def _contents(metadata: pq.FileMetaData) -> Contents:
    about = json.loads((metadata.metadata or {})[_FOOTER.encode()])
    return Contents(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        first_ms=int(about["first_ms"]),
        last_ms=int(about["last_ms"]),
        spec_version=about["spec_version"],
        source=about["source"],
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()
