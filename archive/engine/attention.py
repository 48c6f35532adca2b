"""What in a status needs somebody's attention, each in one sentence that says what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from archive.model.window import DAY, parse_instant

if TYPE_CHECKING:
    from archive.engine.status import Status

OLDEST_NIGHT: Final = timedelta(hours=26)
"""A nightly run that ended longer ago is missing: a day, and two hours for nights that are not equally long."""
_NAMED: Final = 5
_LEAST_AHEAD: Final = 2.0  # days between archiving and the TTL


def attention(status: Status, now: datetime) -> Iterator[str]:
    """Yield a sentence for each thing that does not mend itself by the next night."""
    if status.overdue:
        names = ", ".join(str(module) for module in status.overdue[:_NAMED]) + (", ..." if len(status.overdue) > _NAMED else "")
        yield (
            f"messages of {len(status.overdue):,} modules ({names}) should have been archived more than a day ago: "
            "run `dynalake nightly`, and see why it did not"
        )
    for gap in status.gaps:
        yield f"{gap.window} is a gap ({gap.why}): run `dynalake backfill` over it"
    if status.disagreeing:
        yield (
            f"{len(status.disagreeing):,} segments have an object and a receipt that disagree: the next run mends a missing receipt, "
            "and says which object is to be restored from the bucket's version history"
        )
    if status.last_run and status.last_run["why_stopped"] != "done":
        yield f"the last run ({status.last_run['run']}) ended early: {status.last_run['why_stopped']}"
    if status.last_night and now - parse_instant(str(status.last_night["ended_at"])) > OLDEST_NIGHT:
        yield f"the last nightly run ended at {status.last_night['ended_at']}: look why the schedule has not started one since"
    if status.ttl_ahead_days is not None and status.ttl_ahead_days < _LEAST_AHEAD:
        yield (
            f"the TTL is {status.ttl_ahead_days:.1f} days ahead of the archiver: messages will expire unarchived; "
            "lower [policy] retention_days, or write messages with a later TTL"
        )


def is_overdue(oldest: datetime, archive_end: datetime) -> bool:
    """Say whether a message should have been archived more than a day ago."""
    return oldest < archive_end - DAY
