"""Committing a segment against S3 over HTTP: one compare-and-swap, races that are lost, and objects that are not what they must be."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import InputError, LakeDamagedError, TransientServiceError
from archive.lake import commit as module
from archive.lake.commit import Committed, Committer
from archive.lake.order import Key
from archive.lake.parquet import SegmentFile
from archive.lake.purge_records import Done, Intent, PurgeRecords
from archive.lake.receipts import Receipts
from archive.model.layout import Layout
from archive.model.receipt import Receipt, StoredObject, object_metadata
from archive.model.spec import CHAT_MESSAGES
from archive.s3 import Store
from tests.builders import KEYS, NOW, ORDER, OWNER, SEGMENT, START, BaseTable, message, new_bucket, place_in, runs_of, text, write_segment
from tests.servers import REGION, Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY, _RECEIPT = KEYS.message(SEGMENT), KEYS.receipt(SEGMENT)
_A, _B, _C = (message(name, at) for at, name in enumerate("abc"))
_EDITED = {**_A, **text("edited")}


class Lake:
    """A lake in a bucket of its own, as one run sees it."""

    def __init__(self, client: S3Client, bucket: str, folder: Path, table: BaseTable) -> None:
        """Commit from `folder`, asking `table`."""
        self.client, self.bucket, self.table, self.folder = client, bucket, table, folder
        self.store = Store(client, bucket)
        self.receipts = Receipts(self.store, KEYS, OWNER)
        self.committer = Committer(place_in(self.store, folder), self.receipts, self._ask)
        self.before_asking: Callable[[], object] = lambda: None

    def _ask(self, keys: list[Key]) -> pa.Table:
        self.before_asking()
        return self.table.ask(keys)

    def commit(self, *items: Item, exists: bool = True) -> Committed:
        """Commit what was read."""
        committed = self.committer.commit(SEGMENT, runs_of(items), exists=exists, now=NOW)
        assert list(self.folder.iterdir()) == []
        return committed

    def rows(self) -> list[bytes]:
        """Return the stored items, in order."""
        return [canonical(item) for item in _items(self.client.get_object(Bucket=self.bucket, Key=_KEY)["Body"].read())]

    def receipt(self) -> Receipt:
        """Return the stored receipt."""
        found = self.receipts.load(SEGMENT)
        assert found is not None
        return found

    def versions(self) -> list[tuple[str, str]]:
        """Return every version of every object: key and version id."""
        return [(version["Key"], version["VersionId"]) for version in self.client.list_object_versions(Bucket=self.bucket).get("Versions", [])]

    def superseded(self) -> list[bytes]:
        """Return the items kept under superseded/."""
        found = [self.store.get(listed.key) for listed in self.store.list(KEYS.folder("superseded"))]
        return [canonical(item) for answer in found if answer for item in _items(answer[0])]

    def overwrite(self, items: Iterable[Item], generation: int) -> None:
        """Put an object as somebody might who does not ask."""
        path = write_segment(self.folder / "theirs", items)
        metadata = object_metadata(generation, None, "theirs", NOW)
        self.client.put_object(Bucket=self.bucket, Key=_KEY, Body=path.read_bytes(), Metadata=metadata)
        path.unlink()


def _items(data: bytes) -> list[Item]:
    return items_of(CHAT_MESSAGES, pq.read_table(pa.BufferReader(data)))


def _canonical(*items: Item) -> list[bytes]:
    return [canonical(item) for item in items]


@pytest.fixture
def table() -> BaseTable:
    """The base table: empty until a test puts something."""
    return BaseTable()


@pytest.fixture
def lake(moto_server: Server, tmp_path: Path, table: BaseTable) -> Lake:
    """A lake of the test's own."""
    client = moto_server.s3()
    (tmp_path / "run").mkdir()
    return Lake(client, new_bucket(client), tmp_path / "run", table)


@pytest.fixture
def other(moto_server: Server, tmp_path: Path, lake: Lake) -> Lake:
    """The same lake, as another run sees it."""
    (tmp_path / "other").mkdir()
    return Lake(moto_server.s3(), lake.bucket, tmp_path / "other", lake.table)


