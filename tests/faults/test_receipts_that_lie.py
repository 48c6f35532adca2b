"""A receipt that does not say what is stored: it is put right where the object itself shows the truth, else it stops its segment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import pytest

from archive.engine.planning import Request
from archive.model.receipt import Receipt
from tests.archive.engine.workplace import MONDAY_MS
from tests.faults.world import BACKFILL, THREE_DAYS, World

Spoil = Callable[[bytes], bytes]
_DAMAGED: Final = 4
_PURGE: Final = Request("purge", THREE_DAYS)
_COMMANDS: Final = pytest.mark.parametrize("command", [BACKFILL, _PURGE], ids=["backfill", "purge"])
_DAY: Final = "dt=2024-01-15"
# What only the two together can tell: the receipt says which bytes were proved, and how many versions there have been.
_ITS_OWN: Final = ("sha256", "generation")
_OTHERS: Final = tuple(field.name for field in fields(Receipt) if field.name not in _ITS_OWN)


def _another(value: Any) -> Any:  # noqa: ANN401 - a value of a receipt
    return value + 1 if isinstance(value, int) else f"not {value}"


def _lie(*names: str) -> Spoil:
    def spoil(data: bytes) -> bytes:
        receipt = json.loads(data)
        return json.dumps({**receipt, **{name: _another(receipt[name]) for name in names}}).encode()

    return spoil


def _without_rows(data: bytes) -> bytes:
    receipt = json.loads(data)
    del receipt["rows"]
    return json.dumps(receipt).encode()


def _receipt_key(world: World) -> str:
    return next(key for key in world.place.keys("receipts") if _DAY in key)


def _spoiled(world: World, command: Request, spoil: Spoil) -> tuple[str, bytes]:
    """Spoil the receipt of a segment that the command is going to touch; return its key, and what it said."""
    if command is _PURGE:
        world.run(purge="keep")
    key = _receipt_key(world)
    data = world.place.get(key)
    world.place.s3.put_object(Bucket=world.place.bucket, Key=key, Body=spoil(data))
    return key, data


def _assert_mended(world: World, command: Request, names: tuple[str, ...]) -> None:
    key, true = _spoiled(world, command, _lie(*names))
    error, _ = world.run(command)
    assert error is None
    world.judge_at_rest()
    if command is _PURGE:
        assert world.place.get(key) == true


@_COMMANDS
def test_a_receipt_that_lies_about_what_its_object_shows_is_written_anew(world: World, command: Request) -> None:
    """Whatever else it says, as long as it names the bytes and the generation that are there. And the command goes on."""
    _assert_mended(world, command, _OTHERS)


@pytest.mark.prove
@_COMMANDS
@pytest.mark.parametrize("name", _OTHERS)
def test_every_field_of_a_receipt_is_written_anew(world: World, command: Request, name: str) -> None:
    """Each by itself."""
    _assert_mended(world, command, (name,))


@_COMMANDS
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(_lie("sha256"), "restore", id="other bytes"),
        pytest.param(_lie("generation"), "restore", id="a later generation"),
        pytest.param(_without_rows, "not a readable receipt; delete it", id="a field short"),
        pytest.param(lambda data: data[: len(data) // 2], "not a readable receipt", id="cut short", marks=pytest.mark.prove),
        pytest.param(lambda _: b"\xff\xfe", "not a readable receipt", id="no text", marks=pytest.mark.prove),
    ],
)
def test_a_receipt_of_something_else_stops_its_segment(world: World, command: Request, spoil: Spoil, words: str) -> None:
    """Nothing of it is removed; the others go on. When the receipt is as it was, so does this one."""
    key, true = _spoiled(world, command, spoil)
    error, result = world.run(command)
    assert error is not None
    assert (error.exit_code, words in str(error), len(result.failed)) == (_DAMAGED, True, 1), str(error)
    left = {int(item["timestamp"]["N"]) - MONDAY_MS for item in world.place.items()}
    assert left == {1, 4}, "the segment's messages, and no others, must be left"
    world.place.s3.put_object(Bucket=world.place.bucket, Key=key, Body=true)
    world.judge()
    world.finish()


def test_a_receipt_that_cannot_be_read_is_made_anew_when_it_was_deleted(world: World) -> None:
    """As its sentence says."""
    key, _ = _spoiled(world, BACKFILL, lambda _: b"{}")
    assert world.run()[0] is not None
    versions = world.place.s3.list_object_versions(Bucket=world.place.bucket, Prefix=key)["Versions"]
    world.place.s3.delete_object(Bucket=world.place.bucket, Key=key)
    world.finish()
    assert versions
