"""Holds a run below so many request units a second, so that the chat is never slowed down."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class Pace:
    """Lets requests through at a rate. What a request costs is known after it, so the next one waits for it.

    Threads share it. `clock` gives monotonic seconds, `sleep` takes seconds.
    """

    def __init__(self, units_a_second: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        """Start with nothing spent."""
        self._rate, self._clock, self._sleep = units_a_second, clock, sleep
        self._free_at = clock()
        self._lock = Lock()
        self.units = 0.0
        """Request units spent so far."""
        self.requests = 0
        """Requests made so far."""

    def wait(self) -> None:
        """Wait until what was spent is paid for."""
        with self._lock:
            due = self._free_at - self._clock()
        if due > 0:
            self._sleep(due)

    def charge(self, units: float) -> None:
        """Note what a request cost."""
        with self._lock:
            self._free_at = max(self._free_at, self._clock()) + units / self._rate
            self.units += units
            self.requests += 1

    def back_off(self, tries: int) -> None:
        """Wait longer with every try: 0.1 s, 0.2 s, 0.4 s and so on, up to about 13 s."""
        self._sleep(0.05 * 2 ** min(tries, 8))
