"""The figures of a report, held against the source's messages and the records in plain Python: no SQL, nothing of athena/."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from archive.model.saving import Item
from flows.report.asking import QUESTIONS, About, item_of
from flows.report.choosing import Wanted, hot_of, shown_of
from flows.report.figures import Figures, Partition
from tests.athena.views.grammar import trino_grammar
from tests.athena.views.independent import column, grouped, is_in_remainder, kept_in_remainder
from tests.athena.views.real_lake import COMPLETE, Plain, RealLake, day_of
from tests.conftest import missing
from tests.flows.report.conftest import NOW, TABLE, WANTED, status_with
from tests.servers import ServerMissingError


def _monday(message: Plain) -> date:
    day = day_of(message)
    return day - timedelta(days=day.weekday())


def _shown(figures: Figures, lake: RealLake) -> list[Plain]:
    assert figures.shown is not None
    return [message for message in lake.messages if figures.shown.first <= day_of(message) <= figures.shown.last]


def _cost(messages: Iterable[Plain]) -> Decimal:
    return sum((cost for message in messages if (cost := column(message, "cost_usd")) is not None), Decimal(0))


def _missing(messages: Iterable[Plain], *names: str) -> int:
    return sum(is_in_remainder(message, name) for message in messages for name in names)


def test_partitions_are_those_of_the_receipts(figures: Figures, real_lake: RealLake) -> None:
    """With how many messages each has, how many bytes, and whether it is complete."""
    days = grouped(real_lake.messages, day_of)
    sizes = {receipt["window_start"][:10]: receipt["bytes"] for receipt in real_lake.receipts}
    found = {part.dt: (part.first, part.last, part.messages, part.bytes, part.is_complete) for part in figures.partitions}
    assert found == {day: (day, day, len(messages), sizes[day.isoformat()], day < COMPLETE.date()) for day, messages in days.items()}
    assert figures.messages == len(real_lake.messages)
    assert figures.bytes == sum(sizes.values())


def test_what_was_removed_counts_once(figures: Figures, real_lake: RealLake) -> None:
    """Of the purge records: an outcome that was stored twice, one in two parts, and a purge that was killed."""
    whole, parts, killed = (datetime.strptime(receipt["segment"][:8], "%Y%m%d").date() for receipt in real_lake.receipts[:3])  # noqa: DTZ007
    removed = {part.dt: part.removed for part in figures.partitions if part.removed}
    assert removed == {whole: 4, parts: 6}
    assert killed not in removed


def test_holes_are_the_days_nobody_wrote_on(figures: Figures, real_lake: RealLake) -> None:
    """Between the first day and the last; before complete_through they are no loss."""
    days = sorted({day_of(message) for message in real_lake.messages})
    every = {days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days)}
    found: dict[date, bool] = {}
    for hole in figures.holes:
        found |= {hole.first + timedelta(days=number): hole.is_complete for number in range((hole.last - hole.first).days + 1)}
    assert found == {day: day < COMPLETE.date() for day in every - set(days)}


def test_figures_of_messages_are_of_thirteen_months(figures: Figures, real_lake: RealLake) -> None:
    """Back from the newest day, cut into weeks."""
    days = sorted({day_of(message) for message in real_lake.messages})
    assert figures.shown is not None
    start = date(days[-1].year - 1, days[-1].month, 1)
    first = next(day for day in days if day >= start)
    assert (figures.shown.first, figures.shown.last, figures.shown.wanted, figures.shown.period) == (first, days[-1], first, "week")
    assert 0 < len(_shown(figures, real_lake)) < len(real_lake.messages)


def test_modules(figures: Figures, real_lake: RealLake) -> None:
    """Messages and cost of each module, week by week, and how many costs are not in the sum."""
    expected = {
        (week, str(module)): (len(messages), _cost(messages), _missing(messages, "cost_usd"))
        for (week, module), messages in grouped(_shown(figures, real_lake), lambda one: (_monday(one), column(one, "module_id"))).items()
    }
    assert {(use.period, use.module): (use.messages, use.cost_usd, use.cost_in_remainder) for use in figures.modules} == expected


def test_models(figures: Figures, real_lake: RealLake) -> None:
    """Messages, tokens, cost and errors of each model, week by week."""
    named = [message for message in _shown(figures, real_lake) if "provider" in message]
    tokens: Callable[[Plain], Any] = lambda one: (column(one, "input_tokens") or 0) + (column(one, "output_tokens") or 0)  # noqa: E731
    expected = {
        key: (
            len(messages),
            sum(map(tokens, messages)),
            _missing(messages, "input_tokens", "output_tokens"),
            _cost(messages),
            sum("finishReason" in message for message in messages),
            sum(message.get("finishReason") == "content_filter" for message in messages),
        )
        for key, messages in grouped(named, lambda one: (_monday(one), one["provider"], one.get("model"))).items()
    }
    found = {
        (use.period, use.provider, use.model): (use.messages, use.tokens, use.tokens_in_remainder, use.cost_usd, use.finished, use.errors)
        for use in figures.models
    }
    assert found == expected


def test_drift(figures: Figures, real_lake: RealLake) -> None:
    """Each attribute in the remainder by type, week by week, and its share of the week's messages."""
    totals: Counter[date] = Counter()
    kept: Counter[tuple[date, str, str]] = Counter()
    for message in _shown(figures, real_lake):
        totals[_monday(message)] += 1
        kept.update((_monday(message), *pair) for pair in kept_in_remainder(message))
    found = {(one.period, one.attribute, one.type): one for one in figures.drift}
    assert {key: one.messages for key, one in found.items()} == kept
    assert {key: one.share for key, one in found.items()} == pytest.approx({key: count / totals[key[0]] for key, count in kept.items()})
    assert len({name for _, name, _ in kept}) > 5


