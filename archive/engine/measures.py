"""What a run tells CloudWatch, as values: of its record, of the status after it, and of what it consumed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from archive.engine.trends import changed_share
from archive.model import metric as ours
from archive.model.budget import Kind
from archive.model.metric import Datum, Metric
from archive.model.table_facts import TableFacts

if TYPE_CHECKING:
    from archive.engine.status import Status

Units = Mapping[tuple[Kind, str | None], float]
"""Request units, by kind and resource: the table (None), or an index."""
_OF_THE_RECORD: Final[Mapping[Metric, str]] = {
    ours.MESSAGES_READ: "messages_read",
    ours.MESSAGES_ADDED: "messages_added",
    ours.MESSAGES_REMOVED: "messages_removed",
    ours.MESSAGES_CHANGED: "messages_changed",
    ours.MESSAGES_REFUSED: "messages_refused",
    ours.BYTES_STORED: "bytes_stored",
    ours.VERIFICATION_FAILURES: "segments_failed",
    ours.SECONDS: "seconds",
    ours.READING_SECONDS: "reading_seconds",
    ours.STORING_SECONDS: "storing_seconds",
    ours.PURGING_SECONDS: "purging_seconds",
    ours.WAITED_SECONDS: "waited_seconds",
    ours.THROTTLES: "throttles",
}


@dataclass(frozen=True, slots=True)
class About:
    """Which table the values are of, and when they were."""

    table: str
    at: datetime

    def datum(self, metric: Metric, value: float, index: str | None = None) -> Datum:
        """Make one value."""
        return Datum(metric, self.table, index, float(value), self.at)


def of_units(about: About, before: Units, now: Units) -> list[Datum]:
    """Return what was consumed between two looks; nothing for what consumed nothing."""
    metrics = {"read": ours.READ_UNITS, "write": ours.WRITE_UNITS}
    grown = ((kind, index, units - before.get((kind, index), 0.0)) for (kind, index), units in now.items())
    return [about.datum(metrics[kind], units, index) for kind, index, units in grown if units > 0]


def of_run(about: About, record: Mapping[str, Any]) -> list[Datum]:
    """Return what every run tells, from its record."""
    data = [about.datum(metric, record[name]) for metric, name in _OF_THE_RECORD.items()]
    if (share := changed_share(record)) is not None:
        data.append(about.datum(ours.CHANGED_SHARE, share))
    if record["command"] == "nightly":
        data.append(about.datum(ours.NIGHTS_DONE, record["why_stopped"] == "done"))
    return data


def of_night(about: About, status: Status) -> list[Datum]:
    """Return what a nightly run tells besides, from the status after it; nothing for what is not known."""
    trends = status.trends
    values = {
        ours.BACKLOG: trends.backlog,
        ours.BACKLOG_GROWTH: trends.backlog_growth,
        ours.OLDEST_UNARCHIVED: status.oldest_unarchived_days,
        ours.OVERDUE_MODULES: len(status.overdue),
        ours.TTL_AHEAD: status.ttl_ahead_days,
        ours.STORAGE_GROWTH: trends.storage_growth,
    }
    return [about.datum(metric, value) for metric, value in values.items() if value is not None]


def of_sizes(about: About, facts: TableFacts) -> list[Datum]:
    """Return the sizes of the table and of its indexes: CloudWatch has none of its own."""

    def both(index: str | None, items: int, size: int) -> Iterator[Datum]:
        yield about.datum(ours.ITEMS, items, index)
        yield about.datum(ours.BYTES, size, index)

    data = list(both(None, facts.items, facts.bytes))
    for name, size in facts.sizes.items():
        data += both(name, size.items, size.bytes)
    return data
