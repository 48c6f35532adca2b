"""One batch: read, merged, proved, stored and purged; alarms stop a segment, and the others go on."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from archive.codec.values import Item
from archive.engine.batch import BatchWork
from archive.engine.batch_result import Batch, BatchResult
from archive.errors import ProofError, SpoolFullError
from archive.model.window import Window, parse_instant
from tests.archive.engine.workplace import DAY_MS, NOW, TWO_DAYS, Workplace, hooked, mended, message, work_of

MONDAY = "dt=2024-01-15/20240115T0000Z-20240116T0000Z"
TUESDAY = "dt=2024-01-16/20240116T0000Z-20240117T0000Z"
FIRST, SECOND = message("a", 1, 1), message("b", 2, 2)
THIRD = message("c", DAY_MS + 1, 1)


def conversations(place: Workplace, segment: str) -> list[str]:
    """Return the conversations of a segment's rows."""
    table = pq.read_table(io.BytesIO(place.get(f"lake/messages/{segment}.parquet")))
    found: list[str] = table.column("conversation_id").to_pylist()
    return sorted(found)


def left(place: Workplace) -> list[str]:
    """Return the conversations of the messages at the table."""
    return sorted(item["conversationId"]["S"] for item in place.items())


def receipt(place: Workplace, segment: str) -> dict[str, Any]:
    """Return a segment's receipt."""
    found: dict[str, Any] = json.loads(place.get(f"lake/receipts/{segment}.json"))
    return found


def drop(place: Workplace, *keys: str) -> None:
    """Delete objects of the lake."""
    for key in keys:
        place.s3.delete_object(Bucket=place.bucket, Key=key)


def test_a_batch_archives_and_purges_its_segments(place: Workplace) -> None:
    """And counts what it did."""
    place.put(FIRST, SECOND, THIRD)
    result = place.archive()
    assert (result.read, result.segments, result.stored, result.added, result.purged.done) == (3, 2, 2, 3, 3)
    assert (conversations(place, MONDAY), conversations(place, TUESDAY)) == (["a", "b"], ["c"])
    assert place.items() == []


def test_a_second_batch_writes_nothing(place: Workplace) -> None:
    """There is nothing left to do."""
    place.put(FIRST, SECOND, THIRD)
    place.archive()
    session = place.opened("run-2")
    written: list[str] = []
    with hooked(session.clients.s3, "before-call.s3.PutObject", lambda model, **_: written.append(model.name)):
        result = work_of(session).archive(Batch(0, TWO_DAYS, (1, 2)))
    assert (result, written) == (BatchResult(), [])


def test_a_kept_table_is_not_stored_twice(place: Workplace) -> None:
    """A merge that changes nothing puts nothing."""
    place = place.with_policy(purge="keep")
    place.put(FIRST, SECOND)
    place.archive()
    result = place.archive(run="run-2")
    assert (result.read, result.segments, result.stored, result.added) == (2, 1, 0, 0)
    assert receipt(place, MONDAY)["generation"] == 1
    assert left(place) == ["a", "b"]


def test_a_late_message_is_merged_into_its_segment(place: Workplace) -> None:
    """The object has one more row, and its next generation names the one before."""
    place.put(FIRST)
    place.archive()
    before = receipt(place, MONDAY)
    place.put(SECOND)
    result = place.archive(run="run-2")
    assert (result.added, result.replaced) == (1, 0)
    after = receipt(place, MONDAY)
    assert (after["generation"], after["predecessor"], after["rows"], after["run"]) == (2, before["sha256"], 2, "run-2")


