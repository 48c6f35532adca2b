"""Quarantine: messages that were refused again and again with an unchanged value, one small JSON object a segment.

Not proof of anything: a lost or stale entry costs a useless try, or a message that waits until it changes, and no message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from archive.codec.values import Item, canonical
from archive.errors import LakeDamagedError
from archive.model.config import Policy
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.s3 import LostRaceError, Store

REFUSALS: Final = 3
"""So many refusals of an unchanged message put it into quarantine."""

Entries = dict[str, tuple[str, int]]
"""Key (canonical JSON) -> digest of what was refused, and how often."""


def digest_of(item: Item, policy: Policy) -> str:
    """Return what a refusal was of: another value, mode or protocol is another digest, and is tried again."""
    text = f"{policy.purge} {policy.protocol} ".encode() + canonical(item)
    return hashlib.sha256(text).hexdigest()[:32]


class Quarantine:
    """The quarantine of one lake."""

    def __init__(self, store: Store, keys: LakeKeys) -> None:
        """Use one lake's prefix."""
        self._store, self._keys = store, keys

    def note(self, segment: Segment, refused: Mapping[str, str]) -> None:
        """Count refusals (key -> digest) on top of those before; another digest begins anew. Compare-and-swapped."""
        key = self._keys.quarantine(segment)
        while refused:
            found = self._store.get(key)
            entries = _read(key, found[0]) if found else {}
            for name, digest in refused.items():
                before, count = entries.get(name, (digest, 0))
                entries[name] = (digest, count + 1 if before == digest else 1)
            try:
                self._store.put(key, _write(entries), found[1].etag if found else None)
            except LostRaceError:
                continue
            return

    def of(self, segment: Segment) -> dict[str, str]:
        """Return the digests of what is in quarantine, by key."""
        key = self._keys.quarantine(segment)
        found = self._store.get(key)
        return {name: digest for name, (digest, count) in _read(key, found[0]).items() if count >= REFUSALS} if found else {}

    def segments(self) -> frozenset[str]:
        """Return the keys of the quarantine's objects."""
        return frozenset(listed.key for listed in self._store.list(self._keys.folder("quarantine")))

    def count(self) -> int:
        """Return how many messages are in quarantine."""
        found = [(key, self._store.get(key)) for key in sorted(self.segments())]
        return sum(count >= REFUSALS for key, answer in found if answer for _, count in _read(key, answer[0]).values())


def _write(entries: Entries) -> bytes:
    values = {name: {"digest": digest, "refusals": count} for name, (digest, count) in sorted(entries.items())}
    return json.dumps(values, indent=1).encode() + b"\n"


def _read(key: str, data: bytes) -> Entries:
    try:
        return {name: (str(entry["digest"]), int(entry["refusals"])) for name, entry in json.loads(data).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{key} is not a readable quarantine; remove it, and what is refused is tried again"
        raise LakeDamagedError(message) from error
