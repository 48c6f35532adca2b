"""What a doctor finds in what it has seen, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.model.prices import US_EAST_1
from flows.doctor.findings import bill, dollars_a_month, findings
from flows.doctor.seen import Backlog, Consumer, Part, Queries, Question, Questions, Seen, Traffic

GB = 2**30
QUIET = Traffic(1.0, 1.0, 0.0)
FINE = Seen(
    source_index="Modules",
    purge="delete",
    prices=US_EAST_1,
    parts=(Part(None, 1_000, 2_000_000, QUIET), Part("Modules", 1_000, 2_000_000, QUIET), Part("Students", 1_000, 2_000_000, QUIET)),
    own_throttles=0,
    queries=Queries((9.0, 100.0), (50.0,)),
    backlog=Backlog(10, 0, 2_000, 1),
    month=date(2024, 1, 1),
    consumers=(Consumer("module", "205", 24, 0.24), Consumer("student", "7", 90, 0.9)),
    questions=Questions((Question("q1", 10**9, unpruned=False), Question("q2", 10**9 - 1, unpruned=True)), 3.0),
    unseen={},
)


def with_part(index: str | None, **changes: Any) -> Seen:  # noqa: ANN401 - the fields of a part
    """Return what is fine, with one part that is not; what queries return is not known."""
    return replace(FINE, queries=None, parts=tuple(replace(part, **changes) if part.index == index else part for part in FINE.parts))


def test_a_table_that_is_fine_has_no_findings() -> None:
    """Small, quick, and asked by the day."""
    assert findings(FINE) == []


def test_nothing_seen_is_no_finding() -> None:
    """Where neither CloudWatch nor the lake nor Athena can be asked."""
    parts = tuple(replace(part, traffic=None) for part in FINE.parts)
    assert findings(replace(FINE, parts=parts, queries=None, backlog=None, consumers=(), questions=None)) == []


@pytest.mark.parametrize(
    ("seen", "says", "todo"),
    [
        (with_part(None, bytes=500 * GB), "the table costs $125.", "archive and remove"),
        (with_part(None, traffic=Traffic(1.0, 2e8, 0.0)), "writes $125.00", "each write is one to each index"),
        (with_part("Modules", traffic=Traffic(1e9, 1.0, 0.0)), "index Modules costs most", "keep answers of frequent questions"),
    ],
    ids=["storage", "writes", "reads"],
)
def test_a_bill_above_a_hundred_dollars_is_told_by_its_parts(seen: Seen, says: str, todo: str) -> None:
    """With what to do about the largest."""
    (finding,) = findings(seen)
    assert (finding.symptom, finding.month) == ("high costs", bill(seen))
    assert says in finding.text
    assert finding.todo.startswith(todo)


def test_a_hundred_dollars_are_not_high() -> None:
    """More is."""
    per_unit = US_EAST_1.write_million / 10**6
    rest = bill(with_part(None, traffic=Traffic(1.0, 0.0, 0.0)))
    units = float((100 - rest) / per_unit)
    assert findings(with_part(None, traffic=Traffic(1.0, units - 10, 0.0))) == []
    assert findings(with_part(None, traffic=Traffic(1.0, units + 10, 0.0))) != []


def test_without_consumption_a_bill_is_a_bound() -> None:
    """Storage alone."""
    parts = (Part(None, 1, 500 * GB, None), Part("Modules", 1, 1, None))
    (finding,) = findings(replace(FINE, queries=None, parts=parts))
    assert "costs at least $125.00 a month" in finding.text


def test_an_index_that_nobody_reads_is_named_with_its_price() -> None:
    """But not the one that runs read by, nor one that costs next to nothing, nor where reads are not known."""
    idle = Traffic(0.0, 1e6, 0.0)
    (finding,) = findings(with_part("Students", traffic=idle, bytes=10 * GB))
    assert "nobody has read index Students for 30 days" in finding.text
    assert finding.month is not None
    assert round(finding.month, 2) == Decimal("3.13")
    for seen in (with_part("Modules", traffic=idle, bytes=10 * GB), with_part("Students", traffic=Traffic(0.0, 1.0, 0.0))):
        assert findings(seen) == []
    assert findings(with_part("Students", traffic=None, bytes=10 * GB)) == []


def test_what_waits_and_what_is_kept_have_a_price() -> None:
    """With what to run, or to set; of an item with two indexes, three copies."""
    waiting, kept = findings(replace(FINE, backlog=Backlog(1_000_000, 2_000_000, 1_900, 4)))
    assert waiting.text == "about 1,000,000 messages of 4 modules are old enough to be archived, and are not"
    assert waiting.month == Decimal(1_000_000 * 2_000 * 3) * US_EAST_1.table_gb_month / GB
    assert kept.month == 2 * waiting.month
    assert ("dynalake nightly" in waiting.todo, "[policy] purge" in kept.todo) == (True, True)


def test_slow_hours_are_counted() -> None:
    """By the alarm's rule."""
    (finding,) = findings(replace(FINE, queries=Queries((100.0, 101.0, 250.0), ())))
    assert finding.text == "one query in a hundred took more than 100 ms in 2 of 3 hours (250 ms at worst)"


