"""What large tables need, as it is computed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.scale import DOCUMENT, VOLUMES, document, keeps_up_to, scale


def test_the_document_says_what_is_computed() -> None:
    """`python -m benchmarks.scale` writes it anew."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_beyond_the_busiest_provider_only_a_ttl_at_birth_keeps_up() -> None:
    """With half of the messages, of two units each, it takes 500 of them a second, beside the 500 that come in."""
    assert keeps_up_to(Decimal("0.5")) == pytest.approx(500 * 86_400 * 30, rel=0.01)
    assert keeps_up_to(Decimal("0.8")) < keeps_up_to(Decimal("0.5")) < keeps_up_to(Decimal("0.34"))


@pytest.mark.parametrize("month", VOLUMES)
def test_a_segment_fits_the_spool_and_one_put(month: int) -> None:
    """Two of them, and 5 GB."""
    found = scale(month)
    assert found.rows_a_segment * 2_048 <= 2 * 10**9
    assert found.object_mb < 5_000


def test_needs_grow_with_the_messages() -> None:
    """Ten times as many cost ten times as much to read, to within what is rounded up page by page."""
    small, large = scale(10**8), scale(10**9)
    assert large.read_units_a_day == pytest.approx(10 * small.read_units_a_day, rel=0.01)
    assert large.reading_core_hours == pytest.approx(10 * small.reading_core_hours, rel=0.01)
