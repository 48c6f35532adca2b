"""Archives one batch: read module by module, then merge, prove, store and purge segment by segment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock

from archive.engine.batch_result import Batch, BatchResult, timed
from archive.engine.reading import BatchReader, Progress
from archive.engine.session import Session
from archive.errors import DynalakeError, LakeDamagedError, ProofError
from archive.lake.commit import Committed, Committer, Place
from archive.lake.holds import Holds
from archive.lake.parquet import SegmentFile
from archive.lake.proved import fetch_proved
from archive.lake.quarantine import Quarantine
from archive.lake.receipts import Seen
from archive.lake.spool import Spool, private_folder
from archive.model.late import may_wait
from archive.model.layout import Segment
from archive.model.receipt import StoredObject
from archive.purge.segment import Purged, Purger

_LOG = logging.getLogger("dynalake")


class BatchWork:
    """The parts that the batches of one run share."""

    def __init__(self, session: Session, now: datetime, progress: Progress) -> None:
        """Prepare; clients are the session's."""
        self.session, self._now, self._progress = session, now, progress
        self._reader = BatchReader(session, progress)
        self._handled = self._number = 0
        self._quarantine = Quarantine(session.store, session.keys, session.config.policy)
        self._lock = Lock()

    def archive(self, batch: Batch) -> BatchResult:
        """Archive a batch and, as the policy says, purge it. Raises SpoolFullError where it does not fit the spool."""
        session, self._number = self.session, batch.number
        result = BatchResult()
        with self._spool() as (folder, spool):
            with timed(result, "reading_seconds"):
                self._reader.read(batch.window, batch.modules, spool, keys_only=False)
            result.read, result.spooled_bytes = sum(spool.rows.values()), spool.bytes
            held = self._held(batch)
            listing = session.receipts.listing(batch.window)
            place = self._place(folder)
            committer = Committer(place, session.receipts, self._reader.ask)
            purger = self._purger(place)

            if purger is not None:
                self._quarantine.look()

            def one(segment: Segment) -> BatchResult:
                if self._quarantine.holds(segment, session.config.source.spec, spool.runs(segment)):
                    return BatchResult(segments=1, quarantined=spool.rows[segment])
                may = None if held(segment) else purger
                return self._archive_segment(segment, spool, listing.get(segment, Seen(None, None)), (committer, may, place))

            self._for_each(spool.rows, one, result)
        return result

    def mend(self, listing: dict[Segment, Seen]) -> BatchResult:
        """Mend what the lake's two listings say differently: an object without its receipt gets one.

        A receipt without its object is an alarm, in every run until somebody brings the object back.
        """
        result = BatchResult()
        wrong = {segment: 0 for segment, seen in listing.items() if seen.disagree}
        if wrong:
            with private_folder(self.session.config.lake.spool_directory) as folder:
                place = self._place(folder)
                self._for_each(wrong, lambda segment: self._mend(segment, listing[segment], place), result)
        return result

    def purge(self, batch: Batch) -> BatchResult:
        """Purge what is proved, and still at the table, of a batch's segments: the index is asked for keys first."""
        session, self._number = self.session, batch.number
        result = BatchResult()
        with self._spool() as (folder, spool):
            with timed(result, "reading_seconds"):
                self._reader.read(batch.window, batch.modules, spool, keys_only=True)
            result.read, result.spooled_bytes = sum(spool.rows.values()), spool.bytes
            held = self._held(batch)
            listing = session.receipts.listing(batch.window)
            place = self._place(folder)
            purger = self._purger(place)
            self._quarantine.look()

            def one(segment: Segment) -> BatchResult:
                done = BatchResult(segments=1)
                if held(segment):
                    return done
                seen = listing.get(segment)
                if seen is None:
                    return done  # nothing of it is archived yet
                receipt = session.receipts.load(segment)
                if seen.message is None or receipt is None or receipt.etag != seen.message.etag:
                    done.add(self._mend(segment, seen, place))
                    receipt = session.receipts.load(segment)
                if receipt is not None and purger is not None:
                    with timed(done, "purging_seconds"):
                        proved = fetch_proved(place, segment, receipt)
                        if proved is not None:
                            session.receipts.mend(segment, proved.receipt, receipt)
                            self._count(done, segment, purger.purge(proved, (spool.runs(segment), frozenset()), self._now, self._must_stop))
                            proved.path.unlink(missing_ok=True)
                return done

            self._for_each(spool.rows, one, result)
        return result

    @contextmanager
    def _spool(self) -> Iterator[tuple[Path, Spool]]:
        lake = self.session.config.lake
        with (
            private_folder(lake.spool_directory) as folder,
            Spool(folder / "spool", self.session.order, lake.spool_bytes) as spool,
        ):
            yield folder, spool

    def _held(self, batch: Batch) -> Callable[[Segment], bool]:
        """Return a test of whether a segment must not be purged now, because messages that were restored are held in it.

        Asked after the batch was read: whatever was restored before that was restored under a hold that is seen here, also
        where the plan was made before the restore began.
        """
        session = self.session
        if session.config.policy.purge == "keep":
            return lambda _: False
        active = Holds(session.store, session.keys).active(self._now)
        return lambda segment: any(hold.touches(module, segment.window) for hold in active for module in batch.modules)

    def _place(self, folder: Path) -> Place:
        session = self.session
        return Place(session.store, session.keys, session.owner, session.order, folder, session.run, session.record.former)

    def _purger(self, place: Place) -> Purger | None:
        session, policy = self.session, self.session.config.policy
        if policy.purge == "keep":
            return None
        remover, single = session.removers()
        return Purger(place, policy, remover, single, session.known_attributes, session.config.limits.purge_requests)

    def _archive_segment(self, segment: Segment, spool: Spool, seen: Seen, parts: tuple[Committer, Purger | None, Place]) -> BatchResult:
        committer, purger, place = parts
        session = self.session
        if seen.message is None and seen.receipt is not None:
            raise _gone(seen.receipt.key)
        rows = spool.rows[segment]
        if seen.message is not None and may_wait(session.config.policy, seen.message.bytes, rows, self._now.date()):
            return BatchResult(segments=1, waiting=rows)
        result = BatchResult(segments=1)
        with timed(result, "storing_seconds"):
            committed = committer.commit(segment, spool.runs(segment), exists=seen.message is not None, now=self._now)
        self._progress("stored", committed.receipt.rows if committed.stored else 0)
        if committed.stored:
            about = {"rows": committed.receipt.rows, "bytes": committed.receipt.bytes, "generation": committed.receipt.generation}
            self._tell("segment stored", segment, about | {"added": committed.added, "replaced": committed.replaced})
        result.stored = int(committed.stored)
        result.added, result.replaced, result.superseded = committed.added, committed.replaced, committed.superseded
        result.stored_bytes = committed.receipt.bytes if committed.stored else 0
        if purger is not None:
            try:
                with timed(result, "purging_seconds"):
                    self._purge_now(committed, purger, (segment, spool, place), result)
            except ProofError as error:  # what was stored is stored, and is counted
                self._alarm(error, result)
        return result

    def _purge_now(self, committed: Committed, purger: Purger, where: tuple[Segment, Spool, Place], result: BatchResult) -> None:
        """Purge from the stored object, read back: of its rows, those that this batch has read at the table."""
        segment, spool, place = where
        proved = fetch_proved(place, segment, committed.receipt)
        if proved is None:
            return  # another run has replaced the object: it, or the next run, purges
        try:
            purged = purger.purge(proved, (spool.runs(segment), committed.replaced_keys), self._now, self._must_stop)
        finally:
            proved.path.unlink(missing_ok=True)
        self._count(result, segment, purged)

    def _count(self, result: BatchResult, segment: Segment, purged: Purged) -> None:
        """Add a segment's purge to a batch's figures. A surprise in mode delete stops the run: nobody knows yet who writes what."""
        self.session.learn(purged.learned)
        self._progress("purged", purged.done)
        counts = {"removed": purged.done, "changed": purged.changed, "missing": purged.missing, "refused": purged.refused}
        self._tell("segment purged", segment, counts)
        self._quarantine.settle(segment, purged.refusals)
        purged.refusals.clear()  # a result goes through Prefect, and keys of messages must not
        result.purged.add(purged)
        result.stopped = result.stopped or self._stop()
        if purged.surprises and self.session.config.policy.purge == "delete":
            result.stopped = ProofError(
                f"{purged.surprises} message(s) of segment {segment.name} got an attribute nobody had archived while they were removed; "
                "they are kept under superseded/ and were written back where their key was absent: run again to archive them anew"
            )
            self.session.brake.request(str(result.stopped))

    def _stop(self) -> DynalakeError | None:
        """Return why the purge of a segment must not go on: at the pace that the limits allow it may take hours.

        How many messages were handled is looked at between segments only: else a segment of more than the cap would never be purged.
        """
        return self.session.brake.reason(lambda: self.session.cap(0, {}))

    def _must_stop(self) -> bool:
        return self._stop() is not None

    def _tell(self, event: str, segment: Segment, counts: dict[str, int]) -> None:
        """Log an event: names and counts only."""
        _LOG.info(event, extra={"run": self.session.run, "batch": self._number, "segment": segment.name, **counts})

    def _mend(self, segment: Segment, seen: Seen, place: Place) -> BatchResult:
        """Make the receipt of an object that has none, or an older one; raise the alarm for one without an object."""
        session = self.session
        if seen.message is None:
            raise _gone(seen.receipt.key if seen.receipt else segment.name)
        found = session.receipts.load(segment)
        if found is not None and found.etag == seen.message.etag:
            return BatchResult()
        path = place.folder / f"{segment.name}-mend.parquet"
        fetched = session.store.fetch(seen.message.key, path)
        if fetched is None:
            raise _gone(seen.message.key)
        file = SegmentFile(path, session.order)
        stored = fetched.stored
        content = StoredObject(seen.message.key, fetched.bytes, fetched.sha256, stored.etag, stored.version_id, stored.metadata)
        true = session.receipts.of(segment, content, file.contents)
        file.close()
        path.unlink(missing_ok=True)
        if found is not None and found.etag == true.etag:  # another run stored and receipted a version after the listing
            return BatchResult()
        replaced = found is not None and (found.generation, found.sha256) != (true.generation, true.sha256)
        if found is not None and replaced and found.generation >= true.generation:
            message = f"{seen.message.key} is not the version that its receipt names; restore that one from the bucket's version history"
            raise LakeDamagedError(message)
        session.receipts.mend(segment, true, found)
        return BatchResult(mended=1)

    def _alarm(self, error: ProofError, result: BatchResult) -> None:
        """Note that a segment was stopped."""
        _LOG.error(str(error), extra={"run": self.session.run, "batch": self._number})
        result.failed.append(str(error))

    def _for_each(self, segments: dict[Segment, int], work: Callable[[Segment], BatchResult], result: BatchResult) -> None:
        """Work on segments (with their rows), several at once; between two of them the run may stop in good order.

        A segment that fails its proof is stopped, with an alarm; the others go on.
        """
        session = self.session

        def unless_stopped(segment: Segment) -> BatchResult:
            with self._lock:
                stopped = session.brake.reason(lambda: session.cap(self._handled, {}))
                self._handled += segments[segment]
            return work(segment) if stopped is None else BatchResult(stopped=stopped)

        with ThreadPoolExecutor(session.config.limits.segments, "segment") as pool:
            futures = [pool.submit(unless_stopped, segment) for segment in sorted(segments)]
            for future in futures:
                try:
                    result.add(future.result())
                except ProofError as error:
                    self._alarm(error, result)
                except BaseException:
                    for waiting in futures:
                        waiting.cancel()
                    raise


def _gone(key: str) -> LakeDamagedError:
    return LakeDamagedError(f"the object of receipt {key} is gone; it is not made anew: restore it from the bucket's version history")
