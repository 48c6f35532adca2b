"""What one Prefect task does, and what came of it: small values, which travel between processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Final, Literal

from archive.engine.consumed import ByProcess, latest
from archive.errors import DynalakeError
from archive.model.config import Module
from archive.model.window import Window
from archive.purge.segment import Purged

Stage = Literal["reading_seconds", "storing_seconds", "purging_seconds"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one Prefect task does: a window, and the modules that have messages in or before it. Small, and no rows.

    The module None stands for the messages of no module (`dynalake sweep`).
    """

    number: int
    window: Window
    modules: tuple[Module | None, ...]


@dataclass(slots=True)
class BatchResult:
    """What one batch did. `failed` are alarms: segments that were stopped, each with its reason; the others went on."""

    read: int = 0
    spooled_bytes: int = 0
    segments: int = 0
    stored: int = 0
    added: int = 0
    replaced: int = 0
    superseded: int = 0
    waiting: int = 0
    quarantined: int = 0
    stored_bytes: int = 0
    mended: int = 0
    reading_seconds: float = field(default=0.0, compare=False)
    storing_seconds: float = field(default=0.0, compare=False)
    """Merging, proving, storing: the segments' seconds together, of which several may be in work at once."""
    purging_seconds: float = field(default=0.0, compare=False)
    """Likewise."""
    purged: Purged = field(default_factory=Purged)
    failed: list[str] = field(default_factory=list)
    stopped: DynalakeError | None = None
    """Why the batch ended before its last segment, where it did: a stop or a cap."""
    consumed: ByProcess = field(default_factory=dict)
    """What the process that executed it has consumed so far, in this run."""

    def add(self, other: BatchResult) -> None:
        """Add another batch's figures; one alarm that came twice stays one."""
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.purged.add(other.purged)
        self.failed += [alarm for alarm in other.failed if alarm not in self.failed]
        self.stopped = self.stopped or other.stopped
        self.consumed = latest(self.consumed, other.consumed)


_COUNTED: Final = tuple(one.name for one in fields(BatchResult) if one.type in ("int", "float"))


@contextmanager
def timed(result: BatchResult, stage: Stage) -> Iterator[None]:
    """Add the time that this takes to a stage's seconds, also where it fails."""
    began = time.monotonic()
    try:
        yield
    finally:
        setattr(result, stage, getattr(result, stage) + time.monotonic() - began)
