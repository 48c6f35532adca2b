"""What a run's purge removed, as its records say: by version, the latest first, without what it left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from archive.errors import InputError
from archive.lake.purge_records import Done, Intent, PurgeRecords, Ranges
from archive.restore.removed import removed_by
from archive.s3 import Store
from tests.builders import KEYS, LAYOUTS, SEGMENT, START_MS

OTHER = LAYOUTS.segment_of(START_MS + 86_400_000)


def intent(run: str, ranges: Ranges, generation: int = 1) -> Intent:
    """Return an intent for the segment."""
    key = KEYS.message(SEGMENT)
    return Intent(run, SEGMENT.name, "delete", "single", key, generation, f"sha-{generation}", f"version-{generation}", 0, ranges, "now")


def done(run: str, *left: str, at: str = "now") -> Done:
    """Return an outcome that left these keys."""
    return Done(run, SEGMENT.name, "delete", 4, 4 - len(left), len(left), 0, 0, 0, list(left), at)


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty bucket."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        yield Store(client, "lake")


@pytest.fixture
def records(store: Store) -> PurgeRecords:
    """The purge records of an empty lake."""
    return PurgeRecords(store, KEYS)


def test_a_purge_is_its_ranges_without_what_it_left(store: Store, records: PurgeRecords) -> None:
    """In the version that it names."""
    records.intend(SEGMENT, intent("run", [[0, 3], [5, 6]]))
    records.conclude(SEGMENT, done("run", "a", "b"))
    (removed,) = removed_by(store, KEYS, "run", 2)
    assert (removed.segment, removed.version_id, removed.sha256, removed.mode) == (SEGMENT, "version-1", "sha-1", "delete")
    assert (removed.ranges, removed.rows, removed.left, removed.alone) == ([[0, 3], [5, 6]], 4, frozenset("ab"), True)


def test_a_purge_that_was_called_off_removed_nothing(store: Store, records: PurgeRecords) -> None:
    """Its object was replaced after the intent: it tried no row."""
    records.intend(SEGMENT, intent("run", [[0, 3]]))
    records.conclude(SEGMENT, replace(done("run"), rows=0, done=0))
    assert removed_by(store, KEYS, "run", 2) == []


def test_of_a_purge_that_was_killed_nothing_is_known_to_be_left(store: Store, records: PurgeRecords) -> None:
    """It has an intent more than outcomes; each row of both may be gone."""
    records.intend(SEGMENT, intent("run", [[0, 3]]))
    records.conclude(SEGMENT, done("run", "a"))
    records.intend(SEGMENT, intent("run", [[2, 5], [7, 9]]))
    (removed,) = removed_by(store, KEYS, "run", 2)
    assert (removed.left, removed.ranges, removed.rows) == (frozenset(), [[0, 5], [7, 9]], 7)


def test_a_record_whose_answer_was_lost_counts_once(store: Store, records: PurgeRecords) -> None:
    """It is there twice: two equal intents are one purge, and two equal outcomes conclude one."""
    for _ in range(2):
        records.intend(SEGMENT, intent("run", [[0, 3]]))
    records.conclude(SEGMENT, done("run", "a"))
    (removed,) = removed_by(store, KEYS, "run", 2)
    assert (removed.left, removed.rows) == (frozenset("a"), 3)
    records.conclude(SEGMENT, done("run", "a"))
    records.intend(SEGMENT, intent("run", [[2, 5]]))  # and this one was killed
    (removed,) = removed_by(store, KEYS, "run", 2)
    assert (removed.left, removed.rows) == (frozenset(), 5)


def test_what_one_try_left_and_the_next_removed_is_removed(store: Store, records: PurgeRecords) -> None:
    """Only what was always left is; the later version comes first, because the later value is to win."""
    records.intend(SEGMENT, intent("run", [[0, 3]]))
    records.conclude(SEGMENT, done("run", "a", "b"))
    records.intend(SEGMENT, intent("run", [[0, 4]], generation=2))
    records.conclude(SEGMENT, done("run", "b", at="later"))
    found = removed_by(store, KEYS, "run", 2)
    assert [(removed.generation, removed.left) for removed in found] == [(2, frozenset("b")), (1, frozenset("b"))]


def test_only_that_runs_records_count(store: Store, records: PurgeRecords) -> None:
    """Also where one run's name begins or ends with another's; another run's record means that it was not alone."""
    for number, run in enumerate(("run", "run-2", "a-run", "run-intent")):
        records.intend(SEGMENT, intent(run, [[number, number + 1]]))
    records.intend(OTHER, replace(intent("other", [[0, 9]]), segment=OTHER.name))
    (removed,) = removed_by(store, KEYS, "run", 2)
    assert (removed.segment, removed.ranges, removed.alone) == (SEGMENT, [[0, 1]], False)
    assert [removed.alone for removed in removed_by(store, KEYS, "other", 2)] == [True]
    with pytest.raises(InputError):
        removed_by(store, KEYS, "her", 2)


def test_a_run_that_purged_nothing_cannot_be_undone(store: Store, records: PurgeRecords) -> None:
    """It is an input error that says where runs are listed."""
    records.intend(SEGMENT, intent("run", [[0, 1]]))
    with pytest.raises(InputError, match=r"a record under lake/runs/"):
        removed_by(store, KEYS, "nobody", 2)
