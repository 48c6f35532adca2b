"""What a run has consumed so far, also where its batches are executed in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from archive.governor import Figures


@dataclass(frozen=True, slots=True)
class Consumed:
    """What one process, or several, have consumed: at DynamoDB, and in requests to S3."""

    dynamodb: Figures = field(default_factory=Figures)
    s3_requests: int = 0


ByProcess = Mapping[str, Consumed]
"""What each process of a run has consumed in all, by its name."""


def total(consumed: Iterable[Consumed]) -> Consumed:
    """Return the sum."""
    parts = list(consumed)
    figures = {one.name: sum(getattr(part.dynamodb, one.name) for part in parts) for one in fields(Figures)}
    return Consumed(Figures(**figures), sum(part.s3_requests for part in parts))


def latest(one: ByProcess, other: ByProcess) -> dict[str, Consumed]:
    """Return what was heard last of each process: what it has consumed only ever grows."""
    heard = [*one.items(), *other.items()]
    return dict(sorted(heard, key=lambda told: told[1].dynamodb.requests + told[1].s3_requests))
