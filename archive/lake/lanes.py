"""Reads chosen rows of a segment's file from several places of it at once, little of it in memory.

Rows are sorted by module and time: read from one place on, they would all be of one module for a long while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Positions = np.ndarray[Any, np.dtype[np.int64]]
"""Row positions in a file, ascending."""
Lane = Iterator[tuple[Positions, pa.RecordBatch]]
"""Rows with their positions, some at a time, in their order. Raises pyarrow's errors."""

LANES: Final = 8
"""Places that are read at once. A row group that only one goes through is decoded page by page: less than 10 MB of messages of 2 KB."""
_ENOUGH: Final = 4  # row groups with wanted rows: then each has at most one lane
_A_REQUEST: Final = 25
_AT_ONCE: Final = 100  # rows that are made at a time


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group with wanted rows: its number, its first row's position, and the wanted positions."""

    number: int
    first: int
    wanted: Positions


def lanes(file: pq.ParquetFile, positions: Positions) -> list[Lane]:
    """Cut the rows at these positions into lanes, at most as many as there are requests of 25 to be made of them.

    A lane is several whole row groups, or, in a file of few, a part of one: that is decoded once for all its lanes, and kept until
    the last of them is through. The lanes may be taken from in turn, by one thread at a time.
    """
    groups = list(_groups(file, positions))
    many = min(LANES, -(-len(positions) // _A_REQUEST))
    if len(groups) >= min(many, _ENOUGH):
        parts = np.array_split(np.arange(len(groups)), min(many, len(groups))) if groups else []
        return [_whole(file, [groups[number] for number in part]) for part in parts]
    return [lane for group in groups for lane in _shared(file, group, -(-many // len(groups)))]


def rows_at(file: pq.ParquetFile, positions: Positions) -> Lane:
    """Yield the rows at these positions in one lane. Row groups without such rows are not read, nor is what follows the last one."""
    return _whole(file, list(_groups(file, positions)))


def _groups(file: pq.ParquetFile, positions: Positions) -> Iterator[_Group]:
    first = 0
    for number in range(file.metadata.num_row_groups):
        end = first + file.metadata.row_group(number).num_rows
        wanted = positions[np.searchsorted(positions, first) : np.searchsorted(positions, end)]
        if len(wanted):
            yield _Group(number, first, wanted)
        first = end


def _whole(file: pq.ParquetFile, groups: list[_Group]) -> Lane:
    for group in groups:
        first, wanted = group.first, group.wanted
        for rows in file.iter_batches(_AT_ONCE, row_groups=[group.number], use_threads=False):
            here = wanted[: np.searchsorted(wanted, first + rows.num_rows)]
            if len(here):
                yield here, rows.take(pa.array(here - first))
            wanted = wanted[len(here) :]
            if not len(wanted):
                break
            first += rows.num_rows


def _shared(file: pq.ParquetFile, group: _Group, many: int) -> list[Lane]:
    def load() -> pa.RecordBatch:
        rows = file.read_row_group(group.number, use_threads=False)
        wanted = rows if len(group.wanted) == rows.num_rows else rows.take(pa.array(group.wanted - group.first))
        return wanted.combine_chunks().to_batches()[0]

    once = lru_cache(maxsize=1)(load)  # what it keeps goes with the last lane
    return [_part(once, group.wanted, part) for part in np.array_split(np.arange(len(group.wanted)), many) if len(part)]


def _part(load: Callable[[], pa.RecordBatch], wanted: Positions, part: Positions) -> Lane:
    for start in range(int(part[0]), int(part[-1]) + 1, _AT_ONCE):
        end = min(start + _AT_ONCE, int(part[-1]) + 1)
        yield wanted[start:end], load().slice(start, end - start)
