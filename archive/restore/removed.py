"""What one run's purge removed: its intents and outcomes, segment by segment."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from archive.errors import InputError, LakeDamagedError
from archive.lake.purge_records import PurgeRecords, Ranges
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.s3 import Store


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows that a purge removed (or marked), by their positions in one version of a segment's object.

    `left` are the keys (canonical JSON) of those that it found changed or refused, and left. `alone`: no other run ever
    purged this segment, so that each row of it that is not at the table was removed by this one, or by nobody of ours.
    `mode` is `delete` or `expire`.
    """

    segment: Segment
    version_id: str | None
    sha256: str
    generation: int
    ranges: Ranges
    left: frozenset[str]
    alone: bool
    mode: str

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(end - first for first, end in self.ranges)


def removed_by(store: Store, keys: LakeKeys, run: str, threads: int) -> list[Removed]:
    """Return what a run removed, by segment; of one segment, what it removed last comes first.

    Raises InputError where there are no purge records of such a run.
    """
    intents = [listed.key for listed in store.list(keys.folder("purges")) if _is_intent(listed.key, run)]
    if not intents:
        message = f"no purge of a run {run} is recorded in this lake; name one that has a record under {keys.folder('runs')}"
        raise InputError(message)
    segments = sorted({_segment(keys, key) for key in intents})
    records = PurgeRecords(store, keys)

    def read(segment: Segment) -> list[Removed]:
        return _of_segment(segment, run, records.load(segment))

    with ThreadPoolExecutor(threads, "records") as pool:
        return [removed for found in pool.map(read, segments) for removed in found]


def _is_intent(key: str, run: str) -> bool:
    """Say whether a key ends with START-END-RUN-intent.json, or a number after `intent`."""
    return key.rsplit("/", 1)[-1].split("-", 2)[-1].startswith(f"{run}-intent")


def _segment(keys: LakeKeys, key: str) -> Segment:
    dt, _, name = key.removeprefix(keys.folder("purges")).partition("/")
    window = "-".join(name.split("-", 2)[:2])
    segment = keys.segment_of(f"{keys.folder('messages')}{dt}/{window}.parquet")
    if segment is None:
        message = f"{key} is not the key of a purge record; move it out of the lake's prefix"
        raise LakeDamagedError(message)
    return segment


def _of_segment(segment: Segment, run: str, records: list[dict[str, Any]]) -> list[Removed]:
    intents = _different(record for record in records if record["run"] == run and "ranges" in record)
    outcomes = _different(record for record in records if record["run"] == run and "left" in record)
    alone = all(record["run"] == run for record in records)
    # A purge that was killed has an intent and no outcome: what it left is not known, so nothing of it is left out.
    finished = len(outcomes) >= len(intents)
    if finished and not any(outcome["rows"] for outcome in outcomes):
        return []  # called off after the intent
    left = frozenset.intersection(*(frozenset(outcome["left"]) for outcome in outcomes)) if finished else frozenset[str]()
    by_version: dict[tuple[int, str, str | None], Ranges] = defaultdict(list)
    for intent in intents:
        by_version[intent["generation"], intent["sha256"], intent["version_id"]] += intent["ranges"]
    return [
        Removed(segment, version_id, sha256, generation, _united(ranges), left, alone, intents[0]["mode"])
        for (generation, sha256, version_id), ranges in sorted(by_version.items(), key=lambda item: -item[0][0])
    ]


def _different(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records without repeats: a PUT whose answer was lost is made twice, and leaves two that are equal."""
    return list({json.dumps(record): record for record in records}.values())


def _united(ranges: Ranges) -> Ranges:
    """Return ranges in order, without overlaps: a purge that was tried twice has two intents for the same rows."""
    united: Ranges = []
    for first, end in sorted(ranges):
        if united and first <= united[-1][1]:
            united[-1][1] = max(united[-1][1], end)
        else:
            united.append([first, end])
    return united
