"""Tells CloudWatch what a run does: each minute what it consumes, and at its end what it did. Never a reason for a run to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from threading import Event, Lock, Thread
from typing import Final

from archive.aws import Clients
from archive.cloudwatch import publish
from archive.engine.measures import About, Units, of_night, of_run, of_sizes, of_units
from archive.engine.run import RunResult
from archive.engine.session import Session
from archive.engine.status import status_of
from archive.errors import DynalakeError
from archive.governor import Governor
from archive.model.config import Watch
from archive.model.metric import Datum
from flows import reporter

_MINUTE: Final = 60.0

Tell = Callable[[Sequence[Datum]], None]
"""Publishes values; raises no DynalakeError."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How a meter tells time and waits: `clock` gives UTC; `wait` waits so many seconds for an event, and says whether it came."""

    clock: Callable[[], datetime]
    wait: Callable[[Event, float], bool] = Event.wait


class Meter:
    """Publishes what a process consumes, minute by minute by the clock, while anybody measures. Threads may share it.

    Each process that executes batches has its own; CloudWatch adds up what they say of the same minute.
    """

    def __init__(self, table: str, consumed: Callable[[], Units], tell: Tell, timing: Timing) -> None:
        """Begin with what was consumed before as not told yet. `consumed` are totals."""
        self._table, self._consumed, self._tell, self._timing = table, consumed, tell, timing
        self._told: Units = {}
        self._since = timing.clock()
        self._telling, self._counting = Lock(), Lock()
        self._users = 0
        self._stop = Event()
        self._thread: Thread | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure meanwhile. What is left is told at the end, by the last of those who measure."""
        with self._counting:
            self._users += 1
            if self._users == 1:
                self._stop = Event()
                self._thread = Thread(target=self._run, args=(self._stop,), name="meter", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._counting:
                self._users -= 1
                if self._users == 0 and self._thread is not None:
                    self._stop.set()
                    self._thread.join()
                    self._thread = None
                    self.tell()

    def _run(self, stop: Event) -> None:
        while not self._timing.wait(stop, seconds_to_next_minute(self._timing.clock())):
            self.tell()

    def tell(self) -> None:
        """Publish what was consumed since it was told last, as of the minute in which that began."""
        with self._telling:
            now, units = self._timing.clock(), self._consumed()
            data = of_units(About(self._table, self._since.replace(second=0, microsecond=0)), self._told, units)
            self._told, self._since = units, now
            if data:
                self._tell(data)


def seconds_to_next_minute(now: datetime) -> float:
    """Return how long it is until the next minute begins, more than 0."""
    return _MINUTE - now.second - now.microsecond / 1e6


class _Teller:
    """Publishes by a role. Says once that it cannot, and then tries again at the next minute: a run goes on without."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients.impatient("cloudwatch")
        self._warned = False

    def __call__(self, data: Sequence[Datum]) -> None:
        try:
            publish(self._client, data)
        except DynalakeError as error:
            self.warn(error)

    def warn(self, error: DynalakeError) -> None:
        if not self._warned:
            self._warned = True
            reporter.current().say(f"warning: metrics were not published, and the run goes on without: {error}")


@lru_cache(maxsize=4)
def _of(session: Session) -> tuple[_Teller, Meter]:
    """Return what publishes for a session of this process; made once."""
    teller = _Teller(session.clients)
    return teller, _meter(session.config.source.table, session.governor, teller)


def _meter(table: str, governor: Governor, teller: _Teller) -> Meter:
    return Meter(table, governor.units_by_resource, teller, Timing(lambda: datetime.now(UTC)))


@contextmanager
def measured(session: Session) -> Iterator[None]:
    """Publish each minute what this process consumes meanwhile, if `[watch] metrics` says so."""
    if not session.config.watch.metrics:
        yield
        return
    with _of(session)[1].running():
        yield


@contextmanager
def measured_restore(watch: Watch, clients: Clients, table: str | None, governor: Governor) -> Iterator[None]:
    """Do the same for a restore into a table, which has no session; `clients` are the archiver's."""
    if not watch.metrics or table is None:
        yield
        return
    with _meter(table, governor, _Teller(clients)).running():
        yield


def publish_run(session: Session, run: RunResult, now: datetime) -> None:
    """Publish what a run did and, of a nightly one, how table and lake are after it, if `[watch] metrics` says so.

    A status after a night costs two or three reads of one message a module.
    """
    if not session.config.watch.metrics:
        return
    teller, meter = _of(session)
    about = About(session.config.source.table, now)
    record = run.record.values
    data = of_run(about, record)
    if record["command"] == "nightly":
        data += of_sizes(about, session.facts)
        try:
            data += of_night(about, status_of(session, now))
        except DynalakeError as error:
            teller.warn(error)
    teller(data)
    meter.tell()
