"""Two runs, or a run and the table's user, in every interleaving of one pause: nothing is lost, nothing stands twice.

A run that makes one call at a time is held before each of its calls in turn (and after each, when the server has answered
and the run does not know yet), while something else happens to the end. Then it goes on, one more whole run follows, and
an oracle that shares no code with the archive judges the table and the lake.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.archive.engine.workplace import DAY_MS, make_workplace, message, one_loader
from tests.interleaving.stage import Scenario, Stage
from tests.servers import Server

ONE = message("conversation-1", 1, 1, mood={"S": "calm"})
TWO = message("conversation-2", 2, 1, studentId={"N": "7"})
THREE = message("conversation-3", 3, 2, mood={"S": "eager"})
FOUR = message("conversation-4", DAY_MS + 1, 1)
FIVE = message("conversation-5", DAY_MS + 2, 2, mood={"S": "calm"}, score={"N": "4.5"})
ALL = (ONE, TWO, THREE, FOUR, FIVE)
LATE = (message("conversation-6", 6, 2, "late"), message("conversation-7", DAY_MS + 7, 1, "late"))


def _content(text: str) -> dict[str, dict[str, str]]:
    return {"content": {"S": text}}


def _messages(stage: Stage) -> None:
    stage.user.put(*ALL)


def _archived(stage: Stage) -> None:
    """All is archived and purged; then some more came, in segments that are purged."""
    _messages(stage)
    stage.whole_run()
    stage.user.put(*LATE)


def _purged_and_used_again(stage: Stage) -> None:
    """The keys of purged messages were used again, with other values."""
    _messages(stage)
    stage.whole_run()
    stage.user.put(*({**item, **_content("the key's second message")} for item in ALL))


def _edited_after_the_index(stage: Stage) -> None:
    """The slow run's index has the old versions of messages that were edited, and lacks the late ones."""
    _messages(stage)
    stage.look_at_index()
    for item in ALL:
        stage.user.edit(item, **_content("second version"))
    stage.user.put(*LATE)


def _purged_after_the_index(stage: Stage) -> None:
    """Moreover the new versions were archived and purged already."""
    _edited_after_the_index(stage)
    stage.whole_run()


def _moved_after_the_index(stage: Stage) -> None:
    """The slow run's index has messages under modules that they have left."""
    _messages(stage)
    stage.look_at_index()
    stage.user.edit(ONE, moduleId={"N": "2"})
    stage.user.edit(THREE, moduleId={"N": "1"})
    stage.user.edit(FIVE, moduleId={"N": "1"}, **_content("second version"))


def _stored_without_a_receipt(stage: Stage) -> None:
    """A run died between the object and its receipt, and nothing of the segment is at the table."""
    _messages(stage)
    stage.whole_run()
    for key in stage.place.keys("receipts"):
        stage.place.s3.delete_object(Bucket=stage.place.bucket, Key=key)


def _archived_and_kept(stage: Stage) -> None:
    """All is archived, and still at the table."""
    _messages(stage)
    stage.archive_only()


def _kept_and_edited_after_the_index(stage: Stage) -> None:
    """All is archived; then the index was looked at, and some messages were edited and one deleted."""
    _archived_and_kept(stage)
    stage.look_at_index()
    _edit(stage)
    stage.user.delete(FIVE)


def _other_run(stage: Stage) -> None:
    stage.whole_run()


def _edit(stage: Stage) -> None:
    for item in (ONE, THREE, FOUR):
        stage.user.edit(item, **_content("edited"))


def _edit_and_run(stage: Stage) -> None:
    _edit(stage)
    stage.whole_run()


def _unseen_attribute(stage: Stage) -> None:
    stage.user.edit(ONE, unseen={"S": "a name that nobody has archived"})
    stage.user.edit(FIVE, alsoUnseen={"N": "1"})


def _late(stage: Stage) -> None:
    stage.user.put(*(message(f"conversation-{number}", number * DAY_MS + 9, 2, "later still") for number in (0, 1)))


def _late_and_run(stage: Stage) -> None:
    _late(stage)
    stage.whole_run()


def _move(stage: Stage) -> None:
    stage.user.edit(ONE, moduleId={"N": "2"})
    stage.user.edit(THREE, moduleId={"N": "1"})


def _move_and_run(stage: Stage) -> None:
    _move(stage)
    stage.whole_run()


