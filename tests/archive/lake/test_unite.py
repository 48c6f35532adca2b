"""Uniting follows the merge rule, for any mixture of stored rows, spooled rows and what the base table says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import TransientServiceError
from archive.lake import order as order_module
from archive.lake import sweep as sweep_module
from archive.lake.order import FROM_LAKE, FROM_TABLE, Key
from archive.lake.parquet import SegmentFile
from archive.lake.prove import Inputs, ProvedFile, prove
from archive.lake.unite import Uniter
from archive.model.spec import CHAT_MESSAGES
from tests.builders import ORDER, OWNER, SEGMENT, START_MS, BaseTable, message, rows, runs_of, scratch, text

ItemKey = tuple[str, str]


@dataclass(frozen=True)
class Result:
    """What a merge came to, in Python's terms."""

    lake: dict[ItemKey, bytes]
    added: int
    replaced: int
    losers: set[bytes]


def _key(item: Item) -> ItemKey:
    return item["conversationId"]["S"], item["timestamp"]["N"]


def _by_key(items: Iterable[Item]) -> dict[ItemKey, Item]:
    return {_key(item): item for item in items}


def model(stored: dict[ItemKey, Item], spooled: list[Item], table: dict[ItemKey, Item]) -> Result:
    """The merge rule of the design, in the simplest words: equal, nothing to do; else the table; gone there, the lake's row."""
    lake = dict(stored)
    for key in {_key(item) for item in spooled}:
        versions = {canonical(item) for item in spooled if _key(item) == key}
        if key in stored:
            versions.add(canonical(stored[key]))
        if len(versions) == 1:
            lake[key] = next(item for item in [*stored.values(), *spooled] if _key(item) == key)
        elif key in table:
            lake[key] = table[key]
        elif key not in stored:
            lake[key] = {}  # any of the versions that were read
    changed = {key for key in stored if canonical(lake[key]) != canonical(stored[key])}
    return Result(
        {key: canonical(item) for key, item in lake.items()},
        added=len(lake) - len(stored),
        replaced=len(changed),
        losers={canonical(stored[key]) for key in changed},
    )


@st.composite
def _versions(draw: st.DrawFn) -> tuple[list[Item], list[Item], list[Item]]:
    """Draw what the lake has, what was spooled and what the table holds: versions of few keys, some of other modules."""
    keys = draw(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 1.5, 1.25])), min_size=1, max_size=5, unique=True))
    stored, spooled, table = [], [], []
    for conversation, at in keys:
        some = st.builds(
            lambda module, more, c=conversation, t=at: message(c, t, module, **more),
            st.sampled_from([1, 2, None, "text"]),
            st.sampled_from([text("one"), text("two"), text(""), {}, {"extra": {"N": "1"}}]),
        )
        stored += draw(st.lists(some, max_size=1))
        spooled += draw(st.lists(some, max_size=3))
        table += draw(st.lists(some, max_size=1))
    return stored, draw(st.permutations(spooled)), table


def _unite(
    folder: Path, stored: list[Item], spooled: list[Item], table: BaseTable, runs_of_size: int = 2
) -> tuple[ProvedFile, Result, bool]:
    """Unite and prove; return what was proved, what the lake has then, and whether that is a change."""
    old = runs_of(stored, FROM_LAKE)
    new = [run for at in range(0, len(spooled), runs_of_size) for run in runs_of(spooled[at : at + runs_of_size])]
    union, winners, losers = Uniter(ORDER, SEGMENT, table.ask, folder).unite(old, new, OWNER.table_id)
    with winners, losers:
        proved = prove(ORDER, SEGMENT, union.path, Inputs(old, new, winners.runs(SEGMENT), frozenset(union.moved)))
        lost = {canonical(item) for run in losers.runs(SEGMENT) for item in items_of(CHAT_MESSAGES, run.load())}
    file = SegmentFile(union.path, ORDER)
    found = [item for group in file.groups() for item in items_of(CHAT_MESSAGES, group)]
    file.close()
    assert union.rows == len(found) == len(_by_key(found))
    return proved, Result({_key(item): canonical(item) for item in found}, union.added, union.replaced, lost), union.changes


@pytest.mark.parametrize("at_once", [1, 20_000])
@pytest.mark.parametrize("collide", [False, True])
@given(versions=_versions(), runs_of_size=st.integers(1, 3))
@example(versions=([message("a", 0, 1)], [message("a", 0, 2)], []), runs_of_size=1)
@settings(deadline=None, max_examples=80)
def test_uniting_is_the_merge_rule(
    at_once: int,
    collide: bool,  # noqa: FBT001 - pytest gives it
    versions: tuple[list[Item], list[Item], list[Item]],
    runs_of_size: int,
) -> None:
    """Rows, counts, losers and `changes` are those of the model, and the proof accepts them; digests may collide as they like."""
    stored, spooled, table = versions
    if not stored and not spooled:
        return
    expected = model(_by_key(stored), spooled, _by_key(table))
    with pytest.MonkeyPatch.context() as patch, scratch() as folder:
        patch.setattr(sweep_module, "_ROWS_AT_ONCE", at_once)
        if collide:
            patch.setattr(order_module, "hash", lambda _: 7, raising=False)
        _, found, changes = _unite(folder, stored, spooled, BaseTable(table), runs_of_size)
        assert [path.suffix for path in folder.iterdir()] == [".parquet"]
    undecided = {key for key, row in expected.lake.items() if row == canonical({})}
    assert {key: row for key, row in found.lake.items() if key not in undecided} == {
        key: row for key, row in expected.lake.items() if key not in undecided
    }
    for key in undecided:
        assert found.lake[key] in {canonical(item) for item in spooled if _key(item) == key}
    assert (found.added, found.replaced, found.losers) == (expected.added, expected.replaced, expected.losers)
    assert changes == (expected.added + expected.replaced > 0)


