"""The proof before the PUT: decodes the new file from local disk and compares it with all that went into it.

It shares the order of rows with the code that wrote the file, and nothing else: which rows were dropped, replaced or
moved is found out again, row by row and value by value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from archive.codec.fit import row_schema
from archive.errors import LakeDamagedError, ProofError
from archive.lake.order import EXACT, FROM_FILE, FROM_TABLE, ORIGIN, Digests, Key, Order, SortKey
from archive.lake.parquet import Contents, SegmentFile, sha256_of
from archive.lake.sweep import Run, loaded_ahead, sweep
from archive.model.layout import Segment


@dataclass(frozen=True, slots=True)
class ProvedFile:
    """A local file that was proved to hold every row of its predecessor and of the spool. Only `prove` makes one."""

    segment: Segment
    path: Path
    sha256: str
    bytes: int
    contents: Contents


@dataclass(frozen=True, slots=True)
class Inputs:
    """What went into the file: the stored object's rows, the spool's, and those the base table decided for.

    `moved` are the keys whose winner may stand under another module than a row that lost.
    """

    stored: list[Run]
    spooled: list[Run]
    winners: list[Run]
    moved: frozenset[Key]


def prove(order: Order, segment: Segment, path: Path, inputs: Inputs) -> ProvedFile:
    """Return the file as proved, or raise ProofError with what is wrong. Nothing has been stored yet.

    Proved is: its rows are in order, and each key stands once; each row of the inputs is there, value for value, or was
    overruled by a row of the base table that is there, value for value; no row comes from nowhere; all times lie in the
    segment, and the footer tells them right.
    """
    try:
        file = SegmentFile(path, order)
    except LakeDamagedError as error:
        raise _failed(segment, "it cannot be read back") from error
    try:
        with closing(loaded_ahead(_in_order(order, segment, file))) as tables:
            digests, times = _check_all(order, segment, _Rows(order, tables), inputs)
        _check_unique(order, segment, file, digests)
        _check_times(segment, times, file.contents)
    finally:
        file.close()
    return ProvedFile(segment, path, sha256_of(path), path.stat().st_size, file.contents)


def _check_all(order: Order, segment: Segment, rows: _Rows, inputs: Inputs) -> tuple[Digests, list[int]]:
    """Check the file's rows against the inputs, part by part; return their digests, and times that include the first and the last."""
    moved_found: set[Key] = set()
    moved_lost: set[Key] = set()
    digests = [np.zeros(0, np.uint64)]
    times: list[int] = []
    for inputs_part in sweep(order, [*inputs.stored, *inputs.spooled, *inputs.winners]):
        file_part = rows.through(order.sort_key(inputs_part, inputs_part.num_rows - 1))
        if not _plainly_equal(order, file_part, inputs_part):
            chunk = order.sort(pa.concat_tables([file_part, inputs_part]).combine_chunks())
            found, lost = _check(order, segment, chunk, inputs.moved)
            moved_found |= found
            moved_lost |= lost
        digests.append(order.digests(file_part))
        times += _ends(order, file_part)
    if rows.left():
        raise _failed(segment, "it has a row that was neither stored nor read")
    if moved_lost - moved_found:
        raise _failed(segment, "a message that changed its module is missing")
    return np.concatenate(digests), times


class _Rows:
    """The file's rows, taken from the front part by part."""

    def __init__(self, order: Order, tables: Iterator[pa.Table]) -> None:
        self._order = order
        self._tables = tables
        self._ahead = order.keyed(row_schema(order.spec).empty_table(), FROM_FILE)

    def through(self, key: SortKey) -> pa.Table:
        """Return the rows up to a key, and those with it."""
        order = self._order
        while not self._ahead.num_rows or order.sort_key(self._ahead, self._ahead.num_rows - 1) <= key:
            table = next(self._tables, None)
            if table is None:
                break
            self._ahead = pa.concat_tables([self._ahead, table])
        end = order.upper_bound(self._ahead, key)
        rows, self._ahead = self._ahead.slice(0, end), self._ahead.slice(end)
        return rows

    def left(self) -> bool:
        """Say whether there are rows that were not taken."""
        return bool(self._ahead.num_rows) or next(self._tables, None) is not None


def _plainly_equal(order: Order, file_part: pa.Table, inputs_part: pa.Table) -> bool:
    """Say whether two sorted parts have the same rows, each key once, and none by the word of the base table.

    Then each row of the inputs is in the file, value for value, and the file has no others: all that is to be proved about them.
    """
    names = [*order.values, EXACT]
    return (
        file_part.num_rows == inputs_part.num_rows
        and file_part.select(names).equals(inputs_part.select(names))
        and not order.repeats(inputs_part).any()
        and FROM_TABLE not in inputs_part.column(ORIGIN).to_numpy()
    )