def _before_put(lake: Lake, *actions: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Do one action before each PUT of the segment's object, until there are no more; return those that are left."""
    left = iter(actions)

    def interfere(params: dict[str, Any], **_: object) -> None:
        if unquote(params["url_path"]).endswith(_KEY):
            next(left, lambda: None)()

    lake.client.meta.events.register("before-call.s3.PutObject", interfere)
    return left


def test_a_new_segment_is_stored_with_its_receipt(lake: Lake) -> None:
    """Generation 1, without a predecessor."""
    committed = lake.commit(_B, _A, exists=False)
    assert lake.rows() == _canonical(_A, _B)
    assert (committed.stored, committed.added, committed.replaced, committed.superseded, committed.races) == (True, 2, 0, 0, 0)
    assert (committed.receipt.generation, committed.receipt.predecessor, committed.receipt.rows) == (1, None, 2)
    assert lake.receipt() == committed.receipt
    assert lake.table.asked == []


def test_a_merge_is_the_next_generation(lake: Lake) -> None:
    """It names its predecessor's bytes, and both versions are in the bucket."""
    first = lake.commit(_A, exists=False)
    second = lake.commit(_B)
    assert lake.rows() == _canonical(_A, _B)
    assert (second.receipt.generation, second.receipt.predecessor) == (2, first.receipt.sha256)
    assert (second.added, second.replaced) == (1, 0)
    assert lake.receipt() == second.receipt
    assert len([key for key, _ in lake.versions() if key == _KEY]) == 2


def test_an_edit_replaces_the_row(lake: Lake) -> None:
    """What the base table says is stored, and the key is told to the purge."""
    lake.commit(_A, _B, exists=False)
    lake.table.put(_EDITED)
    committed = lake.commit(_EDITED)
    assert lake.rows() == _canonical(_EDITED, _B)
    assert (committed.added, committed.replaced, committed.replaced_keys) == (0, 1, frozenset(ORDER.keys(_keyed(_A))))


def _keyed(item: Item) -> pa.Table:
    return runs_of([item])[0].load()


@pytest.mark.parametrize("items", [[_A], [_A, _B, _A], [_EDITED]])
def test_a_merge_that_changes_nothing_puts_nothing(items: list[Item], lake: Lake) -> None:
    """Nor does a stale version of a message that is gone from the table."""
    first = lake.commit(_A, _B, exists=False)
    before = lake.versions()
    committed = lake.commit(*items)
    assert (committed.stored, committed.added, committed.replaced, committed.replaced_keys) == (False, 0, 0, frozenset())
    assert committed.receipt == first.receipt
    assert lake.versions() == before


def test_the_same_messages_give_the_same_object_in_one_go_or_in_halves(lake: Lake, moto_server: Server, tmp_path: Path) -> None:
    """Byte for byte; only the generation tells."""
    lake.commit(_A, _C, exists=False)
    halves = lake.commit(_B).receipt
    whole = Lake(moto_server.s3(), new_bucket(lake.client), lake.folder, BaseTable()).commit(_C, _B, _A, exists=False).receipt
    assert (whole.sha256, whole.etag) == (halves.sha256, halves.etag)
    assert (whole.generation, halves.generation) == (1, 2)


def test_the_put_is_conditional_checked_and_carries_the_proof(lake: Lake) -> None:
    """One request: If-None-Match or If-Match, the SHA-256 that S3 enforces, and the metadata."""
    sent: list[dict[str, str]] = []

    def note(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if unquote(request.url).endswith(_KEY):
            headers = {name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
            sent.append(headers)

    lake.client.meta.events.register("before-send.s3.PutObject", note)
    first = lake.commit(_A, exists=False).receipt
    second = lake.commit(_B).receipt
    assert [headers.get("if-none-match") for headers in sent] == ["*", None]
    assert [headers.get("if-match") for headers in sent] == [None, first.etag]
    checksums = [b64encode(bytes.fromhex(receipt.sha256)).decode() for receipt in (first, second)]
    assert [headers["x-amz-checksum-sha256"] for headers in sent] == checksums
    head = lake.client.head_object(Bucket=lake.bucket, Key=_KEY, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == checksums[1]
    assert head["Metadata"] == {"generation": "2", "predecessor": first.sha256, "run": "run-1", "stored-at": "2024-06-01T03:00:00Z"}
    assert hashlib.sha256(lake.client.get_object(Bucket=lake.bucket, Key=_KEY)["Body"].read()).hexdigest() == second.sha256


def test_the_receipt_can_be_rebuilt_from_the_object(lake: Lake, tmp_path: Path) -> None:
    """It is a projection of the object, and nothing else."""
    lake.commit(_A, exists=False)
    written = lake.commit(_B, _C).receipt
    fetched = lake.store.fetch(_KEY, tmp_path / "f")
    assert fetched is not None
    file = SegmentFile(tmp_path / "f", ORDER)
    stored = fetched.stored
    found = StoredObject(_KEY, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)
    assert lake.receipts.of(SEGMENT, found, file.contents) == written == lake.receipt()
    file.close()


def test_a_race_for_a_new_segment_is_read_merged_and_put_again(lake: Lake, other: Lake) -> None:
    """The loser unites its rows with the winner's."""
    _before_put(lake, lambda: other.commit(_B, exists=False))
    committed = lake.commit(_A, exists=False)
    assert lake.rows() == _canonical(_A, _B)
    assert (committed.races, committed.receipt.generation, committed.added) == (1, 2, 1)
    assert lake.receipt() == committed.receipt


def test_a_lost_race_asks_the_table_again(lake: Lake, other: Lake) -> None:
    """What it said before the other's PUT may be older than that."""
    lake.commit(_A, exists=False)
    third = {**_A, **text("third")}
    lake.table.put(_EDITED)

    def interfere() -> None:
        lake.table.put(third)
        other.commit(third)

    _before_put(lake, interfere)
    committed = lake.commit(_EDITED)
    assert lake.rows() == _canonical(third)
    assert len(lake.table.asked) == 3
    assert (committed.stored, committed.races, committed.receipt.generation) == (False, 1, 2)


def test_the_table_is_asked_after_the_object_was_read(lake: Lake, other: Lake) -> None:
    """An edit that is archived and purged between the GET and the question is not overwritten: the PUT does not match."""
    lake.commit(_A, exists=False)
    lake.table.put(_EDITED)
    newest = {**_A, **text("newest")}

    def between() -> None:
        lake.before_asking = lambda: None
        lake.table.put(newest)
        other.commit(newest)

    lake.before_asking = between
    lake.commit(_EDITED)
    assert lake.rows() == _canonical(newest)


def test_a_lost_answer_is_recognised_by_its_bytes(lake: Lake, moto_server: Server) -> None:
    """botocore makes the PUT again, and gets 412 for what it has stored itself."""
    retrying = boto3.client("s3", endpoint_url=moto_server.endpoint, region_name=REGION, config=Config(retries={"total_max_attempts": 3, "mode": "standard"}))
    run = Lake(retrying, lake.bucket, lake.folder, lake.table)
    sent: list[str] = []

    def lose(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if unquote(request.url).endswith(_KEY):
            sent.append(request.url)
            if len(sent) == 1:
                request.reset_stream()
                assert URLLib3Session().send(request).status_code == 200
                raise ConnectionClosedError(endpoint_url=request.url)

    retrying.meta.events.register("before-send.s3.PutObject", lose)
    committed = run.commit(_A, exists=False)
    assert len(sent) == 2
    assert (committed.stored, committed.races, committed.receipt.generation) == (True, 0, 1)
    assert lake.receipt() == committed.receipt
    assert [key for key, _ in lake.versions()].count(_KEY) == 1


def test_a_run_that_died_between_put_and_receipt_is_mended(lake: Lake) -> None:
    """The object is all there is to know; committing again makes its receipt and puts nothing."""
    stored: list[object] = []

    def die(parsed: object, **_: object) -> None:
        stored.append(parsed)
        raise ConnectionClosedError(endpoint_url="s3")

    lake.client.meta.events.register("after-call.s3.PutObject", die)
    with pytest.raises(TransientServiceError):
        lake.commit(_A, exists=False)
    lake.client.meta.events.unregister("after-call.s3.PutObject", die)
    assert (len(stored), [key for key, _ in lake.versions()]) == (1, [_KEY])
    committed = lake.commit(_A)
    assert not committed.stored
    assert lake.receipt() == committed.receipt
    assert committed.receipt.generation == 1


def test_a_receipt_that_is_behind_is_mended(lake: Lake) -> None:
    """A run that died before its receipt leaves the one before."""
    first = lake.commit(_A, exists=False).receipt
    second = lake.commit(_B).receipt
    lake.client.put_object(Bucket=lake.bucket, Key=_RECEIPT, Body=first.to_json())
    lake.commit(_B)
    assert lake.receipt() == second


def test_runs_that_win_every_race_end_the_commit(lake: Lake, other: Lake) -> None:
    """It may be tried again later; what the others stored is whole."""
    others = [message(f"other-{number}", 9) for number in range(10)]
    left = _before_put(lake, *((lambda item=item: other.commit(item)) for item in others))
    with pytest.raises(TransientServiceError, match="keep winning"):
        lake.commit(_A, exists=False)
    assert next(left, None) is None
    assert lake.rows() == _canonical(*others)


def _gone(lake: Lake) -> None:
    lake.client.delete_object(Bucket=lake.bucket, Key=_KEY)


def _older(lake: Lake) -> None:
    lake.overwrite([_A], 1)


def _other_bytes(lake: Lake) -> None:
    lake.overwrite([_A, _B, _C], 2)


def _fewer_rows(lake: Lake) -> None:
    lake.overwrite([_A], 3)


def _another_tables(lake: Lake) -> None:
    path = write_segment(lake.folder / "theirs", [_A, _B], "table-2")
    lake.client.put_object(Bucket=lake.bucket, Key=_KEY, Body=path.read_bytes(), Metadata=object_metadata(3, None, "theirs", NOW))
    path.unlink()


def _unreadable(lake: Lake) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=_KEY, Body=b"not Parquet", Metadata=object_metadata(3, None, "theirs", NOW))


def _without_generation(lake: Lake) -> None:
    path = write_segment(lake.folder / "theirs", [_A, _B])
    lake.client.put_object(Bucket=lake.bucket, Key=_KEY, Body=path.read_bytes())
    path.unlink()


def _bad_receipt(lake: Lake) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=_RECEIPT, Body=b"{}")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_gone, "is gone .its receipt names generation 2."),
        (_older, "was replaced by an older version"),
        (_other_bytes, "is not what was proved"),
        (_fewer_rows, "has fewer rows"),
        (_another_tables, "another table"),
        (_unreadable, "not a readable segment"),
        (_without_generation, "no generation"),
        (_bad_receipt, "not a readable receipt"),
    ],
)
def test_an_object_that_is_not_what_it_must_be_stops_the_segment(damage: Callable[[Lake], None], says: str, lake: Lake) -> None:
    """Nothing is written, and it is never created anew."""
    lake.commit(_A, exists=False)
    lake.commit(_B)
    damage(lake)
    before = lake.versions()
    with pytest.raises(LakeDamagedError, match=says):
        lake.commit(_C)
    assert lake.versions() == before