def test_the_table_is_asked_only_where_values_differ(tmp_path: Path) -> None:
    """Equal rows cost no read."""
    table = BaseTable()
    _unite(tmp_path, [message("a", 0)], [message("a", 0), message("b", 0), message("b", 0)], table)
    assert table.asked == []


def test_the_table_is_asked_once_for_a_key(tmp_path: Path) -> None:
    """However many versions came."""
    table = BaseTable([message("a", 0, **text("now"))])
    _, found, _ = _unite(tmp_path, [message("a", 0)], [message("a", 0, **text(str(n))) for n in range(4)], table)
    assert [len(keys) for keys in table.asked] == [1]
    assert found.losers == {canonical(message("a", 0))}


def test_a_stale_index_does_not_bring_an_old_version_back(tmp_path: Path) -> None:
    """The index still answers with the old version; the new one was archived and purged: the lake's row stays."""
    new, old = message("a", 0, **text("new")), message("a", 0, **text("old"))
    _, found, changes = _unite(tmp_path, [new], [old], BaseTable())
    assert found == Result({_key(new): canonical(new)}, 0, 0, set())
    assert not changes


def test_a_stale_index_entry_under_another_module_does_not_either(tmp_path: Path) -> None:
    """A moduleId that changed leaves one row, under the module that the lake has, where the message is gone."""
    new, old = message("a", 0, 9), message("a", 0, 2)
    _, found, changes = _unite(tmp_path, [new], [old, message("b", 0, 2)], BaseTable())
    assert found.lake[_key(new)] == canonical(new)
    assert (found.added, found.replaced, changes) == (1, 0, True)


def test_the_answer_can_differ_from_both_versions(tmp_path: Path) -> None:
    """An edit between the read and the question: what the table says now is stored."""
    now = message("a", 0, 3, **text("third"))
    _, found, _ = _unite(tmp_path, [message("a", 0, 1)], [message("a", 0, 2)], BaseTable([now]))
    assert found == Result({_key(now): canonical(now)}, 0, 1, {canonical(message("a", 0, 1))})


def test_messages_that_keep_changing_their_modules_end_in_an_error_that_may_be_retried(tmp_path: Path) -> None:
    """In each pass the table says of one more message that it has moved. Nothing is left in the folder."""
    moved: list[Key] = []

    def ask(keys: list[Key]) -> pa.Table:
        moved.append(keys[0])
        return ORDER.keyed(rows(message(str(key[0]), 0, 9 if key == keys[0] else 1, **text("now")) for key in keys), FROM_TABLE)

    names = [f"c{number}" for number in range(9)]
    stored = runs_of([message(name, 0, 1) for name in names], FROM_LAKE)
    spooled = runs_of([message(name, 0, 1, **text("edited")) for name in names])
    with pytest.raises(TransientServiceError, match="change their module faster"):
        Uniter(ORDER, SEGMENT, ask, tmp_path).unite(stored, spooled, OWNER.table_id)
    assert len(set(moved)) == len(moved) > 1
    assert list(tmp_path.iterdir()) == []


def test_a_message_that_moved_is_asked_for_once(tmp_path: Path) -> None:
    """The pass in which its winner is known does not ask again."""
    table = BaseTable([message("a", 0, 2, **text("now"))])
    _, found, _ = _unite(tmp_path, [message("a", 0, 1)], [message("a", 0, 1, **text("edited")), message("a", 0, 3)], table)
    assert table.asked == [[("a", START_MS, None)]]
    assert found.lake == {_key(message("a", 0)): canonical(message("a", 0, 2, **text("now")))}


def test_a_question_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The files of the attempt are closed and removed, so that the segment can be united again in the same folder."""

    def ask(_: list[Key]) -> pa.Table:
        message_ = "throttled"
        raise TransientServiceError(message_)

    stored, spooled = runs_of([message("a", 0)], FROM_LAKE), runs_of([message("a", 0, **text("edited"))])
    for _ in range(2):
        with pytest.raises(TransientServiceError):
            Uniter(ORDER, SEGMENT, ask, tmp_path).unite(stored, spooled, OWNER.table_id)
        assert list(tmp_path.iterdir()) == []
