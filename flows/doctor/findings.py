"""Says of what was seen what is wrong, what it costs a month, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any, Final

from archive.model import rules
from archive.model.cost import GB, ITEM_OVERHEAD, PAGE_BYTES
from archive.model.prices import Prices
from athena.access import LARGE_BYTES, scan_dollars
from flows.doctor.seen import DAYS, Part, Question, Seen

_BILL: Final = rules.BUDGETS[1].threshold
"""Dollars a month from which the platform's guide calls costs high."""
_WORTH: Final = Decimal(1)
"""Dollars a month from which something is worth saying."""
_MANY: Final[Mapping[str, tuple[int, str]]] = {
    "module": (100_000, "query them by day, follow LastEvaluatedKey page by page, keep answers for some minutes, and archive what is old"),
    "student": (10_000, "query them with a time range and a Limit, newest first, and follow LastEvaluatedKey page by page"),
}
"""From so many messages on the guide says what to do about a module, or a student; here they are those of one month."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: under which heading of the guide's troubleshooting, in one sentence; dollars a month (None: not known)."""

    symptom: str
    text: str
    month: Decimal | None
    todo: str

    def to_dict(self) -> dict[str, Any]:
        """Return it for `--json`."""
        month = None if self.month is None else str(round(self.month, 2))
        return {"symptom": self.symptom, "text": self.text, "dollars_a_month": month, "todo": self.todo}


def findings(seen: Seen) -> list[Finding]:
    """Return everything that is wrong, by the guide's headings."""
    return [
        *_costs(seen),
        *_idle_indexes(seen),
        *_backlog(seen),
        *_slow(seen),
        *_throttled(seen),
        *_large(seen),
        *_busy(seen),
        *_questions(seen),
    ]


def bill(seen: Seen) -> Decimal:
    """Return the dollars a month that the table and its indexes cost: storage, and what was read and written, as far as it is known."""
    return sum((part.month(seen.prices) for part in seen.parts), Decimal(0))


def _costs(seen: Seen) -> Iterator[Finding]:
    total = bill(seen)
    if total <= _BILL:
        return
    shares = {
        "storage": sum(part.storage(seen.prices) for part in seen.parts),
        "writes": sum(part.writing(seen.prices) for part in seen.parts),
        "reads": sum(part.reading(seen.prices) for part in seen.parts),
    }
    largest = max(shares, key=lambda name: shares[name])
    dearest = max(seen.parts, key=lambda part: part.month(seen.prices))
    todo = {
        "storage": "archive and remove what is old (`dynalake plan` shows what that saves; [policy] purge), and project less into indexes",
        "writes": "each write is one to each index too: drop or narrow those that few ask for, and write a TTL with the message",
        "reads": "keep answers of frequent questions for some minutes, name a time range in every query, and ask Athena for what is old",
    }[largest]
    named = ", ".join(f"{name} ${dollars:,.2f}" for name, dollars in shares.items())
    known = "" if seen.parts[0].traffic else "at least "
    yield Finding("high costs", f"the table costs {known}${total:,.2f} a month ({named}); {dearest.name} costs most", total, todo)


def _idle_indexes(seen: Seen) -> Iterator[Finding]:
    for part in seen.parts:
        dollars = part.month(seen.prices)
        if part.index and part.index != seen.source_index and part.traffic and not part.traffic.read_units and dollars >= _WORTH:
            yield Finding(
                "high costs",
                f"nobody has read {part.name} for {DAYS} days",
                dollars,
                "drop it, or make it anew with KEYS_ONLY, if nobody needs it; its questions can be asked of the lake (`dynalake views`)",
            )


