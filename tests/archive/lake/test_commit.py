"""Committing a segment against S3 over HTTP: one compare-and-swap, its receipt, and objects that are not what they must be."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest

from archive.codec.values import Item
from archive.errors import InputError, LakeDamagedError
from archive.lake import commit as module
from archive.lake.parquet import SegmentFile
from archive.model.layout import Layout
from archive.model.receipt import Receipt, StoredObject, object_metadata
from tests.builders import NOW, ORDER, SEGMENT, START, BaseTable, message, new_bucket, runs_of, text, write_segment
from tests.lakes import MESSAGE, RECEIPT, Lake, overwrite_with_older, remove_object, spelled
from tests.servers import Server

_A, _B, _C = (message(name, at) for at, name in enumerate("abc"))
_EDITED = {**_A, **text("edited")}


class _DiedError(Exception):
    """The run was killed here."""


def test_a_new_segment_is_stored_with_its_receipt(lake: Lake) -> None:
    """Generation 1, without a predecessor."""
    committed = lake.commit(_B, _A, exists=False)
    assert lake.rows() == spelled(_A, _B)
    assert (committed.stored, committed.added, committed.replaced, committed.superseded, committed.races) == (True, 2, 0, 0, 0)
    assert (committed.receipt.generation, committed.receipt.predecessor, committed.receipt.rows) == (1, None, 2)
    assert lake.receipt() == committed.receipt
    assert lake.table.asked == []


def test_an_object_that_was_not_stored_has_no_receipt(lake: Lake) -> None:
    """A run that dies at the object's PUT leaves nothing: the receipt comes after the object."""

    def die(params: dict[str, Any], **_: object) -> None:
        if unquote(params["url_path"]).endswith(MESSAGE):
            raise _DiedError

    lake.client.meta.events.register("before-call.s3.PutObject", die)
    with pytest.raises(_DiedError):
        lake.commit(_A, exists=False)
    assert lake.versions() == []


def test_a_merge_is_the_next_generation(lake: Lake) -> None:
    """It names its predecessor's bytes, and both versions are in the bucket."""
    first = lake.commit(_A, exists=False)
    second = lake.commit(_B)
    assert lake.rows() == spelled(_A, _B)
    assert (second.receipt.generation, second.receipt.predecessor) == (2, first.receipt.sha256)
    assert (second.added, second.replaced) == (1, 0)
    assert lake.receipt() == second.receipt
    assert len([key for key, _ in lake.versions() if key == MESSAGE]) == 2


def test_an_edit_replaces_the_row(lake: Lake) -> None:
    """What the base table says is stored, and the key is told to the purge."""
    lake.commit(_A, _B, exists=False)
    lake.table.put(_EDITED)
    committed = lake.commit(_EDITED)
    assert lake.rows() == spelled(_EDITED, _B)
    assert (committed.added, committed.replaced, committed.replaced_keys) == (0, 1, frozenset(ORDER.keys(_keyed(_A))))


def _keyed(item: Item) -> pa.Table:
    return runs_of([item])[0].load()


@pytest.mark.parametrize("items", [[_A], [_A, _B, _A], [_EDITED]])
def test_a_merge_that_changes_nothing_puts_nothing(items: list[Item], lake: Lake) -> None:
    """Nor does a stale version of a message that is gone from the table."""
    first = lake.commit(_A, _B, exists=False)
    before = lake.versions()
    committed = lake.commit(*items)
    counts = (committed.added, committed.replaced, committed.superseded, committed.races)
    assert (committed.stored, counts, committed.replaced_keys) == (False, (0, 0, 0, 0), frozenset())
    assert committed.receipt == first.receipt
    assert lake.versions() == before


