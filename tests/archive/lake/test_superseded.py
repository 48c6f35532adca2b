"""Rows that are superseded although their messages may have been removed are kept, and no others."""

from __future__ import annotations

import pytest

from archive.codec.values import Item, canonical
from archive.lake.commit import Committed
from archive.lake.purge_records import Done, Intent, PurgeRecords
from tests.builders import KEYS, SEGMENT, message, text
from tests.lakes import MESSAGE, Lake, before_put, spelled

_A, _B = (message(name, at) for at, name in enumerate("ab"))
_EDITED = {**_A, **text("edited")}


def _intent(run: str) -> Intent:
    return Intent(run, SEGMENT.name, "delete", "single", MESSAGE, 1, "ab", "v", 2, [[0, 2]], "2024-06-01T03:00:00Z")


def _done(run: str, *left: Item) -> Done:
    keys = [canonical({name: item[name] for name in ("conversationId", "timestamp")}).decode() for item in left]
    return Done(run, SEGMENT.name, "delete", 2, 2 - len(left), len(left), 0, 0, 0, keys, "2024-06-01T03:00:00Z")


def _edit_after(lake: Lake, *records: Intent | Done) -> Committed:
    """Archive two messages, purge as the records say, and archive one of them again with another value."""
    lake.commit(_A, _B, exists=False)
    purges = PurgeRecords(lake.store, KEYS)
    for record in records:
        purges.intend(SEGMENT, record) if isinstance(record, Intent) else purges.conclude(SEGMENT, record)
    lake.table.put(_EDITED)
    committed = lake.commit(_EDITED)
    assert lake.rows() == spelled(_EDITED, _B)
    return committed


@pytest.mark.parametrize(
    "records",
    [
        [_intent("p"), _done("p")],
        [_intent("p"), _done("p", _B)],
        [_intent("p")],
        [_intent("p"), _done("p", _A), _intent("q")],
        [_intent("p"), _done("p", _A), _intent("q"), _done("q")],
        [_intent("p"), _intent("p"), _done("p", _A)],
        [_intent("p"), _intent("p"), _done("p", _A), _done("p", _A)],
    ],
)
def test_a_superseded_row_is_kept_where_its_message_may_have_been_removed(records: list[Intent | Done], lake: Lake) -> None:
    """It was removed, or a purge that was killed may have: the lake's row is the only one there is."""
    committed = _edit_after(lake, *records)
    assert (committed.superseded, lake.superseded()) == (1, spelled(_A))


@pytest.mark.parametrize("records", [[], [_intent("p"), _done("p", _A)], [_intent("p"), _done("p", _A), _intent("q"), _done("q", _A, _B)]])
def test_a_superseded_row_is_not_kept_where_its_message_lives(records: list[Intent | Done], lake: Lake) -> None:
    """Nothing was purged yet, or every purge found it changed: an older version of a living message."""
    committed = _edit_after(lake, *records)
    assert (committed.superseded, lake.superseded()) == (0, [])


def test_superseded_rows_are_stored_before_the_put_and_once(lake: Lake, other: Lake) -> None:
    """The key is made from the content, so that a lost race stores them once."""
    lake.commit(_A, exists=False)
    PurgeRecords(lake.store, KEYS).intend(SEGMENT, _intent("p"))
    lake.table.put(_EDITED)
    seen: list[list[bytes]] = []

    def interfere() -> None:
        seen.append(lake.superseded())
        other.commit(_B)

    before_put(lake, interfere)
    assert lake.commit(_EDITED).superseded == 1
    assert seen == [spelled(_A)] == [lake.superseded()]
    assert len([key for key, _ in lake.versions() if "superseded" in key]) == 1


def test_an_intent_that_is_stored_during_the_merge_keeps_what_it_may_remove(lake: Lake) -> None:
    """That purge looked at the object before it was replaced, and goes on."""
    lake.commit(_A, _B, exists=False)
    lake.table.put(_EDITED)
    before_put(lake, lambda: PurgeRecords(lake.store, KEYS).intend(SEGMENT, _intent("p")))
    assert lake.commit(_EDITED).superseded == 1
    assert lake.superseded() == spelled(_A)