def test_runs_are_the_records(figures: Figures, real_lake: RealLake) -> None:
    """All of them, oldest first, with how far behind the clock each nightly one left the archive."""
    records = sorted(real_lake.runs, key=lambda record: record["run"])
    assert [(run.run, run.command, run.why, run.added, run.removed, run.seconds) for run in figures.runs] == [
        (record["run"], record["command"], record["why_stopped"], record["messages_added"], record["messages_removed"], record["seconds"])
        for record in records
    ]
    ended = [datetime.fromisoformat(record["ended_at"]) for record in records]
    through = [record["complete_through"] and datetime.fromisoformat(record["complete_through"]) for record in records]
    assert [run.behind_days for run in figures.runs] == [(end - to).days if to else None for end, to in zip(ended, through, strict=True)]
    assert [run.restored for run in figures.runs][-1] == 7


def test_savings_are_those_of_the_records(figures: Figures, real_lake: RealLake) -> None:
    """Removed by the runs' records, less what was restored into the table; stored by the receipts; at us-east-1's list prices."""
    assert figures.item == Item(bytes=1500, indexes=3)
    months = {month.month: month for month in figures.months}
    assert list(months) == [date(2025, 8, 1), date(2025, 9, 1)]
    assert [month.removed for month in figures.months] == [4, 5 * 4 - 7]
    last = months[date(2025, 9, 1)]
    size = sum(receipt["bytes"] for receipt in real_lake.receipts)
    assert (last.table_bytes, last.lake_bytes) == (13 * 1600 * 4, size)
    assert float(last.table_dollars) == pytest.approx(13 * 1600 * 4 / 2**30 * 0.25)
    assert float(last.lake_dollars) == pytest.approx(size / 2**30 * 0.023)
    days: dict[str, float] = defaultdict(float)
    for record in real_lake.runs:
        left = record["messages_removed"] - record.get("messages_restored", 0)
        days["freed"] += left * (NOW - datetime.fromisoformat(record["started_at"])).total_seconds() / 86_400
    spent = len(real_lake.runs) * (1.5 * 0.125e-6 + 2.25 * 0.625e-6 + 4 * 0.005e-3)
    stored = size / 2**30 * 0.023 * (NOW - datetime(2025, 9, 1, 3, tzinfo=UTC)).total_seconds() / (730 * 3600)
    assert float(last.saved) == pytest.approx(days["freed"] * 24 / 730 * 1600 * 4 / 2**30 * 0.25 - stored - spent)


