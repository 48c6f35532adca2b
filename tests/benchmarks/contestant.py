"""A contestant of the tests' own."""

from __future__ import annotations

import time

from benchmarks.process import Timed


def busy(seconds: float, megabytes: int) -> Timed:
    """Use so much CPU time and memory."""

    def timed() -> float:
        held = bytearray(megabytes * 2**20)
        held[:: 2**12] = b"1" * (len(held) // 2**12)
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        return 7

    return timed
