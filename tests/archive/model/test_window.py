"""Windows and instants: what cannot be said twice, or not at all, is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.window import MILLISECOND, Window, cutoff, from_ms, iso, midnight, months_later, parse_instant, to_ms

_DAY = datetime(2024, 1, 15, tzinfo=UTC)
_HALF_MS = timedelta(microseconds=500)
_INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - `timezones` gives it


def test_a_naive_end_is_refused() -> None:
    """An instant without a zone would mean two things."""
    with pytest.raises(InputError, match="time zone"):
        Window(_DAY.replace(tzinfo=None), _DAY)
    with pytest.raises(InputError, match="time zone"):
        Window(_DAY, (_DAY + MILLISECOND).replace(tzinfo=None))


@pytest.mark.parametrize("length", [timedelta(0), -MILLISECOND])
def test_an_empty_or_reversed_window_is_refused(length: timedelta) -> None:
    """The start must lie before the end."""
    with pytest.raises(InputError, match="empty"):
        Window(_DAY, _DAY + length)


def test_other_zones_become_utc() -> None:
    """Two spellings of one window are one window, and show the same."""
    there = timezone(timedelta(hours=5, minutes=30))
    window = Window(_DAY.astimezone(there), (_DAY + MILLISECOND).astimezone(there))
    assert window == Window(_DAY, _DAY + MILLISECOND)
    assert window.start.utcoffset() == window.end.utcoffset() == timedelta(0)
    assert str(window) == "2024-01-15T00:00:00Z..2024-01-15T00:00:00.001Z"


def test_the_ends_in_milliseconds_are_the_first_inside_and_the_first_after() -> None:
    """Ends between two milliseconds are rounded up, so that no millisecond outside is inside."""
    whole = Window(_DAY, _DAY + 2 * MILLISECOND)
    assert whole.end_ms - whole.start_ms == 2
    assert from_ms(whole.start_ms) == _DAY
    shifted = Window(_DAY + _HALF_MS, _DAY + MILLISECOND + _HALF_MS)
    assert (shifted.start_ms, shifted.end_ms) == (whole.start_ms + 1, whole.end_ms)


@given(st.tuples(_INSTANTS, _INSTANTS), st.tuples(_INSTANTS, _INSTANTS))
def test_an_intersection_is_what_both_cover(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> None:
    """It is the same both ways, lies in both, and is None where they do not meet."""
    if one[0] == one[1] or other[0] == other[1]:
        return
    left, right = Window(min(one), max(one)), Window(min(other), max(other))
    both = left.intersect(right)
    assert both == right.intersect(left)
    if both is None:
        assert left.end <= right.start or right.end <= left.start
    else:
        assert left.covers(both)
        assert right.covers(both)
        assert (both.start, both.end) == (max(left.start, right.start), min(left.end, right.end))


def test_windows_that_touch_share_nothing() -> None:
    """A half-open window does not hold its end."""
    middle = _DAY + MILLISECOND
    assert Window(_DAY, middle).intersect(Window(middle, middle + MILLISECOND)) is None


@given(_INSTANTS)
def test_milliseconds_are_floored(instant: datetime) -> None:
    """Also before 1970, where rounding to zero would be rounding up."""
    back = from_ms(to_ms(instant))
    assert back <= instant < back + MILLISECOND


@given(_INSTANTS)
def test_an_instant_is_read_as_it_is_shown(instant: datetime) -> None:
    """`iso` keeps whole milliseconds, and `parse_instant` reads them back."""
    whole = from_ms(to_ms(instant))
    assert parse_instant(iso(whole)) == whole


def test_a_date_is_its_midnight_and_a_zone_is_converted() -> None:
    """`T` on the command line is a date, or an ISO time with a zone."""
    assert parse_instant("2024-01-15") == _DAY == midnight(date(2024, 1, 15))
    assert parse_instant("2024-01-15T01:00+01:00") == _DAY
    assert parse_instant("2024-01-15T01:00+01:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2024-02-30", "2024-01-15T25:00Z", "0001-01-01T00:00+14:00", "２０２４-01-15"])  # noqa: RUF001
def test_what_is_no_instant_is_refused(text: str) -> None:
    """The message shows both forms."""
    with pytest.raises(InputError, match="is not a date"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2024-01-15T12:00", "20240115"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    """The message says how to write it."""
    with pytest.raises(InputError, match=f"write {text}Z for UTC"):
        parse_instant(text)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(-600, 600), st.integers(-600, 600))
def test_months_are_counted_from_their_first_day(day: date, some: int, more: int) -> None:
    """There and back; one month later is the day after this month's last."""
    assert months_later(months_later(day, some), more) == months_later(day, some + more)
    assert months_later(day, 0) == day.replace(day=1)
    before = months_later(day) - timedelta(days=1)
    assert (before.year, before.month) == (day.year, day.month)


def test_the_cutoff_is_midnight_utc_of_the_day_of_now_less_the_retention() -> None:
    """The day is that of UTC, wherever the clock is."""
    evening_in_new_york = datetime(2024, 1, 15, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert cutoff(evening_in_new_york, 1) == _DAY
    assert cutoff(_DAY, 90) == datetime(2023, 10, 17, tzinfo=UTC)


def test_a_retention_below_one_day_is_refused() -> None:
    """An index lags behind its table."""
    with pytest.raises(InputError, match="at least 1"):
        cutoff(_DAY, 0)
