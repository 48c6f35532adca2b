"""The views by provider and of conversations answer what plain Python works out from the source's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.athena.views.conftest import Ask
from tests.athena.views.independent import by, column, conversations, grouped, is_in_remainder, total, totals
from tests.athena.views.real_lake import COMPLETE, Plain, RealLake, day_of, sent_at

THROUGH = COMPLETE.replace(tzinfo=None)
USUAL = {"stop", "end_turn", "stop_sequence", "tool_calls", "tool_use", "function_call", "length", "max_tokens"}
PERCENTILES = {"latency_p50_ms": 0.5, "latency_p90_ms": 0.9, "latency_p99_ms": 0.99}


def _of_providers(real_lake: RealLake) -> list[Plain]:
    return [message for message in real_lake.messages if "provider" in message]


def _provider(message: Plain) -> tuple[str, str]:
    return message["provider"], message["model"]


def _first(message: Plain) -> date:
    return day_of(message).replace(day=1)


def _figures(messages: list[Plain]) -> dict[str, Any]:
    reasons = [message["finishReason"] for message in messages if "finishReason" in message]
    errors = sum(reason not in USUAL for reason in reasons)
    return {
        "messages": len(messages),
        "conversations": conversations(messages),
        **totals(messages),
        "latencies": sum(column(message, "latency_ms") is not None for message in messages),
        "latency_ms_in_remainder": sum(is_in_remainder(message, "latency_ms") for message in messages),
        "finished": len(reasons),
        "cut_off": sum(reason in ("length", "max_tokens") for reason in reasons),
        "errors": errors,
        "error_share": pytest.approx(errors / len(reasons)) if reasons else None,
    }


@pytest.mark.parametrize(
    ("view", "names", "key"),
    [
        ("providers_daily", ("dt", "day", "provider", "model"), lambda message: (day_of(message), day_of(message), *_provider(message))),
        ("providers_monthly", ("dt", "provider", "model"), lambda message: (_first(message), *_provider(message))),
    ],
)
def test_providers_over_time(real_lake: RealLake, ask: Ask, view: str, names: tuple[str, ...], key: Callable[[Plain], Any]) -> None:
    """Usage, cost, tokens and errors of each provider and model; percentiles lie where they have to among the latencies."""
    groups = grouped(_of_providers(real_lake), key)
    found = by(ask(f"SELECT * FROM {view}"), *names)
    assert {place: {name: value for name, value in row.items() if name not in PERCENTILES} for place, row in found.items()} == {
        place: _figures(group) for place, group in groups.items()
    }
    assert sum(row["errors"] for row in found.values())
    for place, row in found.items():
        latencies = sorted(value for message in groups[place] if (value := column(message, "latency_ms")) is not None)
        for name, share in PERCENTILES.items():
            _require_percentile(row[name], latencies, share)


def _require_percentile(value: int | None, latencies: list[int], share: float) -> None:
    """Percentiles are approximate, in Athena too: within 5 % of the ranks (and one), where small groups leave that open."""
    if not latencies:
        assert value is None
        return
    assert value is not None
    rank, slack = share * len(latencies), 1 + 0.05 * len(latencies)
    assert sum(latency < value for latency in latencies) <= rank + slack
    assert sum(latency <= value for latency in latencies) >= rank - slack


def test_each_month_against_the_one_before(real_lake: RealLake, ask: Ask) -> None:
    """In this month, which complete_through cuts off, only days before it count, and the same days of the month before."""
    found = by(ask("SELECT * FROM providers_month_over_month"), "dt", "provider", "model")
    messages = _of_providers(real_lake)
    expected: dict[Any, dict[str, Any]] = {}
    month = date(2023, 1, 1)
    while month <= THROUGH.date():
        following = (month + timedelta(days=32)).replace(day=1)
        before = (month - timedelta(days=1)).replace(day=1)
        last_day = (THROUGH.date() - timedelta(days=1)).day if following > THROUGH.date() else 31
        own = [message for message in messages if _first(message) == month and day_of(message).day <= last_day]
        theirs = [message for message in messages if _first(message) == before and day_of(message).day <= last_day]
        for key in {_provider(message) for message in (*own, *theirs)}:
            expected[month, *key] = {
                **_compared([message for message in own if _provider(message) == key], ""),
                **_compared([message for message in theirs if _provider(message) == key], "_before"),
                "is_whole": following <= THROUGH.date(),
                "complete_through": THROUGH,
            }
        month = following
    assert found == expected
    assert {row["is_whole"] for row in found.values()} == {True, False}


def _compared(messages: list[Plain], suffix: str) -> dict[str, Any]:
    figures: dict[str, Any] = {f"messages{suffix}": len(messages)}
    for name in ("output_tokens", "cost_usd"):
        sums = total(messages, name)
        figures |= {f"{name}{suffix}": sums[name], f"{name}{suffix}_in_remainder": sums[f"{name}_in_remainder"]}
    return figures


def test_what_modules_spent_with_each_provider(real_lake: RealLake, ask: Ask) -> None:
    """Per day; a year's bill of a module adds up from it."""

    def key(message: Plain) -> tuple[date, date, Any, str]:
        return day_of(message), day_of(message), column(message, "module_id"), message["provider"]

    expected = {place: {"messages": len(group), **totals(group)} for place, group in grouped(_of_providers(real_lake), key).items()}
    assert by(ask("SELECT * FROM module_provider_costs"), "dt", "day", "module_id", "provider") == expected
    within = "module_id = 205 AND dt BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'"
    year = ask(f"SELECT sum(cost_usd) AS bill FROM module_provider_costs WHERE {within}")
    own = [message for message in real_lake.messages if column(message, "module_id") == 205 and day_of(message).year == 2024]
    assert year == [{"bill": Decimal(totals(own)["cost_usd"])}]


