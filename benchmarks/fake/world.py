"""Which messages a table has: a pure function of the table's name, so that one server has every table that is asked for.

    bench.modules-8.messages-10000.days-30.idle-0.wait-0

has 8 modules of 10,000 messages each, spread evenly over 30 days, and none without a backlog (`idle` modules have one
message, years later); each page of a Query takes 0 ms longer. Modules are numbered from 1,000 on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import numpy as np

from archive.model.window import DAY, Window, to_ms

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
IDLE_FROM: Final = datetime(2034, 1, 1, tzinfo=UTC)
FIRST_MODULE: Final = 1_000
_NAME: Final = re.compile(r"bench\.modules-(\d+)\.messages-(\d+)\.days-(\d+)\.idle-(\d+)\.wait-(\d+)")
_MIX: Final = 2_654_435_761  # so that messages do not come at regular intervals


@dataclass(frozen=True, slots=True)
class World:
    """One table. `messages` are those of each module; `wait` is in milliseconds."""

    modules: int
    messages: int
    days: int = 30
    idle: int = 0
    wait: int = 0

    @classmethod
    def of(cls, table: str) -> Self | None:
        """Return the table of this name; None where the name describes none."""
        match = _NAME.fullmatch(table)
        return cls(*map(int, match.groups())) if match else None

    @property
    def table(self) -> str:
        """The name."""
        return f"bench.modules-{self.modules}.messages-{self.messages}.days-{self.days}.idle-{self.idle}.wait-{self.wait}"

    @property
    def window(self) -> Window:
        """The days that hold all messages of all modules that are not idle."""
        return Window(START, START + self.days * DAY)

    @property
    def numbers(self) -> range:
        """All modules."""
        return range(FIRST_MODULE, FIRST_MODULE + self.modules + self.idle)

    def line(self, module: int) -> Line | None:
        """Return when a module's messages were sent; None where there is no such module."""
        if module not in self.numbers:
            return None
        if module >= FIRST_MODULE + self.modules:
            return Line(module, to_ms(IDLE_FROM), 1_000, 1)
        step = (self.days * DAY) // timedelta(milliseconds=1) // max(self.messages, 1)
        return Line(module, to_ms(START), step, self.messages)


@dataclass(frozen=True, slots=True)
class Line:
    """One module's messages in order of time: one in each `step` milliseconds from `start` on, `count` in all."""

    module: int
    start: int
    step: int
    count: int

    def time(self, number: int) -> int:
        """Return when a message was sent."""
        return self.start + number * self.step + (number * _MIX + self.module * 97) % self.step

    def times(self, first: int, end: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return when messages [first, end) were sent."""
        numbers = np.arange(first, end, dtype=np.int64)
        return self.start + numbers * self.step + (numbers * _MIX + self.module * 97) % self.step

    def number(self, time: int) -> int | None:
        """Return which message was sent then, if one was."""
        number = (time - self.start) // self.step
        return number if 0 <= number < self.count and self.time(number) == time else None

    def first_from(self, time: int) -> int:
        """Return the first message at or after a time; `count` if there is none."""
        number = min(max((time - self.start) // self.step, 0), self.count)
        return number + 1 if number < self.count and self.time(number) < time else number
