"""Decides which row of a key is the message, where the table and the lake have different ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from archive.lake.order import FROM_LAKE, ORIGIN, Key, Order
from archive.restore.wanted import Wanted


@dataclass(slots=True)
class Counts:
    """Messages yielded: those that only the table had, only the lake, and both. `decided`: the base table was asked about so many."""

    hot: int = 0
    cold: int = 0
    both: int = 0
    decided: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.hot + self.cold + self.both

    def add(self, other: Counts) -> None:
        """Add other messages."""
        self.hot, self.cold, self.both = self.hot + other.hot, self.cold + other.cold, self.both + other.both
        self.decided += other.decided


@dataclass(frozen=True, slots=True)
class Judges:
    """Who is asked: the base table, consistently, by keys; and the lake as it is now, for a row of one key. Their rows are keyed."""

    table: Callable[[list[Key]], pa.Table]
    lake: Callable[[Key], pa.Table | None]


def first_keys(order: Order, chunk: pa.Table, most: int) -> pa.Table:
    """Return the rows of the first keys of a sorted chunk."""
    starts = np.flatnonzero(~order.repeats(chunk))
    return chunk if len(starts) <= most else chunk.slice(0, int(starts[most]))


def settle(order: Order, wanted: Wanted, chunk: pa.Table, judges: Judges) -> tuple[pa.Table, Counts]:
    """Return one row a key of a sorted chunk, in its order, and whence they are.

    Where rows of a key differ, what the base table says wins. Where it has none, the message was removed meanwhile: then the lake
    has, by now, just what was removed. A winner that is not what was asked for any more leaves the message as the index showed it.
    """
    repeats = order.repeats(chunk)
    starts = np.flatnonzero(~repeats)
    ends = np.append(starts[1:], chunk.num_rows)
    alone = ends - starts == 1
    from_lake = chunk.column(ORIGIN).to_numpy()[starts] == FROM_LAKE
    counts = Counts(int((~from_lake).sum()), int((alone & from_lake).sum()), int((~alone & from_lake).sum()))
    if not repeats.any():
        return chunk, counts
    following = np.flatnonzero(repeats)
    differs = np.zeros(chunk.num_rows, np.bool_)
    differs[following] = order.differ(chunk.take(pa.array(following)), chunk.take(pa.array(following - 1)))
    contested = np.logical_or.reduceat(differs, starts)
    rows = chunk.take(pa.array(starts[~contested]))
    if not contested.any():
        return rows, counts
    counts.decided = int(contested.sum())
    shown = chunk.take(pa.array(ends[contested] - 1))
    decided = _decided(order, wanted, shown, judges)
    return order.sort(pa.concat_tables([rows, *decided]).combine_chunks()), counts


def _decided(order: Order, wanted: Wanted, shown: pa.Table, judges: Judges) -> list[pa.Table]:
    """Return a row for each one that the table's index showed and the lake has otherwise."""
    keys = order.keys(shown)
    current = judges.table(keys)
    at = {key: current.slice(position, 1) for position, key in enumerate(order.keys(current))}
    decided: list[pa.Table] = []
    for position, key in enumerate(keys):
        winner = at.get(key)
        if winner is None:
            winner = judges.lake(key)
        fits = winner is not None and bool(wanted.mask(winner)[0].as_py())
        decided.append(winner if fits else shown.slice(position, 1))
    return decided
