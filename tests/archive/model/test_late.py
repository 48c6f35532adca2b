"""Late messages wait only where that is safe, saves something, and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from archive.model.config import PurgeMode
from archive.model.late import LARGE_BYTES, may_wait
from tests.builders import policy

_DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(7)]


def test_few_late_messages_of_a_large_segment_wait_at_most_late_days() -> None:
    """On one night of seven they do not."""
    assert sorted(may_wait(policy(), LARGE_BYTES, 1, day) for day in _DAYS) == [False] + 6 * [True]


@pytest.mark.parametrize(("stored", "rows"), [(LARGE_BYTES - 1, 1), (LARGE_BYTES, 1000)])
def test_a_small_segment_or_many_messages_do_not_wait(stored: int, rows: int) -> None:
    """Rewriting the one is cheap, and the other worth it."""
    assert not any(may_wait(policy(), stored, rows, day) for day in _DAYS)


@pytest.mark.parametrize("mode", ["keep", "expire"])
def test_nothing_waits_where_the_table_empties_without_us(mode: PurgeMode) -> None:
    """It might be gone before it is archived."""
    assert not any(may_wait(replace(policy(), purge=mode), LARGE_BYTES, 1, day) for day in _DAYS)
