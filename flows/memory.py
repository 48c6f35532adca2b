"""How a process that moves messages takes its memory: it keeps little of what was freed, and looks for cycles seldom.

Arrow's own pools, and malloc as it adapts itself, keep what was freed for later, and that adds up to a third of the peak
(docs/performance.md). So Arrow takes its memory from malloc (`flows/__init__.py`), malloc maps what is large, and keeps of the rest
about what a few pages of messages need: mapping and clearing that anew for each page took a fifth of the time of reading.
"""

from __future__ import annotations

import ctypes
import gc
from functools import cache
from typing import Final

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3), which is there where libc is glibc
_MAPPED_FROM: Final = 4 * 2**20
"""Bytes: row groups and the like, from here on, are mapped one by one, and unmapped when they are freed."""
_KEPT: Final = 8 * 2**20
"""Bytes of freed memory that an arena keeps at its end."""
_ARENAS: Final = 2
"""Threads share so many: each would else keep as much."""
_COLLECT_EVERY: Final = 10_000
"""Containers that are made, and not freed, before Python looks for cycles: a batch of items has that many, and none is in a cycle."""
_OLDER: Final = 20


@cache
def keep_little() -> None:
    """Set the process up for messages, once. For one that archives, purges or restores."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_ARENA_MAX, _ARENAS)
    gc.freeze()  # what is imported lives as long as the process: there is no use in looking at it again and again
    gc.set_threshold(_COLLECT_EVERY, _OLDER, _OLDER)
