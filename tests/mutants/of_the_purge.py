"""Mutants of purging and putting back: promise 4 (only what is proved is removed)."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_CONDITIONS: Final = "archive/codec/conditions.py"
_SEGMENT: Final = "archive/purge/segment.py"
_PROVED: Final = "archive/lake/proved.py"
_WRITE: Final = "archive/dynamo_write.py"
_TESTS: Final = "tests/archive/purge/"
_CRASHES: Final = "tests/crashes/test_crashes.py::test_nothing_is_lost_by_a_crash_at_some_calls"

OF_THE_PURGE: Final = (
    Mutant(
        "a purge that does not check the SHA-256",
        "the purge reads from the very bytes that were proved",
        _PROVED,
        "if fetched.sha256 != receipt.sha256:",
        "if not fetched.sha256:",
        ("tests/archive/lake/test_proved.py::test_other_bytes_than_were_proved_are_damage",),
    ),
    Mutant(
        "a purge from whatever version there is",
        "the purge reads the version that its receipt names",
        _PROVED,
        "place.store.fetch(key, path, receipt.etag)",
        "place.store.fetch(key, path)",
        ("tests/archive/lake/test_proved.py::test_a_version_that_was_replaced_is_not_purged_from",),
    ),
    Mutant(
        "a purge without an intent",
        "what is about to be removed is recorded before the first removal",
        _SEGMENT,
        "            self._records.intend(proved.segment, self._intent(proved, selection, now))\n",
        "",
        (f"{_TESTS}test_segment.py::test_what_is_still_the_same_is_removed_between_intent_and_outcome",),
    ),
    Mutant(
        "removals that come before their intent",
        "a purge that is killed has told beforehand what it may have removed",
        _SEGMENT,
        "            self._records.intend(proved.segment, self._intent(proved, selection, now))\n",
        "            self._remove_all(proved, file, selection, change)\n"
        "            self._records.intend(proved.segment, self._intent(proved, selection, now))\n",
        (_CRASHES,),
    ),
    Mutant(
        "a purge that goes on although its object was replaced",
        "a purge is called off where its object was replaced before its intent",
        _SEGMENT,
        "if self._place.store.etag(proved.receipt.key) == proved.receipt.etag:",
        "if proved.receipt.etag:",
        (f"{_TESTS}test_segment.py::test_a_purge_is_called_off_where_the_object_was_replaced_after_it_was_fetched",),
    ),
    Mutant(
        "a removal that compares no values",
        "a message is removed only if it is still what was archived",
        _CONDITIONS,
        'return [change.attribute] if change.kind == "unmark" else sorted(set(names).difference(keys))',
        'return [change.attribute] if change.kind == "unmark" else []',
        (f"{_TESTS}test_segment.py::test_a_changed_message_is_counted_and_left",),
    ),
    Mutant(
        "a condition without the names that are known",
        "every other attribute the spec or the archive knows is missing",
        _CONDITIONS,
        "absent = set(known).difference(names)",
        "absent = set(known) & set()",
        ("tests/archive/codec/test_conditions.py::test_a_delete_compares_every_value_and_every_known_name",),
    ),
    Mutant(
        "a PartiQL statement without IS MISSING",
        "both protocols remove under the same condition",
        _CONDITIONS,
        ' + [f"{_quoted(name)} IS MISSING" for name in absent]',
        "",
        ("tests/archive/codec/test_conditions.py::test_a_delete_in_partiql",),
    ),
    Mutant(
        "an image that is not compared",
        "the image that comes back is compared",
        _WRITE,
        "Fate.DONE if equal(image, target.item) else Fate.SURPRISE",
        "Fate.DONE",
        (f"{_TESTS}test_surprises.py::test_a_surprise_is_kept_and_written_back_and_stops_the_run",),
    ),
    Mutant(
        "a surprise that is not rescued",
        "an image that has more than was archived is kept in the lake",
        _SEGMENT,
        "                    rescues.callback(self._rescue, proved, outcome)\n",
        "",
        (f"{_TESTS}test_surprises.py::test_a_surprise_is_kept_and_written_back_and_stops_the_run",),
    ),
    Mutant(
        "a surprise that is not written back",
        "an image that has more than was archived goes back to the table",
        _SEGMENT,
        "            self._single.put_back(image)\n",
        "            pass\n",
        (f"{_TESTS}test_surprises.py::test_a_surprise_is_kept_and_written_back_and_stops_the_run",),
    ),
    Mutant(
        "a rescue that overwrites",
        "a removed image is written back only where its key is still absent",
        _WRITE,
        'ConditionExpression="attribute_not_exists(#k)"',
        'ConditionExpression="attribute_not_exists(#k) OR attribute_exists(#k)"',
        (f"{_TESTS}test_surprises.py::test_a_surprise_whose_key_is_used_again_stays_in_the_lake_alone",),
    ),
    Mutant(
        "nothing stops after a surprise",
        "after a surprise nothing more is begun",
        _SEGMENT,
        "                    ended.set()\n                    rescues",
        "                    rescues",
        (f"{_TESTS}test_surprises.py::test_after_a_surprise_nothing_more_is_begun",),
    ),
    Mutant(
        "messages that were not seen at the table are removed too",
        "what is removed was seen at the table by this run",
        "archive/purge/targets.py",
        "found = order.repeats(chunk) & in_file",
        "found = order.repeats(chunk) | in_file",
        (f"{_TESTS}test_targets.py::test_rows_are_there_exactly_where_their_key_was_seen",),
    ),
    Mutant(
        "a mark that is set every night",
        "a marked message is not marked twice",
        _SEGMENT,
        "if position not in selection.marks:",
        "if position not in selection.changed:",
        (f"{_TESTS}test_expire.py::test_expire_marks_once",),
    ),
    Mutant(
        "a mark that stays after an edit",
        "a marked message that changed is unmarked",
        _SEGMENT,
        "if position in selection.changed:",
        "if position not in selection.marks:",
        (f"{_TESTS}test_expire.py::test_an_edited_message_loses_its_mark_and_gets_it_again",),
    ),
    Mutant(
        "a mark in milliseconds",
        "TTL is in epoch seconds",
        _SEGMENT,
        "policy.expire_after_days * DAY) // 1000",
        "policy.expire_after_days * DAY)",
        (f"{_TESTS}test_expire.py::test_expire_marks_in_seconds_from_now",),
    ),
    Mutant(
        "a restore that holds nothing",
        "what is put back is held before the first message, so that the next night does not undo it",
        "archive/restore/run.py",
        "result.hold = Holds(lake.store, lake.keys).ensure(plan.hold)",
        "result.hold = plan.hold",
        (_CRASHES,),
    ),
    Mutant(
        "a restore that overwrites",
        "restore puts a message only where its key is absent",
        "archive/dynamo_insert.py",
        'ConditionExpression="attribute_not_exists(#k)"',
        'ConditionExpression="attribute_not_exists(#k) OR attribute_exists(#k)"',
        ("tests/archive/restore/test_insert.py::test_what_is_there_is_left_alone_and_told_apart",),
    ),
)
