"""The one file that spells the lake's S3 keys, both ways."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from archive.errors import InputError
from archive.model.layout import Segment
from archive.model.window import Window

_SEGMENT = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/(\d{8}T\d{4}Z)-(\d{8}T\d{4}Z)\.(parquet|json)", re.ASCII)
_OUTCOME = re.compile(r"(\d{8}T\d{4}Z-\d{8}T\d{4}Z)-.+-outcome(-\d+)?\.json", re.ASCII)
_STAMP = "%Y%m%dT%H%MZ"


@dataclass(frozen=True, slots=True)
class LakeKeys:
    """Keys below one prefix. `prefix` is empty or ends with a slash."""

    prefix: str

    @classmethod
    def below(cls, prefix: str) -> LakeKeys:
        """Make keys below a prefix as a person writes it, with or without slashes at its ends."""
        bare = prefix.strip("/")
        if any(part.startswith(("_", ".")) for part in bare.split("/")):
            message = f"prefix {prefix!r} has a part that begins with _ or . and Athena would not see it; choose another"
            raise InputError(message)
        return cls(f"{bare}/" if bare else "")

    @property
    def archive(self) -> str:
        """The owner's record."""
        return f"{self.prefix}archive.json"

    @property
    def probe(self) -> str:
        """The key on which conditional writes are tried."""
        return f"{self.prefix}checks/conditional-put"

    @property
    def stop(self) -> str:
        """The stop sign."""
        return f"{self.prefix}stop"

    def folder(self, name: str) -> str:
        """Return the prefix of a family: messages, receipts, purges, runs, superseded, holds, quarantine, reports."""
        return f"{self.prefix}{name}/"

    def message(self, segment: Segment) -> str:
        """Return the key of a segment's Parquet object."""
        return f"{self.partition('messages', segment.dt)}{segment.name}.parquet"

    def receipt(self, segment: Segment) -> str:
        """Return the key of a segment's receipt."""
        return f"{self.partition('receipts', segment.dt)}{segment.name}.json"

    def partition(self, family: str, dt: date) -> str:
        """Return the prefix of one partition of a family."""
        return f"{self.prefix}{family}/dt={dt.isoformat()}/"

    def purges(self, segment: Segment) -> str:
        """Return the prefix of all purge records of a segment."""
        return f"{self.partition('purges', segment.dt)}{segment.name}-"

    def purge(self, segment: Segment, run: str, part: str) -> str:
        """Return the key of one purge record; `part` is `intent` or `outcome`."""
        return f"{self.purges(segment)}{run}-{part}.json"

    def purged_segment(self, key: str) -> str | None:
        """Return the name of the segment that a purge's outcome is of; None for any other key."""
        name = key.rpartition("/")[2]
        match = _OUTCOME.fullmatch(name)
        return match[1] if match else None

    def quarantine(self, segment: Segment) -> str:
        """Return the key of what is in quarantine of a segment."""
        return f"{self.partition('quarantine', segment.dt)}{segment.name}.json"

    def superseded(self, segment: Segment, digest: str) -> str:
        """Return the key of rows that were superseded after their messages had been removed."""
        return f"{self.partition('superseded', segment.dt)}{segment.name}-{digest}.parquet"

    def rescued(self, segment: Segment, digest: str) -> str:
        """Return the key of a message that was removed with an attribute nobody had archived."""
        return f"{self.partition('superseded', segment.dt)}{segment.name}-rescued-{digest}.json"

    def run(self, run: str, day: date) -> str:
        """Return the key of a run's record."""
        return f"{self.partition('runs', day)}{run}.json"

    def report(self, run: str) -> str:
        """Return the key of the page that was made after a run."""
        return f"{self.folder('reports')}{run}.html"

    def segment_of(self, key: str) -> Segment | None:
        """Read a segment back from the key of its object or receipt; None for any other key."""
        for family in ("messages", "receipts"):
            folder = self.folder(family)
            if key.startswith(folder) and (match := _SEGMENT.fullmatch(key.removeprefix(folder))):
                segment = _segment(*match.group(1, 2, 3))
                return segment if segment and key in (self.message(segment), self.receipt(segment)) else None
        return None


def _segment(dt: str, start: str, end: str) -> Segment | None:
    """Return the segment that a key spells; None where its digits are no times, or its end is not after its start."""
    with suppress(ValueError, InputError):
        window = Window(*(datetime.strptime(text, _STAMP).replace(tzinfo=UTC) for text in (start, end)))
        return Segment(window, date.fromisoformat(dt))
    return None
