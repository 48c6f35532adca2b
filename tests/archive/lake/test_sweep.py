"""A sweep yields the rows of all runs in one order, however they are cut into runs and however those overlap."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import LakeDamagedError
from archive.lake import sweep as module
from archive.lake.order import FROM_LAKE, FROM_SPOOL, ORIGIN
from archive.lake.sweep import Run, loaded_ahead, sweep
from archive.model.spec import CHAT_MESSAGES
from tests.builders import ORDER, keyed, message, near_messages, run_of

_RUNS = st.lists(st.lists(near_messages(), min_size=1, max_size=8), max_size=6)


def _multiset(tables: list[pa.Table]) -> Counter[bytes]:
    return Counter(canonical(item) for table in tables for item in items_of(CHAT_MESSAGES, table))


@pytest.mark.parametrize("at_once", [1, 3, 20_000])
@given(cut=_RUNS)
@settings(deadline=None, max_examples=60)
def test_a_sweep_is_the_sorted_multiset(at_once: int, cut: list[list[Item]]) -> None:
    """Nothing is lost or doubled, the order is total, and equal keys of one module stay in one table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", at_once)
        tables = list(sweep(ORDER, [run_of(part, origin) for origin, part in zip([FROM_SPOOL, FROM_LAKE] * 3, cut, strict=False)]))
    assert _multiset(tables) == Counter(canonical(item) for part in cut for item in part)
    places = [ORDER.sort_key(table, position) for table in tables for position in range(table.num_rows)]
    assert places == sorted(places)
    ends = [(ORDER.sort_key(table, 0), ORDER.sort_key(table, table.num_rows - 1)) for table in tables]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    for table in tables:
        with_origin = [(*ORDER.sort_key(table, at), table.column(ORIGIN)[at].as_py()) for at in range(table.num_rows)]
        assert with_origin == sorted(with_origin)


def test_small_limits_really_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that do not overlap come one by one, so that memory does not grow with their number."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 1)
    tables = sweep(ORDER, [run_of([message("a", at)]) for at in range(5)])
    assert [table.num_rows for table in tables] == [1] * 5


def test_large_rows_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are a limit of their own."""
    monkeypatch.setattr(module, "_BYTES_AT_ONCE", 1)
    assert len(list(sweep(ORDER, [run_of([message("a", at)]) for at in range(5)]))) == 5


def test_a_run_is_loaded_only_when_its_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first table is there before the last run is loaded."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 1)
    loaded: list[int] = []

    def run(at: int) -> Run:
        table = keyed([message("a", at)])

        def load() -> pa.Table:
            loaded.append(at)
            return table

        return Run(ORDER.sort_key(table, 0), load, 1)

    tables = sweep(ORDER, [run(at) for at in (2, 0, 1)])
    next(tables)
    assert loaded == [0]
    assert len(list(tables)) == 2
    assert loaded == [0, 1, 2]


def test_no_runs_give_no_tables() -> None:
    """An empty segment is nothing."""
    assert list(sweep(ORDER, [])) == []


def test_tables_are_loaded_one_ahead_and_in_order() -> None:
    """Never more than one beyond the one that is looked at: memory is bounded."""
    loaded: list[int] = []

    def run(at: int) -> Run:
        def load() -> pa.Table:
            loaded.append(at)
            return keyed([message("a", at)])

        return Run((), load, 1)

    with closing(loaded_ahead(run(at) for at in range(5))) as tables:
        for at, table in enumerate(tables):
            assert [item["timestamp"] for item in items_of(CHAT_MESSAGES, table)] == [message("a", at)["timestamp"]]
            assert len(loaded) <= at + 2
    assert loaded == [0, 1, 2, 3, 4]


def test_what_fails_in_the_loading_thread_is_raised() -> None:
    """A damaged row group must not look like the end of the file."""
    message_ = "damaged"

    def load() -> pa.Table:
        raise LakeDamagedError(message_)

    with closing(loaded_ahead([Run((), load, 1)])) as tables, pytest.raises(LakeDamagedError):
        next(tables)