def _in_order(order: Order, segment: Segment, file: SegmentFile) -> list[Run]:
    """Return the file's runs, which refuse rows out of order when they are loaded: every later sweep relies on it."""
    runs = file.runs(FROM_FILE)

    def load(run: Run, following: SortKey | None) -> pa.Table:
        table = run.load()
        if order.sort(table) is not table or (following is not None and following <= order.sort_key(table, table.num_rows - 1)):
            raise _failed(segment, "its rows are not in order, or a key stands in it twice")
        return table

    followings = [*(run.first for run in runs[1:]), None]
    return [Run(run.first, partial(load, run, following), run.rows) for run, following in zip(runs, followings, strict=False)]


def _ends(order: Order, rows: pa.Table) -> list[int]:
    """Return the first and the last time of some rows, in epoch milliseconds."""
    ends = pc.min_max(rows.column(order.spec.time_column).cast(pa.int64())).as_py()
    return [ends["min"], ends["max"]] if rows.num_rows else []


def _check_times(segment: Segment, times: list[int], contents: Contents) -> None:
    if not times:
        raise _failed(segment, "it has no rows")
    first, last = min(times), max(times)
    if not segment.window.start_ms <= first <= last < segment.window.end_ms:
        raise _failed(segment, "a row's time lies outside the segment")
    if (contents.first_ms, contents.last_ms) != (first, last):
        raise _failed(segment, "its footer does not say what it holds")


def _check(order: Order, segment: Segment, chunk: pa.Table, moved: frozenset[Key]) -> tuple[set[Key], set[Key]]:
    """Check every group of equal keys in a sorted chunk.

    Return the moved keys whose winner it has, and those of which it lost a row.
    """
    origins = chunk.column(ORIGIN).to_numpy()
    group = np.cumsum(~order.repeats(chunk)) - 1
    groups = int(group[-1]) + 1
    in_file = origins == FROM_FILE
    copies = np.bincount(group[in_file], minlength=groups)
    if (copies > 1).any():
        raise _failed(segment, "a key stands in it twice")
    inputs = np.bincount(group[~in_file], minlength=groups)
    if ((copies == 1) & (inputs == 0)).any():
        raise _failed(segment, "it has a row that was neither stored nor read")
    lost = _lost(order, segment, chunk, copies[group] == 0, moved)
    present = np.flatnonzero(~in_file & (copies[group] == 1))
    file_row = np.zeros(groups, np.int64)
    file_row[group[in_file]] = np.flatnonzero(in_file)
    differs = np.zeros(chunk.num_rows, np.bool_)
    differs[present] = order.differ(chunk.take(pa.array(present)), chunk.take(pa.array(file_row[group[present]])))
    by_table = origins == FROM_TABLE
    if (differs & by_table).any():
        raise _failed(segment, "a row is not what the base table says")
    overruled = np.bincount(group[by_table], minlength=groups) > 0
    if (differs & ~overruled[group]).any():
        raise _failed(segment, "a row differs from what was stored or read")
    return set(order.keys(chunk.filter(pa.array(by_table)))) & moved, lost


def _lost(order: Order, segment: Segment, chunk: pa.Table, missing: np.ndarray[Any, np.dtype[np.bool_]], moved: frozenset[Key]) -> set[Key]:
    if not missing.any():
        return set()
    rows = chunk.filter(pa.array(missing))
    lost = set(order.keys(rows))
    if lost - moved or (rows.column(ORIGIN).to_numpy() == FROM_TABLE).any():
        raise _failed(segment, "a row that was stored or read is missing")
    return lost


def _check_unique(order: Order, segment: Segment, file: SegmentFile, digests: Digests) -> None:
    """Refuse a key that stands under two modules: their rows are far apart, so digests find them. Sorts the digests."""
    digests.sort()
    suspects = np.unique(digests[1:][digests[1:] == digests[:-1]])
    if len(digests) != file.contents.rows:
        raise _failed(segment, "its rows do not come back from disk")
    if not len(suspects):
        return
    seen: set[Key] = set()
    for rows in file.groups():
        table = order.keyed(rows, FROM_FILE)
        for key in order.keys(table.take(pa.array(np.flatnonzero(np.isin(order.digests(table), suspects))))):
            if key in seen:
                raise _failed(segment, "a key stands in it under two modules")
            seen.add(key)


def _failed(segment: Segment, what: str) -> ProofError:
    return ProofError(f"segment {segment.name} was not stored, because its proof failed: {what}; nothing was removed, report this")
