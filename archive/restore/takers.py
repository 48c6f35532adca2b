"""What takes restored messages: a table, several requests at once, or a file of JSON Lines; and the report of those it did not."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase, BufferedWriter
from itertools import chain, islice
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Final, Protocol, Self

from archive.codec.answers import milliseconds_of
from archive.codec.conditions import key_of
from archive.codec.values import Item, canonical
from archive.dynamo_insert import A_BATCH, Fate, Inserter, Outcome, Priced
from archive.errors import InputError
from archive.lake.parquet import sha256_of
from archive.model.layout import Layouts
from archive.model.spec import TableSpec
from archive.s3 import LostRaceError, Store
from archive.spread import Spread

_AT_ONCE: Final = 100  # messages that are written to a file at a time


@dataclass(slots=True)
class Restored:
    """Counts of messages, by fate: put (or written), there already, kept from expiring, in conflict, refused by the table."""

    restored: int = 0
    present: int = 0
    kept: int = 0
    conflicts: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All messages that were dealt with."""
        return self.restored + self.present + self.kept + self.conflicts + self.refused


class Report:
    """The keys of messages that were not put back, as JSON Lines: their segment, why, and which attributes differ. No values."""

    def __init__(self, path: Path, spec: TableSpec, layouts: Layouts) -> None:
        """Write to a private local file, made when there is something to write."""
        self._path, self._spec, self._layouts = path, spec, layouts
        self._file: BufferedWriter | None = None
        self._lock = Lock()

    def add(self, outcome: Outcome) -> None:
        """Add one message. Threads may call it."""
        segment = self._layouts.segment_of(milliseconds_of(outcome.item[self._spec.time_key]))
        line = {"segment": segment.name, "why": outcome.fate.value, "differs": list(outcome.differs)}
        key = canonical(key_of(self._spec, outcome.item))
        text = json.dumps(line, ensure_ascii=False).encode()
        with self._lock:
            if self._file is None:
                self._path.touch(mode=0o600)
                self._file = self._path.open("wb")
            self._file.write(text[:-1] + b', "key": ' + key + b"}\n")

    def store(self, store: Store, key: str) -> str | None:
        """Store what was written, under a key of its own; returns that key, or None where there was nothing."""
        if self._file is None:
            return None
        self._file.close()
        with suppress(LostRaceError):  # the key is this run's own: what is there is our own PUT, whose answer was lost
            store.put_file(key, self._path, sha256_of(self._path), None, {})
        return key


class Taker(Protocol):
    """Takes messages. What it was given may be given again."""

    counts: Restored
    spreads: bool
    """Whether it takes from several places of a segment in turn; else in order, from one."""

    def take(self, cursors: Sequence[Iterator[Item]]) -> None:
        """Take all that the cursors yield, whose keys differ, and return when it is dealt with."""


class IntoTable:
    """Puts messages into a table: batches of what the governor allows now, several requests at once."""

    spreads = True

    def __init__(self, inserter: Inserter, requests: int, report: Report, told: Callable[[int], None]) -> None:
        """Begin; `requests` is how many are in flight at once, and `told` hears of so many more messages."""
        self.counts = Restored()
        self._inserter, self._requests, self._report, self._told = inserter, requests, report, told
        self._pool = ThreadPoolExecutor(requests, "restore")
        self._ended = Event()
        self._lock = Lock()

    def take(self, cursors: Sequence[Iterator[Item]]) -> None:
        """Put them. After an error nothing more is begun, and it is raised when no request is under way any more."""
        spread = Spread(self._inserter.governor, [self._priced(cursor) for cursor in cursors], size=A_BATCH)
        futures = [self._pool.submit(self._work, spread) for _ in range(self._requests)]
        wait(futures)
        for future in futures:
            future.result()

    def _priced(self, cursor: Iterator[Item]) -> Iterator[Priced]:
        for item in cursor:
            yield self._inserter.cost(item), item

    def _work(self, spread: Spread[Item]) -> None:
        for batch in spread:
            if self._ended.is_set():
                return
            try:
                self._put(batch)
            except BaseException:
                self._ended.set()
                raise

    def _put(self, batch: Sequence[Priced]) -> None:
        outcomes = self._inserter.insert(batch)
        for outcome in outcomes:
            if outcome.fate in (Fate.CONFLICT, Fate.REFUSED):
                self._report.add(outcome)
        with self._lock:
            self._count(outcomes)
        self._told(len(outcomes))

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            match outcome.fate:
                case Fate.RESTORED:
                    self.counts.restored += 1
                case Fate.PRESENT:
                    self.counts.present += 1
                case Fate.KEPT:
                    self.counts.kept += 1
                case Fate.CONFLICT:
                    self.counts.conflicts += 1
                case Fate.REFUSED:
                    self.counts.refused += 1

    def __enter__(self) -> Self:
        """Use it in a with statement."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Begin nothing more, and wait for what is in flight."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


class IntoFile:
    """Writes messages as JSON Lines that `dynalake load` reads back exactly; compressed where the name ends with .gz.

    The file is private (0600: pupils' text), and stands under its name only when it is complete.
    """

    spreads = False

    def __init__(self, path: Path, told: Callable[[int], None], option: str = "--into-file") -> None:
        """Write beside `path` first. Raises InputError where that cannot be; `option` is how the path was given."""
        self.counts = Restored()
        self._path, self._told, self._option = path, told, option
        self._part = path.with_name(f".{path.name}.part")
        with self._writing():
            self._part.unlink(missing_ok=True)
            self._part.touch(mode=0o600, exist_ok=False)
            self._raw = self._part.open("wb")
        # The same messages give the same bytes: no time and no name inside.
        self._file: BufferedIOBase = gzip.GzipFile("", "wb", fileobj=self._raw, mtime=0) if path.suffix == ".gz" else self._raw

    def take(self, cursors: Sequence[Iterator[Item]]) -> None:
        """Write them, one cursor after the other."""
        items = chain.from_iterable(cursors)
        while some := list(islice(items, _AT_ONCE)):
            with self._writing():
                self._file.write(b"".join(canonical(item) + b"\n" for item in some))
            self.counts.restored += len(some)
            self._told(len(some))

    def __enter__(self) -> Self:
        """Use it in a with statement."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the file its name, or take it away where an error came."""
        try:
            if error is None:
                self._finish()
        finally:
            self._raw.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        with self._writing():
            if self._file is not self._raw:
                self._file.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._part.replace(self._path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the file {self._path} cannot be written ({error.strerror}); make room, or name another with {self._option}"
            raise InputError(message) from error
