"""Mutants of the codec, of what is read, of what a run refuses, and of what holds it back: promises 3, 5 and 6."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_READ: Final = "archive/dynamo_read.py"
_PLANNING: Final = "archive/engine/planning.py"
_SESSION: Final = "archive/engine/session.py"
_ENGINE: Final = "tests/archive/engine/"

OF_THE_RUN: Final = (
    Mutant(
        "a number that goes through a float",
        "38 digits come back",
        "archive/codec/values.py",
        '        return plain_number(inner)\n    if tag == "M":',
        '        return float(inner)\n    if tag == "M":',
        ("tests/archive/codec/test_values.py",),
    ),
    Mutant(
        "a member that is dropped where its map was learned",
        "a learned page comes back as one that was read item by item",
        "archive/codec/readers.py",
        "return [UNSET if value is UNSET else next(made) for value in values]",
        "return [UNSET for _ in values]",
        ("tests/archive/codec/test_decode.py::test_what_was_learned_before_makes_no_difference",),
    ),
    Mutant(
        "a remainder that is dropped",
        "attributes that no schema knows come back",
        "archive/codec/items.py",
        "item.update(decode_plain(text))",
        "decode_plain(text)",
        ("tests/archive/codec/test_decode.py::test_one_attribute_may_have_another_type_in_every_item",),
    ),
    Mutant(
        "a fraction of a millisecond that is dropped",
        "a time that is finer than its column is in the remainder",
        "archive/codec/fit.py",
        "return str(int(whole)), whole == number",
        "return str(int(whole)), True",
        ("tests/archive/codec/test_fit.py::test_a_timestamp_column_holds_the_years_1_to_9999",),
    ),
    Mutant(
        "a window that is closed at its end",
        "windows are half-open",
        _READ,
        "if rows.num_rows and _last_ms(rows, time_column) >= window.end_ms:",
        "if rows.num_rows and _last_ms(rows, time_column) > window.end_ms:",
        ("tests/archive/test_dynamo_read.py::test_a_window_is_half_open",),
    ),
    Mutant(
        "a discovery that is trusted",
        "jumping through the index is a documented technique, not a promise",
        _READ,
        "        self._distrust_jumping([start.module for start in found])\n",
        "",
        ("tests/archive/test_dynamo_read.py::test_a_server_that_jumps_too_far_is_refused",),
    ),
    Mutant(
        "a purge of days that Athena does not see",
        "before anything can be purged, Athena's tables reach back to it",
        "flows/operate.py",
        "        _widen(session, catalogue, Since(",
        "        del catalogue; (Since(",
        ("tests/crashes/test_crashes.py::test_nothing_is_lost_by_a_crash_at_some_calls",),
    ),
    Mutant(
        "overlap_days that are ignored",
        "a table that does not empty itself is read again for some days",
        _PLANNING,
        "floor(through) - timedelta(days=_reread_days(session.config.policy))",
        "floor(through)",
        (f"{_ENGINE}test_planning.py::test_a_table_that_does_not_empty_is_read_from_its_coverage_on",),
    ),
    Mutant(
        "a cutoff that is not kept",
        "only messages strictly before the cutoff are archived",
        _PLANNING,
        "if request.window.end > end:",
        "if request.window.end < end:",
        (f"{_ENGINE}test_planning.py::test_a_window_behind_the_cutoff_is_refused",),
    ),
    Mutant(
        "a plan that ignores holds",
        "the next night does not undo a restore",
        _PLANNING,
        "holds = tuple(Holds(session.store, session.keys).active(now))",
        "holds: tuple[Hold, ...] = ()",
        ("tests/flows/restoring/test_holding.py::test_a_run_leaves_held_messages_alone_and_says_so",),
    ),
    Mutant(
        "a purge that ignores holds",
        "a restore during a run is not undone by it",
        "archive/engine/batch.py",
        "active = Holds(session.store, session.keys).active(self._now)",
        "active: list[Hold] = []",
        ("tests/flows/restoring/test_holding.py::test_a_restore_during_a_run_is_not_undone_by_it",),
    ),
    Mutant(
        "a run that does not see the stop sign",
        "the stop sign stops every run everywhere",
        "archive/engine/stopping.py",
        "if self._store.get(self._keys.stop) is not None:",
        "if self._store.get(self._keys.stop) is self:",
        ("tests/flows/test_controls.py::test_the_stop_sign_keeps_runs_from_starting_until_it_is_taken_down",),
    ),
    Mutant(
        "a dry run that may change something",
        "a dry run goes through clients that refuse every mutating call",
        "archive/aws.py",
        "    if model.name not in READS:\n",
        "    if not READS:\n",
        ("tests/flows/test_controls.py::test_clients_of_a_dry_run_refuse_every_call_that_could_change_something",),
    ),
    Mutant(
        "an object that is gone is made anew",
        "an object that a receipt names but that is gone stops that segment",
        "archive/engine/batch.py",
        "        if seen.message is None and seen.receipt is not None:\n            raise _gone(seen.receipt.key)\n        rows",
        "        rows",
        (f"{_ENGINE}test_batch.py::test_an_object_that_is_gone_stops_its_segment_alone",),
    ),
    Mutant(
        "a store whose conditions are not tried",
        "a store that ignores conditions is refused before anything is written",
        _SESSION,
        "        self.store.require_conditions(self.keys.probe)\n",
        "",
        (f"{_ENGINE}test_session.py::test_a_store_that_ignores_conditions_is_refused_before_anything_is_written",),
    ),
    Mutant(
        "a bucket without versions that may be purged from",
        "nothing is removed where the lake's versions are not kept",
        _SESSION,
        "if not self.store.is_versioned():",
        "if self.store.is_versioned() is None:",
        (f"{_ENGINE}test_session.py::test_a_bucket_without_versions_is_refused",),
    ),
    Mutant(
        "another table's lake that is written to",
        "a lake has one owner",
        _SESSION,
        "        record.require(self.owner, spec)\n",
        "",
        (f"{_ENGINE}test_session.py::test_another_tables_lake_is_refused",),
    ),
    Mutant(
        "names that are learned and not used",
        "every attribute that the archive knows is in the purge's condition",
        _SESSION,
        "names = set(self.config.source.spec.attributes) | self.record.attributes",
        "names = set(self.config.source.spec.attributes)",
        (f"{_ENGINE}test_session.py::test_known_are_the_declared_the_learned_and_the_versions_attribute",),
    ),
)
