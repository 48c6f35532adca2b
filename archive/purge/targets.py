"""Finds which rows of a proved segment have a message at the table, by key, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archive.codec.fit import MARK
from archive.lake.order import FROM_FILE, ORIGIN, Key, Order
from archive.lake.parquet import SegmentFile
from archive.lake.purge_records import Ranges
from archive.lake.sweep import Run, sweep

Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of a segment, by position: `there` has a message at the table; `marks` are their TTL marks (epoch seconds)."""

    there: Flags
    marks: dict[int, int]
    changed: frozenset[int]
    """Positions of marked messages that were changed since: their mark has to go."""

    def only(self, wanted: Callable[[int], bool]) -> Selection:
        """Return the selection of those positions alone that are wanted."""
        there = self.there.copy()
        for position in np.flatnonzero(self.there):
            there[position] = wanted(int(position))
        return replace(self, there=there)

    def ranges(self) -> Ranges:
        """Return the positions as half-open ranges."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.there, [False]]).astype(np.int8)))
        return [[int(first), int(end)] for first, end in edges.reshape(-1, 2)]


def select(order: Order, file: SegmentFile, seen: list[Run], replaced: frozenset[Key]) -> Selection:
    """Match a segment's rows with messages seen at the table. `replaced` are keys whose row this run replaced."""
    columns = [*order.columns, ORIGIN, MARK]
    runs = [*file.key_runs(FROM_FILE), *(Run(run.first, lambda run=run: run.load().select(columns), run.rows) for run in seen)]  # type: ignore[misc]
    there: list[Flags] = []
    marks: dict[int, int] = {}
    changed: set[int] = set()
    position = 0
    for chunk in sweep(order, runs):
        in_file = chunk.column(ORIGIN).to_numpy() == FROM_FILE
        found = order.repeats(chunk) & in_file
        there.append(found[in_file])
        ordinal = position + np.cumsum(in_file) - 1
        position += int(in_file.sum())
        mark_column = chunk.column(MARK)
        if mark_column.null_count == len(mark_column):
            continue
        for at in np.flatnonzero(found):
            mark = mark_column[int(at) - 1].as_py()
            if mark is not None:
                marks[int(ordinal[at])] = mark
                if order.keys(chunk.slice(int(at), 1))[0] in replaced:
                    changed.add(int(ordinal[at]))
    flags = np.concatenate(there) if there else np.zeros(0, np.bool_)
    return Selection(flags, marks, frozenset(changed))
