"""Coverage: ranges of what is archived, and what lies between them unread."""

from __future__ import annotations

from archive.model.coverage import Range, covers, ranges, united, unread
from archive.model.layout import Segment
from archive.model.window import DAY, Window, parse_instant

START = parse_instant("2024-01-01")


def days(first: int, end: int) -> Window:
    """Return the window of some days of January 2024, counted from 0."""
    return Window(START + first * DAY, START + end * DAY)


def segment(day: int) -> Segment:
    """Return one day's segment."""
    return Segment(days(day, day + 1), days(day, day + 1).start.date())


def test_windows_that_touch_or_overlap_are_one() -> None:
    """In whatever order they come."""
    assert united([days(5, 6), days(0, 2), days(1, 3), days(3, 4)]) == [days(0, 4), days(5, 6)]


def test_a_window_is_covered_by_one_alone() -> None:
    """Half of it is not enough."""
    assert covers([days(0, 4)], days(1, 4))
    assert not covers([days(0, 4), days(5, 9)], days(3, 6))


def test_days_without_messages_do_not_part_a_range() -> None:
    """Those that a complete run has read; others do."""
    segments = [segment(day) for day in (0, 1, 3, 6)]
    assert ranges(segments, [days(0, 5)]) == [Range(days(0, 4), 3), Range(days(6, 7), 1)]
    assert ranges(segments, []) == [Range(days(0, 2), 2), Range(days(3, 4), 1), Range(days(6, 7), 1)]


def test_what_lies_between_and_was_not_read_is_a_gap() -> None:
    """Nothing before the first, and nothing after the last."""
    archived = ranges([segment(0), segment(3)], [])
    assert [gap.window for gap in unread(archived, [days(3, 5), days(7, 8)])] == [days(1, 3), days(5, 7)]
    assert unread([], []) == []
