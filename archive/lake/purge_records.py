"""Purge records: the intent before the first removal, and the outcome after the last. Append-only, one line of JSON each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from archive.errors import LakeDamagedError, TransientServiceError
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.s3 import LostRaceError, Store

_MOST_REPEATS: Final = 100
Ranges = list[list[int]]
"""Row positions in the object, as half-open ranges `[first, last + 1]`."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a purge is about to do to which rows of which version of a segment's object."""

    run: str
    segment: str
    mode: str
    protocol: str
    key: str
    generation: int
    sha256: str
    version_id: str | None
    rows: int
    ranges: Ranges
    at: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a purge did. `left` are the keys (canonical JSON) of messages that were changed or refused, and stay.

    `rows` is how many were tried: 0 is a purge that was called off after its intent.
    """

    run: str
    segment: str
    mode: str
    rows: int
    done: int
    changed: int
    missing: int
    refused: int
    surprises: int
    left: list[str]
    at: str


class PurgeRecords:
    """The purge records of one lake."""

    def __init__(self, store: Store, keys: LakeKeys) -> None:
        """Use one lake's prefix."""
        self._store, self._keys = store, keys

    def intend(self, segment: Segment, intent: Intent) -> None:
        """Record what is about to be removed, so that a run can be undone; a repeat of the same run adds another record."""
        self._append(self._keys.purge(segment, intent.run, "intent"), asdict(intent))

    def conclude(self, segment: Segment, done: Done) -> None:
        """Record what was done."""
        self._append(self._keys.purge(segment, done.run, "outcome"), asdict(done))

    def _append(self, key: str, record: dict[str, Any]) -> None:
        data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        # The same part of the same run may have been here before it was killed, or retried: keep all of them.
        more = (f"{key.removesuffix('.json')}-{number}.json" for number in range(2, _MOST_REPEATS + 1))
        for name in (key, *more):
            with suppress(LostRaceError):
                self._store.put(name, data, None)
                return
        message = f"{key} is there {_MOST_REPEATS} times already; run again later"
        raise TransientServiceError(message)

    def load(self, segment: Segment) -> list[dict[str, Any]]:
        """Return all records of a segment, intents and outcomes. Raises LakeDamagedError where one cannot be read."""
        listed = [found.key for found in self._store.list(self._keys.purges(segment))]
        return [_record(key, found[0]) for key in listed if (found := self._store.get(key)) is not None]

    def may_be_removed(self, segment: Segment) -> Callable[[str], bool] | None:
        """Return a test by key (canonical JSON) of whether its message may have been removed; None: none was.

        An intent without an outcome is a purge that was killed: it may have removed any of its rows.
        """
        records = self.load(segment)
        intents = [record for record in records if "ranges" in record]
        if not intents:
            return None
        # A PUT whose answer was lost is made twice and leaves two equal outcomes: they conclude one intent.
        outcomes = {json.dumps(record): record for record in records if "left" in record}.values()
        killed = Counter(intent["run"] for intent in intents) - Counter(outcome["run"] for outcome in outcomes)
        if killed:
            return lambda _: True
        tried = [set(outcome["left"]) for outcome in outcomes if outcome["rows"]]
        if not tried:
            return None
        always_left = set.intersection(*tried)
        return lambda key: key not in always_left


def _record(key: str, data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data)
        if {"run", "ranges"} <= record.keys() or {"run", "rows", "left"} <= record.keys():
            return dict(record)
    except (ValueError, AttributeError) as error:
        raise _unreadable(key) from error
    raise _unreadable(key)


def _unreadable(key: str) -> LakeDamagedError:
    return LakeDamagedError(f"{key} is not a readable purge record; restore it from the bucket's version history")
