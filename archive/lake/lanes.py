"""Reads chosen rows of a segment's file from several places of it at once, little of it in memory.

Rows are sorted by module and time: read from one place on, they would all be of one module for a long while.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Positions = np.ndarray[Any, np.dtype[np.int64]]
"""Row positions in a file, ascending."""

LANES: Final = 8
"""Places that are read at once. An open one holds less than 10 MB of messages of 2 KB: a part of a row group's pages."""
_A_REQUEST: Final = 25
_AT_ONCE: Final = 100  # rows that are made at a time


def cut(positions: Positions) -> list[Positions]:
    """Cut positions into consecutive parts of about equal length: as many as there are lanes, or requests to be made of them."""
    many = min(LANES, -(-len(positions) // _A_REQUEST))
    return np.array_split(positions, many) if many else []


def rows_at(file: pq.ParquetFile, positions: Positions) -> Iterator[tuple[Positions, pa.RecordBatch]]:
    """Yield the rows at these positions in their order, with the positions, some at a time.

    Row groups without such rows are not read, nor is what follows the last one. Raises pyarrow's errors.
    """
    first = 0
    for group in range(file.metadata.num_row_groups):
        end = first + file.metadata.row_group(group).num_rows
        wanted = positions[np.searchsorted(positions, first) : np.searchsorted(positions, end)]
        if len(wanted):
            yield from _rows_of(file, group, wanted, first)
        first = end


def _rows_of(file: pq.ParquetFile, group: int, wanted: Positions, first: int) -> Iterator[tuple[Positions, pa.RecordBatch]]:
    """Yield the wanted rows of one group, whose first row has position `first`."""
    for rows in file.iter_batches(_AT_ONCE, row_groups=[group], use_threads=False):
        here = wanted[: np.searchsorted(wanted, first + rows.num_rows)]
        if len(here):
            yield here, rows.take(pa.array(here - first))
        wanted = wanted[len(here) :]
        if not len(wanted):
            return
        first += rows.num_rows
