"""The on-demand backup before the first purge: whether one is needed, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from archive.model.config import Policy
from archive.model.window import iso, parse_instant

SETTLED: Final = timedelta(minutes=1)
"""A backup may have or lack what was written within a minute of its request, on either side:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html"""
YOUNG: Final = timedelta(days=2)
"""A run that was killed leaves a backup that the lake does not know yet; if it is not older, the next run takes it."""
NAMES: Final = "dynalake-"
"""What the names of our backups begin with."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup of the source table: its ARN and name, and when it was asked for."""

    arn: str
    name: str
    at: datetime

    def to_dict(self) -> dict[str, str]:
        """Return it as the lake's record keeps it."""
        return {"arn": self.arn, "name": self.name, "at": iso(self.at)}

    @classmethod
    def from_dict(cls, values: dict[str, str]) -> Backup:
        """Read it back; raises KeyError or InputError where it is none."""
        return cls(values["arn"], values["name"], parse_instant(values["at"]))


def is_needed(policy: Policy, remembered: Backup | None, *, purged_before: bool) -> bool:
    """Say whether a backup has to be made before anything is removed: once in a lake's life, and only before its first purge."""
    return policy.purge != "keep" and policy.backup_before_first_purge and remembered is None and not purged_before
