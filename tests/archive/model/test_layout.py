"""Layouts cut time without a gap and without an overlap, whatever was decided when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.lake_record import LakeRecord
from archive.model.layout import Layout, Layouts, Segment
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import MILLISECOND, Window, from_ms, midnight, to_ms
from tests.builders import OWNER

Form = tuple[str, str]
Changes = list[tuple[Form, date | None]]

FORMS = [("day", "day"), ("day", "6h"), ("day", "15m"), ("month", "month"), ("month", "day"), ("month", "6h")]
_FROM, _TO = date(2023, 1, 1), date(2025, 6, 1)
_DAYS = st.dates(_FROM, _TO)
_MILLISECONDS = st.integers(to_ms(midnight(_FROM)), to_ms(midnight(_TO)))
_CHANGES = st.lists(st.tuples(st.sampled_from(FORMS), st.none() | _DAYS), max_size=4)


def _record(form: Form, start: date = date(2023, 11, 7)) -> LakeRecord:
    return LakeRecord.new(OWNER, Layout.parse(start, *form), CHAT_MESSAGES)


def _history(first: Form, changes: Changes) -> tuple[Layouts, set[Segment]]:
    """Change a lake's layout again and again; before each change a segment is archived at the date, if there is one."""
    record, archived = _record(first), set[Segment]()
    for form, day in changes:
        if day is not None:
            archived.add(record.layouts.segment_of(to_ms(midnight(day))))
        last = max(archived, default=None)
        through = record.layouts.at(last.window.start).partition_of(last.window.start).end.date() if last else None
        record = record.with_layout(*form, through)
    return record.layouts, archived


@given(st.sampled_from(FORMS), _CHANGES, _MILLISECONDS, st.integers(1, 40 * 86_400_000))
def test_segments_tile_a_window(first: Form, changes: Changes, start: int, length: int) -> None:
    """They are in order, leave no gap, never overlap, and cover the window, under every history of layouts."""
    layouts, _ = _history(first, changes)
    window = Window(from_ms(start), from_ms(start + length))
    segments = list(layouts.segments(window))
    assert segments[0].window.start <= window.start < segments[0].window.end
    assert segments[-1].window.start < window.end <= segments[-1].window.end
    assert all(before.window.end == after.window.start for before, after in pairwise(segments))
    assert all(before.dt <= after.dt for before, after in pairwise(segments))


@given(st.sampled_from(FORMS), _CHANGES, _MILLISECONDS, st.integers(0, 86_399_999))
def test_a_segment_holds_its_instants(first: Form, changes: Changes, at: int, later: int) -> None:
    """An instant's segment contains it, and any other instant in that segment is given the same one."""
    layouts, _ = _history(first, changes)
    segment = layouts.segment_of(at)
    assert segment.window.start_ms <= at < segment.window.end_ms
    other = min(segment.window.start_ms + later, segment.window.end_ms - 1)
    assert layouts.segment_of(other) == segment
    partition = layouts.at(from_ms(at)).partition_of(from_ms(at))
    assert partition.covers(segment.window)
    assert partition.start.date() == segment.dt


@given(st.sampled_from(FORMS), _CHANGES)
def test_a_change_of_layout_leaves_what_is_archived_where_it_is(first: Form, changes: Changes) -> None:
    """No segment of an old layout is cut differently, or overlapped, by a later one."""
    layouts, archived = _history(first, changes)
    for segment in archived:
        assert list(layouts.segments(segment.window)) == [segment]


@pytest.mark.parametrize(
    ("old", "through", "new", "start"),
    [
        (("day", "day"), date(2024, 3, 10), ("month", "month"), date(2024, 4, 1)),
        (("day", "day"), date(2024, 12, 10), ("month", "month"), date(2025, 1, 1)),
        (("day", "day"), date(2024, 3, 1), ("month", "month"), date(2024, 3, 1)),
        (("month", "month"), date(2024, 3, 1), ("day", "6h"), date(2024, 3, 1)),
        (("day", "day"), date(2024, 3, 10), ("day", "6h"), date(2024, 3, 10)),
    ],
)
def test_a_new_layout_begins_behind_what_is_archived(old: Form, through: date, new: Form, start: date) -> None:
    """A layout by months begins with a month."""
    layouts = _record(old, date(2015, 1, 1)).with_layout(*new, through).layouts
    assert [layout.start for layout in layouts.items] == [date(2015, 1, 1), start]
    assert layouts.current == Layout.parse(start, *new)


def test_an_unchanged_layout_changes_nothing() -> None:
    """The record stays the very same."""
    record = _record(("day", "6h"))
    assert record.with_layout("day", "6h", date(2024, 3, 10)) is record


