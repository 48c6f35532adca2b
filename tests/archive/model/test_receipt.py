"""Receipts: a projection of the object, the same whenever it is made, and never taken for one when it is none."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import LakeDamagedError
from archive.model.receipt import GENERATION, Held, Receipt, StoredObject, object_metadata, receipt_of
from tests.builders import KEYS, NOW, OWNER, SEGMENT, START_MS

_HELD = Held(rows=3, row_groups=1, first_ms=START_MS, last_ms=START_MS + 1500, spec_version=1)
_STORED = StoredObject(KEYS.message(SEGMENT), 1234, "ab" * 32, '"etag"', "v1", object_metadata(2, "cd" * 32, "run-1", NOW))
_RECEIPT = receipt_of(SEGMENT, _STORED, _HELD, OWNER)


def test_a_receipt_says_what_the_object_says() -> None:
    """Its metadata, its footer, its bytes and its owner."""
    assert asdict(_RECEIPT) == {
        "segment": "20240115T0000Z-20240116T0000Z",
        "window_start": "2024-01-15T00:00:00Z",
        "window_end": "2024-01-16T00:00:00Z",
        "key": KEYS.message(SEGMENT),
        "rows": 3,
        "bytes": 1234,
        "sha256": "ab" * 32,
        "etag": '"etag"',
        "version_id": "v1",
        "generation": 2,
        "predecessor": "cd" * 32,
        "first_sent_at": "2024-01-15T00:00:00Z",
        "last_sent_at": "2024-01-15T00:00:01.500Z",
        "spec_version": 1,
        "row_groups": 1,
        "source_table": OWNER.table_arn,
        "source_table_id": OWNER.table_id,
        "run": "run-1",
        "stored_at": "2024-06-01T03:00:00Z",
    }


def test_the_first_generation_has_no_predecessor() -> None:
    """S3 metadata have no null: it is an empty text there, and none in the receipt."""
    metadata = object_metadata(1, None, "run-1", NOW)
    assert all(isinstance(value, str) for value in metadata.values())
    assert receipt_of(SEGMENT, replace(_STORED, metadata=metadata), _HELD, OWNER).predecessor is None


@pytest.mark.parametrize("generation", [None, "", "two"])
def test_an_object_without_a_generation_is_not_ours(generation: str | None) -> None:
    """Somebody else put it there."""
    metadata = {} if generation is None else {GENERATION: generation}
    with pytest.raises(LakeDamagedError, match="not stored by Dynalake"):
        receipt_of(SEGMENT, replace(_STORED, metadata=metadata), _HELD, OWNER)


@given(st.text(), st.integers(1, 2**40), st.none() | st.text())
def test_a_receipt_is_read_as_it_was_written(run: str, generation: int, version: str | None) -> None:
    """As one line of JSON, so that Athena reads receipts as a table."""
    receipt = replace(_RECEIPT, run=run, generation=generation, version_id=version)
    line = receipt.to_json()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert Receipt.from_json(line, "k") == receipt


def test_fields_of_a_later_version_are_passed_over() -> None:
    """An older program reads the receipts of a newer one."""
    values = {**asdict(_RECEIPT), "later": 1}
    assert Receipt.from_json(json.dumps(values).encode(), "k") == _RECEIPT


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{}", b"1"])
def test_what_is_no_receipt_is_damage(data: bytes) -> None:
    """The message names the key, and what to do."""
    with pytest.raises(LakeDamagedError, match=r"lake/receipts/x\.json is not a readable receipt"):
        Receipt.from_json(data, "lake/receipts/x.json")


@pytest.mark.parametrize("name", [field.name for field in fields(Receipt)])
def test_a_receipt_that_lacks_a_field_is_damage(name: str) -> None:
    """Nothing is filled in."""
    values = asdict(_RECEIPT)
    del values[name]
    with pytest.raises(LakeDamagedError):
        Receipt.from_json(json.dumps(values).encode(), "k")


@pytest.mark.parametrize(("name", "value"), [("generation", "2"), ("rows", None), ("sha256", 5), ("key", ["k"]), ("bytes", 1.5)])
def test_a_receipt_with_a_value_of_another_type_is_damage(name: str, value: object) -> None:
    """A generation that is a text would not compare."""
    with pytest.raises(LakeDamagedError):
        Receipt.from_json(json.dumps({**asdict(_RECEIPT), name: value}).encode(), "k")
