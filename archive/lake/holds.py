"""The holds of a lake: one write-once object for each, and one more where somebody ended it early."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from archive.errors import InputError, LakeDamagedError
from archive.model.hold import Hold
from archive.model.keys import LakeKeys
from archive.model.window import iso, parse_instant
from archive.s3 import LostRaceError, Store

_RELEASED = "-released.json"


class Holds:
    """The holds of one lake."""

    def __init__(self, store: Store, keys: LakeKeys) -> None:
        """Use one lake's prefix."""
        self._store, self._folder = store, keys.folder("holds")

    def all(self) -> list[Hold]:
        """Return every hold there ever was, oldest first. Raises LakeDamagedError where one cannot be read."""
        listed = [found.key for found in self._store.list(self._folder)]
        released = {key for key in listed if key.endswith(_RELEASED)}
        holds = [self._load(key) for key in listed if key not in released]
        return [
            replace(hold, released=self._released_at(f"{self._folder}{hold.run}{_RELEASED}"))
            if f"{self._folder}{hold.run}{_RELEASED}" in released
            else hold
            for hold in holds
        ]

    def active(self, now: datetime) -> list[Hold]:
        """Return the holds that plans obey now. One LIST where there are none."""
        return [hold for hold in self.all() if hold.is_active(now)]

    def ensure(self, hold: Hold) -> Hold:
        """Make sure that a hold is in force, and return the one that is: `hold`, or one that holds the very same already.

        A restore that is run again leaves one hold to end: those that `hold` replaces are ended.
        """
        active = self.active(hold.at)
        if same := next((other for other in active if other.replaces(hold)), None):
            return same
        try:
            self._store.put(f"{self._folder}{hold.run}.json", hold.to_json(), None)
        except LostRaceError:  # the echo of our own PUT: runs' names are unique
            return self._load(f"{self._folder}{hold.run}.json")
        for other in active:
            if hold.replaces(other):
                self.release(other.run, hold.at)
        return hold

    def release(self, run: str, now: datetime) -> Hold:
        """End a hold; ending it again changes nothing. Raises InputError where there is none of that name."""
        hold = next((hold for hold in self.all() if hold.run == run), None)
        if hold is None:
            message = f"there is no hold {run}; `dynalake holds` lists those there are"
            raise InputError(message)
        if hold.released is not None:
            return hold
        record = json.dumps({"run": run, "released": iso(now)}).encode() + b"\n"
        try:
            self._store.put(f"{self._folder}{run}{_RELEASED}", record, None)
        except LostRaceError:
            return replace(hold, released=self._released_at(f"{self._folder}{run}{_RELEASED}"))
        return replace(hold, released=now)

    def _load(self, key: str) -> Hold:
        return Hold.from_json(self._get(key), key)

    def _released_at(self, key: str) -> datetime:
        try:
            return parse_instant(json.loads(self._get(key))["released"])
        except (ValueError, KeyError, TypeError, InputError) as error:
            message = f"{key} does not say when its hold was released; release it again after removing that object"
            raise LakeDamagedError(message) from error

    def _get(self, key: str) -> bytes:
        found = self._store.get(key)
        if found is None:
            message = f"{key} was listed and is gone; run again"
            raise LakeDamagedError(message)
        return found[0]