def test_an_empty_lake_takes_the_new_layout_from_its_start() -> None:
    """Nothing is archived, so nothing of the old layout is kept."""
    assert _record(("day", "day"), date(2015, 1, 15)).with_layout("month", "month", None).layouts.items == (
        Layout.parse(date(2015, 1, 15), "month", "month"),
    )


def test_what_lies_before_the_first_layout_keeps_it() -> None:
    """A lake whose segments all lie before its first layout's start goes on reading them as they were cut."""
    record = _record(("day", "day"), date(2020, 1, 1))
    old = record.layouts.segment_of(to_ms(datetime(2018, 5, 1, tzinfo=UTC)))
    layouts = record.with_layout("month", "month", date(2018, 5, 2)).layouts
    assert layouts.segment_of(old.window.start_ms) == old
    assert layouts.at(datetime(2018, 6, 1, tzinfo=UTC)).partition == "month"


@pytest.mark.parametrize(
    ("day", "days"), [(date(2024, 2, 10), 29), (date(2023, 2, 10), 28), (date(2024, 12, 31), 31), (date(2024, 4, 1), 30)]
)
def test_a_month_is_a_calendar_month(day: date, days: int) -> None:
    """Leap days and the end of the year included."""
    segment = Layout.parse(date(2015, 1, 1), "month", "month").segment_of(midnight(day) + timedelta(hours=23))
    assert segment.dt == day.replace(day=1)
    assert segment.window.end - segment.window.start == timedelta(days=days)


def test_the_instants_zone_does_not_matter() -> None:
    """23:30 in New York is the next day in UTC."""
    instant = datetime(2024, 1, 14, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    layouts = Layouts((Layout.parse(date(2015, 1, 1), "day", "6h"),))
    assert layouts.at(instant).segment_of(instant).name == "20240115T0000Z-20240115T0600Z"
    assert [segment.name for segment in layouts.segments(Window(instant, instant + MILLISECOND))] == ["20240115T0000Z-20240115T0600Z"]


@pytest.mark.parametrize("text", ["", "7h", "0h", "25h", "48h", "11m", "month", "1d", "6H", "-6h", "6 h", "1h30m"])
def test_a_length_that_does_not_divide_a_day_is_refused(text: str) -> None:
    """The message shows lengths that do."""
    with pytest.raises(InputError, match="does not divide a day"):
        Layout.parse(date(2015, 1, 1), "day", text)


def test_an_unknown_partition_is_refused() -> None:
    """A partition is a day or a month."""
    with pytest.raises(InputError, match="day or month"):
        Layout.parse(date(2015, 1, 1), "week", "day")


@pytest.mark.parametrize(
    ("written", "shown"), [("6h", "6h"), ("360m", "6h"), ("15m", "15m"), ("90m", "90m"), ("24h", "day"), ("day", "day")]
)
def test_a_length_is_written_so_that_it_is_read_back(written: str, shown: str) -> None:
    """`segment_text` is what settings and archive.json say."""
    layout = Layout.parse(date(2015, 1, 1), "day", written)
    assert layout.segment_text == shown
    assert Layout.parse(date(2015, 1, 1), "day", shown) == layout


def test_a_months_length_is_written_so_that_it_is_read_back() -> None:
    """Uncut months, and months cut by days, are told apart."""
    for text in ("month", "day", "12h"):
        assert Layout.parse(date(2015, 1, 1), "month", text).segment_text == text


def test_layouts_out_of_order_are_refused() -> None:
    """None, a start twice, and starts that go back."""
    day = Layout.parse(date(2024, 1, 1), "day", "day")
    for items in ((), (day, day), (day, Layout.parse(date(2023, 1, 1), "day", "6h"))):
        with pytest.raises(InputError, match="by their start"):
            Layouts(items)


@pytest.mark.parametrize(("before", "after"), [("day", "month"), ("month", "day"), ("month", "month")])
def test_a_layout_that_cuts_a_month_in_two_is_refused(before: str, after: str) -> None:
    """Segments of both would overlap."""
    with pytest.raises(InputError, match="month is not over"):
        Layouts((Layout.parse(date(2023, 1, 1), before, before), Layout.parse(date(2024, 1, 15), after, "6h")))


def test_the_floor_is_the_partitions_start() -> None:
    """A cutoff is floored to the partition, not to the segment."""
    layouts = _record(("day", "6h"), date(2015, 1, 1)).with_layout("month", "6h", date(2024, 3, 1)).layouts
    assert layouts.floor(datetime(2024, 2, 10, 13, tzinfo=UTC)) == datetime(2024, 2, 10, tzinfo=UTC)
    assert layouts.floor(datetime(2024, 3, 10, 13, tzinfo=UTC)) == datetime(2024, 3, 1, tzinfo=UTC)