def _backlog(seen: Seen) -> Iterator[Finding]:
    if seen.backlog is None:
        return
    backlog = seen.backlog
    for messages, what, todo in (
        (
            backlog.waiting,
            f"messages of {backlog.modules:,} modules are old enough to be archived, and are not",
            "run `dynalake plan`, then `dynalake nightly`",
        ),
        (backlog.kept, "messages are archived and proved, and still in the table", 'set [policy] purge = "delete" once you trust the lake'),
    ):
        held = messages * (backlog.item_bytes + ITEM_OVERHEAD) * len(seen.parts)
        dollars = held * seen.prices.table_gb_month / GB
        if dollars >= _WORTH:
            yield Finding("high costs", f"about {messages:,} {what}", dollars, todo)


def _slow(seen: Seen) -> Iterator[Finding]:
    rule = rules.LATENCY
    hours = seen.queries.p99 if seen.queries else ()
    slow = [value for value in hours if rule.breached(value)]
    if slow:
        yield Finding(
            "slow queries",
            f"one query in a hundred took more than {rule.threshold:,.0f} ms in {len(slow):,} of {len(hours):,} hours "
            f"({max(slow):,.0f} ms at worst)",
            None,
            "name the partition key and a time range in every query, and a Limit; look below which modules and students have most messages",
        )


def _throttled(seen: Seen) -> Iterator[Finding]:
    for part in seen.parts:
        if part.traffic and part.traffic.throttles:
            text = f"{part.traffic.throttles:,.0f} requests to {part.name} were throttled in {DAYS} days"
            todo = "retry with backoff, spread writes over time and over keys; "
            todo += (
                f"Dynalake's own runs met {seen.own_throttles:,}: lower [limits] partition_write_units and index_write_units"
                if seen.own_throttles
                else "Dynalake's own runs met none"
            )
            yield Finding("throttling", text, None, todo)


def _large(seen: Seen) -> Iterator[Finding]:
    """Find queries that fill pages: by the hour in the middle, as a nightly run's own pages are full."""
    table = seen.parts[0]
    hours = seen.queries.items if seen.queries else ()
    if not hours or not table.items:
        return
    items, size = median(hours), table.bytes / table.items
    if items * size >= PAGE_BYTES / 2:
        yield Finding(
            "too many items",
            f"a query returns {items:,.0f} items ({items * size / 1024:,.0f} KB) in most hours: half a page or more",
            sum((part.reading(seen.prices) for part in seen.parts), Decimal(0)),
            "add a time range to the key condition (timestamp > ...) and a Limit, and follow LastEvaluatedKey no further than needed",
        )


def _busy(seen: Seen) -> Iterator[Finding]:
    for kind, (most, todo) in _MANY.items():
        busy = [consumer for consumer in seen.consumers if consumer.kind == kind and consumer.messages > most]
        if busy:
            text = f"{len(busy):,} {kind}s have more than {most:,} messages each in {seen.month:%Y-%m} alone (most: {kind} {busy[0].name})"
            yield Finding("too many items", text, None, todo)


def _questions(seen: Seen) -> Iterator[Finding]:
    if seen.questions is None:
        return
    unpruned = [question for question in seen.questions.asked if question.unpruned]
    read = sum(question.scanned for question in unpruned)
    if read < LARGE_BYTES:
        return
    worst = max(unpruned, key=lambda question: question.scanned)
    yield Finding(
        "questions in Athena",
        f"{len(unpruned):,} of the last {len(seen.questions.asked):,} questions named no days of dt, and read {read / 10**9:,.1f} GB "
        f"(most: {worst.id})",
        dollars_a_month(unpruned, seen.questions.days, seen.prices),
        "name the days, as in WHERE dt >= DATE '2024-01-31'; let the workgroup cut off what reads too much",
    )


def dollars_a_month(questions: list[Question], days: float, prices: Prices) -> Decimal:
    """Return what questions cost a month, if they go on as in so many days."""
    once = sum((scan_dollars(question.scanned, prices) for question in questions), Decimal(0))
    return once * DAYS / Decimal(str(max(days, 1.0)))


def parts_by_cost(seen: Seen) -> list[Part]:
    """Return the table and its indexes, the dearest first."""
    return sorted(seen.parts, key=lambda part: -part.month(seen.prices))
