"""Why a run stops before its plan is done: a signal, the stop sign in the lake, or a cap. Asked between pages and segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from threading import Event, Lock
from typing import Final

from archive.errors import CapReachedError, DynalakeError, StoppedError
from archive.model.config import Limits
from archive.model.keys import LakeKeys
from archive.model.prices import Prices
from archive.s3 import LostRaceError, Store

POLL_SECONDS: Final = 30.0
"""The stop sign is looked for at least this often while a run works."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a run has used so far."""

    messages: int
    read_units: float
    write_units: float
    seconds: float

    def dollars(self, prices: Prices) -> float:
        """Return what the request units cost."""
        return float(prices.reads(Decimal(str(self.read_units))) + prices.writes(Decimal(str(self.write_units))))


def cap_reached(limits: Limits, used: Used, prices: Prices) -> str | None:
    """Return which cap a run has reached, in words, or None."""
    if limits.max_messages is not None and used.messages >= limits.max_messages:
        return f"the cap of {limits.max_messages:,} messages is reached ([limits] max_messages)"
    if limits.max_dollars is not None and used.dollars(prices) >= limits.max_dollars:
        return f"the cap of ${limits.max_dollars:,.2f} is reached ([limits] max_dollars)"
    if limits.max_minutes is not None and used.seconds >= limits.max_minutes * 60:
        return f"the cap of {limits.max_minutes:,} minutes is reached ([limits] max_minutes)"
    return None


class Brake:
    """Says whether a run has to stop. Threads share it; `request` may be called from a signal handler."""

    def __init__(self, store: Store, keys: LakeKeys, clock: Callable[[], float]) -> None:
        """Begin; `clock` gives monotonic seconds."""
        self._store, self._keys, self._clock = store, keys, clock
        self._began = clock()
        self._looked = float("-inf")
        self._requested = Event()
        self._why = ""
        self._lock = Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def request(self, why: str) -> None:
        """Ask the run to stop in good order."""
        self._why = self._why or why
        self._requested.set()

    def check(self, cap: Callable[[], str | None]) -> None:
        """Raise StoppedError or CapReachedError where the run has to stop; looks for the stop sign every 30 seconds."""
        if (error := self.reason(cap)) is not None:
            raise error

    def reason(self, cap: Callable[[], str | None]) -> DynalakeError | None:
        """Return the error that stops the run, or None."""
        if not self._requested.is_set():
            self._look()
        if self._requested.is_set():
            return StoppedError(self._why)
        reached = cap()
        return CapReachedError(reached) if reached else None

    def _look(self) -> None:
        with self._lock:
            if self._clock() - self._looked < POLL_SECONDS:
                return
            self._looked = self._clock()
        if self._store.get(self._keys.stop) is not None:
            self.request("the lake's stop sign is up; take it down with `dynalake resume`")


def put_up(store: Store, keys: LakeKeys, text: str) -> bool:
    """Put the stop sign up for all runs everywhere; say whether it was down."""
    try:
        store.put(keys.stop, text.encode() + b"\n", None)
    except LostRaceError:
        return False
    return True


def take_down(store: Store, keys: LakeKeys) -> bool:
    """Take the stop sign down; say whether it was up."""
    if store.get(keys.stop) is None:
        return False
    store.delete(keys.stop)
    return True
