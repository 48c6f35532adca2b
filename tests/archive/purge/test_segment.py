"""Purging a proved segment over HTTP: intent first, outcome last, and nothing is removed that is not what was archived."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from archive.codec.values import Item, canonical
from archive.errors import LakeDamagedError
from archive.purge.segment import Purged
from tests.archives import Archive
from tests.builders import KEYS, SEGMENT, message, text

_INDEXED = {"studentId": {"N": "1"}, "provider": {"S": "p"}}
_A, _B, _C = (message(name, at, **_INDEXED, **text(name)) for at, name in enumerate("abc"))
_KEY = KEYS.message(SEGMENT)


def test_what_is_still_the_same_is_removed_between_intent_and_outcome(archive: Archive) -> None:
    """The intent is stored before the first removal, the outcome after the last."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    archive.calls.clear()
    purged = archive.purge(committed, _A, _B)
    assert archive.calls == ["-run-1-intent.json", "DeleteItem", "DeleteItem", "-run-1-outcome.json"]
    assert (purged.done, purged.changed, purged.missing, purged.refused, purged.surprises) == (2, 0, 0, 0, 0)
    assert (archive.get(_A), archive.get(_B)) == (None, None)


def test_the_intent_names_the_version_and_the_rows(archive: Archive) -> None:
    """So that a run can be undone; the outcome says what became of them."""
    archive.put(_A, _B, _C)
    committed = archive.commit(_A, _B, _C)
    archive.purge(committed, _A, _C)
    intent, outcome = archive.records()
    receipt = committed.receipt
    assert intent == {
        "run": "run-1", "segment": SEGMENT.name, "mode": "delete", "protocol": "single", "key": _KEY, "generation": 1,
        "sha256": receipt.sha256, "version_id": receipt.version_id, "rows": 2, "ranges": [[0, 1], [2, 3]], "at": "2024-06-01T03:00:00Z",
    }  # fmt: skip
    assert outcome == {
        "run": "run-1", "segment": SEGMENT.name, "mode": "delete", "rows": 2, "done": 2, "changed": 0, "missing": 0, "refused": 0,
        "surprises": 0, "left": [], "at": "2024-06-01T03:00:00Z",
    }  # fmt: skip


def test_only_messages_that_were_seen_are_removed(archive: Archive) -> None:
    """A row whose message was not seen is not asked about."""
    archive.put(_A, _B)
    assert archive.purge(archive.commit(_A, _B), _B).done == 1
    assert archive.get(_A) == _A


def test_where_nothing_was_seen_nothing_is_recorded(archive: Archive) -> None:
    """A night without work leaves no objects."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.calls.clear()
    assert archive.purge(committed, _C) == Purged()
    assert archive.calls == []


@pytest.mark.parametrize("edit", [text("edited"), {"note": {"S": "new"}}, {"content": {"NULL": True}}])
def test_a_changed_message_is_counted_and_left(edit: Item, archive: Archive) -> None:
    """A value, or an attribute that the archive knows, that differs from what was archived."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    archive.put({**_A, **edit})
    purged = archive.purge(committed, _A, _B)
    assert (purged.done, purged.changed) == (1, 1)
    assert archive.get(_A) == {**_A, **edit}
    left = canonical({name: _A[name] for name in ("conversationId", "timestamp")}).decode()
    assert archive.records()[1]["left"] == [left]


def test_a_changed_message_teaches_new_names(archive: Archive) -> None:
    """Later purges say that they must be missing."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.put({**_A, **text("edited"), "mood": {"S": "new"}})
    assert archive.purge(committed, _A).learned == {"mood"}


def test_a_missing_message_is_counted(archive: Archive) -> None:
    """It is not removed twice, and not made either."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    archive.delete(_A)
    purged = archive.purge(committed, _A, _B)
    assert (purged.done, purged.missing) == (1, 1)
    assert archive.get(_A) is None


