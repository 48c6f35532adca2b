"""What an alarm rings for, as data: its metric, threshold and patience. The template, `status --alarms` and `doctor` share it.

Where a rule comes from is in docs/watching.md. A rule judges one value, wherever that is from: CloudWatch, a status or run records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from archive.model import metric as ours
from archive.model.metric import NAMESPACE, Metric

Sense = Literal["above", "below"]
DYNAMODB: Final = "AWS/DynamoDB"
BILLING: Final = "AWS/Billing"
TABLE: Final = "{table}"
INDEX: Final = "{index}"
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
OPERATIONS: Final = ("Query", "GetItem", "BatchGetItem", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
"""What the chat and its users call: each has its own SystemErrors. An alarm's arithmetic takes ten metrics at most."""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of CloudWatch. A dimension's value `{table}` or `{index}` stands for the name of the table, or of each index."""

    namespace: str
    metric: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm: it rings where `patience` of the last `periods` values, each over `period` seconds, are above or below the threshold.

    The value is the sum of `series` less the sum of `less` (our own consumption). Without series it is not CloudWatch's to
    know: a budget's or the anomaly detection's. `unit` is what value and threshold count.
    """

    name: str
    title: str
    sense: Sense
    threshold: float
    unit: str
    series: tuple[Series, ...] = ()
    less: tuple[Series, ...] = ()
    period: int = _MINUTE
    periods: int = 1
    patience: int = 1
    counts_periods: bool = False
    """The threshold is a number of periods in which CloudWatch has nothing, and the alarm's own threshold there is 1."""

    def breached(self, value: float, threshold: float | None = None) -> bool:
        """Say whether one value is too high, or too low; exactly the threshold is neither."""
        limit = self.threshold if threshold is None else threshold
        return value > limit if self.sense == "above" else value < limit

    @property
    def by_index(self) -> bool:
        """Say whether there is one such alarm for each index."""
        return any((INDEX in dict(series.dimensions).values()) for series in self.series)

    def rings(self, values: list[float], threshold: float | None = None) -> bool:
        """Say whether the last values (oldest first, missing ones left out) make it ring."""
        return sum(self.breached(value, threshold) for value in values[-self.periods :]) >= self.patience


def _aws(name: str, statistic: str, *more: tuple[str, str]) -> Series:
    return Series(DYNAMODB, name, statistic, (("TableName", TABLE), *more))


def _own(metric: Metric, statistic: str, *more: tuple[str, str]) -> Series:
    return Series(NAMESPACE, metric.name, statistic, (("Table", TABLE), *more))


def _nightly(name: str, title: str, limit: tuple[Sense, float, str], metric: Metric, statistic: str) -> Rule:
    return Rule(name, title, *limit, series=(_own(metric, statistic),), period=_DAY)


def _budget(dollars: int) -> Rule:
    title = f"DynamoDB costs more than ${dollars} this month"
    billed = Series(BILLING, "EstimatedCharges", "Maximum", (("ServiceName", "AmazonDynamoDB"), ("Currency", "USD")))
    return Rule(f"budget-{dollars}", title, "above", dollars, "dollars this month", series=(billed,), period=_DAY)


READS: Final = Rule(
    "reads",
    "an index is read by others than Dynalake more than it should be",
    "above",
    10_000,
    "read units a minute",
    series=(_aws("ConsumedReadCapacityUnits", "Sum", ("GlobalSecondaryIndexName", INDEX)),),
    less=(_own(ours.READ_UNITS, "Sum", ("Index", INDEX)),),
    periods=5,
    patience=3,
)
WRITES: Final = Rule(
    "writes",
    "the table is written by others than Dynalake more than it should be",
    "above",
    5_000,
    "write units a minute",
    series=(_aws("ConsumedWriteCapacityUnits", "Sum"),),
    less=(_own(ours.WRITE_UNITS, "Sum"),),
    periods=5,
    patience=3,
)
USER_ERRORS: Final = Rule(
    "user-errors",
    "DynamoDB refuses requests as wrong (of any table: the metric is the account's)",
    "above",
    10,
    "errors a minute",
    series=(Series(DYNAMODB, "UserErrors", "Sum", ()),),
)
SYSTEM_ERRORS: Final = Rule(
    "system-errors",
    "DynamoDB itself fails requests again and again",
    "above",
    0,
    "errors a minute",
    series=tuple(_aws("SystemErrors", "Sum", ("Operation", operation)) for operation in OPERATIONS),
    periods=5,
    patience=3,
)
LATENCY: Final = Rule(
    "latency",
    "one query in a hundred is slow",
    "above",
    100,
    "milliseconds",
    series=(_aws("SuccessfulRequestLatency", "p99", ("Operation", "Query")),),
    period=300,
    periods=3,
    patience=3,
)
STORAGE: Final = _nightly(
    "storage", "the table and its indexes grow fast", ("above", 50, "percent a month"), ours.STORAGE_GROWTH, "Maximum"
)
BUDGETS: Final = tuple(_budget(dollars) for dollars in (50, 100, 500))
ANOMALY: Final = Rule("anomaly", "AWS's cost anomaly detection found something", "above", 20, "dollars more than expected")
NIGHT: Final = Rule(
    "night",
    "no nightly run did all it had to",
    "above",
    26,
    "hours",
    series=(_own(ours.NIGHTS_DONE, "Sum"),),
    period=_HOUR,
    periods=26,
    patience=26,
    counts_periods=True,
)
"""In CloudWatch: so many hours of which none has such a run. A day, and two hours for nights that are not equally long."""
BACKLOG: Final = _nightly("backlog", "the backlog has grown for a week", ("above", 0, "messages a week"), ours.BACKLOG_GROWTH, "Maximum")
VERIFICATION: Final = _nightly("verification", "a proof failed", ("above", 0, "segments a day"), ours.VERIFICATION_FAILURES, "Sum")
CHANGED: Final = _nightly(
    "changed", "many messages are edited after they are archived", ("above", 5, "percent of a purge"), ours.CHANGED_SHARE, "Maximum"
)
TTL: Final = _nightly("ttl", "messages are about to expire unarchived", ("below", 2, "days ahead"), ours.TTL_AHEAD, "Minimum")

RULES: Final = (
    *(READS, WRITES, USER_ERRORS, SYSTEM_ERRORS, LATENCY, STORAGE, *BUDGETS, ANOMALY),
    *(NIGHT, BACKLOG, VERIFICATION, CHANGED, TTL),
)


def alarm_name(table: str, rule: Rule, index: str | None = None) -> str:
    """Return an alarm's name in CloudWatch, as the template has it."""
    return "-".join(("dynalake", table, rule.name, *([index] if index else [])))
