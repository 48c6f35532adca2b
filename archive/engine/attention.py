"""What in a status needs somebody's attention, each in one sentence that says what to do. Pure.

What has a threshold is judged by the rules that the alarms have, too (`archive/model/rules.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from archive.model import rules
from archive.model.rules import Rule
from archive.model.window import DAY

if TYPE_CHECKING:
    from archive.engine.status import Status

_NAMED: Final = 5


def attention(status: Status) -> Iterator[str]:
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
    values = readings(status)
    for rule, sentence in SENTENCES.items():
        value = values[rule]
        if value is not None and rule.breached(value):
            yield sentence.format(value)


def readings(status: Status) -> dict[Rule, float | None]:
    """Return the value of every rule that a status has one for; None where it is not known."""
    trends = status.trends
    return {
        rules.NIGHT: trends.night_hours,
        rules.BACKLOG: trends.backlog_growth,
        rules.VERIFICATION: trends.failures,
        rules.CHANGED: trends.changed_share,
        rules.TTL: status.ttl_ahead_days,
        rules.STORAGE: trends.storage_growth,
    }


SENTENCES: Final[Mapping[Rule, str]] = {
    rules.NIGHT: "no nightly run has done all it had to for {:,.1f} hours: look why the schedule has started none, or why it ended early",
    rules.BACKLOG: (
        "the backlog has grown by {:,.0f} messages in a week: give the nightly run more time or more of [limits], or see `dynalake plan`"
    ),
    rules.CHANGED: (
        "{:,.1f} % of the messages that the last purge tried to remove had been edited: raise [policy] retention_days until they are not"
    ),
    rules.TTL: (
        "the TTL is {:,.1f} days ahead of the archiver: messages will expire unarchived; "
        "lower [policy] retention_days, or write messages with a later TTL"
    ),
}
"""Growing storage costs money and needs nobody tonight: it is an alarm only. A proof that failed is what the last run ended with."""


def is_overdue(oldest: datetime, archive_end: datetime) -> bool:
    """Say whether a message should have been archived more than a day ago."""
    return oldest < archive_end - DAY