@pytest.mark.parametrize("damage", [_gone, _older])
def test_an_object_that_goes_while_it_is_merged_is_not_created_anew(damage: Callable[[Lake], None], lake: Lake) -> None:
    """Even where no receipt names it yet: this run has seen it."""
    lake.commit(_A, exists=False)
    lake.commit(_B)
    lake.client.delete_object(Bucket=lake.bucket, Key=_RECEIPT)
    _before_put(lake, lambda: damage(lake))
    with pytest.raises(LakeDamagedError):
        lake.commit(_C)
    assert lake.receipts.load(SEGMENT) is None


def test_a_slow_runs_late_receipt_does_not_overwrite_a_newer_one(lake: Lake, other: Lake) -> None:
    """Receipts go up in generation only."""
    done: list[Receipt] = []

    def overtake(params: dict[str, Any], **_: object) -> None:
        if unquote(params["url_path"]).endswith(_RECEIPT) and not done:
            done.append(other.commit(_B).receipt)

    lake.client.meta.events.register("before-call.s3.PutObject", overtake)
    committed = lake.commit(_A, exists=False)
    assert committed.receipt.generation == 1
    assert lake.receipt() == done[0]
    assert done[0].generation == 2


def test_a_segment_too_large_for_one_put_names_a_length_that_fits(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written; the length divides a day."""
    monkeypatch.setattr(module, "LARGEST_PUT", 100)
    with pytest.raises(InputError) as caught:
        lake.commit(_A, exists=False)
    assert lake.versions() == []
    assert Layout.parse(START.date(), "day", str(caught.value).split('"')[1]).segment is not None


def _intent(run: str) -> Intent:
    return Intent(run, SEGMENT.name, "delete", "single", _KEY, 1, "ab", "v", 2, [[0, 2]], "2024-06-01T03:00:00Z")


def _done(run: str, *left: Item) -> Done:
    keys = [canonical({name: item[name] for name in ("conversationId", "timestamp")}).decode() for item in left]
    return Done(run, SEGMENT.name, "delete", 2, 2 - len(left), len(left), 0, 0, 0, keys, "2024-06-01T03:00:00Z")


def _edit_after(lake: Lake, *records: Intent | Done) -> Committed:
    """Archive two messages, purge as the records say, and archive one of them again with another value."""
    lake.commit(_A, _B, exists=False)
    purges = PurgeRecords(lake.store, KEYS)
    for record in records:
        purges.intend(SEGMENT, record) if isinstance(record, Intent) else purges.conclude(SEGMENT, record)
    lake.table.put(_EDITED)
    committed = lake.commit(_EDITED)
    assert lake.rows() == _canonical(_EDITED, _B)
    return committed


@pytest.mark.parametrize(
    "records",
    [
        [_intent("p"), _done("p")],
        [_intent("p"), _done("p", _B)],
        [_intent("p")],
        [_intent("p"), _done("p", _A), _intent("q")],
        [_intent("p"), _done("p", _A), _intent("q"), _done("q")],
        [_intent("p"), _intent("p"), _done("p", _A)],
        [_intent("p"), _intent("p"), _done("p", _A), _done("p", _A)],
    ],
)
def test_a_superseded_row_is_kept_where_its_message_may_have_been_removed(records: list[Intent | Done], lake: Lake) -> None:
    """It was removed, or a purge that was killed may have: the lake's row is the only one there is."""
    committed = _edit_after(lake, *records)
    assert (committed.superseded, lake.superseded()) == (1, _canonical(_A))


@pytest.mark.parametrize("records", [[], [_intent("p"), _done("p", _A)], [_intent("p"), _done("p", _A), _intent("q"), _done("q", _A, _B)]])
def test_a_superseded_row_is_not_kept_where_its_message_lives(records: list[Intent | Done], lake: Lake) -> None:
    """Nothing was purged yet, or every purge found it changed: an older version of a living message."""
    committed = _edit_after(lake, *records)
    assert (committed.superseded, lake.superseded()) == (0, [])


def test_superseded_rows_are_stored_before_the_put_and_once(lake: Lake, other: Lake) -> None:
    """The key is made from the content, so that a lost race stores them once."""
    lake.commit(_A, exists=False)
    PurgeRecords(lake.store, KEYS).intend(SEGMENT, _intent("p"))
    lake.table.put(_EDITED)
    seen: list[list[bytes]] = []

    def interfere() -> None:
        seen.append(lake.superseded())
        other.commit(_B)

    _before_put(lake, interfere)
    assert lake.commit(_EDITED).superseded == 1
    assert seen == [_canonical(_A)] == [lake.superseded()]
    assert [key for key, _ in lake.versions() if "superseded" in key] == [listed.key for listed in lake.store.list(KEYS.folder("superseded"))]


def test_a_receipt_is_one_line_for_athena(lake: Lake) -> None:
    """With the fields that the table of receipts has."""
    committed = lake.commit(_A, exists=False)
    data = lake.client.get_object(Bucket=lake.bucket, Key=_RECEIPT)["Body"].read()
    assert data.count(b"\n") == 1
    assert json.loads(data)["etag"] == committed.receipt.etag
    assert Receipt.from_json(data, _RECEIPT) == replace(committed.receipt)
