"""Mutants of merging, proving and storing: promises 1 (nothing is lost) and 2 (once)."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_UNITE: Final = "archive/lake/unite.py"
_PROVE: Final = "archive/lake/prove.py"
_COMMIT: Final = "archive/lake/commit.py"
_S3: Final = "archive/s3.py"
_TESTS: Final = "tests/archive/lake/"
_CRASHES: Final = "tests/crashes/test_crashes.py::test_nothing_is_lost_by_a_crash_at_some_calls"

OF_THE_LAKE: Final = (
    Mutant(
        "a merge that prefers the older version",
        "what the base table says wins",
        _UNITE,
        "            winner = at.get(key)\n",
        "            winner = first\n",
        (f"{_TESTS}test_commit.py::test_an_edit_replaces_the_row",),
    ),
    Mutant(
        "a merge that believes the index",
        "an index may answer with an old version",
        _UNITE,
        "            winner = at.get(key)\n",
        "            winner = group.slice(group.num_rows - 1, 1)\n",
        (f"{_TESTS}test_unite.py::test_a_stale_index_does_not_bring_an_old_version_back",),
    ),
    Mutant(
        "a message gone from the table loses its row to the index",
        "if the base table has nothing, the lake's row stays",
        _UNITE,
        "winner = first if from_lake else group.slice(group.num_rows - 1, 1)",
        "winner = group.slice(group.num_rows - 1, 1)",
        (f"{_TESTS}test_unite.py::test_a_stale_index_does_not_bring_an_old_version_back",),
    ),
    Mutant(
        "a key under two modules is not looked for",
        "the lake has one row a primary key",
        _UNITE,
        "        if not len(suspects):\n            return {}\n        versions",
        "        if len(suspects):\n            return {}\n        versions",
        (f"{_TESTS}test_unite.py::test_a_stale_index_entry_under_another_module_does_not_either",),
    ),
    Mutant(
        "a PUT without If-Match",
        "no run overwrites what it has not merged",
        _S3,
        'condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}',
        'condition = {} if etag else {"IfNoneMatch": "*"}',
        ("tests/archive/test_s3.py::test_an_object_is_replaced_only_as_it_was_read",),
    ),
    Mutant(
        "a PUT without If-None-Match",
        "no run overwrites what another one has just made",
        _S3,
        'condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}',
        'condition = {"IfMatch": etag} if etag else {}',
        ("tests/archive/test_s3.py::test_a_new_object_is_put_once",),
    ),
    Mutant(
        "a PUT without the SHA-256 that was proved",
        "S3 enforces the checksum",
        _S3,
        "                    ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),\n",
        "",
        ("tests/archive/test_s3.py::test_every_put_sends_the_sha256_that_was_proved",),
    ),
    Mutant(
        "a lost race that counts as won",
        "only the very bytes are the echo of our own PUT",
        _COMMIT,
        "if fetched is None or fetched.sha256 != proved.sha256:",
        "if fetched is None:",
        (f"{_TESTS}test_races.py::test_a_race_for_a_new_segment_is_read_merged_and_put_again",),
    ),
    Mutant(
        "a merge over an object that was set back",
        "an object that is older than its receipt stops the segment",
        _COMMIT,
        "if least is not None and found.generation < least.generation:",
        "if least is None:",
        (f"{_TESTS}test_commit.py::test_an_object_that_is_not_what_it_must_be_stops_the_segment",),
    ),
    Mutant(
        "a receipt before the object",
        "a crash leaves an object without its receipt, never a receipt without its object",
        _COMMIT,
        "            stored = place.store.put_file(",
        '            early = StoredObject(key, proved.bytes, proved.sha256, "", None, metadata)\n'
        "            self._receipts.save(segment, self._receipts.of(segment, early, proved.contents), is_new=old is None)\n"
        "            stored = place.store.put_file(",
        (f"{_TESTS}test_commit.py::test_an_object_that_was_not_stored_has_no_receipt",),
    ),
    Mutant(
        "a superseded row that is kept only after the PUT that drops it",
        "a row that is dropped is kept first",
        _COMMIT,
        "superseded = keep_superseded(place.store, place.keys, place.order, segment, losers)\n",
        "superseded = 0\n",
        (f"{_TESTS}test_superseded.py::test_superseded_rows_are_stored_before_the_put_and_once",),
    ),
    Mutant(
        "no second look for intents after the PUT",
        "a merge sees a purge that began meanwhile",
        _COMMIT,
        "superseded = max(superseded, keep_superseded(place.store, place.keys, place.order, segment, losers))",
        "superseded = max(superseded, 0)",
        (f"{_TESTS}test_superseded.py::test_an_intent_that_is_stored_during_the_merge_keeps_what_it_may_remove",),
    ),
    Mutant(
        "a purge that was killed counts as none",
        "an intent without an outcome may have removed any of its rows",
        "archive/lake/purge_records.py",
        "        if killed:\n            return lambda _: True\n",
        "        if killed:\n            return None\n",
        (f"{_TESTS}test_purge_records.py::test_an_intent_without_its_outcome_may_have_removed_anything",),
    ),
    Mutant(
        "a receipt of an older generation overwrites a newer one",
        "receipts go upwards only",
        "archive/lake/receipts.py",
        "if there.generation > receipt.generation or there == receipt:",
        "if there == receipt:",
        (f"{_TESTS}test_receipts.py::test_a_later_generation_stays",),
    ),
    Mutant(
        "a receipt that is never mended",
        "after a crash between an object and its receipt, the next run makes the receipt, and only then purges",
        "archive/lake/receipts.py",
        "        if found != true:",
        "        if found is not None and found.generation > true.generation:",
        (_CRASHES,),
    ),
    Mutant(
        "a proof that looks at counts only",
        "each row is compared value for value",
        _PROVE,
        "found, lost = _check(order, segment, chunk, inputs.moved)",
        "found, lost = inputs.moved, inputs.moved",
        (f"{_TESTS}test_prove.py::test_one_value_that_differs_is_found",),
    ),
    Mutant(
        "a proof that takes as many rows for the same rows",
        "each row is compared value for value, also where nothing is merged",
        _PROVE,
        "        and file_part.select(names).equals(inputs_part.select(names))\n",
        "",
        (f"{_TESTS}test_prove.py::test_one_value_that_differs_is_found_where_nothing_is_merged",),
    ),
    Mutant(
        "a proof that takes a key twice where it was read twice",
        "each key stands once",
        _PROVE,
        "        and not order.repeats(inputs_part).any()\n",
        "",
        (f"{_TESTS}test_prove.py::test_a_key_that_was_read_twice_may_stand_once_only",),
    ),
    Mutant(
        "a proof that misses a row which is missing",
        "every row of the old object and of the spool is in the new one",
        _PROVE,
        "    if not missing.any():\n",
        "    if len(missing):\n",
        (f"{_TESTS}test_prove.py::test_a_row_that_is_missing_is_found",),
    ),
    Mutant(
        "a proof that takes a key under two modules",
        "a key stands once, also across modules",
        _PROVE,
        "        _check_unique(order, segment, file, digests)\n",
        "",
        (f"{_TESTS}test_prove.py::test_a_key_under_two_modules_is_found",),
    ),
    Mutant(
        "a proof that takes rows of another segment",
        "all times lie in the segment",
        _PROVE,
        "        _check_times(segment, times, file.contents)\n",
        "",
        (f"{_TESTS}test_prove.py::test_a_row_of_another_segment_is_found",),
    ),
)
