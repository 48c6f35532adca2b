"""Holds: what they keep where it is, what is left for a plan, and the objects they are stored in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from archive.errors import InputError, LakeDamagedError
from archive.lake.holds import Holds
from archive.model.config import Module
from archive.model.hold import Hold, before_next_edge, free_windows, hold_covers
from archive.model.keys import LakeKeys
from archive.model.layout import Layout, Layouts
from archive.model.window import Window
from archive.s3 import Store

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DAILY = Layouts((Layout.parse(date(2015, 1, 1), "day", "day"),))
_NUMBERS = count(1)


def window(first: float, end: float) -> Window:
    """Return a window of January 2024, by days (from 0) and their fractions."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return Window(start + first * DAY, start + end * DAY)


def hold(first: float = 3, end: float = 6, modules: tuple[Module, ...] | None = (1,), days: int = 7, run: str | None = None) -> Hold:
    """Return a hold that ends in so many days."""
    return Hold(run or f"run-{next(_NUMBERS):05}", modules, window(first, end), NOW + days * DAY, "restore", NOW)


def test_a_hold_covers_its_modules_in_its_window_until_it_ends() -> None:
    """Any shared instant counts; the end of each is outside."""
    one = hold()
    assert hold_covers([one], 1, window(5, 9), NOW) is one
    assert hold_covers([one], 1, window(6, 9), NOW) is None
    assert hold_covers([one], 1, window(0, 3), NOW) is None
    assert hold_covers([one], 2, window(3, 6), NOW) is None
    assert hold_covers([one], 1, window(3, 6), one.until - timedelta(seconds=1)) is one
    assert hold_covers([one], 1, window(3, 6), one.until) is None


def test_a_hold_of_all_modules_also_covers_messages_without_a_module() -> None:
    """One that names modules does not: they are in no module's index."""
    assert hold_covers([hold(modules=None)], None, window(3, 4), NOW)
    assert hold_covers([hold(modules=None)], "anything", window(3, 4), NOW)
    assert hold_covers([hold()], None, window(3, 4), NOW) is None


def test_of_several_holds_the_one_that_ends_last_is_told() -> None:
    """So that a plan says when the messages are really free."""
    early, late = hold(days=2), hold(days=20)
    assert hold_covers([early, late, hold(days=5)], 1, window(3, 4), NOW) is late


@pytest.mark.parametrize(
    ("holds", "free"),
    [
        ([], [(0, 10)]),
        ([(3, 6)], [(0, 3), (6, 10)]),
        ([(3.5, 5.25)], [(0, 3), (6, 10)]),
        ([(0, 4)], [(4, 10)]),
        ([(-5, 20)], []),
        ([(2, 4), (3, 5), (8, 12)], [(0, 2), (5, 8)]),
    ],
)
def test_free_windows_are_what_no_hold_touches_by_whole_segments(holds: list[tuple[float, float]], free: list[tuple[float, float]]) -> None:
    """A segment that is held in part is held as a whole."""
    made = [hold(*ends) for ends in holds]
    assert free_windows(made, 1, window(0, 10), DAILY, NOW) == [window(*ends) for ends in free]
    assert free_windows(made, 2, window(0, 10), DAILY, NOW) == [window(0, 10)]


spans = st.tuples(st.integers(0, 80), st.integers(1, 40)).map(lambda pair: (pair[0] / 4, (pair[0] + pair[1]) / 4))


@given(st.lists(spans, max_size=5), spans)
def test_each_instant_is_free_or_in_a_segment_that_is_held(held: list[tuple[float, float]], asked: tuple[float, float]) -> None:
    """And never both; the free windows do not overlap."""
    holds = [hold(*ends) for ends in held]
    asked_window = window(*asked)
    free = free_windows(holds, 1, asked_window, DAILY, NOW)
    assert free == sorted(free)
    for quarter in range(int(asked[0] * 4), int(asked[1] * 4)):
        part = window(quarter / 4, (quarter + 1) / 4)
        segment = DAILY.at(part.start).segment_of(part.start).window
        assert sum(one.covers(part) for one in free) == (hold_covers(holds, 1, segment, NOW) is None)


def test_a_batch_ends_where_a_hold_begins_or_ends() -> None:
    """So that one Query over a batch never reads what is held for some of its segments only."""
    segments = list(DAILY.segments(window(0, 10)))
    holds = [hold(3, 6), hold(5.5, 7)]
    assert list(before_next_edge(segments, holds)) == segments[:3]
    assert list(before_next_edge(segments[3:], holds)) == segments[3:5]
    assert list(before_next_edge(segments[5:], holds)) == segments[5:6]
    assert list(before_next_edge(segments[7:], holds)) == segments[7:]
    assert list(before_next_edge([], holds)) == []


def test_a_hold_comes_back_from_its_json() -> None:
    """Modules are numbers with all their digits, or texts."""
    for modules in (None, (205, 303), ("205", "a b"), (Decimal("55.5"), Decimal("12345678901234567890123.25"), 2**70)):
        one = hold(modules=modules)
        assert Hold.from_json(one.to_json(), "key") == one
    assert hold(modules=(205,)).to_json().count(b"\n") == 1
    assert b"[205]" in hold(modules=(205,)).to_json()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"run": "x", "modules": 5}', hold().to_json().replace(b"2024-01-04", b"2025-01-04")])
def test_a_hold_that_cannot_be_read_is_an_error(data: bytes) -> None:
    """It must not be taken for none."""
    with pytest.raises(LakeDamagedError, match="holds/x"):
        Hold.from_json(data, "holds/x.json")


@pytest.fixture
def holds() -> Iterator[Holds]:
    """The holds of an empty lake, in a bucket of its own."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        yield Holds(Store(client, "lake"), LakeKeys.below("p"))


def test_a_hold_is_in_force_until_it_is_released(holds: Holds) -> None:
    """Release adds an object and is remembered; a second release changes nothing."""
    one, two = hold(run="one"), hold(run="two", modules=(2,))
    assert holds.ensure(one) == one
    assert holds.ensure(two) == two
    assert holds.active(NOW) == [one, two]
    released = holds.release("one", NOW + DAY)
    assert released.released == NOW + DAY
    assert holds.release("one", NOW + 2 * DAY) == released
    assert holds.active(NOW + DAY) == [two]
    assert holds.all() == [released, two]
    assert holds.active(two.until) == []


def test_a_hold_of_the_very_same_is_not_stored_again(holds: Holds) -> None:
    """Neither by a repeat of its own PUT, nor by a restore that is run again and asks for no longer a time."""
    long = hold(days=9)
    assert holds.ensure(long) == long
    assert holds.ensure(long) == long
    assert holds.ensure(hold()) == long
    assert holds.all() == [long]


def test_a_longer_hold_of_the_very_same_takes_its_place(holds: Holds) -> None:
    """A wider one does not: whoever ends it early must not end the other one with it."""
    wide, other = holds.ensure(hold(0, 10, modules=None, days=9)), holds.ensure(hold(modules=(9,)))
    short = holds.ensure(hold())
    assert holds.active(NOW) == [wide, other, short]
    long = holds.ensure(hold(days=8))
    assert holds.active(NOW) == [wide, other, long]


def test_releasing_what_is_not_there_is_an_input_error(holds: Holds) -> None:
    """It names the command that lists them."""
    with pytest.raises(InputError, match="dynalake holds"):
        holds.release("nobody", NOW)
