"""What a doctor has seen, as plain values: sizes, consumption, latencies, what waits, consumers and questions. None: not looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from archive.model.config import PurgeMode
from archive.model.cost import GB, ITEM_OVERHEAD
from archive.model.prices import Prices

DAYS: Final = 30
"""Consumption and throttles are those of so many days: a month."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one resource has consumed in a month, in request units, and how often requests to it were throttled."""

    read_units: float
    write_units: float
    throttles: float


@dataclass(frozen=True, slots=True)
class Part:
    """The table itself (`index` None) or one of its indexes."""

    index: str | None
    items: int
    bytes: int
    traffic: Traffic | None

    @property
    def name(self) -> str:
        """What to call it."""
        return f"index {self.index}" if self.index else "the table"

    def storage(self, prices: Prices) -> Decimal:
        """Return the dollars a month for what it stores."""
        return (self.bytes + self.items * ITEM_OVERHEAD) * prices.table_gb_month / GB

    def reading(self, prices: Prices) -> Decimal:
        """Return the dollars a month for what it is read."""
        return prices.reads(Decimal(str(self.traffic.read_units if self.traffic else 0)))

    def writing(self, prices: Prices) -> Decimal:
        """Return the dollars a month for what it is written."""
        return prices.writes(Decimal(str(self.traffic.write_units if self.traffic else 0)))

    def month(self, prices: Prices) -> Decimal:
        """Return all its dollars a month."""
        return self.storage(prices) + self.reading(prices) + self.writing(prices)


@dataclass(frozen=True, slots=True)
class Queries:
    """Hour by hour, in a week: the milliseconds that one query in a hundred takes longer than, and the items a query returns on average."""

    p99: tuple[float, ...]
    items: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages that are old enough and still in the table: not archived yet, and archived (where nothing is removed)."""

    waiting: int
    kept: int
    item_bytes: int
    modules: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who wrote most in the last month that the lake has: a module, a student, or a day, and its part of all (0 to 1)."""

    kind: str
    name: str
    messages: int
    share: float


@dataclass(frozen=True, slots=True)
class Question:
    """One of Athena's last questions: its id, the bytes it read, and whether it named days of dt where it should."""

    id: str
    scanned: int
    unpruned: bool


@dataclass(frozen=True, slots=True)
class Questions:
    """Athena's last questions in the workgroup, over so many days."""

    asked: tuple[Question, ...]
    days: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was looked at."""

    source_index: str
    purge: PurgeMode
    prices: Prices
    parts: tuple[Part, ...]
    own_throttles: int
    queries: Queries | None = None
    backlog: Backlog | None = None
    month: date | None = None
    consumers: tuple[Consumer, ...] = ()
    questions: Questions | None = None
    unseen: Mapping[str, str] | None = None
    """What could not be looked at, and why."""