def test_part_of_a_segment_is_archived_by_merging(place: Workplace) -> None:
    """A window may begin and end anywhere: what is outside stays at the table."""
    place.put(message("early", 1, 1), message("late", DAY_MS // 2, 1))
    noon = parse_instant("2024-01-15T12:00Z")
    place.archive(window=Window(TWO_DAYS.start, noon))
    assert (conversations(place, MONDAY), left(place)) == (["early"], ["late"])
    place.archive(window=Window(noon, TWO_DAYS.end), run="run-2")
    assert (conversations(place, MONDAY), left(place)) == (["early", "late"], [])


def test_modules_one_by_one_give_the_same_object(place: Workplace, tmp_path: Path) -> None:
    """Byte for byte, however the work was cut."""
    place.put(FIRST, SECOND, message("d", 3, 1), message("e", 4, 2))
    place.archive(modules=(2,))
    place.archive(modules=(1,), run="run-2")
    halves = place.get(f"lake/messages/{MONDAY}.parquet")
    other = place.with_lake(prefix="other", spool_directory=tmp_path / "other")
    other.put(FIRST, SECOND, message("d", 3, 1), message("e", 4, 2))
    other.archive()
    assert other.get(f"other/messages/{MONDAY}.parquet") == halves


def test_a_changed_message_stays_and_is_archived_anew(place: Workplace) -> None:
    """What is removed is only what is still what was archived."""
    place.put(FIRST)
    session = place.opened()
    edited = {**FIRST, "content": {"S": "edited"}}

    with hooked(session.purger_clients.dynamodb, "before-call.dynamodb.DeleteItem", lambda **_: place.put(edited)):
        result = work_of(session).archive(Batch(0, TWO_DAYS, (1,)))
    assert (result.purged.done, result.purged.changed, place.items()) == (0, 1, [edited])
    again = place.archive(run="run-2")
    assert (again.replaced, again.superseded, again.purged.done) == (1, 0, 1)


def test_a_key_that_is_used_again_is_counted_and_its_old_row_kept(place: Workplace) -> None:
    """Under superseded/, because the message of that row was removed."""
    place.put(FIRST)
    place.archive()
    place.put({**FIRST, "content": {"S": "used again"}})
    result = place.archive(run="run-2")
    assert (result.replaced, result.superseded) == (1, 1)
    (key,) = place.keys("superseded")
    assert pq.read_table(io.BytesIO(place.get(key))).column("content").to_pylist() == ["hello"]


def test_an_attribute_nobody_has_archived_stops_the_run_and_is_kept(place: Workplace) -> None:
    """The image goes into the lake and back to the table, and what was done is counted; nothing more is begun."""
    place.put(FIRST, THIRD)
    session = place.opened()
    surprising = {**FIRST, "unseen": {"S": "new"}}
    raced: list[int] = []

    def surprise(**_: object) -> None:
        if not raced:
            raced.append(1)
            place.put(surprising)

    with hooked(session.purger_clients.dynamodb, "before-call.dynamodb.DeleteItem", surprise):
        result = work_of(session).archive(Batch(0, TWO_DAYS, (1,)))
    assert isinstance(result.stopped, ProofError)
    assert "got an attribute nobody had archived" in str(result.stopped)
    assert (result.segments, result.stored, result.added, result.purged.surprises) == (1, 1, 1, 1)
    assert sorted(place.items(), key=str) == [surprising, THIRD]
    (key,) = place.keys("superseded")
    assert json.loads(place.get(key))["unseen"] == "new"
    again = place.archive(run="run-2")
    assert (again.stopped, again.replaced, again.purged.done) == (None, 1, 2)


def test_an_object_that_is_gone_stops_its_segment_alone(place: Workplace) -> None:
    """It is not made anew, nothing of it is removed, and the alarm names the receipt."""
    place.put(FIRST, THIRD)
    place.archive()
    drop(place, f"lake/messages/{MONDAY}.parquet")
    place.put(SECOND, message("d", DAY_MS + 2, 2))
    result = place.archive(run="run-2")
    assert len(result.failed) == 1
    assert MONDAY in result.failed[0]
    assert "restore it from the bucket's version history" in result.failed[0]
    assert left(place) == ["b"]
    assert conversations(place, TUESDAY) == ["c", "d"]
    assert place.keys("messages") == [f"lake/messages/{TUESDAY}.parquet"]


def test_an_object_that_is_gone_raises_the_alarm_also_where_nothing_is_to_do(place: Workplace) -> None:
    """Each run lists both prefixes."""
    place.put(FIRST)
    place.archive()
    drop(place, f"lake/messages/{MONDAY}.parquet")
    result = mended(place, "run-2")
    assert len(result.failed) == 1
    assert place.keys("messages") == []


def _older_version(place: Workplace) -> None:
    first = place.s3.list_object_versions(Bucket=place.bucket, Prefix="lake/messages/")["Versions"]
    oldest = min(first, key=lambda version: version["IsLatest"])
    source: Any = {"Bucket": place.bucket, "Key": oldest["Key"], "VersionId": oldest["VersionId"]}
    place.s3.copy_object(Bucket=place.bucket, Key=oldest["Key"], CopySource=source)


def _foreign_bytes(place: Workplace) -> None:
    key = f"lake/messages/{MONDAY}.parquet"
    metadata = place.s3.head_object(Bucket=place.bucket, Key=key)["Metadata"]
    place.s3.put_object(Bucket=place.bucket, Key=key, Body=b"PAR1", Metadata=metadata)


def _other_rows(place: Workplace) -> None:
    """Store another segment's rows under the same generation."""
    key = f"lake/messages/{MONDAY}.parquet"
    metadata = place.s3.head_object(Bucket=place.bucket, Key=key)["Metadata"]
    place.s3.put_object(Bucket=place.bucket, Key=key, Body=place.get(f"lake/messages/{TUESDAY}.parquet"), Metadata=metadata)


@pytest.mark.parametrize("damage", [_older_version, _foreign_bytes, _other_rows])
def test_an_object_that_is_not_what_its_receipt_says_stops_its_segment(place: Workplace, damage: Any) -> None:  # noqa: ANN401
    """Nothing is merged into it, and nothing removed for it."""
    place.put(FIRST, THIRD)
    place.archive()
    place.put(SECOND)
    place.archive(run="run-2")
    damage(place)
    damaged = place.get(f"lake/messages/{MONDAY}.parquet")
    place.put(message("d", 4, 1), message("e", DAY_MS + 4, 1))
    result = place.archive(run="run-3")
    assert len(result.failed) == 1
    assert left(place) == ["d"]
    assert place.get(f"lake/messages/{MONDAY}.parquet") == damaged
    assert conversations(place, TUESDAY) == ["c", "e"]


def test_a_missing_receipt_is_made_from_the_object(place: Workplace) -> None:
    """The very same one, where nothing else is to do for the segment."""
    place.put(FIRST)
    place.archive()
    before = place.get(f"lake/receipts/{MONDAY}.json")
    drop(place, f"lake/receipts/{MONDAY}.json")
    result = mended(place, "run-2")
    assert (result.mended, result.failed) == (1, [])
    assert place.get(f"lake/receipts/{MONDAY}.json") == before
    assert mended(place, "run-3").mended == 0


def test_a_missing_receipt_is_made_by_a_merge_that_changes_nothing(place: Workplace) -> None:
    """A run that died before its receipt left its messages at the table."""
    place = place.with_policy(purge="keep")
    place.put(FIRST)
    place.archive()
    before = place.get(f"lake/receipts/{MONDAY}.json")
    drop(place, f"lake/receipts/{MONDAY}.json")
    assert place.archive(run="run-2").stored == 0
    assert place.get(f"lake/receipts/{MONDAY}.json") == before


def test_a_receipt_that_is_behind_is_brought_up(place: Workplace) -> None:
    """A run died between the PUT of the second generation and its receipt."""
    place.put(FIRST)
    place.archive()
    behind = place.get(f"lake/receipts/{MONDAY}.json")
    place.put(SECOND)
    place.archive(run="run-2")
    true = receipt(place, MONDAY)
    place.s3.put_object(Bucket=place.bucket, Key=f"lake/receipts/{MONDAY}.json", Body=behind)
    place.put(message("d", 4, 1))
    place.archive(run="run-3")
    assert (receipt(place, MONDAY)["generation"], receipt(place, MONDAY)["predecessor"]) == (3, true["sha256"])


def test_receipts_tell_what_is_stored(place: Workplace) -> None:
    """Hash, size and rows are the object's."""
    place.put(FIRST, SECOND)
    place.archive()
    data = place.get(f"lake/messages/{MONDAY}.parquet")
    told = receipt(place, MONDAY)
    assert (told["sha256"], told["bytes"], told["rows"]) == (sha256(data).hexdigest(), len(data), 2)
    assert (told["first_sent_at"], told["last_sent_at"]) == ("2024-01-15T00:00:00.001Z", "2024-01-15T00:00:00.002Z")


@pytest.fixture
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every stored object for a large one."""
    monkeypatch.setattr("archive.model.late.LARGE_BYTES", 1)


@pytest.mark.usefixtures("_everything_is_large")
def test_few_late_messages_of_a_large_segment_wait_in_the_table(place: Workplace) -> None:
    """They are counted, and neither stored nor removed."""
    place.put(FIRST)
    place.archive()
    place.put(SECOND)
    days = {place.archive(run=f"run-{number}").waiting for number in (2, 3)}
    assert days == {1}
    assert (conversations(place, MONDAY), left(place)) == (["a"], ["b"])


@pytest.mark.usefixtures("_everything_is_large")
def test_late_messages_that_are_many_do_not_wait(place: Workplace) -> None:
    """From late_rows on they are worth a rewrite."""
    place = place.with_policy(late_rows=2)
    place.put(FIRST)
    place.archive()
    place.put(SECOND, message("d", 4, 1))
    result = place.archive(run="run-2")
    assert (result.waiting, result.added, left(place)) == (0, 2, [])


@pytest.mark.usefixtures("_everything_is_large")
def test_late_messages_wait_for_late_days_at_most(place: Workplace) -> None:
    """On every late_days-th day they are archived, however few."""
    place = place.with_policy(late_days=1)
    place.put(FIRST)
    place.archive()
    place.put(SECOND)
    assert place.archive(run="run-2").added == 1


def test_what_does_not_fit_the_spool_is_an_error_before_anything_is_stored(place: Workplace) -> None:
    """A shorter batch can be tried then."""
    place = place.with_lake(spool_bytes=1000)
    place.put(FIRST, SECOND)
    with pytest.raises(SpoolFullError):
        place.archive()
    assert place.keys("messages") == []
    assert left(place) == ["a", "b"]


def test_the_spool_is_gone_at_the_end(place: Workplace) -> None:
    """It held pupils' text."""
    place.put(FIRST)
    place.archive()
    assert list(place.config.lake.spool_directory.iterdir()) == []


def test_an_index_of_keys_alone_is_read_through_the_table(place: Workplace) -> None:
    """Items come by BatchGetItem; what is archived is the whole message."""
    name = f"{place.table}-keys"
    time = {"AttributeName": "timestamp", "KeyType": "RANGE"}
    request: Any = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "conversationId", "KeyType": "HASH"}, time],
        "AttributeDefinitions": [
            {"AttributeName": "conversationId", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "N"},
            {"AttributeName": "moduleId", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "ModuleAnalyticsIndex",
                "KeySchema": [{"AttributeName": "moduleId", "KeyType": "HASH"}, time],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    place.dynamodb.create_table(**request)
    place = place.with_source(table=name)
    place.put({**FIRST, "mood": {"S": "calm"}}, SECOND, THIRD)
    result = place.archive()
    assert (result.added, result.purged.done, place.items()) == (3, 3, [])
    table = pq.read_table(io.BytesIO(place.get(f"lake/messages/{MONDAY}.parquet")))
    assert table.column("content").to_pylist() == ["hello", "hello"]
    assert table.column("remainder").to_pylist() == ['{"mood":"calm"}', None]


def test_progress_is_told(place: Workplace) -> None:
    """What was read, stored and purged, in messages."""
    place.put(FIRST, SECOND, THIRD)
    told: list[tuple[str, int]] = []
    BatchWork(place.opened(), NOW, lambda what, messages: told.append((what, messages))).archive(Batch(0, TWO_DAYS, (1, 2)))
    assert {what: sum(count for name, count in told if name == what) for what in ("read", "stored", "purged")} == {
        "read": 3,
        "stored": 3,
        "purged": 3,
    }


def purge(place: Workplace, run: str = "purge-1") -> BatchResult:
    """Purge without archiving."""
    return work_of(place.opened(run)).purge(Batch(0, TWO_DAYS, (1, 2)))


@pytest.fixture
def kept(place: Workplace) -> Workplace:
    """A place whose messages are archived, and still at the table."""
    place.put(FIRST, SECOND, THIRD)
    place.with_policy(purge="keep").archive()
    return place


def test_a_later_purge_removes_what_is_archived(kept: Workplace) -> None:
    """And writes no object anew."""
    result = purge(kept)
    assert (result.purged.done, result.stored, kept.items()) == (3, 0, [])
    assert receipt(kept, MONDAY)["generation"] == 1


def test_a_later_purge_leaves_what_has_changed(kept: Workplace) -> None:
    """It is counted, and stays until it is archived anew."""
    edited: Item = {**FIRST, "content": {"S": "edited"}}
    kept.put(edited)
    result = purge(kept)
    assert (result.purged.done, result.purged.changed, kept.items()) == (2, 1, [edited])


def test_a_later_purge_leaves_what_is_not_archived(kept: Workplace) -> None:
    """In a segment that is stored, and in one that is not: neither is an alarm."""
    kept.put(message("late", 9, 1))
    drop(kept, f"lake/messages/{TUESDAY}.parquet", f"lake/receipts/{TUESDAY}.json")
    result = purge(kept)
    assert (result.failed, result.purged.done) == ([], 2)
    assert left(kept) == ["c", "late"]


def test_a_later_purge_mends_a_missing_receipt_first(kept: Workplace) -> None:
    """It removes only what a receipt says is proved."""
    drop(kept, f"lake/receipts/{MONDAY}.json")
    result = purge(kept)
    assert (result.mended, result.purged.done, kept.items()) == (1, 3, [])


def _rewritten(place: Workplace) -> None:
    """Store the very rows in other bytes, which nobody has proved."""
    key = f"lake/messages/{MONDAY}.parquet"
    metadata = place.s3.head_object(Bucket=place.bucket, Key=key)["Metadata"]
    data = io.BytesIO(place.get(key))
    table = pq.read_table(data).replace_schema_metadata(pq.ParquetFile(data).metadata.metadata)
    rewritten = io.BytesIO()
    pq.write_table(table, rewritten, compression="none")
    place.s3.put_object(Bucket=place.bucket, Key=key, Body=rewritten.getvalue(), Metadata=metadata)


def _gone(place: Workplace) -> None:
    drop(place, f"lake/messages/{MONDAY}.parquet")


@pytest.mark.parametrize("damage", [_foreign_bytes, _other_rows, _rewritten, _gone])
def test_a_later_purge_removes_nothing_for_a_damaged_object(kept: Workplace, damage: Any) -> None:  # noqa: ANN401
    """Its segment is stopped with an alarm or left alone, and the others go on."""
    damage(kept)
    result = purge(kept)
    assert left(kept) == ["a", "b"]
    assert result.purged.done == 1


def test_a_policy_that_keeps_purges_nothing(kept: Workplace) -> None:
    """Whatever command is given."""
    assert purge(kept.with_policy(purge="keep")).purged.done == 0
    assert left(kept) == ["a", "b", "c"]


def test_batches_are_added_up() -> None:
    """Every count, and the alarms in their order, each once."""
    total = BatchResult(read=1, failed=["one"])
    total.add(BatchResult(read=2, stored=3, waiting=4, mended=5, failed=["one", "two"]))
    assert (total.read, total.stored, total.waiting, total.mended, total.failed) == (3, 3, 4, 5, ["one", "two"])
