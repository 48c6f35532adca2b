"""What has been saved: storage no longer needed, less the lake's and what the runs consumed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from archive.model.prices import US_EAST_1
from archive.model.saving import MONTH, Item, Past, Removal, Spending, Storing, months_of

JANUARY = datetime(2024, 1, 31, tzinfo=UTC)
ITEM = Item(bytes=924, indexes=3)  # 4 KB of what is billed
GB = 2**30
A_GB = GB // 4096


def test_a_gigabyte_for_a_month() -> None:
    """Removed: 25 cents; stored in the lake as a tenth of it: 0.23 cents."""
    now = JANUARY + MONTH
    past = Past([Removal(JANUARY, A_GB)], [Storing(JANUARY, GB // 10)], [])
    *_, last = months_of(past, ITEM, US_EAST_1, now)
    assert (last.removed, last.table_bytes, last.lake_bytes) == (A_GB, GB, GB // 10)
    assert float(last.table_dollars) == pytest.approx(0.25)
    assert float(last.lake_dollars) == pytest.approx(0.0023)
    assert float(last.saved) == pytest.approx(0.25 - 0.0023)


def test_every_month_ends_where_the_next_begins() -> None:
    """From the first thing that happened; what happens later does not count before."""
    later = JANUARY + timedelta(days=40)
    past = Past([Removal(JANUARY, A_GB), Removal(later, A_GB)], [], [])
    months = months_of(past, ITEM, US_EAST_1, datetime(2024, 3, 20, tzinfo=UTC))
    assert [(month.month, month.removed) for month in months] == [
        (date(2024, 1, 1), A_GB),
        (date(2024, 2, 1), A_GB),
        (date(2024, 3, 1), 2 * A_GB),
    ]
    hours = [24, 30 * 24, (30 + 19) * 24 + 9 * 24 + 24]
    assert [float(month.saved) for month in months][:2] == pytest.approx([0.25 * hours[0] / 730, 0.25 * hours[1] / 730])


def test_runs_cost_when_they_are_made() -> None:
    """Their units and requests: before anything is saved, it is less than nothing."""
    spending = Spending(JANUARY, read_units=1_000_000, write_units=2_000_000, s3_requests=1000)
    january, february = months_of(Past([], [], [spending]), ITEM, US_EAST_1, datetime(2024, 2, 1, tzinfo=UTC))
    assert january.spent == Decimal("0.125") + Decimal("1.25") + Decimal("0.005")
    assert (january.saved, february.saved, february.spent) == (-january.spent, -january.spent, Decimal(0))


def test_what_came_back_is_not_saved() -> None:
    """From then on."""
    past = Past([Removal(JANUARY, 10), Removal(JANUARY + timedelta(days=1), -4)], [], [])
    assert past.removed_by(JANUARY) == 10
    assert past.removed_by(JANUARY + timedelta(days=1)) == 6


def test_nothing_has_no_months() -> None:
    """Nor has what is still to come: marked messages leave the table when their grace is over."""
    assert months_of(Past([], [], []), ITEM, US_EAST_1, JANUARY) == ()
    assert months_of(Past([Removal(JANUARY + timedelta(days=7), 1)], [], []), ITEM, US_EAST_1, JANUARY) == ()
