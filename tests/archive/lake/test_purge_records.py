"""Purge records: appended, never overwritten, and read so that a doubt counts as a removal."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archive.errors import LakeDamagedError, TransientServiceError
from archive.lake.purge_records import Done, Intent, PurgeRecords
from archive.s3 import Store
from tests.answering import s3_error
from tests.builders import KEYS, LAYOUTS, SEGMENT, START_MS, new_bucket
from tests.servers import Server

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_INTENT = Intent("run-1", SEGMENT.name, "delete", "single", "k", 3, "ab", "v1", 2, [[0, 1], [4, 5]], "2024-06-01T03:00:00Z")
_DONE = Done("run-1", SEGMENT.name, "delete", 2, 1, 1, 0, 0, 0, ['{"k":1}'], "2024-06-01T03:00:00Z")


@pytest.fixture
def store(moto_server: Server) -> Store:
    """A bucket of the test's own."""
    client = moto_server.s3()
    return Store(client, new_bucket(client))


@pytest.fixture
def records(store: Store) -> PurgeRecords:
    """The records in it."""
    return PurgeRecords(store, KEYS)


def _keys(store: Store) -> list[str]:
    return [listed.key.removeprefix(KEYS.purges(SEGMENT)) for listed in store.list(KEYS.folder("purges"))]


def test_an_intent_and_an_outcome_are_one_line_each(store: Store, records: PurgeRecords) -> None:
    """So that Athena reads them as a table."""
    records.intend(SEGMENT, _INTENT)
    records.conclude(SEGMENT, _DONE)
    assert _keys(store) == ["run-1-intent.json", "run-1-outcome.json"]
    found = store.get(KEYS.purge(SEGMENT, "run-1", "intent"))
    assert found is not None
    assert found[0].count(b"\n") == 1
    assert json.loads(found[0])["ranges"] == [[0, 1], [4, 5]]
    assert [record["rows"] for record in records.load(SEGMENT)] == [2, 2]


def test_a_repeat_adds_a_record(store: Store, records: PurgeRecords) -> None:
    """A run that was killed and goes on overwrites nothing."""
    for _ in range(3):
        records.intend(SEGMENT, _INTENT)
    assert sorted(_keys(store)) == ["run-1-intent-2.json", "run-1-intent-3.json", "run-1-intent.json"]
    assert len(records.load(SEGMENT)) == 3


def test_a_purge_that_was_called_off_removed_nothing(records: PurgeRecords) -> None:
    """Its outcome tried no row."""
    records.intend(SEGMENT, _INTENT)
    records.conclude(SEGMENT, replace(_DONE, rows=0, done=0, changed=0, left=[]))
    assert records.may_be_removed(SEGMENT) is None
    records.intend(SEGMENT, replace(_INTENT, run="run-2"))
    records.conclude(SEGMENT, replace(_DONE, run="run-2"))
    may = records.may_be_removed(SEGMENT)
    assert may is not None
    assert (may('{"k":1}'), may('{"k":2}')) == (False, True)


def test_another_segments_records_are_not_read(records: PurgeRecords) -> None:
    """Each segment has its own."""
    records.intend(LAYOUTS.segment_of(START_MS + 86_400_000), _INTENT)
    assert records.load(SEGMENT) == []
    assert records.may_be_removed(SEGMENT) is None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"run": "run-1"}'])
def test_a_record_that_cannot_be_read_is_damage(store: Store, records: PurgeRecords, data: bytes) -> None:
    """Its key is named; what may have been removed is not guessed."""
    store.put(f"{KEYS.purges(SEGMENT)}run-1-intent.json", data, None)
    with pytest.raises(LakeDamagedError, match=r"run-1-intent.json is not a readable purge record"):
        records.may_be_removed(SEGMENT)


def test_a_record_that_is_there_again_and_again_is_an_error(store: Store, records: PurgeRecords) -> None:
    """It may pass."""

    def lose(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return s3_error(request, "PreconditionFailed", 412)

    store._client.meta.events.register("before-send.s3.PutObject", lose)  # type: ignore[arg-type]  # noqa: SLF001 - it may answer
    with pytest.raises(TransientServiceError, match="100 times already"):
        records.intend(SEGMENT, _INTENT)


def test_without_a_purge_nothing_was_removed(records: PurgeRecords) -> None:
    """None says so without a test of each key."""
    assert records.may_be_removed(SEGMENT) is None


def test_only_what_every_purge_left_is_known_to_be_there(records: PurgeRecords) -> None:
    """One that was left by the first may have been removed by the second."""
    for run, left in (("run-1", ["a", "b"]), ("run-2", ["b", "c"])):
        records.intend(SEGMENT, replace(_INTENT, run=run))
        records.conclude(SEGMENT, Done(run, SEGMENT.name, "delete", 2, 0, 2, 0, 0, 0, left, "t"))
    removed = records.may_be_removed(SEGMENT)
    assert removed is not None
    assert {key: removed(key) for key in "abcd"} == {"a": True, "b": False, "c": True, "d": True}


def test_an_intent_without_its_outcome_may_have_removed_anything(records: PurgeRecords) -> None:
    """Also where another run has concluded, and where an outcome was stored twice because its answer was lost."""
    records.intend(SEGMENT, _INTENT)
    records.intend(SEGMENT, _INTENT)
    records.conclude(SEGMENT, _DONE)
    records.conclude(SEGMENT, _DONE)
    removed = records.may_be_removed(SEGMENT)
    assert removed is not None
    assert removed('{"k":1}')


@pytest.mark.parametrize("data", [b"garbage", b"[]", b'{"run": "r"}'])
def test_a_record_that_cannot_be_read_is_an_alarm(store: Store, data: bytes) -> None:
    """Nobody may take it for nothing removed."""
    store.put(KEYS.purge(SEGMENT, "r", "intent"), data, None)
    with pytest.raises(LakeDamagedError, match="not a readable purge record"):
        PurgeRecords(store, KEYS).load(SEGMENT)
