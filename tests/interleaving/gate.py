"""Pauses a run at one of its calls to AWS, while somebody else does something to the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Final, Literal, TypeVar

Side = Literal["before", "after"]
"""Whether the run is paused before the call is sent, or when it was answered and the engine does not know the answer yet."""
_T = TypeVar("_T")
_PATIENCE: Final = 60.0  # seconds that a paused run waits; far more than any intrusion takes


class Gate:
    """Counts the calls of one run's clients, and holds it at one of them. The run makes one call at a time."""

    def __init__(self) -> None:
        """Begin open."""
        self.calls: list[str] = []
        """Names of the operations called so far."""
        self._at = 0
        self._side: Side = "before"
        self._reached = Event()
        self._go = Event()

    def watch(self, *clients: Any) -> None:  # noqa: ANN401 - clients of any service
        """Watch clients."""
        for client in clients:
            client.meta.events.register("before-call", self._before)
            client.meta.events.register("after-call", self._after)

    def arm(self, at: int, side: Side) -> None:
        """Hold the next run at its call number `at` (from 1 on; 0: at none)."""
        self.calls.clear()
        self._at, self._side = at, side
        self._reached.clear()
        self._go.clear()

    def held(self, run: Callable[[], _T], meanwhile: Callable[[str], None]) -> _T:
        """Run `run` in a thread of its own; when it is held, call `meanwhile` with the operation, and then let it go on.

        A run that ends before it is held is over; `meanwhile` is called then, with an empty text.
        """
        with ThreadPoolExecutor(1, "held") as pool:
            future = pool.submit(run)
            future.add_done_callback(lambda _: self._reached.set())
            try:
                assert self._reached.wait(_PATIENCE), "the run neither came to its call nor to its end"
                meanwhile("" if future.done() else self.calls[-1])
            finally:
                self._go.set()
            return future.result()

    def _before(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        self.calls.append(model.name)
        self._hold("before")

    def _after(self, **_: object) -> None:
        self._hold("after")

    def _hold(self, side: Side) -> None:
        if len(self.calls) == self._at and side == self._side and not self._go.is_set():
            self._reached.set()
            assert self._go.wait(_PATIENCE), "nobody let the run go on"
