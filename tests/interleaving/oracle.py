"""Judges a table and a lake by what the user did. Reads both on its own, with nothing of archive/."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import pyarrow.parquet as pq

from archive.codec.values import Item
from tests.archive.engine.workplace import Workplace
from tests.interleaving.user import GONE, Key, User, key_of

Value = tuple[tuple[str, Any], ...]
"""A message's values, sorted by attribute: what two versions are compared by."""
MARK: Final = "expiresAt"
"""The attribute that mode expire sets: the archiver's, and no part of a message."""
_ATTRIBUTES: Final = {"conversation_id": "conversationId", "module_id": "moduleId", "student_id": "studentId"}


def value_of(item: Item) -> Value:
    """Return an item's values, without the archiver's mark; the tests' messages have texts and numbers only."""
    values = {name: value["S"] if "S" in value else Decimal(value["N"]) for name, value in item.items() if name != MARK}
    return tuple(sorted(values.items()))


def _plain_value(values: dict[str, Any]) -> Value:
    return tuple(sorted((name, value if isinstance(value, str) else Decimal(value)) for name, value in values.items()))


@dataclass(frozen=True, slots=True)
class Segment:
    """One version of one object: its key, hash, size, ETag, metadata, and the messages in it."""

    key: str
    sha256: str
    bytes: int
    etag: str
    metadata: dict[str, str]
    messages: list[tuple[Key, Value]]

    @property
    def receipt(self) -> str:
        """The key that its receipt must have."""
        return self.key.replace("/messages/", "/receipts/").replace(".parquet", ".json")

    @property
    def generation(self) -> int:
        """The number of this version."""
        return int(self.metadata["generation"])


def _messages(data: bytes) -> list[tuple[Key, Value]]:
    table = pq.read_table(io.BytesIO(data))
    times = table.column("sent_at").cast("int64").to_pylist()
    found: list[tuple[Key, Value]] = []
    for time, row in zip(times, table.drop_columns(["sent_at"]).to_pylist(), strict=True):
        values = {_ATTRIBUTES.get(column, column): value for column, value in row.items() if value is not None}
        values.update(json.loads(values.pop("remainder", "{}"), parse_int=Decimal, parse_float=Decimal), timestamp=time)
        found.append(((row["conversation_id"], time), _plain_value(values)))
    return found


