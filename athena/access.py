"""How AWS is reached, and what whoever asks is told while an answer is made."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import boto3

from archive.aws import translated
from archive.model.prices import Prices

_MIB: Final = 2**20
_TIB: Final = 2**40
LARGE_BYTES: Final = 10**9
"""From this size on, what is read without need is worth a warning."""
_LEAST: Final = 10
"""Megabytes that a question costs at least; others are rounded up to whole ones (https://aws.amazon.com/athena/pricing/)."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence for whoever may misread the answer, or pay more for it than they need to."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Athena's state (QUEUED, RUNNING, ...), and the bytes it has read so far."""

    state: str
    scanned: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What Athena read for an answer, and what that costs; `reused` is an answer that it had given before."""

    scanned: int
    dollars: Decimal
    seconds: float
    reused: bool


Event = Advice | Progress | Answered


def _nobody(_: Event) -> None:
    return


@dataclass(frozen=True, slots=True)
class Access:
    """`session` None is botocore's default; `environ` may point services at other servers; `told` hears of each event."""

    session: boto3.Session | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sleep: Callable[[float], None] = time.sleep
    told: Callable[[Event], None] = _nobody

    def opened(self) -> boto3.Session:
        """Return the session; without one, a session that loads the default credentials."""
        with translated("loading credentials", "the default credentials"):
            return self.session or boto3.Session()


def scan_dollars(scanned: int, prices: Prices) -> Decimal:
    """Return the price in US dollars of a question that reads so many bytes: the list's, or what the settings say instead."""
    megabytes = max(_LEAST, -(-scanned // _MIB)) if scanned else 0
    return prices.scan_tb * megabytes * _MIB / _TIB
