"""Reads a batch's messages from the table into the spool: module by module, or those of no module by a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from threading import local

import pyarrow as pa

from archive.codec.decode import PageDecoder
from archive.codec.values import AttributeValue, Item, decode_plain
from archive.engine.session import Session
from archive.lake.order import FROM_SPOOL, FROM_TABLE, Key
from archive.lake.spool import Spool
from archive.model.config import Module
from archive.model.window import Window

Progress = Callable[[str, int], None]
"""Told what has just been done (`read`, `stored`, `purged`) and with how many messages."""


class BatchReader:
    """Reads for the batches of one run. Each thread has a decoder of its own, which learns attribute names."""

    def __init__(self, session: Session, progress: Progress) -> None:
        """Prepare; nothing is read yet."""
        self._session, self._progress = session, progress
        self._decoders = local()

    def _decoder(self) -> PageDecoder:
        decoder: PageDecoder | None = getattr(self._decoders, "decoder", None)
        if decoder is None:
            decoder = self._decoders.decoder = self._session.decoder()
        return decoder

    def read(self, window: Window, modules: Iterable[Module | None], spool: Spool, *, keys_only: bool) -> None:
        """Query each module once over the whole window, several at once; None stands for the messages of no module.

        With `keys_only` only keys (and, in mode expire, marks) are asked for; a read costs the same all the same.
        Raises SpoolFullError where it does not fit, StoppedError where the run was asked to stop.
        """
        streams = self._session.config.limits.streams
        seen: set[str] = set()
        with ThreadPoolExecutor(streams, "read") as pool:
            jobs = []
            for module in modules:
                if module is None:
                    jobs += [pool.submit(self._scan, window, (part, streams), spool, seen) for part in range(streams)]
                else:
                    jobs.append(pool.submit(self._query, window, module, (spool, seen), keys_only=keys_only))
            try:
                for job in as_completed(jobs):
                    job.result()
            except BaseException:
                for job in jobs:
                    job.cancel()
                raise
        if not keys_only:
            self._session.learn(seen)

    def _query(self, window: Window, module: Module, into: tuple[Spool, set[str]], *, keys_only: bool) -> None:
        session, decoder = self._session, self._decoder()
        spec, policy = session.config.source.spec, session.config.policy
        spool, seen = into
        complete = session.facts.projection == "ALL"
        marked = (policy.ttl_attribute,) if policy.purge == "expire" else ()
        # An index of another projection has keys only: everything else, the mark too, then comes from the table by key.
        keys_alone = not complete and (not keys_only or bool(marked))
        only = (spec.partition_key, spec.time_key, spec.module_key, *(marked if complete else ())) if keys_only or not complete else ()
        with closing(session.reader.pages(module, window, decoder, only=only)) as pages:
            for page in pages:
                self._spool(whole(self._session, page.rows, decoder) if keys_alone else page.rows, spool)
        seen.update(decoder.seen)

    def _scan(self, window: Window, part: tuple[int, int], spool: Spool, seen: set[str]) -> None:
        decoder = self._decoder()
        with closing(self._session.reader.unindexed_pages(window, part, decoder)) as pages:
            for page in pages:
                self._spool(page.rows, spool)
        seen.update(decoder.seen)

    def _spool(self, rows: pa.RecordBatch, spool: Spool) -> None:
        if rows.num_rows:
            spool.append_page(rows, self._session.record.layouts, FROM_SPOOL)
            self._progress("read", rows.num_rows)
        # Nothing is stored yet, so nothing is half done: only asked-for stops end a batch here, caps wait for segments.
        self._session.brake.check(lambda: None)

    def ask(self, keys: list[Key]) -> pa.Table:
        """Read messages consistently from the base table: what it says wins."""
        decoder = self._decoder()
        rows = by_key(self._session, keys, decoder)
        self._session.learn(decoder.seen)
        return self._session.order.keyed(rows, FROM_TABLE)


def whole(session: Session, rows: pa.RecordBatch, decoder: PageDecoder) -> pa.RecordBatch:
    """Return whole messages, in any order, for the keys that an index of another projection yields; some may be gone by now."""
    if not rows.num_rows:
        return rows
    table = by_key(session, session.order.keys(session.order.keyed(rows, FROM_SPOOL)), decoder).combine_chunks()
    return table.to_batches()[0] if table.num_rows else rows.slice(0, 0)


def by_key(session: Session, keys: list[Key], decoder: PageDecoder) -> pa.Table:
    """Read messages consistently from the base table: rows of those that are there, in any order."""
    return session.reader.messages(_wire_keys(session, keys), decoder)


def _wire_keys(session: Session, keys: list[Key]) -> list[Item]:
    """Return keys of rows as DynamoDB's; what did not fit a column comes from the exact text."""
    spec, types = session.config.source.spec, session.facts.key_types
    wire: list[Item] = []
    for partition, milliseconds, exact in keys:
        value: AttributeValue = {types[spec.partition_key]: partition if isinstance(partition, str) else str(partition)}
        item: Item = {spec.partition_key: value, spec.time_key: {"N": str(milliseconds)}}
        if exact is not None:
            item.update(decode_plain(exact))
        wire.append(item)
    return wire
