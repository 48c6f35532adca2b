"""Talks to people and to the clock: settings, the command line, Prefect flows and the demo.

The engine in archive/ and the catalogue in athena/ know nothing of this package. Here settings become their plain values,
`now` is read, runs are scheduled and retried, and what happened is told.
"""

from __future__ import annotations

import os

# Arrow reads it when it is loaded, here and in the processes that are begun from here; flows/memory.py says why.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
