"""Receipts in the lake: written under compare-and-swap, generation upwards only, and mended from the objects themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.errors import LakeDamagedError, TransientServiceError
from archive.lake.parquet import Contents
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.model.receipt import Held, Owner, Receipt, StoredObject, receipt_of
from archive.model.window import Window
from archive.s3 import Listed, LostRaceError, Store

_MOST_RACES: Final = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What the two listings say of a segment; None where there is no such object."""

    message: Listed | None
    receipt: Listed | None

    @property
    def disagree(self) -> bool:
        """Say whether the receipt is missing, or may be older than the object (S3's times have whole seconds)."""
        if self.message is None or self.receipt is None:
            return True
        return self.receipt.modified < self.message.modified


class Receipts:
    """The receipts of one lake."""

    def __init__(self, store: Store, keys: LakeKeys, owner: Owner, former: tuple[Owner, ...] = ()) -> None:
        """Use one lake's prefix; `former` are tables that it belonged to before."""
        self._store, self._keys = store, keys
        self._owners = {one.table_id: one for one in (*former, owner)}

    def of(self, segment: Segment, stored: StoredObject, contents: Contents) -> Receipt:
        """Return the receipt of a stored version; refuses a segment that another table's messages are in."""
        owner = self._owners.get(contents.source)
        if owner is None:
            message = f"{stored.key} holds messages of another table ({contents.source}); choose another [lake] prefix"
            raise LakeDamagedError(message)
        held = Held(contents.rows, contents.row_groups, contents.first_ms, contents.last_ms, contents.spec_version)
        return receipt_of(segment, stored, held, owner)

    def load(self, segment: Segment) -> Receipt | None:
        """Return a segment's receipt, or None."""
        key = self._keys.receipt(segment)
        found = self._store.get(key)
        return None if found is None else Receipt.from_json(found[0], key)

    def save(self, segment: Segment, receipt: Receipt, *, is_new: bool) -> None:
        """Write a receipt, unless a later generation's is there already. `is_new` is a guess that saves a request.

        Raises TransientServiceError where it is another one again and again.
        """
        key = self._keys.receipt(segment)
        etag: str | None = None
        for tries in range(_MOST_RACES):
            if tries or not is_new:
                found = self._store.get(key)
                if found is not None:
                    there = Receipt.from_json(found[0], key)
                    if there.generation > receipt.generation or there == receipt:
                        return
                etag = found[1].etag if found else None
            try:
                self._store.put(key, receipt.to_json(), etag)
            except LostRaceError:
                continue
            return
        message = f"{key} is written by others again and again; run again when they are done"
        raise TransientServiceError(message)

    def mend(self, segment: Segment, true: Receipt, found: Receipt | None) -> None:
        """Write the receipt of an object where the one found is missing, behind, or says anything that is not so.

        A version that was brought back has a new ETag: its receipt is written anew as well.
        """
        if found != true:
            self.save(segment, true, is_new=found is None)

    def listing(self, window: Window) -> dict[Segment, Seen]:
        """List what the lake has, objects and receipts, from the window's first partition to its end."""
        # Receipts first: an object comes before its receipt, so that one which another run stores meanwhile does not look gone.
        receipts = self._list("receipts", window)
        messages = self._list("messages", window)
        return {segment: Seen(messages.get(segment), receipts.get(segment)) for segment in sorted(messages.keys() | receipts.keys())}

    def _list(self, family: str, window: Window) -> dict[Segment, Listed]:
        folder = self._keys.folder(family)
        found: dict[Segment, Listed] = {}
        for listed in self._store.list(folder, f"{folder}dt={_month_start(window.start)}"):
            segment = self._keys.segment_of(listed.key)
            if segment is None:
                continue
            if segment.window.start < window.end:
                found[segment] = listed
            elif segment.dt >= window.end.date():
                break
        return found


def _month_start(instant: datetime) -> str:
    """Return the earliest `dt` whose partition can hold an instant: partitions are days or months."""
    return instant.date().replace(day=1).isoformat()
