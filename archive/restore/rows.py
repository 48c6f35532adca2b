"""Finds the wanted rows of one segment's Parquet file, row group by row group: first the columns that decide, then the rows.

Row groups that cannot match are skipped by their statistics. Bloom filters are not asked: pyarrow cannot read them, and
the deciding column of a row group is as few bytes and the same single request as its filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from archive.codec.fit import row_schema
from archive.codec.items import items_of
from archive.codec.values import Item
from archive.errors import LakeDamagedError
from archive.lake.lanes import Lane, Positions, lanes, rows_at
from archive.lake.order import Order
from archive.lake.purge_records import Ranges
from archive.model.config import Module
from archive.restore.wanted import Ends, Wanted

_T = TypeVar("_T")
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Found:
    """What is wanted of a segment: how many rows, and of which modules (None in it: rows without a module)."""

    rows: int
    modules: frozenset[Module | None]


class SegmentRows:
    """The rows of one segment's file: on local disk, or a file-like object that reads parts of the stored one."""

    def __init__(self, source: Path | Any, name: str, order: Order, *, gather: bool = False) -> None:  # noqa: ANN401 - pyarrow takes any file-like object
        """Open the file; raises LakeDamagedError where it is not a segment of this spec.

        With `gather`, the columns of a row group are read in few reads, for a file whose reads are requests.
        """
        self._order, self._name = order, name
        with ExitStack() as stack:
            try:
                self._file = stack.enter_context(pq.ParquetFile(source, pre_buffer=gather))
            except (OSError, pa.ArrowException) as error:
                raise self._unreadable() from error
            if self._file.schema_arrow != row_schema(order.spec):
                message = f"{name} was written with other columns than [source] columns has now; columns of a lake cannot be changed"
                raise LakeDamagedError(message)
            stack.pop_all()
        names = self._file.schema_arrow.names
        self._index = {column: names.index(column) for column in names}

    def look(self, wanted: Wanted, *, with_modules: bool) -> Found:
        """Count the wanted rows, from statistics and the deciding columns alone; note their modules only if asked."""
        rows = 0
        modules: set[Module | None] = set()
        module_column = self._order.spec.module_column
        for group in range(self._file.num_row_groups):
            verdict = wanted.verdict(self._ends(group, wanted.columns))
            if verdict is False:
                continue
            if verdict and not with_modules:
                rows += self._file.metadata.row_group(group).num_rows
                continue
            table = self._read(group, [*wanted.columns, *([module_column] if with_modules else [])])
            mask = wanted.mask(table)
            rows += mask.to_numpy().sum()
            if with_modules:
                modules.update(table.column(module_column).filter(mask).unique().to_pylist())
        return Found(int(rows), frozenset(modules))

    def find(self, wanted: Wanted, only: Ranges | None = None) -> Positions:
        """Return the positions of the wanted rows; `only` are those that they are taken from."""
        found: list[Positions] = []
        position = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            flags = self._flags(group, wanted)
            if flags is not None and only is not None:
                flags &= _inside(only, position, rows)
            if flags is not None:
                found.append(np.flatnonzero(flags) + position)
            position += rows
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def items(self, positions: Positions) -> Iterator[Item]:
        """Yield the rows at these positions (ascending) as items."""
        return self._items(rows_at(self._file, positions))

    def lanes(self, positions: Positions) -> list[Iterator[Item]]:
        """Return iterators that together yield the rows at these positions (ascending) as items; they may be taken from in turn."""
        return [self._items(lane) for lane in lanes(self._file, positions)]

    def rows(self, positions: Positions) -> Iterator[pa.RecordBatch]:
        """Yield the rows at these positions (ascending) as they are, some at a time."""
        lane = rows_at(self._file, positions)
        while (some := self._translated(lambda: next(lane, None))) is not None:
            yield some[1]

    def times(self, positions: Positions) -> Positions:
        """Return the times (epoch milliseconds) of the rows at these positions (ascending)."""
        found: list[Positions] = [np.zeros(0, np.int64)]
        first = 0
        for group in range(self._file.num_row_groups):
            end = first + self._file.metadata.row_group(group).num_rows
            here = positions[np.searchsorted(positions, first) : np.searchsorted(positions, end)]
            if len(here):
                times = self._read(group, [self._order.spec.time_column]).column(0).cast(pa.int64()).to_numpy()
                found.append(times[here - first])
            first = end
        return np.concatenate(found)

    def _items(self, lane: Lane) -> Iterator[Item]:
        while (some := self._translated(lambda: next(lane, None))) is not None:
            yield from items_of(self._order.spec, some[1])

    def sample(self, most: int) -> list[Item]:
        """Return the first few items."""
        return list(self.items(np.arange(min(most, self._file.metadata.num_rows))))

    def _flags(self, group: int, wanted: Wanted) -> Flags | None:
        """Say of each row of a group whether it is wanted; None where statistics say that none is."""
        verdict = wanted.verdict(self._ends(group, wanted.columns))
        if verdict is False:
            return None
        if verdict:
            return np.ones(self._file.metadata.row_group(group).num_rows, np.bool_)
        flags: Flags = wanted.mask(self._read(group, wanted.columns)).to_numpy().copy()
        return flags

    def _ends(self, group: int, columns: list[str]) -> dict[str, Ends]:
        metadata = self._file.metadata.row_group(group)
        return {name: _ends(metadata.column(self._index[name]).statistics) for name in columns}

    def _read(self, group: int, columns: list[str] | None) -> pa.Table:
        return self._translated(lambda: self._file.read_row_group(group, columns=columns, use_threads=False))

    def _translated(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable() from error

    def _unreadable(self) -> LakeDamagedError:
        return LakeDamagedError(f"{self._name} cannot be read as a segment; restore its last version from the bucket's version history")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _ends(statistics: Any) -> Ends:  # noqa: ANN401 - pyarrow's statistics
    if statistics is None or not statistics.has_min_max:
        return None
    nulls = not statistics.has_null_count or statistics.null_count > 0
    if statistics.logical_type.type == "TIMESTAMP":
        return statistics.min_raw, statistics.max_raw, nulls
    return statistics.min, statistics.max, nulls


def _inside(ranges: Ranges, first: int, rows: int) -> Flags:
    """Say of each of `rows` positions from `first` on whether it lies in one of the half-open ranges."""
    flags = np.zeros(rows, np.bool_)
    for start, end in ranges:
        flags[max(start - first, 0) : max(end - first, 0)] = True
    return flags
