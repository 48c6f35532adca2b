"""The metrics that Dynalake publishes, as data: name, unit, dimensions, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

NAMESPACE: Final = "Dynalake"
Unit = Literal["Count", "Bytes", "Seconds", "Percent", "None"]
When = Literal["minute", "run", "night"]
"""Each minute of a run, at the end of every run, or at the end of nightly runs."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Its dimension is Table, and with `by_index` there are also others of that name, of each index: Table and Index."""

    name: str
    unit: Unit
    when: When
    says: str
    by_index: bool = False


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a metric: of the table (`index` None) or of an index. `at` is UTC, and CloudWatch keeps its minute."""

    metric: Metric
    table: str
    index: str | None
    value: float
    at: datetime


READ_UNITS: Final = Metric("ReadUnits", "Count", "minute", "read request units that Dynalake itself consumed", by_index=True)
WRITE_UNITS: Final = Metric("WriteUnits", "Count", "minute", "write request units that Dynalake itself consumed", by_index=True)

MESSAGES_READ: Final = Metric("MessagesRead", "Count", "run", "messages read from DynamoDB")
MESSAGES_ADDED: Final = Metric("MessagesAdded", "Count", "run", "messages that the lake did not have")
MESSAGES_REMOVED: Final = Metric("MessagesRemoved", "Count", "run", "messages removed from DynamoDB, or marked")
MESSAGES_CHANGED: Final = Metric("MessagesChanged", "Count", "run", "messages that were not what was archived, and stay")
MESSAGES_REFUSED: Final = Metric("MessagesRefused", "Count", "run", "messages whose removal was refused although they seemed unchanged")
CHANGED_SHARE: Final = Metric("ChangedShare", "Percent", "run", "changed messages, of all that the run tried to remove")
BYTES_STORED: Final = Metric("BytesStored", "Bytes", "run", "bytes of the objects that were stored")
VERIFICATION_FAILURES: Final = Metric("VerificationFailures", "Count", "run", "segments that were stopped because a proof failed")
SECONDS: Final = Metric("Seconds", "Seconds", "run", "how long the run took")
READING_SECONDS: Final = Metric("ReadingSeconds", "Seconds", "run", "how long its batches read")
STORING_SECONDS: Final = Metric("StoringSeconds", "Seconds", "run", "how long its segments were merged, proved and stored, all together")
PURGING_SECONDS: Final = Metric("PurgingSeconds", "Seconds", "run", "how long its segments were purged from, all together")
WAITED_SECONDS: Final = Metric("WaitedSeconds", "Seconds", "run", "how long its threads waited in all, so as to keep to [limits]")
THROTTLES: Final = Metric("Throttles", "Count", "run", "requests of the run that DynamoDB refused for now")

NIGHTS_DONE: Final = Metric("NightsDone", "Count", "night", "1 for a nightly run that did all it had to, else 0")
BACKLOG: Final = Metric("Backlog", "Count", "night", "messages that should be in the lake and are not, by the plan's estimate")
BACKLOG_GROWTH: Final = Metric("BacklogGrowth", "Count", "night", "by how much that has grown in a week in which no night left none")
OLDEST_UNARCHIVED: Final = Metric("OldestUnarchivedDays", "None", "night", "age of the oldest message that is not archived, in days")
OVERDUE_MODULES: Final = Metric("OverdueModules", "Count", "night", "modules that are more than a day behind")
TTL_AHEAD: Final = Metric("TtlAheadDays", "None", "night", "days between archiving a message and its TTL, at least")
STORAGE_GROWTH: Final = Metric("StorageGrowth", "Percent", "night", "growth of the table and its indexes in the last 30 days or so")
ITEMS: Final = Metric("Items", "Count", "night", "items, as DescribeTable says", by_index=True)
BYTES: Final = Metric("Bytes", "Bytes", "night", "bytes, as DescribeTable says", by_index=True)

METRICS: Final = (
    *(READ_UNITS, WRITE_UNITS),
    *(MESSAGES_READ, MESSAGES_ADDED, MESSAGES_REMOVED, MESSAGES_CHANGED, MESSAGES_REFUSED, CHANGED_SHARE, BYTES_STORED),
    *(VERIFICATION_FAILURES, SECONDS, READING_SECONDS, STORING_SECONDS, PURGING_SECONDS, WAITED_SECONDS, THROTTLES),
    *(NIGHTS_DONE, BACKLOG, BACKLOG_GROWTH, OLDEST_UNARCHIVED, OVERDUE_MODULES, TTL_AHEAD, STORAGE_GROWTH, ITEMS, BYTES),
)
