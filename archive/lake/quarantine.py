"""Quarantine: messages that were refused again and again with an unchanged value, one small JSON object a segment.

It is proof of nothing: an entry that is lost or stale costs some useless tries, or leaves a message alone until it changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from archive.codec.conditions import key_of
from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import LakeDamagedError
from archive.lake.sweep import Run
from archive.model.config import Policy
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.model.spec import TableSpec
from archive.s3 import LostRaceError, Store

REFUSALS: Final = 3
"""So many refusals of an unchanged message in a row put it into quarantine."""

Entries = dict[str, tuple[str, int]]
"""Key (canonical JSON) -> what was refused (mode, protocol, digest of the value), and how often in a row."""


def digest_of(item: Item) -> str:
    """Return 128 bits of a value."""
    return hashlib.sha256(canonical(item)).hexdigest()[:32]


class Quarantine:
    """The quarantine of one lake under one policy: in another mode, or by another protocol, everything is tried again."""

    def __init__(self, store: Store, keys: LakeKeys, policy: Policy) -> None:
        """Use one lake's prefix; `look` lists it."""
        self._store, self._keys = store, keys
        self._scope = f"{policy.purge} {policy.protocol} "
        self._there: frozenset[str] = frozenset()

    def look(self) -> None:
        """List which segments have something in quarantine: one LIST for a batch, and no GET where there is nothing."""
        self._there = frozenset(listed.key for listed in self._store.list(self._keys.folder("quarantine")))

    def holds(self, segment: Segment, spec: TableSpec, runs: list[Run]) -> bool:
        """Say whether every message that was read is in quarantine, unchanged."""
        key = self._keys.quarantine(segment)
        if key not in self._there:
            return False
        entries = self._load(key)[0]
        if sum(run.rows for run in runs) > len(entries):
            return False
        items = (item for run in runs for item in items_of(spec, run.load()))
        return all(self._is_in(entries.get(canonical(key_of(spec, item)).decode()), item) for item in items)

    def _is_in(self, entry: tuple[str, int] | None, item: Item) -> bool:
        return entry is not None and entry[1] >= REFUSALS and entry[0] == self._scope + digest_of(item)

    def settle(self, segment: Segment, refused: Mapping[str, str]) -> None:
        """Keep what a purge was refused (key -> digest), each with its count, in place of what the purge before was."""
        key = self._keys.quarantine(segment)
        while refused or key in self._there:
            before, etag = self._load(key)
            entries: Entries = {}
            for name, digest in refused.items():
                what, count = before.get(name, ("", 0))
                entries[name] = (self._scope + digest, count + 1 if what == self._scope + digest else 1)
            if entries == before:
                return
            try:
                self._store.put(key, _write(entries), etag)
            except LostRaceError:
                continue
            return

    def count(self) -> int:
        """Return how many messages are in quarantine."""
        self.look()
        found = [self._load(key)[0].values() for key in sorted(self._there)]
        return sum(count >= REFUSALS and what.startswith(self._scope) for entries in found for what, count in entries)

    def _load(self, key: str) -> tuple[Entries, str | None]:
        """Return the entries and the ETag of an object, or nothing where it is not."""
        found = self._store.get(key)
        return (_read(key, found[0]), found[1].etag) if found else ({}, None)


def _write(entries: Entries) -> bytes:
    values = {name: {"refused": what, "times": count} for name, (what, count) in sorted(entries.items())}
    return json.dumps(values, indent=1).encode() + b"\n"


def _read(key: str, data: bytes) -> Entries:
    try:
        return {name: (str(entry["refused"]), int(entry["times"])) for name, entry in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{key} is not a readable quarantine; remove it, and what is refused is tried again"
        raise LakeDamagedError(message) from error
