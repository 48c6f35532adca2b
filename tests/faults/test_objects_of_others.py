"""Somebody else replaces, damages or deletes objects of the lake between two steps of a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.archive.engine.workplace import MONDAY_MS
from tests.faults.world import Trouble, Where, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest

_DAMAGED: Final = 4
_DAY: Final = "dt=2024-01-15"
_MESSAGES: Final = "/messages/dt%3D2024-01-15/"


@dataclass(frozen=True, slots=True)
class Intruder:
    """Somebody who changes one object of a family; what they do can be undone, as an operator does from the version history."""

    world: World
    family: str

    def _key(self) -> str:
        return next(key for key in self.world.place.keys(self.family) if _DAY in key or self.family == "purges")

    def replace(self, change: Callable[[bytes], bytes]) -> Callable[[], None]:
        """Put another body there, with the metadata that were there; return what undoes it."""
        place, key = self.world.place, self._key()
        answer = place.s3.get_object(Bucket=place.bucket, Key=key)
        body = change(answer["Body"].read())
        return self._undo(key, place.s3.put_object(Bucket=place.bucket, Key=key, Body=body, Metadata=answer["Metadata"])["VersionId"])

    def set_back(self) -> Callable[[], None]:
        """Put the oldest version over the newest."""
        place, key = self.world.place, self._key()
        versions: Any = place.s3.list_object_versions(Bucket=place.bucket, Prefix=key)["Versions"]
        oldest = next(one for one in reversed(versions) if not one["IsLatest"])["VersionId"]
        source: Any = {"Bucket": place.bucket, "Key": key, "VersionId": oldest}
        return self._undo(key, place.s3.copy_object(Bucket=place.bucket, Key=key, CopySource=source)["VersionId"])

    def delete(self) -> Callable[[], None]:
        """Delete it; the bucket keeps its versions."""
        place, key = self.world.place, self._key()
        return self._undo(key, place.s3.delete_object(Bucket=place.bucket, Key=key)["VersionId"])

    def _undo(self, key: str, version: str) -> Callable[[], None]:
        place = self.world.place

        def undo() -> None:
            place.s3.delete_object(Bucket=place.bucket, Key=key, VersionId=version)

        return undo


Act = Callable[[Intruder], Callable[[], None]]


def _garbage(intruder: Intruder) -> Callable[[], None]:
    return intruder.replace(lambda _: b"somebody's holiday photographs")


def _cut_short(intruder: Intruder) -> Callable[[], None]:
    return intruder.replace(lambda body: body[: len(body) // 2])


@contextmanager
def _intruding(world: World, where: Where, family: str, act: Act) -> Iterator[list[Callable[[], None]]]:
    """Let somebody act just before one request is sent; yield what undoes it."""
    undo: list[Callable[[], None]] = []

    def fails(_: AWSPreparedRequest) -> Any:  # noqa: ANN401 - it does not: the request goes on
        if not undo:
            undo.append(act(Intruder(world, family)))

    with Trouble(where, fails, times=None).awaited():
        yield undo
    assert undo, "the run did not come to this request"


_TOO = pytest.mark.prove


@pytest.mark.parametrize(
    ("where", "family", "act", "words"),
    [
        (Where("GetObject", _MESSAGES), "messages", _garbage, "not readable Parquet"),
        pytest.param(Where("GetObject", _MESSAGES), "messages", _cut_short, "not readable Parquet", marks=_TOO),
        pytest.param(Where("GetObject", _MESSAGES), "messages", Intruder.delete, "is gone", marks=_TOO),
        pytest.param(Where("PutObject", _MESSAGES), "messages", _garbage, "not readable Parquet", marks=_TOO),
        (Where("PutObject", _MESSAGES), "messages", Intruder.delete, "is gone"),
        (Where("GetObject", _MESSAGES, after=1), "messages", Intruder.delete, "nothing was removed"),
        (Where("GetObject", "/purges/"), "purges", _garbage, "not a readable purge record"),
        pytest.param(Where("GetObject", "/receipts/"), "receipts", _garbage, "not a readable receipt", marks=_TOO),
        (Where("PutObject", "/receipts/dt%3D2024-01-15/"), "receipts", _garbage, "not a readable receipt"),
    ],
)
def test_what_somebody_damages_stops_its_segment(world: World, where: Where, family: str, act: Act, words: str) -> None:
    """With an alarm, and nothing of it removed; when it was brought back, the next run ends right."""
    with _intruding(world, where, family, act) as undo:
        error, result = world.run()
    assert error is not None
    assert (error.exit_code, len(result.failed)) == (_DAMAGED, 1), str(error)
    assert words in str(error)
    _assert_left(world)
    undo[0]()
    world.judge()
    world.finish()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(_garbage, id="garbage", marks=_TOO),
        pytest.param(_cut_short, id="cut short", marks=_TOO),
        pytest.param(Intruder.set_back, id="set back"),
    ],
)
def test_an_object_that_somebody_replaces_before_its_purge_is_left_to_the_next_run(world: World, act: Act) -> None:
    """It may have been another run. Nothing is removed; the next run sees what it is, and says so until it was brought back."""
    with _intruding(world, Where("GetObject", _MESSAGES, after=1), "messages", act) as undo:
        error, _ = world.run()
    assert error is None
    _assert_left(world)
    _assert_alarm(world)
    undo[0]()
    world.judge()
    world.finish()


def test_an_object_that_somebody_deletes_after_the_intent_is_not_purged_from(world: World) -> None:
    """The purge is called off, and the next run raises the alarm."""
    with _intruding(world, Where("HeadObject", _MESSAGES), "messages", Intruder.delete) as undo:
        error, _ = world.run()
    assert error is None
    _assert_left(world)
    _assert_alarm(world)
    undo[0]()
    world.judge()
    world.finish()


def test_a_receipt_that_somebody_deletes_is_made_anew(world: World) -> None:
    """By the next run; this one has its own copy."""
    with _intruding(world, Where("GetObject", _MESSAGES, after=1), "receipts", Intruder.delete):
        error, _ = world.run()
    assert error is None
    world.finish()


def _assert_left(world: World) -> None:
    """Assert that the messages of the segment are all at the table."""
    times = {int(item["timestamp"]["N"]) - MONDAY_MS for item in world.place.items()}
    assert {1, 4} <= times, "a message was removed whose segment is damaged"


def _assert_alarm(world: World) -> None:
    error, _ = world.run()
    assert error is not None
    assert error.exit_code == _DAMAGED
    _assert_left(world)
