"""Makes a process give memory back to the system as soon as it is free, so that its peak is what it holds at once, and no more.

Arrow's own pools, and malloc as it adapts itself, keep what was freed for later, and that adds up to a third of the peak
(docs/performance.md). So Arrow takes its memory from malloc (`flows/__init__.py`), and malloc maps what is large.
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # of mallopt(3), which is there where libc is glibc
_MAPPED_FROM: Final = 2**20
"""Bytes: answers of DynamoDB and Arrow's buffers, from here on, are mapped one by one, and unmapped when they are freed."""


def give_back_at_once() -> None:
    """Let malloc map what is large, and not raise the limit. For a process that archives, purges or restores; it may be called again."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
