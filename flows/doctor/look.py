"""Gathers what a doctor can see of the table, of CloudWatch, of the lake and of Athena. Reads only; what cannot be seen is noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

import boto3

from archive import cloudwatch
from archive.cloudwatch import Asked
from archive.engine.history import all_runs
from archive.engine.planning import Request, make_plan
from archive.engine.session import Session
from archive.errors import DynalakeError
from archive.model.rules import DYNAMODB, INDEX, LATENCY, TABLE, Series
from archive.model.window import DAY, months_later, parse_instant
from athena import Access, Catalog, query
from athena.advice import is_unpruned
from athena.recent import recent_questions
from flows.doctor.seen import DAYS, Backlog, Consumer, Part, Queries, Question, Questions, Seen, Traffic

_T = TypeVar("_T")
_HOUR: Final = 3_600
_DAY: Final = 86_400
_QUERIES: Final = timedelta(days=7)
_CONSUMED: Final = ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents")
_MOST: Final = 5
_MOST_OF: Final = (
    "SELECT CAST({what} AS varchar), sum(messages), CAST(sum(messages) AS double) / sum(sum(messages)) OVER () FROM {view}"
    " WHERE dt >= DATE '{{first}}' AND dt < DATE '{{after}}' GROUP BY {what} ORDER BY 2 DESC, 1 LIMIT {{most}}"
)
_CONSUMERS: Final[Mapping[str, tuple[str, str]]] = {
    "module": (
        "modules_busiest",
        "SELECT CAST({module} AS varchar), messages, share FROM modules_busiest WHERE dt = DATE '{first}' ORDER BY place, 1 LIMIT {most}",
    ),
    "student": (
        "student_activity",
        _MOST_OF.format(what="student_id", view="student_activity"),
    ),
    "day": (
        "modules_daily",
        _MOST_OF.format(what="day", view="modules_daily"),
    ),
}
"""For each kind: the view, and the question that is asked of it."""


class _Eyes:
    """Tries to look, and notes what it could not see."""

    def __init__(self) -> None:
        self.unseen: dict[str, str] = {}

    def __call__(self, what: str, look: Callable[[], _T]) -> _T | None:
        try:
            return look()
        except DynalakeError as error:
            self.unseen[what] = str(error)
            return None


def look(session: Session, catalog: Catalog, now: datetime) -> Seen:
    """Look at everything. `session` is one that refuses changes; the questions to the lake only read, and have their price in Athena."""
    eyes = _Eyes()
    traffic = eyes("CloudWatch: consumption and throttles", lambda: _traffic(session, now))
    if traffic is not None and not any(part.read_units or part.write_units for part in traffic.values()):
        eyes.unseen["CloudWatch: consumption and throttles"] = "CloudWatch knows of no consumption of this table"
        traffic = None
    month = eyes("the lake: its segments", lambda: _last_month(session, now))
    consumers = [eyes(f"the lake: largest {kind}s", lambda kind=kind: _consumers(session, catalog, kind, month)) for kind in _CONSUMERS]  # type: ignore[misc]
    records = eyes("the lake: run records", lambda: all_runs(session.store, session.keys, session.config.limits.streams)) or []
    return Seen(
        source_index=session.config.source.index,
        purge=session.config.policy.purge,
        prices=session.prices,
        parts=tuple(_parts(session, traffic or {})),
        own_throttles=sum(int(record["throttles"]) for record in records if now - parse_instant(record["ended_at"]) < DAYS * DAY),
        queries=eyes("CloudWatch: queries", lambda: _queries(session, now)),
        backlog=eyes("the table: what waits", lambda: _backlog(session, catalog, now)),
        month=month,
        consumers=tuple(consumer for found in consumers for consumer in found or ()),
        questions=eyes("Athena: recent questions", lambda: _questions(session, catalog, now)),
        unseen=eyes.unseen,
    )


def _parts(session: Session, traffic: Mapping[str | None, Traffic]) -> Iterator[Part]:
    facts = session.facts
    yield Part(None, facts.items, facts.bytes, traffic.get(None))
    for name, size in facts.sizes.items():
        yield Part(name, size.items, size.bytes, traffic.get(name))


def _dimensions(index: str | None) -> tuple[tuple[str, str], ...]:
    return (("TableName", TABLE), *((("GlobalSecondaryIndexName", INDEX),) if index else ()))


def _traffic(session: Session, now: datetime) -> dict[str | None, Traffic]:
    """Return what the table (None) and each index have consumed in a month."""
    table = session.config.source.table
    names = [None, *session.facts.sizes]
    asked = [Asked(Series(DYNAMODB, metric, "Sum", _dimensions(name)), table, name, _DAY) for name in names for metric in _CONSUMED]
    days = cloudwatch.read(session.clients.impatient("cloudwatch"), asked, now - DAYS * DAY, now)
    sums = [sum(values.values()) for values in days]
    parts = [sums[start : start + len(_CONSUMED)] for start in range(0, len(sums), len(_CONSUMED))]
    return {name: Traffic(read, written, reads + writes) for name, (read, written, reads, writes) in zip(names, parts, strict=True)}


def _queries(session: Session, now: datetime) -> Queries:
    latency = LATENCY.series[0]
    items = Series(DYNAMODB, "ReturnedItemCount", "Average", latency.dimensions)
    asked = [Asked(series, session.config.source.table, None, _HOUR) for series in (latency, items)]
    slow, large = cloudwatch.read(session.clients.impatient("cloudwatch"), asked, now - _QUERIES, now)
    return Queries(tuple(slow.values()), tuple(large.values()))


def _ask(session: Session, catalog: Catalog, sql: str) -> list[list[Any]]:
    access = Access(session=boto3.Session(region_name=session.config.source.region))
    answer = query(sql, catalog, access=access)
    return [list(row.values()) for row in answer.to_pylist()]


def _backlog(session: Session, catalog: Catalog, now: datetime) -> Backlog:
    """Estimate what waits by a plan, and take what is archived from the receipts: in mode keep it is in the table too."""
    plan = make_plan(session, Request("nightly"), now, lambda _: None)
    kept = 0
    if session.config.policy.purge == "keep" and not session.is_new_lake:
        kept = int(_ask(session, catalog, "SELECT sum(rows) FROM receipts")[0][0] or 0)
    waiting = 0 if kept else plan.rows  # in mode keep a plan reads again what is archived
    return Backlog(waiting, min(kept, session.facts.items), plan.item_bytes, len(plan.modules))


def _last_month(session: Session, now: datetime) -> date | None:
    """Return the first day of the last month that the lake has a segment of."""
    days = (segment.dt for segment, seen in session.listing(now).items() if seen.message)
    last = max(days, default=None)
    return None if last is None else last.replace(day=1)


def _consumers(session: Session, catalog: Catalog, kind: str, month: date | None) -> Sequence[Consumer]:
    view, sql = _CONSUMERS[kind]
    if month is None or view not in catalog.relations:
        return ()
    spec = catalog.spec
    rows = _ask(session, catalog, sql.format(module=spec.column(spec.module_key).name, first=month, after=months_later(month), most=_MOST))
    return [Consumer(kind, "none" if name is None else str(name), int(messages), float(share)) for name, messages, share in rows]


def _questions(session: Session, catalog: Catalog, now: datetime) -> Questions:
    client = session.clients.impatient("athena")
    asked = recent_questions(client, catalog.config.workgroup)
    days = (now - asked[-1].asked_at) / DAY if asked else 0.0
    return Questions(tuple(Question(one.id, one.scanned, is_unpruned(one.sql, catalog)) for one in asked), days)
