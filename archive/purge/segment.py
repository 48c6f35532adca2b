"""Purges one proved segment: intent, conditional removals several at once, outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

import numpy as np

from archive.codec.conditions import DELETE, Change, Target, key_of
from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.dynamo_write import A_BATCH, Fate, Outcome, Priced, Remover, SingleRemover
from archive.errors import DynalakeError, ProofError
from archive.lake.commit import Place
from archive.lake.lanes import Lane
from archive.lake.order import Key
from archive.lake.parquet import SegmentFile
from archive.lake.proved import ProvedSegment
from archive.lake.purge_records import Done, Intent, PurgeRecords
from archive.lake.quarantine import digest_of
from archive.lake.sweep import Run
from archive.model.config import Policy
from archive.model.spec import TableSpec
from archive.model.window import DAY, iso, to_ms
from archive.purge.targets import Selection, select
from archive.s3 import LostRaceError
from archive.spread import Spread


@dataclass(slots=True)
class Purged:
    """Counts of one or more purges, by fate, and the attribute names that were met for the first time."""

    done: int = 0
    unmarked: int = 0
    changed: int = 0
    missing: int = 0
    refused: int = 0
    surprises: int = 0
    learned: set[str] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)
    """Key (canonical JSON) -> digest of each message that was refused."""

    def add(self, other: Purged) -> None:
        """Add another purge's counts."""
        self.done += other.done
        self.unmarked += other.unmarked
        self.changed += other.changed
        self.missing += other.missing
        self.refused += other.refused
        self.surprises += other.surprises
        self.learned |= other.learned
        self.refusals |= other.refusals


