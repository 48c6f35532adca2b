"""The views by module and by student answer what plain Python works out from the source's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.athena.views.conftest import Ask
from tests.athena.views.independent import by, column, conversations, different, grouped, totals
from tests.athena.views.real_lake import COMPLETE, Plain, RealLake, day_of, sent_at

THROUGH = COMPLETE.replace(tzinfo=None)


def _monday(message: Plain) -> date:
    return day_of(message) - timedelta(days=day_of(message).weekday())


def _first(message: Plain) -> date:
    return day_of(message).replace(day=1)


def _hour(message: Plain) -> datetime:
    return sent_at(message).replace(minute=0, second=0, microsecond=0)


def _module(message: Plain) -> Any:  # noqa: ANN401 - what the column holds
    return column(message, "module_id")


def _counts(messages: Iterable[Plain]) -> dict[str, int]:
    found = list(messages)
    return {"messages": len(found), "students": different(found, "student_id"), "conversations": conversations(found)}


@pytest.mark.parametrize(
    ("view", "names", "key"),
    [
        ("modules_daily", ("dt", "day", "module_id"), lambda message: (day_of(message), day_of(message), _module(message))),
        ("modules_weekly", ("dt", "week", "module_id"), lambda message: (_monday(message), _monday(message), _module(message))),
        ("modules_monthly", ("dt", "module_id"), lambda message: (_first(message), _module(message))),
    ],
)
def test_modules_over_time(real_lake: RealLake, ask: Ask, view: str, names: tuple[str, ...], key: Callable[[Plain], Any]) -> None:
    """Each module's messages, students, conversations, tokens and cost; what is in no sum is counted beside it."""
    expected = {found: {**_counts(group), **totals(group)} for found, group in grouped(real_lake.messages, key).items()}
    assert by(ask(f"SELECT * FROM {view}"), *names) == expected
    assert any(figures["cost_usd_in_remainder"] for figures in expected.values())


def test_a_module_hour_by_hour(real_lake: RealLake, ask: Ask) -> None:
    """A window of one module, and no other hours."""
    sql = """SELECT * FROM modules_hourly WHERE module_id = 205 AND dt BETWEEN DATE '2024-03-01' AND DATE '2024-04-30'
             AND hour >= TIMESTAMP '2024-03-02 12:00:00' ORDER BY hour"""
    wanted = [
        message for message in real_lake.messages if _module(message) == 205 and date(2024, 3, 1) <= day_of(message) <= date(2024, 4, 30)
    ]
    hours = {hour: group for hour, group in grouped(wanted, _hour).items() if hour >= datetime(2024, 3, 2, 12)}  # noqa: DTZ001 - as the lake has it
    expected = {(hour,): {"dt": hour.date(), "module_id": 205, **_counts(group)} for hour, group in hours.items()}
    assert expected
    assert by(ask(sql), "hour") == expected


def test_the_busiest_modules(real_lake: RealLake, ask: Ask) -> None:
    """Places by month, with gaps after modules that share one; shares of a month add up to all of it."""
    months = grouped(real_lake.messages, _first)
    expected = {}
    for month, messages in months.items():
        modules = grouped(messages, _module)
        for module, group in modules.items():
            place = 1 + sum(len(other) > len(group) for other in modules.values())
            expected[month, module] = {**_counts(group), "place": place, "share": pytest.approx(len(group) / len(messages))}
    assert by(ask("SELECT * FROM modules_busiest"), "dt", "module_id") == expected


@pytest.mark.parametrize("view", ["module_messages", "student_messages", "conversation_transcripts"])
def test_messages_one_by_one(real_lake: RealLake, ask: Ask, view: str) -> None:
    """Every message once, with its text; a text that is as long as it was says that nothing was cut."""
    found = by(ask(f"SELECT conversation_id, sent_at, dt, role, length(content) AS size FROM {view}"), "conversation_id", "sent_at")
    expected = {
        (message["conversationId"], sent_at(message)): {"dt": day_of(message), "role": message["role"], "size": len(message["content"])}
        for message in real_lake.messages
    }
    assert found == expected


def test_a_students_latest_messages(real_lake: RealLake, ask: Ask) -> None:
    """The ten newest, newest first."""
    student = max(grouped(real_lake.messages, lambda message: column(message, "student_id")).items(), key=lambda found: len(found[1]))[0]
    found = ask(f"SELECT sent_at, content FROM student_messages WHERE student_id = {student} ORDER BY sent_at DESC LIMIT 10")
    own = [(sent_at(message), message["content"]) for message in real_lake.messages if column(message, "student_id") == student]
    assert [row["sent_at"] for row in found] == sorted((time for time, _ in own), reverse=True)[:10]
    assert {(row["sent_at"], row["content"]) for row in found} <= set(own)


def _times(messages: list[Plain], first: str, last: str) -> dict[str, datetime]:
    return {first: min(map(sent_at, messages)), last: max(map(sent_at, messages))}


def test_what_students_did(real_lake: RealLake, ask: Ask) -> None:
    """Day by day; messages whose student fits no column stand together under NULL."""
    expected = {}
    for (day, student), group in grouped(real_lake.messages, lambda message: (day_of(message), column(message, "student_id"))).items():
        counts = {"messages": len(group), "modules": different(group, "module_id"), "conversations": conversations(group)}
        expected[day, day, student] = {**counts, **_times(group, "first_at", "last_at"), **totals(group)}
    assert by(ask("SELECT * FROM student_activity"), "dt", "day", "student_id") == expected


def test_when_students_were_seen(real_lake: RealLake, ask: Ask) -> None:
    """As of complete_through: what came later does not count, and days of absence end there."""
    archived = [message for message in real_lake.messages if sent_at(message) < THROUGH and column(message, "student_id") is not None]
    assert len(archived) < len(real_lake.messages)
    expected = {}
    for student, group in grouped(archived, lambda message: column(message, "student_id")).items():
        seen = _times(group, "first_seen", "last_seen")
        absent = {"inactive_days": (THROUGH - seen["last_seen"]).days, "complete_through": THROUGH}
        expected[student,] = {"dt": seen["last_seen"].date(), "messages": len(group), **seen, **absent}
    assert by(ask("SELECT * FROM students_seen"), "student_id") == expected


def test_the_modules_of_a_student_in_order(real_lake: RealLake, ask: Ask) -> None:
    """By the first message in each; steps are counted from 1."""
    expected = {}
    known = [message for message in real_lake.messages if column(message, "student_id") is not None]
    for student, own in grouped(known, lambda message: column(message, "student_id")).items():
        begun = sorted((min(map(sent_at, group)), module, group) for module, group in grouped(own, _module).items())
        for step, (first, module, group) in enumerate(begun, 1):
            expected[student, step] = {
                "dt": first.date(),
                "module_id": module,
                "messages": len(group),
                **_times(group, "first_at", "last_at"),
            }
    assert by(ask("SELECT * FROM student_learning_path"), "student_id", "step") == expected
