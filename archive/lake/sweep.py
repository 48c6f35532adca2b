"""Sweeps over sorted runs: all their rows in one order, in tables of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from archive.lake.order import Order, SortKey

_ROWS_AT_ONCE: Final = 20_000
_BYTES_AT_ONCE: Final = 8 * 2**20
_SMALL_CHUNK: Final = 256  # rows: tables of smaller chunks cost more in overhead than a copy of them does


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted, keyed table that is loaded when its turn comes. `first` is the place of its first row."""

    first: SortKey
    load: Callable[[], pa.Table]
    rows: int


def sweep(order: Order, runs: Iterable[Run]) -> Iterator[pa.Table]:
    """Yield all rows of all runs, sorted; rows with equal keys of one module are never split between two tables.

    Memory holds the runs that overlap, and about 8 MB.
    """
    waiting = sorted(runs, key=lambda run: run.first)
    parts: list[pa.Table] = []
    rows = size = 0
    for number, run in enumerate(waiting):
        part = run.load()
        parts.append(part)
        rows, size = rows + part.num_rows, size + part.nbytes
        following = waiting[number + 1].first if number + 1 < len(waiting) else None
        if following is not None and rows < _ROWS_AT_ONCE and size < _BYTES_AT_ONCE:
            continue
        merged = pa.concat_tables(parts)
        merged = order.sort(merged if len(parts) * _SMALL_CHUNK < rows else merged.combine_chunks())
        ready = merged.num_rows if following is None else order.lower_bound(merged, following)
        if ready:
            yield merged.slice(0, ready)
        parts = [merged.slice(ready)] if ready < merged.num_rows else []
        rows = merged.num_rows - ready
        size = size * rows // max(merged.num_rows, 1)


def loaded_ahead(runs: Iterable[Run]) -> Generator[pa.Table, None, None]:
    """Yield the tables of runs in the order given; a thread of its own loads the next one while the last is looked at.

    Close it (`contextlib.closing`) before what the runs read from is closed.
    """
    with ThreadPoolExecutor(1, "load") as pool:
        ready: Future[pa.Table] | None = None
        for run in runs:
            loading = pool.submit(run.load)
            if ready is not None:
                yield ready.result()
            ready = loading
        if ready is not None:
            yield ready.result()