def _conversation(messages: Iterable[Plain]) -> dict[str, Any]:
    found = list(messages)
    first, last = min(map(sent_at, found)), max(map(sent_at, found))
    return {
        "student_id": min((value for message in found if (value := column(message, "student_id")) is not None), default=None),
        "module_id": min(column(message, "module_id") for message in found),
        "messages": len(found),
        "turns": sum(message["role"] == "student" for message in found),
        "first_at": first,
        "last_at": last,
        "duration_seconds": int((last - first) // timedelta(seconds=1)),
        **totals(found),
    }


def test_conversations_by_day(real_lake: RealLake, ask: Ask) -> None:
    """One that goes on after midnight has a row for each day."""
    groups = grouped(real_lake.messages, lambda message: (day_of(message), message["conversationId"]))
    found = by(ask("SELECT * FROM conversations_daily"), "dt", "conversation_id")
    assert found == {place: _conversation(group) for place, group in groups.items()}
    assert len(found) > len({conversation for _, conversation in found})


def test_whole_conversations(real_lake: RealLake, ask: Ask) -> None:
    """One row each, whatever days it goes on for; its dt is that of its first message."""
    groups = grouped(real_lake.messages, lambda message: message["conversationId"])
    expected = {(conversation,): {"dt": min(map(day_of, group)), **_conversation(group)} for conversation, group in groups.items()}
    assert by(ask("SELECT * FROM conversations"), "conversation_id") == expected


def test_a_transcript_in_order(real_lake: RealLake, ask: Ask) -> None:
    """Every message of the longest conversation, first to last."""
    name, group = max(grouped(real_lake.messages, lambda message: message["conversationId"]).items(), key=lambda found: len(found[1]))
    found = ask(f"SELECT role, content FROM conversation_transcripts WHERE conversation_id = '{name}' ORDER BY sent_at")
    assert [(row["role"], row["content"]) for row in found] == [
        (message["role"], message["content"]) for message in sorted(group, key=sent_at)
    ]