def test_the_same_messages_give_the_same_object_in_one_go_or_in_halves(lake: Lake, moto_server: Server) -> None:
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
        if unquote(request.url).endswith(MESSAGE):
            headers = {name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
            sent.append(headers)

    lake.client.meta.events.register("before-send.s3.PutObject", note)
    first = lake.commit(_A, exists=False).receipt
    second = lake.commit(_B).receipt
    assert [headers.get("if-none-match") for headers in sent] == ["*", None]
    assert [headers.get("if-match") for headers in sent] == [None, first.etag]
    checksums = [b64encode(bytes.fromhex(receipt.sha256)).decode() for receipt in (first, second)]
    assert [headers["x-amz-checksum-sha256"] for headers in sent] == checksums
    head = lake.client.head_object(Bucket=lake.bucket, Key=MESSAGE, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == checksums[1]
    assert head["Metadata"] == {"generation": "2", "predecessor": first.sha256, "run": "run-1", "stored-at": "2024-06-01T03:00:00Z"}
    assert hashlib.sha256(lake.client.get_object(Bucket=lake.bucket, Key=MESSAGE)["Body"].read()).hexdigest() == second.sha256


def test_the_receipt_can_be_rebuilt_from_the_object(lake: Lake, tmp_path: Path) -> None:
    """It is a projection of the object, and nothing else."""
    lake.commit(_A, exists=False)
    written = lake.commit(_B, _C).receipt
    fetched = lake.store.fetch(MESSAGE, tmp_path / "f")
    assert fetched is not None
    file = SegmentFile(tmp_path / "f", ORDER)
    stored = fetched.stored
    found = StoredObject(MESSAGE, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)
    assert lake.receipts.of(SEGMENT, found, file.contents) == written == lake.receipt()
    file.close()


def test_a_receipt_that_is_behind_is_mended(lake: Lake) -> None:
    """A run that died before its receipt leaves the one before."""
    first = lake.commit(_A, exists=False).receipt
    second = lake.commit(_B).receipt
    lake.client.put_object(Bucket=lake.bucket, Key=RECEIPT, Body=first.to_json())
    lake.commit(_B)
    assert lake.receipt() == second


def _other_bytes(lake: Lake) -> None:
    lake.overwrite([_A, _B, _C], 2)


def _fewer_rows(lake: Lake) -> None:
    lake.overwrite([_A], 3)


def _another_tables(lake: Lake) -> None:
    path = write_segment(lake.folder / "theirs", [_A, _B], "table-2")
    lake.client.put_object(Bucket=lake.bucket, Key=MESSAGE, Body=path.read_bytes(), Metadata=object_metadata(3, None, "theirs", NOW))
    path.unlink()


def _unreadable(lake: Lake) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=MESSAGE, Body=b"not Parquet", Metadata=object_metadata(3, None, "theirs", NOW))


def _without_generation(lake: Lake) -> None:
    path = write_segment(lake.folder / "theirs", [_A, _B])
    lake.client.put_object(Bucket=lake.bucket, Key=MESSAGE, Body=path.read_bytes())
    path.unlink()


def _bad_receipt(lake: Lake) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=RECEIPT, Body=b"{}")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove_object, "is gone .its receipt names generation 2."),
        (overwrite_with_older, "was replaced by an older version"),
        (_other_bytes, "is not what was proved"),
        (_fewer_rows, "has fewer rows"),
        (_another_tables, "another table"),
        (_unreadable, "not readable Parquet"),
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


@pytest.mark.parametrize(
    ("times", "fits"), [(1.01, "6h"), (2.9, "4h"), (3.9, "3h"), (5.9, "2h"), (11.9, "1h"), (12.1, "15m"), (100, "15m")]
)
def test_a_segment_too_large_for_one_put_names_a_length_that_fits(
    times: float, fits: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written; each of the new segments fills half a PUT at most, and the length divides a day."""
    size = write_segment(tmp_path / "f", [_A]).stat().st_size
    monkeypatch.setattr(module, "LARGEST_PUT", int(size / times))
    with pytest.raises(InputError) as caught:
        lake.commit(_A, exists=False)
    assert lake.versions() == []
    length = str(caught.value).split('"')[1]
    assert length == fits
    assert Layout.parse(START.date(), "day", length).segment is not None


def test_a_receipt_is_one_line_for_athena(lake: Lake) -> None:
    """With the fields that the table of receipts has."""
    committed = lake.commit(_A, exists=False)
    data = lake.client.get_object(Bucket=lake.bucket, Key=RECEIPT)["Body"].read()
    assert data.count(b"\n") == 1
    assert json.loads(data)["etag"] == committed.receipt.etag
    assert Receipt.from_json(data, RECEIPT) == replace(committed.receipt)
