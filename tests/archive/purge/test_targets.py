"""A segment's rows are matched with messages seen at the table by key exactly, position by position."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.items import items_of
from archive.codec.values import Item
from archive.lake import parquet
from archive.lake import sweep as sweep_module
from archive.lake.parquet import SegmentFile
from archive.model.spec import CHAT_MESSAGES
from archive.purge.targets import Selection, select
from tests.builders import ORDER, keyed, message, near_messages, run_of, runs_of, scratch, text, write_segment

_INT64 = 2**63


def _key(item: Item) -> tuple[str, str]:
    return item["conversationId"]["S"], item["timestamp"]["N"]


def _place(item: Item) -> tuple[object, ...]:
    """Return what a row is found by: its key, and its module where the module has a place of its own."""
    module = item.get("moduleId", {}).get("N")
    return (*_key(item), module if module is not None and abs(int(module)) < _INT64 else None)


@given(
    st.lists(near_messages(), min_size=1, max_size=12, unique_by=_key),
    st.lists(near_messages(), max_size=12),
    st.sampled_from([1, 3, 10_000]),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=100)
def test_rows_are_there_exactly_where_their_key_was_seen(stored: list[Item], seen: list[Item], rows: int, cut: int) -> None:
    """Values do not matter, nor how often or in what order a message was seen; positions are those in the file."""
    with scratch() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS_A_GROUP", rows)
        patch.setattr(sweep_module, "_ROWS_AT_ONCE", rows)
        file = SegmentFile(write_segment(folder / "f", stored), ORDER)
        runs = [run for at in range(0, len(seen), cut) for run in runs_of(seen[at : at + cut])]
        selection = select(ORDER, file, runs, frozenset())
        in_file = [item for group in file.groups() for item in items_of(CHAT_MESSAGES, group)]
        file.close()
    places = {_place(item) for item in seen}
    assert selection.there.tolist() == [_place(item) in places for item in in_file]
    assert (selection.marks, selection.changed) == ({}, frozenset())
    assert [at for first, end in selection.ranges() for at in range(first, end)] == np.flatnonzero(selection.there).tolist()


@given(st.lists(st.booleans(), max_size=20))
def test_ranges_are_half_open_and_as_few_as_can_be(there: list[bool]) -> None:
    """Neighbours are one range."""
    ranges = Selection(np.array(there, np.bool_), {}, frozenset()).ranges()
    assert [at for first, end in ranges for at in range(first, end)] == [at for at, flag in enumerate(there) if flag]
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


def test_only_what_is_wanted_stays(tmp_path: Path) -> None:
    """Of the positions that are there, and of no others; the selection it is made from stays as it is."""
    whole = _select(tmp_path, ["a", "b", "c", "d"], ["b", "c", "d"])
    asked: list[int] = []

    def wanted(position: int) -> bool:
        asked.append(position)
        return position != 2

    assert whole.only(wanted).ranges() == [[1, 2], [3, 4]]
    assert asked == [1, 2, 3]
    assert whole.ranges() == [[1, 4]]


def _select(folder: Path, stored: list[str], seen: list[str], marks: dict[str, int] | None = None, replaced: str = "") -> Selection:
    file = SegmentFile(write_segment(folder / "f", [message(name, 0) for name in stored]), ORDER)
    marked = [message(name, 0, **({"expiresAt": {"N": str(marks[name])}} if marks and name in marks else {})) for name in seen]
    keys = frozenset(key for name in replaced for key in ORDER.keys(keyed([message(name, 0)])))
    selection = select(ORDER, file, [run_of(marked, mark="expiresAt")], keys)
    file.close()
    return selection


def test_marks_are_found_by_position(tmp_path: Path) -> None:
    """A message that was not seen has none; one that is not stored matters not."""
    selection = _select(tmp_path, ["a", "b", "c", "d"], ["b", "c", "x"], {"c": 500, "x": 7})
    assert selection.ranges() == [[1, 3]]
    assert (selection.marks, selection.changed) == ({2: 500}, frozenset())


def test_a_marked_message_whose_row_was_replaced_has_changed(tmp_path: Path) -> None:
    """Its mark has to go; an unmarked one has none."""
    selection = _select(tmp_path, ["a", "b", "c"], ["a", "b", "c"], {"b": 500, "c": 600}, replaced="ab")
    assert (selection.marks, selection.changed) == ({1: 500, 2: 600}, frozenset({1}))


def test_nothing_seen_is_nothing_there(tmp_path: Path) -> None:
    """As many flags as rows."""
    file = SegmentFile(write_segment(tmp_path / "f", [message("a", 0), message("b", 0, **text("x"))]), ORDER)
    assert select(ORDER, file, [], frozenset()).there.tolist() == [False, False]
    file.close()
