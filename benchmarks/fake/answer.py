"""What the fakes answer, and what they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

OK: Final = 200


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are in lower case, the path is as it came, without its query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. A path stands for that file's bytes, of which `part` (offset, length) is sent."""

    status: int
    body: bytes | bytearray | Path
    headers: Mapping[str, str] = field(default_factory=dict)
    part: tuple[int, int] | None = None


class Counts:
    """Requests by operation, messages and units, since the start or the last reset. Threads share it."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, **amounts: float) -> None:
        """Add to counts."""
        with self._lock:
            for name, amount in amounts.items():
                self._counts[name] += amount  # type: ignore[assignment]  # read units come in halves

    def take(self) -> bytes:
        """Return the counts as JSON, and begin again."""
        with self._lock:
            text = msgspec.json.encode(self._counts)
            self._counts.clear()
        return text