@pytest.mark.parametrize(("own", "says"), [(0, "own runs met none"), (7, "own runs met 7: lower [limits]")])
def test_throttles_are_told_by_resource(own: int, says: str) -> None:
    """And whether Dynalake's runs met any."""
    (finding,) = findings(replace(with_part("Students", traffic=replace(QUIET, throttles=12.0)), own_throttles=own))
    assert finding.text == "12 requests to index Students were throttled in 30 days"
    assert says in finding.todo


def test_queries_that_fill_half_a_page_in_most_hours_are_large() -> None:
    """An hour of a nightly run, whose pages are full, does not count."""
    (finding,) = findings(replace(FINE, queries=Queries((), (300.0, 300.0, 1.0))))
    assert finding.symptom == "too many items"
    assert "300 items (586 KB)" in finding.text
    assert findings(replace(FINE, queries=Queries((), (300.0, 1.0, 1.0)))) == []


def test_modules_and_students_of_many_messages_stand_out() -> None:
    """By the guide's numbers; days are shown, and are nobody's fault."""
    many = (Consumer("module", "205", 100_001, 0.25), Consumer("student", "7", 10_001, 0.1), Consumer("day", "2024-01-01", 10**9, 1.0))
    modules, students = findings(replace(FINE, consumers=(*many, Consumer("module", "3", 100_000, 0.2))))
    assert modules.text == "1 modules have more than 100,000 messages each in 2024-01 alone (most: module 205)"
    assert students.text == "1 students have more than 10,000 messages each in 2024-01 alone (most: student 7)"


def test_questions_without_days_are_priced_by_the_month() -> None:
    """And the one that read most is named, by its id: what was asked may name a student."""
    asked = (Question("q1", 2 * 2**40, unpruned=True), Question("q2", 2**40, unpruned=True), Question("q3", 2**50, unpruned=False))
    (finding,) = findings(replace(FINE, questions=Questions(asked, 10.0)))
    assert finding.text == "2 of the last 3 questions named no days of dt, and read 3,298.5 GB (most: q1)"
    assert finding.month == Decimal(15) * 3


@given(st.floats(0, 400), st.integers(0, 2**50))
def test_a_short_look_is_not_blown_up(days: float, scanned: int) -> None:
    """Questions of less than a day count as those of one."""
    questions = [Question("q", scanned, unpruned=True)]
    assert dollars_a_month(questions, days, US_EAST_1) <= dollars_a_month(questions, 1.0, US_EAST_1)


PARTS = st.builds(
    Part,
    st.just(None),
    st.integers(0, 10**9),
    st.integers(0, 10**13),
    st.one_of(st.none(), st.builds(Traffic, *[st.floats(0, 1e12)] * 3)),
)


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_the_bill_is_the_sum_of_storage_reads_and_writes(parts: list[Part]) -> None:
    """Of all parts, and never less than what is stored."""
    seen = replace(FINE, parts=tuple(parts))
    stored = sum(part.storage(US_EAST_1) for part in parts)
    units = sum(part.reading(US_EAST_1) + part.writing(US_EAST_1) for part in parts)
    assert abs(bill(seen) - stored - units) < Decimal("0.000001") * (1 + stored + units)
    assert bill(seen) >= stored


def test_a_finding_is_plain_json() -> None:
    """Money as text, rounded to cents."""
    (finding,) = findings(with_part(None, bytes=500 * GB))
    told = finding.to_dict()
    assert set(told) == {"symptom", "text", "dollars_a_month", "todo"}
    assert told["dollars_a_month"] == str(round(bill(with_part(None, bytes=500 * GB)), 2))
