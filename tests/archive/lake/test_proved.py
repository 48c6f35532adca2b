"""Only bytes that match the checksum that was proved come back as a proved segment."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from archive.errors import LakeDamagedError
from archive.lake.commit import Committer, Place
from archive.lake.parquet import sha256_of
from archive.lake.proved import fetch_proved
from archive.lake.receipts import Receipts
from archive.model.receipt import Receipt
from archive.s3 import Store
from tests.builders import KEYS, NOW, OWNER, SEGMENT, BaseTable, message, new_bucket, place_in, runs_of
from tests.servers import Server


@pytest.fixture
def place(moto_server: Server, tmp_path: Path) -> Place:
    """A lake of the test's own."""
    client = moto_server.s3()
    return place_in(Store(client, new_bucket(client)), tmp_path)


def _commit(place: Place, name: str, *, exists: bool) -> Receipt:
    committer = Committer(place, Receipts(place.store, KEYS, OWNER), BaseTable().ask)
    return committer.commit(SEGMENT, runs_of([message(name, 0)]), exists=exists, now=NOW).receipt


def test_the_bytes_that_were_proved_come_back(place: Place) -> None:
    """With their receipt, in the run's folder."""
    receipt = _commit(place, "a", exists=False)
    proved = fetch_proved(place, SEGMENT, receipt)
    assert proved is not None
    assert (proved.segment, proved.receipt, sha256_of(proved.path)) == (SEGMENT, receipt, receipt.sha256)
    assert proved.path.parent == place.folder


def test_a_version_that_was_replaced_is_not_purged_from(place: Place) -> None:
    """Another run has stored a later one; this one has nothing to say any more."""
    receipt = _commit(place, "a", exists=False)
    _commit(place, "b", exists=True)
    assert fetch_proved(place, SEGMENT, receipt) is None


def test_an_object_that_is_gone_is_damage(place: Place) -> None:
    """The message says where it may be found."""
    receipt = _commit(place, "a", exists=False)
    place.store._client.delete_object(Bucket=place.store.bucket, Key=receipt.key)  # noqa: SLF001 - as somebody might
    with pytest.raises(LakeDamagedError, match="is gone although its receipt names it"):
        fetch_proved(place, SEGMENT, receipt)


def test_other_bytes_than_were_proved_are_damage(place: Place) -> None:
    """They do not stay on disk."""
    receipt = replace(_commit(place, "a", exists=False), sha256="ab" * 32)
    with pytest.raises(LakeDamagedError, match="SHA-256 differs"):
        fetch_proved(place, SEGMENT, receipt)
    assert list(place.folder.iterdir()) == []


def test_a_receipt_that_says_what_is_not_so_is_not_believed(place: Place) -> None:
    """The proved segment has the one that the object itself gives."""
    receipt = _commit(place, "a", exists=False)
    proved = fetch_proved(place, SEGMENT, replace(receipt, key="elsewhere", rows=5, generation=0))
    assert proved is not None
    assert proved.receipt == receipt


def test_an_older_generation_than_the_receipt_names_is_damage(place: Place) -> None:
    """Somebody brought an old version back, which has the same bytes."""
    receipt = _commit(place, "a", exists=False)
    with pytest.raises(LakeDamagedError, match="is generation 1 and its receipt names 2; nothing was removed"):
        fetch_proved(place, SEGMENT, replace(receipt, generation=2))


def test_bytes_that_were_damaged_on_the_way_are_damage(place: Place) -> None:
    """The answer's ETag is right and its body is not."""
    receipt = _commit(place, "a", exists=False)

    def flip(parsed: dict[str, Any], **_: object) -> None:
        data = bytearray(parsed["Body"].read())
        data[10] ^= 1
        body = BytesIO(bytes(data))
        body.iter_chunks = lambda size: iter(lambda: body.read(size), b"")  # type: ignore[attr-defined]  # as a StreamingBody
        parsed["Body"] = body

    place.store._client.meta.events.register("after-call.s3.GetObject", flip)  # noqa: SLF001 - no server answers so
    with pytest.raises(LakeDamagedError):
        fetch_proved(place, SEGMENT, receipt)