class _Tally:
    """Counts outcomes as they come; of the messages it keeps nothing but the keys of those that stay."""

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self.purged = Purged()
        self.rows = 0
        self.left: list[str] = []

    def count(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.rows += 1
        purged, fate = self.purged, outcome.fate
        if fate is Fate.DONE and outcome.target.change.kind == "unmark":
            purged.unmarked += 1
        elif fate is Fate.DONE:
            purged.done += 1
        elif fate is Fate.MISSING:
            purged.missing += 1
        elif fate is Fate.CHANGED:
            purged.changed += 1
        elif fate is Fate.REFUSED:
            purged.refused += 1
            purged.refusals[canonical(key_of(self._spec, outcome.target.item)).decode()] = digest_of(outcome.target.item)
        else:
            purged.surprises += 1
        if fate in (Fate.CHANGED, Fate.REFUSED, Fate.SURPRISE):
            self.left.append(canonical(key_of(self._spec, outcome.target.item)).decode())
        if outcome.image and fate in (Fate.CHANGED, Fate.SURPRISE):
            purged.learned |= outcome.image.keys() - set(self._spec.attributes)

    def add(self, other: _Tally) -> None:
        """Add another tally."""
        self.purged.add(other.purged)
        self.rows += other.rows
        self.left += other.left


class Purger:
    """Purges segments of one lake. `known` returns every attribute name that the spec or the archive knows."""

    def __init__(
        self, place: Place, policy: Policy, remover: Remover, single: SingleRemover, known: Callable[[], frozenset[str]], requests: int
    ) -> None:
        """Prepare; `requests` is how many are in flight at once."""
        self._place, self._policy, self._remover, self._single, self._known = place, policy, remover, single, known
        self._records = PurgeRecords(place.store, place.keys)
        self._requests = requests

    def purge(
        self, proved: ProvedSegment, read: tuple[list[Run], frozenset[Key]], now: datetime, stop: Callable[[], bool] = lambda: False
    ) -> Purged:
        """Remove (or mark) the rows that were read at the table and are still what was archived; `stop` is asked before each batch.

        `read` are the rows read there, and the keys of those that have just replaced the lake's.
        The intent is stored before the first removal, the outcome after the last: a crash between them leaves an intent
        that says which rows may be gone, and messages that the next run purges. If the object was replaced before the intent
        was stored, nothing is removed: whoever replaced it may not have known that these rows had to be kept. Where a removed image has
        something that was not archived, it is put into the lake and written back at once, nothing more is begun, and `surprises` says so.
        """
        file = SegmentFile(proved.path, self._place.order)
        try:
            selection = select(self._place.order, file, *read)
            change = self._changer(selection, now)
            selection = selection.only(lambda position: change(position) is not None)
            if not selection.there.any():
                return Purged()
            self._records.intend(proved.segment, self._intent(proved, selection, now))
            if self._place.store.etag(proved.receipt.key) == proved.receipt.etag:
                outcomes = self._remove_all((proved, file), selection, change, stop)
            else:
                outcomes = _Tally(self._place.order.spec)
        finally:
            file.close()
        return self._conclude(proved, outcomes, now)

    def _changer(self, selection: Selection, now: datetime) -> Callable[[int], Change | None]:
        """Return what happens to the message of a row that was seen: a mark is set once, and taken away after an edit."""
        policy = self._policy
        if policy.purge == "delete":
            return lambda _: DELETE
        expires = to_ms(now + policy.expire_after_days * DAY) // 1000
        mark = Change("mark", policy.ttl_attribute, expires)

        def change(position: int) -> Change | None:
            if position not in selection.marks:
                return mark
            if position in selection.changed:
                return Change("unmark", policy.ttl_attribute, selection.marks[position])
            return None

        return change

    def _intent(self, proved: ProvedSegment, selection: Selection, now: datetime) -> Intent:
        receipt = proved.receipt
        return Intent(
            run=self._place.run,
            segment=proved.segment.name,
            mode=self._policy.purge,
            protocol=self._policy.protocol,
            key=receipt.key,
            generation=receipt.generation,
            sha256=receipt.sha256,
            version_id=receipt.version_id,
            rows=int(selection.there.sum()),
            ranges=selection.ranges(),
            at=iso(now),
        )

    def _remove_all(
        self,
        what: tuple[ProvedSegment, SegmentFile],
        selection: Selection,
        change: Callable[[int], Change | None],
        stop: Callable[[], bool],
    ) -> _Tally:
        """Remove batch by batch, several at once, in the order that the governor allows; after a surprise nothing more is begun."""
        proved, file = what
        known = self._known()
        ended = Event()
        lanes = file.lanes(np.flatnonzero(selection.there))
        spread = Spread(self._single.governor, [self._cursor(lane, change) for lane in lanes], size=A_BATCH, stop=stop)

        def work() -> _Tally:
            tally = _Tally(self._place.order.spec)
            for batch in spread:
                if ended.is_set():
                    break
                try:
                    self._remove(proved, batch, known, tally, ended)
                except BaseException:
                    ended.set()
                    raise
            return tally

        tally = _Tally(self._place.order.spec)
        with ThreadPoolExecutor(self._requests, "purge") as pool:
            try:
                for future in [pool.submit(work) for _ in range(self._requests)]:
                    tally.add(future.result())
            finally:
                ended.set()  # also where somebody interrupts: else the others would go on to the segment's end
        return tally

    def _remove(self, proved: ProvedSegment, batch: list[Priced], known: frozenset[str], tally: _Tally, ended: Event) -> None:
        outcomes = self._remover.remove(batch, known)
        with ExitStack() as rescues:  # each is tried, also where another one fails
            for outcome in outcomes:
                tally.count(outcome)
                if outcome.fate is Fate.SURPRISE:
                    ended.set()
                    rescues.callback(self._rescue, proved, outcome)

    def _cursor(self, lane: Lane, change: Callable[[int], Change | None]) -> Iterator[Priced]:
        """Yield a lane's targets, with their costs."""
        for positions, rows in lane:
            for position, item in zip(positions.tolist(), items_of(self._place.order.spec, rows), strict=True):
                if (what := change(position)) is not None:
                    target = Target(position, item, what)
                    yield self._single.table.cost(target), target

    def _conclude(self, proved: ProvedSegment, tally: _Tally, now: datetime) -> Purged:
        purged = tally.purged
        done = Done(
            run=self._place.run,
            segment=proved.segment.name,
            mode=self._policy.purge,
            rows=tally.rows,
            done=purged.done,
            changed=purged.changed,
            missing=purged.missing,
            refused=purged.refused,
            surprises=purged.surprises,
            left=sorted(tally.left),
            at=iso(now),
        )
        self._records.conclude(proved.segment, done)
        return purged

    def _rescue(self, proved: ProvedSegment, outcome: Outcome) -> None:
        """Keep an image that has more than was archived: in the lake at once, then back at the table."""
        image = outcome.image or {}
        spec = self._place.order.spec
        if outcome.target.change.kind == "mark":
            # Nothing is gone: only our mark has to go again, so that the message is archived anew.
            unmark = Change("unmark", outcome.target.change.attribute, outcome.target.change.seconds)
            self._single.remove_one(Target(outcome.target.position, key_of(spec, outcome.target.item), unmark), frozenset())
            return
        text = canonical(image)
        key = self._place.keys.rescued(proved.segment, hashlib.sha256(text).hexdigest()[:16])
        kept = False
        try:
            with suppress(LostRaceError):  # then the very image is there already: the key is made from its hash
                self._place.store.put(key, text + b"\n", None)
            kept = True
        finally:
            self._write_back(image, key if kept else None)

    def _write_back(self, image: Item, kept: str | None) -> None:
        """Write a removed image back; where that fails, say where it is `kept`."""
        try:
            self._single.put_back(image)
        except DynalakeError as error:
            where = f"it is kept under {kept}: load it with `dynalake load`" if kept else "nor could it be kept in the lake"
            message = f"a message was removed that had an attribute nobody had archived, and could not be written back ({error}); {where}"
            raise ProofError(message) from error