def test_a_purge_that_was_killed_can_be_run_again(archive: Archive) -> None:
    """The first leaves an intent that says which rows may be gone; the second removes the rest."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)

    def die() -> None:
        message_ = "killed"
        raise KeyboardInterrupt(message_)

    archive.before_removal(lambda: None, die)
    with pytest.raises(KeyboardInterrupt):
        archive.purge(committed, _A, _B)
    assert ["left" in record for record in archive.records()] == [False]
    purged = archive.purge(committed, _A, _B)
    assert (purged.done, purged.missing) == (1, 1)
    assert archive.get(_B) is None


@pytest.mark.parametrize("requests", [1, 4])
def test_many_messages_go_in_batches_several_at_once(requests: int, archive: Archive) -> None:
    """Each is removed once, and counted once."""
    many = [message(f"c{number}", number, number % 3, **_INDEXED) for number in range(110)]
    archive.put(*many)
    purged = archive.purge(archive.commit(*many), *many, requests=requests)
    assert (purged.done, purged.missing) == (110, 0)
    assert archive.calls.count("DeleteItem") == 110
    assert archive.others.scan(TableName=archive.table, Select="COUNT")["Count"] == 0


def test_a_purge_that_is_to_stop_ends_between_two_batches(archive: Archive) -> None:
    """What was removed until then is recorded as such, and the next purge does the rest."""
    many = [message(f"c{number}", number, number % 3, **_INDEXED) for number in range(110)]
    archive.put(*many)
    committed = archive.commit(*many)
    turns = iter([False, False])
    assert archive.purge(committed, *many, stop=lambda: next(turns, True)).done == 50
    intent, outcome = archive.records()
    assert (intent["rows"], outcome["rows"], outcome["done"]) == (110, 50, 50)
    assert archive.purge(committed, *many, run="run-2").done == 60


def test_a_purge_is_called_off_where_the_object_was_replaced_after_it_was_fetched(archive: Archive) -> None:
    """The message is as it was archived: but who replaced it meanwhile found no purge, and kept no superseded row."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    edited = {**_A, **text("edited")}

    def replace_object_and_undo() -> None:
        archive.put(edited)
        archive.commit(edited)
        archive.put(_A)

    purged = archive.purge(committed, _A, _B, meanwhile=replace_object_and_undo)
    assert (purged.done, "DeleteItem" in archive.calls) == (0, False)
    assert (archive.get(_A), archive.get(_B)) == (_A, _B)
    intent, outcome = archive.records()
    assert (intent["rows"], outcome["rows"], outcome["left"]) == (2, 0, [])


def test_damaged_bytes_remove_nothing(archive: Archive) -> None:
    """What was proved is not what would be read."""
    archive.put(_A)
    committed = archive.commit(_A)
    wrong = replace(committed, receipt=replace(committed.receipt, sha256="ab" * 32))
    archive.calls.clear()
    with pytest.raises(LakeDamagedError):
        archive.purge(wrong, _A)
    assert archive.calls == []
    assert archive.get(_A) == _A


def test_keys_that_fit_no_column_are_removed_too(archive: Archive) -> None:
    """Times between two milliseconds, and messages of no module that the column holds."""
    fine = [message("f", at, module, **_INDEXED) for at, module in ((0.5, 1), (0.25, 1), (0, 1), (1, None))]
    archive.put(*fine)
    assert archive.purge(archive.commit(*fine), *fine).done == 4
    assert archive.others.scan(TableName=archive.table, Select="COUNT")["Count"] == 0


def test_counts_are_added_up() -> None:
    """Over segments and batches."""
    total = Purged(1, 2, 3, 4, 5, 6, {"a"})
    total.add(Purged(1, 1, 1, 1, 1, 1, {"b"}))
    assert total == Purged(2, 3, 4, 5, 6, 7, {"a", "b"})


def test_the_records_hold_keys_and_no_content(archive: Archive) -> None:
    """They are read by more people than messages are."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.put({**_A, **text("a secret")})
    archive.purge(committed, _A)
    assert "secret" not in json.dumps(archive.records())
