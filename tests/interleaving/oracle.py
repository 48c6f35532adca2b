"""Judges a table and a lake by what the user did. Reads both on its own, with nothing of archive/."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq

from archive.codec.values import Item
from tests.archive.engine.workplace import Workplace
from tests.interleaving.user import GONE, Key, User, key_of

Value = tuple[tuple[str, Any], ...]
"""A message's values, sorted by attribute: what two versions are compared by."""
_COLUMNS = {
    "conversation_id": "conversationId",
    "module_id": "moduleId",
    "content": "content",
    "student_id": "studentId",
    "cost_usd": "costUsd",
}


def value_of(item: Item) -> Value:
    """Return an item's values; the tests' messages have texts and numbers only."""
    return tuple(sorted((name, value["S"] if "S" in value else Decimal(value["N"])) for name, value in item.items()))


def _row_value(row: dict[str, Any], time: int) -> Value:
    values: dict[str, Any] = dict(json.loads(row.pop("remainder") or "{}", parse_int=Decimal, parse_float=Decimal))
    values["timestamp"] = Decimal(time)
    for column, value in row.items():
        if value is not None:
            values[_COLUMNS[column]] = value if isinstance(value, str) else Decimal(value)
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Segment:
    """One version of one object: its key, bytes, metadata, and the messages in it."""

    key: str
    data: bytes
    etag: str
    metadata: dict[str, str]
    messages: list[tuple[Key, Value]]


def _segment(key: str, answer: Any) -> Segment:  # noqa: ANN401 - S3's answer
    data = answer["Body"].read()
    return Segment(key, data, answer["ETag"], answer["Metadata"], _messages(data))


def _messages(data: bytes) -> list[tuple[Key, Value]]:
    table = pq.read_table(io.BytesIO(data))
    times = table.column("sent_at").cast("int64").to_pylist()
    rows = table.drop_columns(["sent_at"]).to_pylist()
    return [((row["conversation_id"], time), _row_value(row, time)) for time, row in zip(times, rows, strict=True)]


class Oracle:
    """Knows one place and one user."""

    def __init__(self, place: Workplace, user: User, removed: list[Item]) -> None:
        """`removed` are the images of all that the archiver removed from the table."""
        self._place, self._user, self._removed = place, user, removed

    def at_any_time(self) -> None:
        """Assert what holds at every instant: nothing is lost, nothing stands twice, nothing was made up."""
        table = {key_of(item): value_of(item) for item in self._place.items()}
        lake = self._lake()
        for key, versions in self._user.history.items():
            latest = versions[-1]
            if latest is GONE:
                continue
            kept = (table.get(key), lake.get(key))
            assert value_of(latest) in kept, f"{key} is lost: the table has {kept[0]}, the lake {kept[1]}"
            if key in table:
                assert table[key] == value_of(latest), f"{key} at the table is not what the user wrote last"
        for key, value in lake.items():
            assert value in map(value_of, self._user.history[key]), f"{key} in the lake is nothing that the user ever wrote"

    def at_rest(self) -> None:
        """Assert what holds after a whole run that nobody disturbed."""
        self.at_any_time()
        assert self._place.items() == [], "archived messages are left at the table"
        self._receipts_are_true()
        self._versions_only_gain()
        kept = {*self._lake().items(), *self._superseded()}
        for image in self._removed:
            assert (key_of(image), value_of(image)) in kept, f"{key_of(image)} was removed as it is kept nowhere"

    def superseded(self) -> Counter[Key]:
        """Count the rows that were superseded after their messages had been removed, by key."""
        return Counter(key for key, _ in self._superseded())

    def _lake(self) -> dict[Key, Value]:
        """Return the lake's rows; exactly one a key."""
        found: dict[Key, Value] = {}
        for segment in self._segments():
            for key, value in segment.messages:
                assert key not in found, f"{key} stands twice in the lake"
                found[key] = value
        return found

    def _segments(self) -> list[Segment]:
        place = self._place
        return [_segment(key, place.s3.get_object(Bucket=place.bucket, Key=key)) for key in place.keys("messages")]

    def _superseded(self) -> list[tuple[Key, Value]]:
        found: list[tuple[Key, Value]] = []
        for key in self._place.keys("superseded"):
            data = self._place.get(key)
            if key.endswith(".parquet"):
                found += _messages(data)
            else:
                item = json.loads(data)
                found.append((key_of(item), value_of(item)))
        return found

    def _receipts_are_true(self) -> None:
        place = self._place
        receipts = {key: json.loads(place.get(key)) for key in place.keys("receipts")}
        segments = self._segments()
        expected = {segment.key.replace("/messages/", "/receipts/").replace(".parquet", ".json") for segment in segments}
        assert receipts.keys() == expected, "there is not one receipt for each object"
        for segment in segments:
            receipt = receipts[segment.key.replace("/messages/", "/receipts/").replace(".parquet", ".json")]
            told = {name: receipt[name] for name in ("key", "sha256", "rows", "bytes", "etag", "generation")}
            true = {
                "key": segment.key,
                "sha256": hashlib.sha256(segment.data).hexdigest(),
                "rows": len(segment.messages),
                "bytes": len(segment.data),
                "etag": segment.etag,
                "generation": int(segment.metadata["generation"]),
            }
            assert told == true, f"the receipt of {segment.key} does not tell what is stored"

    def _versions_only_gain(self) -> None:
        """Assert that each version of an object has all keys of the one before, and names its hash."""
        place = self._place
        answer = place.s3.list_object_versions(Bucket=place.bucket, Prefix=f"{place.config.lake.prefix}/messages/")
        versions: dict[str, list[Segment]] = {}
        for version in answer.get("Versions", []):
            found = place.s3.get_object(Bucket=place.bucket, Key=version["Key"], VersionId=version["VersionId"])
            versions.setdefault(version["Key"], []).append(_segment(version["Key"], found))
        for chain in versions.values():
            chain.sort(key=lambda segment: int(segment.metadata["generation"]))
            assert [int(segment.metadata["generation"]) for segment in chain] == list(range(1, len(chain) + 1))
            for before, after in zip(chain, chain[1:], strict=False):
                assert after.metadata["predecessor"] == hashlib.sha256(before.data).hexdigest()
                assert {key for key, _ in before.messages} <= {key for key, _ in after.messages}, f"{after.key} lost a message"