def _delete(stage: Stage) -> None:
    for item in (ONE, THREE, FOUR):
        stage.user.delete(item)


def _delete_and_run(stage: Stage) -> None:
    _delete(stage)
    stage.whole_run()


def _use_again(stage: Stage) -> None:
    """Put new messages with the old keys, whatever is at the table."""
    stage.user.put(*({**item, **_content("used again")} for item in (ONE, THREE, FIVE)))


def _use_again_and_run(stage: Stage) -> None:
    _use_again(stage)
    stage.whole_run()


def _undo_and_run(stage: Stage) -> None:
    """Edit messages, let a run archive and purge that, and then put them back as they were at first."""
    _edit_and_run(stage)
    stage.user.put(ONE, THREE)


def _three_versions(stage: Stage) -> None:
    _use_again(stage)
    stage.whole_run()
    stage.user.put(*({**item, **_content("third version")} for item in (ONE, THREE)))
    stage.whole_run()
    stage.user.put({**ONE, **_content("fourth version")})


SCENARIOS = [
    Scenario("two complete runs", _messages, _other_run),
    Scenario("an edit", _messages, _edit),
    Scenario("an edit, and a run", _messages, _edit_and_run),
    Scenario("an attribute nobody has archived", _messages, _unseen_attribute, alarms=True),
    Scenario("late messages in purged segments", _archived, _late),
    Scenario("late messages, and a receipt that is written late", _archived, _late_and_run),
    Scenario("a module that changes", _messages, _move),
    Scenario("a module that changes, and a run", _messages, _move_and_run),
    Scenario("a message that its user deletes", _messages, _delete),
    Scenario("a message that its user deletes, and a run", _messages, _delete_and_run),
    Scenario("keys used again before the run", _purged_and_used_again, _other_run),
    Scenario("keys used again during the run", _messages, _use_again),
    Scenario("keys used again during the run, and a run", _purged_and_used_again, _use_again_and_run),
    Scenario("keys used again with their first values, and a run", _messages, _undo_and_run, undone=True),
    Scenario("three versions in a row", _messages, _three_versions),
    Scenario("a stale index", _edited_after_the_index, _other_run),
    Scenario("a stale index, and an edit", _edited_after_the_index, _edit_and_run),
    Scenario("a stale index after the purge", _purged_after_the_index, _other_run),
    Scenario("a stale index after the purge, and keys used again", _purged_after_the_index, _use_again_and_run),
    Scenario("a stale index of other modules", _moved_after_the_index, _other_run),
    Scenario("a receipt to be mended", _stored_without_a_receipt, _late_and_run),
    Scenario("a later purge, and a run", _archived_and_kept, _late_and_run, purges=True),
    Scenario("a later purge, and an edit", _archived_and_kept, _edit, purges=True),
    Scenario("a later purge, and an edit and a run", _archived_and_kept, _edit_and_run, purges=True),
    Scenario("a later purge, and keys used again", _archived_and_kept, _use_again_and_run, purges=True),
    Scenario("a later purge with a stale index", _kept_and_edited_after_the_index, _other_run, purges=True),
]
_FEWEST, _WIDEST = 3, 12  # points of a scenario that `make test` tries at least, and the most calls between two of them


@pytest.fixture(scope="module")
def stage(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A table and a bucket of their own; every schedule begins with emptying them."""
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        yield Stage(make_workplace(moto_server, tmp_path_factory.mktemp("stage")))


@pytest.mark.parametrize(("number", "scenario"), list(enumerate(SCENARIOS)), ids=[scenario.name for scenario in SCENARIOS])
def test_nothing_is_lost_and_nothing_twice_at_some_pauses(stage: Stage, number: int, scenario: Scenario) -> None:
    """A sample: the run is held at three calls or so; at which ones differs from scenario to scenario."""
    calls = stage.calls(scenario)
    step = min(calls // _FEWEST, _WIDEST)
    for at in range(1 + number * 3 % step, calls + 1, step):
        stage.play(scenario, at, "before")


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_nothing_is_lost_and_nothing_twice_at_every_pause(stage: Stage, scenario: Scenario) -> None:
    """The run is held before every call, and after the last: calls come one at a time, so that after one is before the next."""
    calls = stage.calls(scenario)
    assert calls > 10
    for at in range(1, calls + 1):
        stage.play(scenario, at, "before")
    stage.play(scenario, calls, "after")
