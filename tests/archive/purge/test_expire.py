"""Purging by TTL marks: set once, in seconds, taken away after an edit, and never set on what was not archived."""

from __future__ import annotations

from datetime import timedelta

from archive.codec.values import Item
from archive.model.window import to_ms
from archive.purge.segment import Purged
from tests.archives import Archive
from tests.builders import NOW, message, text

_INDEXED = {"studentId": {"N": "1"}, "provider": {"S": "p"}}
_A, _B = (message(name, at, **_INDEXED, **text(name)) for at, name in enumerate("ab"))
_EXPIRES = str(to_ms(NOW + timedelta(days=7)) // 1000)


def _marked(item: Item, seconds: str = _EXPIRES) -> Item:
    return {**item, "expiresAt": {"N": seconds}}


def test_expire_marks_in_seconds_from_now(archive: Archive) -> None:
    """Now and the grace, as DynamoDB's TTL wants it; the message stays."""
    archive.put(_A, _B)
    purged = archive.purge(archive.commit(_A, _B), _A, mode="expire")
    assert (purged.done, purged.unmarked) == (1, 0)
    assert archive.get(_A) == _marked(_A)
    assert archive.get(_B) == _B
    assert len(_EXPIRES) == 10


def test_expire_marks_once(archive: Archive) -> None:
    """The next night sees the mark: nothing is written and nothing recorded."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.purge(committed, _A, mode="expire")
    archive.calls.clear()
    assert archive.purge(committed, _marked(_A), mode="expire", run="run-2") == Purged()
    assert archive.calls == []


def test_the_intent_of_a_marking_names_only_the_rows_it_marks(archive: Archive) -> None:
    """Not those that were marked before."""
    archive.put(_marked(_A, "5"), _B)
    archive.purge(archive.commit(_A, _B), _marked(_A, "5"), _B, mode="expire")
    intent, outcome = archive.records()
    assert (intent["mode"], intent["rows"], intent["ranges"]) == ("expire", 1, [[1, 2]])
    assert (outcome["rows"], outcome["done"]) == (1, 1)
    assert archive.get(_A) == _marked(_A, "5")


def test_an_edited_message_loses_its_mark_and_gets_it_again(archive: Archive) -> None:
    """It was archived anew, so the grace begins anew."""
    archive.put(_A)
    archive.purge(archive.commit(_A), _A, mode="expire")
    edited = {**_A, **text("edited")}
    archive.put(_marked(edited))
    archive.base.put(edited)
    committed = archive.commit(_marked(edited))
    purged = archive.purge(committed, _marked(edited), mode="expire", run="run-2")
    assert (purged.done, purged.unmarked) == (0, 1)
    assert archive.get(_A) == edited
    assert archive.purge(archive.commit(edited), edited, mode="expire", run="run-3").done == 1
    assert archive.get(_A) == _marked(edited)


def test_an_edit_before_the_mark_leaves_the_message_unmarked(archive: Archive) -> None:
    """It has not been archived as it is."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.put({**_A, **text("edited")})
    assert archive.purge(committed, _A, mode="expire").changed == 1
    assert archive.get(_A) == {**_A, **text("edited")}


def test_a_surprise_while_marking_takes_the_mark_away(archive: Archive) -> None:
    """The message would expire with an attribute that is nowhere else; nothing is gone, so the run goes on."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.before_removal(lambda: archive.add(_A, mood={"S": "new"}))
    purged = archive.purge(committed, _A, mode="expire")
    assert (purged.done, purged.surprises, purged.learned) == (0, 1, {"mood"})
    assert archive.get(_A) == {**_A, "mood": {"S": "new"}}
    assert archive.rescued() == []


def test_a_mark_that_somebody_set_meanwhile_is_not_ours_to_move(archive: Archive) -> None:
    """The condition says that there is none."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.put(_marked(_A, "5"))
    purged = archive.purge(committed, _A, mode="expire")
    assert (purged.done, purged.changed) == (0, 1)
    assert archive.get(_A) == _marked(_A, "5")
