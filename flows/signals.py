"""SIGINT and SIGTERM: the first one ends a run in good order, the second one at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer, current_thread, main_thread
from types import FrameType
from typing import Final

from archive.engine.stopping import Brake
from flows import reporter

INTERRUPTED: Final = 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SECONDS_TO_TIDY_UP: Final = 5.0


@contextmanager
def signals_stop(brake: Brake) -> Iterator[None]:
    """Let a signal stop the run in good order: segments in hand are stored, purges end after the requests in flight.

    A second one raises KeyboardInterrupt.

    Ending at once is safe: at every instant each message is in the table or proved in the lake. Threads that are busy with a
    segment have some seconds to come back, so that the spool is removed; then the process ends without them. Prefect cancels
    a run with SIGTERM. Outside the main thread signals cannot be handled; there the stop sign in the lake does the same.
    """
    if current_thread() is not main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    at_once = Timer(_SECONDS_TO_TIDY_UP, os._exit, (INTERRUPTED,))
    at_once.daemon = True

    def interrupt(_: int, __: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)  # a third one must not break into the tidying up
        at_once.start()
        raise KeyboardInterrupt

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, interrupt)
        brake.request(f"{signal.Signals(number).name} was received")
        reporter.current().say("stopping when what is in hand is done; press Ctrl-C again to end at once (nothing is lost)")

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        at_once.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