class Oracle:
    """Knows one place and one user."""

    def __init__(self, place: Workplace, user: User, removed: list[Item]) -> None:
        """`removed` are the images of all that the archiver removed from the table."""
        self._place, self._user, self._removed = place, user, removed
        self._read: dict[str, Segment] = {}

    def at_any_time(self, *, undone: bool = False) -> None:
        """Assert what holds at every instant: nothing is lost, nothing stands twice, nothing was made up.

        `undone`: the last version of a message equals an earlier one, and may be kept as that, besides the lake's rows.
        """
        self._judge(self._versions(), undone=undone)

    def removed_is_kept(self) -> None:
        """Assert that whatever the archiver removed is in the lake, or under superseded/, as it was."""
        kept = {*_rows(self._newest(self._versions())).items(), *self._superseded()}
        for image in self._removed:
            assert (key_of(image), value_of(image)) in kept, f"{key_of(image)} was removed, and is kept nowhere as it was"

    def at_rest(self, *, undone: bool = False, left: bool = False) -> None:
        """Assert what holds after a whole run that nobody disturbed. `left`: the policy leaves messages at the table."""
        versions = self._versions()
        newest = self._newest(versions)
        self._judge(versions, undone=undone)
        if left:
            lake = _rows(newest)
            assert [item for item in self._place.items() if lake.get(key_of(item)) != value_of(item)] == [], "a message is not archived"
        else:
            assert self._place.items() == [], "archived messages are left at the table"
        self._receipts_are_true(newest)
        for chain in versions.values():
            _only_gains(chain)
        self.removed_is_kept()

    def rows(self) -> int:
        """Count the lake's rows."""
        return len(_rows(self._newest(self._versions())))

    def superseded(self) -> Counter[Key]:
        """Count the rows that are kept besides the lake's, by key."""
        return Counter(key for key, _ in self._superseded())

    def _judge(self, versions_of_objects: dict[str, list[Segment]], *, undone: bool) -> None:
        table = {key_of(item): value_of(item) for item in self._place.items()}
        lake = _rows(self._newest(versions_of_objects))
        besides = set(self._superseded()) if undone else set()
        for key, versions in self._user.history.items():
            latest = versions[-1]
            if latest is GONE:
                continue
            kept = (table.get(key), lake.get(key))
            lost = value_of(latest) not in kept and (key, value_of(latest)) not in besides
            assert not lost, f"{key} is lost: the table has {kept[0]}, the lake {kept[1]}"
            assert kept[0] in (None, value_of(latest)), f"{key} at the table is not what the user wrote last"
        for key, value in lake.items():
            assert value in map(value_of, self._user.history[key]), f"{key} in the lake is nothing that the user ever wrote"

    def _versions(self) -> dict[str, list[Segment]]:
        """Return every version of every object, oldest first."""
        place = self._place
        answer = place.s3.list_object_versions(Bucket=place.bucket, Prefix=f"{place.config.lake.prefix}/messages/")
        assert "DeleteMarkers" not in answer, "an object of the lake was deleted"
        found: dict[str, list[Segment]] = {}
        for listed in answer.get("Versions", []):
            key, version = listed["Key"], listed["VersionId"]
            if version not in self._read:
                got = place.s3.get_object(Bucket=place.bucket, Key=key, VersionId=version)
                data = got["Body"].read()
                self._read[version] = Segment(
                    key, hashlib.sha256(data).hexdigest(), len(data), got["ETag"], got["Metadata"], _messages(data)
                )
            found.setdefault(key, []).append(self._read[version])
            if listed["IsLatest"]:
                newest = found[key].pop()
                found[key].insert(0, newest)
        return {key: [*sorted(chain[1:], key=lambda one: one.generation), chain[0]] for key, chain in found.items()}

    @staticmethod
    def _newest(versions: dict[str, list[Segment]]) -> list[Segment]:
        return [chain[-1] for chain in versions.values()]

    def _superseded(self) -> list[tuple[Key, Value]]:
        found: list[tuple[Key, Value]] = []
        for key in self._place.keys("superseded"):
            data = self._place.get(key)
            if key.endswith(".parquet"):
                found += _messages(data)
            else:
                values = json.loads(data, parse_int=Decimal, parse_float=Decimal)
                found.append(((values["conversationId"], int(values["timestamp"])), _plain_value(values)))
        return found

    def _receipts_are_true(self, newest: list[Segment]) -> None:
        place = self._place
        receipts = {key: json.loads(place.get(key)) for key in place.keys("receipts")}
        assert receipts.keys() == {segment.receipt for segment in newest}, "there is not one receipt for each object"
        for segment in newest:
            receipt = receipts[segment.receipt]
            told = {name: receipt[name] for name in ("key", "sha256", "rows", "bytes", "etag", "generation")}
            true = {
                "key": segment.key,
                "sha256": segment.sha256,
                "rows": len(segment.messages),
                "bytes": segment.bytes,
                "etag": segment.etag,
                "generation": segment.generation,
            }
            assert told == true, f"the receipt of {segment.key} does not tell what is stored"


def _rows(segments: list[Segment]) -> dict[Key, Value]:
    """Return the rows of some objects; exactly one a key."""
    found: dict[Key, Value] = {}
    for segment in segments:
        for key, value in segment.messages:
            assert key not in found, f"{key} stands twice in the lake"
            found[key] = value
    return found


def _only_gains(chain: list[Segment]) -> None:
    """Assert that each version of an object has all keys of the one before, and names its hash."""
    assert [segment.generation for segment in chain] == list(range(1, len(chain) + 1)), "generations are not counted one by one"
    for before, after in pairwise(chain):
        assert after.metadata["predecessor"] == before.sha256
        assert {key for key, _ in before.messages} <= {key for key, _ in after.messages}, f"{after.key} lost a message"
