"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `what` was tried, the verdict, and one sentence."""

    what: str
    verdict: Verdict
    text: str
