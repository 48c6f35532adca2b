"""What an index may show that is not so: each costs a second pass, and never a message."""

from __future__ import annotations

import pytest

from archive.engine.planning import Request
from tests.archive.engine.workplace import TWO_DAYS, Workplace, message
from tests.interleaving.user import key_of
from tests.stale.stale import Stale

_ONE = message("conversation-1", 1, 1, "first")
_TWO = message("conversation-2", 2, 2, "other")
_SECOND = {**_ONE, "content": {"S": "second"}}
_PURGE = Request("purge", TWO_DAYS)


@pytest.fixture
def stale(place: Workplace) -> Stale:
    """Two messages, whose entries the index shows, in a table whose archived messages are deleted."""
    made = Stale(place, "delete")
    made.put(_ONE, _TWO)
    return made


def test_a_message_that_was_purged_and_is_still_shown_is_neither_stored_nor_removed_twice(stale: Stale) -> None:
    """The merge finds it as it is, the purge finds it missing."""
    stale.run()
    again = stale.run()
    assert (again.read, again.stored, again.added, again.replaced) == (2, 0, 0, 0)
    assert (again.purged.done, again.purged.missing) == (0, 2)
    assert stale.run(_PURGE).purged.missing == 2
    assert stale.place.items() == []
    stale.finish()


def test_an_old_version_of_what_was_purged_since_does_not_come_back(stale: Stale) -> None:
    """The lake has the newer one, the table neither: the lake's stays."""
    stale.run(purge="keep")
    with stale.told():
        stale.user.edit(_ONE, content={"S": "second"})
    stale.index.catch_up()
    stale.run()
    assert stale.place.items() == []
    stale.index.show(("1", key_of(_ONE)), 2)
    again = stale.run()
    assert (again.stored, again.purged.done, again.purged.missing) == (0, 0, 2)
    stale.finish()


def test_a_key_used_again_after_its_purge_is_archived_while_the_index_shows_the_old_message(stale: Stale) -> None:
    """The table is asked; the old row is kept under superseded/, and the new message is purged."""
    stale.run()
    stale.put(_SECOND, shown=False)
    result = stale.run()
    assert (result.replaced, result.superseded, result.purged.done) == (0, 0, 0), "what the lake has and the index shows is the same"
    assert stale.place.items() == [_SECOND]
    stale.index.catch_up()
    result = stale.run()
    assert (result.replaced, result.superseded, result.purged.done) == (1, 1, 1)
    stale.finish()


def test_an_old_version_that_is_archived_is_replaced_by_the_next_pass(stale: Stale) -> None:
    """The purge leaves what has changed, and nothing is kept besides: nothing was removed."""
    with stale.told():
        stale.user.edit(_ONE, content={"S": "second"})
    first = stale.run()
    assert (first.added, first.purged.done, first.purged.changed) == (2, 1, 1)
    stale.finish()
    assert (stale.total.replaced, stale.total.superseded, stale.total.purged.done) == (1, 0, 2)


def test_a_message_that_is_not_shown_yet_is_left_for_the_next_pass(stale: Stale) -> None:
    """Also in a segment that is archived and purged meanwhile."""
    late = message("conversation-3", 3, 1, "late")
    stale.put(late, shown=False)
    stale.run()
    assert stale.place.items() == [late]
    stale.finish()


@pytest.mark.parametrize("both", [True, False], ids=["both", "neither"])
@pytest.mark.parametrize("archived", [True, False], ids=["archived", "new"])
def test_a_message_that_changed_its_module_is_shown_under_both_or_neither(stale: Stale, *, both: bool, archived: bool) -> None:
    """Once in the lake all the same, under its own; or it waits for the next pass."""
    if archived:
        stale.run(purge="keep")
    with stale.told():
        stale.user.edit(_ONE, moduleId={"N": "2"})
    stale.index.catch_up([("2" if both else "1", key_of(_ONE))])
    result = stale.run()
    assert result.purged.done == (2 if both else 1)
    assert result.replaced == (1 if both and archived else 0)
    stale.finish()


def test_a_message_that_its_user_deleted_is_archived_while_it_is_shown(stale: Stale) -> None:
    """As if it had been deleted a moment later: the archive cannot know better. The purge finds it missing."""
    with stale.told():
        stale.user.delete(_ONE)
    result = stale.run()
    assert (result.added, result.purged.done, result.purged.missing) == (2, 1, 1)
    stale.finish()


def test_a_purge_of_what_the_index_does_not_show_any_more_waits(stale: Stale) -> None:
    """And one of an older version that it shows leaves what has changed."""
    stale.run(purge="keep")
    with stale.told():
        stale.user.edit(_ONE, content={"S": "second"})
    result = stale.run(_PURGE)
    assert (result.purged.done, result.purged.changed) == (1, 1)
    stale.finish()


def test_a_mark_that_is_not_shown_yet_is_not_set_twice(place: Workplace) -> None:
    """In mode expire; and an edit under the mark is found, unmarked, archived and marked anew."""
    stale = Stale(place, "expire")
    stale.put(_ONE, _TWO)
    stale.run()
    marked = place.items()
    stale.run()
    assert place.items() == marked
    with stale.told():
        stale.user.edit(_ONE, content={"S": "second"})
    stale.run()
    stale.finish()
