"""Unites a segment's rows by primary key: what the lake has, what was read, and what the base table decides.

Items carry no version, and an index may answer with an old one. So where a key comes with different values, the base
table is asked, after the stored object was read whose ETag the PUT will match: what it says wins; if it has nothing,
the lake's row stays.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from archive.disk import local_disk
from archive.errors import TransientServiceError
from archive.lake.order import FROM_LAKE, FROM_SPOOL, FROM_TABLE, ORIGIN, Key, Order, SortKey
from archive.lake.parquet import SegmentWriter
from archive.lake.spool import Spool
from archive.lake.sweep import Run, sweep
from archive.model.layout import Segment

_MOST_PASSES: Final = 5

AskTable = Callable[[list[Key]], pa.Table]
"""Consistently reads messages from the base table by key: keyed rows (origin FROM_TABLE) of those that are there."""


@dataclass(slots=True)
class Union:
    """What uniting did. `winners` and `losers` hold the rows that the base table decided about."""

    path: Path
    rows: int = 0
    added: int = 0
    replaced: int = 0
    decided: int = 0
    moved: dict[Key, pa.Table] = field(default_factory=dict)
    """Keys that came with different modules: the one row that wins, wherever its place is."""
    moved_in_lake: int = 0

    @property
    def changes(self) -> bool:
        """Say whether the lake would gain anything."""
        return bool(self.added or self.replaced)


class Uniter:
    """Unites one segment. `winners` gets the rows that the base table decided for, `losers` the lake's rows that lost."""

    def __init__(self, order: Order, segment: Segment, ask: AskTable, folder: Path) -> None:
        """Prepare for one segment; files are made in `folder`."""
        self._order, self._segment, self._ask, self._folder = order, segment, ask, folder
        self._pass = 0

    def unite(self, stored: list[Run], spooled: list[Run], source: str) -> tuple[Union, Spool, Spool]:
        """Write the united file; returns what was done, the winners and the losers (close both).

        A key found under two modules takes one more pass, in which its winner is known.
        Raises TransientServiceError where messages change faster than they can be read.
        """
        moved: dict[Key, pa.Table] = {}
        for _ in range(_MOST_PASSES):
            self._pass += 1
            path = self._folder / f"{self._segment.name}-{self._pass}.parquet"
            union = Union(path, moved=dict(moved))
            with ExitStack() as stack:
                stack.callback(path.unlink, missing_ok=True)
                winners = stack.enter_context(Spool(path.with_suffix(".winners"), self._order, 2**62))
                losers = stack.enter_context(Spool(path.with_suffix(".losers"), self._order, 2**62))
                new_moved = self._write_pass((stored, spooled), source, union, (winners, losers))
                if not new_moved:
                    stack.pop_all()
                    return union, winners, losers
            moved.update(new_moved)
        message = f"messages of segment {self._segment.name} change their module faster than they can be read; run again later"
        raise TransientServiceError(message)

    def _write_pass(self, runs: tuple[list[Run], list[Run]], source: str, union: Union, kept: tuple[Spool, Spool]) -> dict[Key, pa.Table]:
        order = self._order
        winners, losers = kept
        for row in union.moved.values():
            winners.append(self._segment, row.select(order.spooled), FROM_TABLE)
        extra = winners.runs(self._segment)  # all FROM_TABLE, also a row of the lake whose message is gone
        moved: dict[Key, pa.Table] = {}
        digests: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        with local_disk(), SegmentWriter(union.path, order.spec, source) as writer:
            for chunk in sweep(order, [*runs[0], *runs[1], *extra]):
                rows, elsewhere = self._settle(chunk, union, winners, losers)
                moved.update(elsewhere)
                digests.append(order.digests(rows))
                writer.write(rows)
            union.rows = writer.rows
        union.added += len(union.moved) - union.moved_in_lake
        return moved or self._found_twice([*runs[0], *runs[1]], digests, union.moved)

    def _settle(self, chunk: pa.Table, union: Union, winners: Spool, losers: Spool) -> tuple[pa.Table, dict[Key, pa.Table]]:
        """Return one row a key of a sorted chunk, and the winners whose place is under another module."""
        order = self._order
        origins = chunk.column(ORIGIN).to_numpy()
        keep = np.ones(chunk.num_rows, np.bool_)
        if union.moved:
            self._drop_moved(chunk, origins, keep, union, losers)
            chunk, origins = chunk.filter(pa.array(keep)), origins[keep]
        repeats = order.repeats(chunk)
        if not repeats.any():
            union.added += int((origins == FROM_SPOOL).sum())
            return chunk, {}
        starts = np.flatnonzero(~repeats)
        ends = np.append(starts[1:], chunk.num_rows)
        following = np.flatnonzero(repeats)
        differs = np.zeros(chunk.num_rows, np.bool_)
        differs[following] = order.differ(chunk.take(pa.array(following)), chunk.take(pa.array(following - 1)))
        contested = np.array([bool(differs[start:end].any()) for start, end in zip(starts, ends, strict=True)])
        keep = ~repeats
        keep[starts[contested]] = False
        union.added += int((origins[keep] == FROM_SPOOL).sum())
        rows = chunk.filter(pa.array(keep))
        if not contested.any():
            return rows, {}
        groups = [chunk.slice(start, end - start) for start, end in zip(starts[contested], ends[contested], strict=True)]
        decided, moved = self._decide(groups, union, winners, losers)
        return order.sort(pa.concat_tables([rows, *decided]).combine_chunks()), moved

    def _drop_moved(
        self,
        chunk: pa.Table,
        origins: np.ndarray[Any, np.dtype[np.int8]],
        keep: np.ndarray[Any, np.dtype[np.bool_]],
        union: Union,
        losers: Spool,
    ) -> None:
        """Mark rows whose winner is known and comes as a run of its own; count it against the lake's row."""
        order = self._order
        for position, key in enumerate(order.keys(chunk)):
            winner = union.moved.get(key)
            if winner is None or origins[position] == FROM_TABLE:
                continue
            keep[position] = False
            row = chunk.slice(position, 1)
            if origins[position] != FROM_LAKE:
                continue
            union.moved_in_lake += 1
            if order.differ(row, winner).any():
                union.replaced += 1
                losers.append(self._segment, row.select(order.spooled), FROM_LAKE)

    def _decide(self, groups: list[pa.Table], union: Union, winners: Spool, losers: Spool) -> tuple[list[pa.Table], dict[Key, pa.Table]]:
        order = self._order
        keys = [order.keys(group.slice(0, 1))[0] for group in groups]
        current = self._ask(keys)
        at = {key: current.slice(position, 1) for position, key in enumerate(order.keys(current))}
        decided: list[pa.Table] = []
        moved: dict[Key, pa.Table] = {}
        for key, group in zip(keys, groups, strict=True):
            union.decided += 1
            first = group.slice(0, 1)
            from_lake = first.column(ORIGIN)[0].as_py() == FROM_LAKE
            winner = at.get(key)
            if winner is None:
                winner = first if from_lake else group.slice(group.num_rows - 1, 1)
            elif order.module(winner, 0) != order.module(first, 0):
                moved[key] = winner
                continue
            winners.append(self._segment, winner.select(order.spooled), FROM_TABLE)
            decided.append(winner)
            if not from_lake:
                union.added += 1
            elif order.differ(winner, first).any():
                union.replaced += 1
                losers.append(self._segment, first.select(order.spooled), FROM_LAKE)
        return decided, moved

    def _found_twice(
        self, runs: list[Run], digests: list[np.ndarray[Any, np.dtype[np.uint64]]], known: dict[Key, pa.Table]
    ) -> dict[Key, pa.Table]:
        """Return the winners of keys that were written under two modules; digests that merely collide settle at once."""
        ordered = np.concatenate([np.zeros(0, np.uint64), *digests])
        ordered.sort()
        suspects = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not len(suspects):
            return {}
        versions = {key: row for key, row in self._versions(runs, suspects).items() if key not in known}
        current = self._ask(list(versions)) if versions else None
        if current is not None:
            versions.update((key, current.slice(position, 1)) for position, key in enumerate(self._order.keys(current)))
        return versions

    def _versions(self, runs: list[Run], suspects: np.ndarray[Any, np.dtype[np.uint64]]) -> dict[Key, pa.Table]:
        """Return one row for every key with such a digest that came under several modules: the lake's where it has one."""
        order = self._order
        versions: dict[Key, pa.Table] = {}
        modules: dict[Key, set[SortKey]] = {}
        for run in sorted(runs, key=lambda run: run.first):
            table = run.load()
            rows = table.take(pa.array(np.flatnonzero(np.isin(order.digests(table), suspects))))
            for position, key in enumerate(order.keys(rows)):
                row = rows.slice(position, 1)
                modules.setdefault(key, set()).add(order.module(row, 0))
                if key not in versions or row.column(ORIGIN)[0].as_py() == FROM_LAKE:
                    versions[key] = row
        return {key: row for key, row in versions.items() if len(modules[key]) > 1}
