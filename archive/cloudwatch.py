"""All calls of CloudWatch: publishing what runs measured, and reading metrics and alarms. The only file that makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from archive.aws import translated
from archive.model.metric import NAMESPACE, Datum
from archive.model.rules import INDEX, TABLE, Series

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_T = TypeVar("_T")
_MOST_DATA: Final = 500
"""A call takes 1,000 metrics and 1 MB; so many stay below both, whatever the names: one has less than a kilobyte."""
_MOST_QUERIES: Final = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """One series of a table (and an index) in periods of so many seconds."""

    series: Series
    table: str
    index: str | None
    period: int


def publish(client: CloudWatchClient, data: Sequence[Datum]) -> int:
    """Publish values, in as few calls as they fit in, and return how many. May be repeated only where doubled sums do no harm."""
    calls = 0
    for some in _chunks(data, _MOST_DATA):
        with translated("cloudwatch:PutMetricData", f"namespace {NAMESPACE}"):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=[_entry(datum) for datum in some])
        calls += 1
    return calls


def _entry(datum: Datum) -> Any:  # noqa: ANN401 - a MetricDatum
    dimensions = [{"Name": "Table", "Value": datum.table}]
    if datum.index is not None:
        dimensions.append({"Name": "Index", "Value": datum.index})
    return {
        "MetricName": datum.metric.name,
        "Dimensions": dimensions,
        "Timestamp": datum.at,
        "Value": datum.value,
        "Unit": datum.metric.unit,
    }


def read(client: CloudWatchClient, asked: Sequence[Asked], start: datetime, end: datetime) -> list[dict[datetime, float]]:
    """Return each series's values from `start` to `end`, by the beginning of their periods, oldest first; what has none is left out."""
    found: list[dict[datetime, float]] = [{} for _ in asked]
    numbered = list(enumerate(asked))
    for some in _chunks(numbered, _MOST_QUERIES):
        queries = [_query(number, one) for number, one in some]
        with translated("cloudwatch:GetMetricData", "the metrics"):
            pages = list(client.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, StartTime=start, EndTime=end))
        for result in (one for page in pages for one in page["MetricDataResults"]):
            number = int(result["Id"].removeprefix("m"))
            found[number].update(zip(result["Timestamps"], result["Values"], strict=True))
    return [dict(sorted(values.items())) for values in found]


def _query(number: int, asked: Asked) -> Any:  # noqa: ANN401 - a MetricDataQuery
    names = {TABLE: asked.table, INDEX: asked.index or ""}
    dimensions = [{"Name": name, "Value": names.get(value, value)} for name, value in asked.series.dimensions]
    metric = {"Namespace": asked.series.namespace, "MetricName": asked.series.metric, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": asked.period, "Stat": asked.series.statistic}}


def alarms(client: CloudWatchClient, prefix: str) -> dict[str, tuple[str, float | None]]:
    """Return the state (OK, ALARM, INSUFFICIENT_DATA) and the threshold of each alarm whose name begins so."""
    with translated("cloudwatch:DescribeAlarms", f"alarms {prefix}*"):
        pages = list(client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix))
    found = (alarm for page in pages for alarm in page.get("MetricAlarms", ()))
    return {alarm["AlarmName"]: (alarm["StateValue"], alarm.get("Threshold")) for alarm in found}


def _chunks(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
