"""SIGINT and SIGTERM: the first one ends a run in good order, the second one ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Final

from archive.engine.stopping import Brake
from flows import reporter

INTERRUPTED: Final = 130
"""The exit code of a command that was interrupted."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_stop(brake: Brake) -> Iterator[None]:
    """Let a signal stop the run in good order: segments in hand are stored, purges end after the requests in flight.

    A second one ends the process, for its threads would be waited for. That is safe: at every instant each message is in the table
    or proved in the lake. Outside the main thread signals cannot be handled; there the stop sign in the lake does the same.
    """
    if current_thread() is not main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, _end)
        brake.request(f"{signal.Signals(number).name} was received")
        reporter.current().say("stopping when what is in hand is done; press Ctrl-C again to end at once (nothing is lost)")

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_: int, __: FrameType | None) -> None:
    sys.stderr.write("Interrupted; nothing is lost: run the same command again.\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