def test_what_is_in_the_table_alone(figures: Figures, real_lake: RealLake) -> None:
    """The table's count, less what is in the lake and was not removed; its days begin with the oldest message that waits."""
    assert figures.hot is not None
    assert figures.hot.messages == TABLE.items - (len(real_lake.messages) - (5 * 4 - 7))
    assert (figures.hot.first, figures.hot.last) == (date(2025, 6, 12), NOW.date())
    assert figures.hot.a_day == pytest.approx(figures.hot.messages / 91)


def test_what_a_ttl_removes_is_not_guessed() -> None:
    """Where messages are kept and have a TTL, nobody counts what expires; without a TTL it is known."""
    part = Partition(date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 1), 10, 1, 0, is_complete=True)
    assert hot_of(status_with(items=30, ttl_ahead_days=5.0), [part], 0, keeps=True) is None
    found = hot_of(status_with(items=30), [part], 0, keeps=True)
    assert found is not None
    assert found.messages == 20
    assert hot_of(status_with(items=10), [part], 0, keeps=False) is None


def _days(count: int, size: int) -> list[Partition]:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(count)]
    return [Partition(day, day, day, 1, size, 0, is_complete=True) for day in days]


@pytest.mark.parametrize(
    ("days", "months", "first", "period"),
    [(366, 1, "2024-12-01", "day"), (366, 2, "2024-11-01", "week"), (366, 13, "2024-01-01", "week"), (500, 600, "2024-01-01", "month")],
)
def test_how_far_back_it_looks(days: int, months: int, first: str, period: str) -> None:
    """So many months, the newest one included; the longer, the coarser."""
    shown = shown_of(_days(days, 1), Wanted(months, 10**9))
    assert shown is not None
    assert (shown.first.isoformat(), shown.wanted, shown.period) == (first, shown.first, period)


@pytest.mark.parametrize(("most", "first"), [(10, "2024-12-22"), (15, "2024-12-31"), (1, "2024-12-31"), (100, "2024-12-22")])
def test_it_reads_no_more_than_it_may(most: int, first: str) -> None:
    """The newest partitions that fit, and the newest one in any case."""
    size = {10: 1, 15: 10, 1: 10, 100: 10}[most]
    shown = shown_of(_days(366, size), Wanted(13, most))
    assert shown is not None
    assert (shown.first.isoformat(), shown.wanted.isoformat()) == (first, "2024-01-01")


def test_months_are_not_cut_into_days() -> None:
    """Where a partition is a month, so is the period."""
    part = Partition(date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 31), 1, 1, 0, is_complete=True)
    shown = shown_of([part], WANTED)
    assert shown is not None
    assert shown.period == "month"


def test_a_message_is_weighed_by_its_reading_where_the_table_is_empty(about: About) -> None:
    """Read units of 8 KB each, over the messages that archiving runs read; without any, dollars are not guessed."""
    empty = replace(about, table=replace(about.table, items=0, bytes=0))
    runs: list[dict[str, Any]] = [
        {"command": "nightly", "read_units": 100.0, "messages_read": 400},
        {"command": "purge", "read_units": 9.0, "messages_read": 1},
        {"command": "restore", "read_units": None, "messages_read": None},
    ]
    assert item_of(empty, runs) == Item(bytes=2048, indexes=3)
    assert item_of(empty, runs[1:]) is None
    assert item_of(about, runs) == Item(bytes=1500, indexes=3)


def test_trinos_own_grammar_accepts_every_question() -> None:
    """Athena's: DuckDB has answered them above."""
    try:
        grammar = trino_grammar()
    except ServerMissingError as error:
        missing(str(error))
    assert grammar([sql.replace("PERIOD", "week") for sql in QUESTIONS]) == [[]] * 8


def test_figures_are_json(figures: Figures) -> None:
    """For --json: days, instants and amounts are texts."""
    found = json.loads(json.dumps(figures.to_dict(), default=str))
    assert found["made_at"] == "2025-09-10T00:00:00Z"
    assert found["partitions"][0]["messages"] == figures.partitions[0].messages
    assert found["status"]["table_items"] == TABLE.items
    assert len(found["runs"]) == len(figures.runs)
