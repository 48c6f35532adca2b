"""Lakes that are cut by month: the same messages, other objects."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.integration.items import Message, by_key
from tests.integration.lake import Stored, messages_of
from tests.integration.receipts import check_receipts
from tests.integration.worlds import WINDOW, World, differences

pytestmark = pytest.mark.parametrize("kept", ["generated"], indirect=True)
_KEY = re.compile(r"messages/dt=(\d{4}-\d{2}-01)/(\d{8}T\d{4}Z)-(\d{8}T\d{4}Z)\.parquet")


def _cut(kept: World, segment: str) -> World:
    """Archive the table of `kept` into a lake with monthly partitions and segments of this length."""
    site = kept.site.with_settings(lake={"prefix": f"month-{segment}", "partition": "month", "segment": segment})
    outcome = site.run("backfill", *WINDOW, "--yes", "--json").done()
    return World(site, kept.source, outcome, outcome, [], [])


def _window(stored: Stored) -> tuple[datetime, datetime]:
    match = _KEY.fullmatch(stored.key)
    assert match, stored.key
    start, end = (datetime.strptime(text, "%Y%m%dT%H%MZ").replace(tzinfo=UTC) for text in match.group(2, 3))
    assert match[1] == f"{start:%Y-%m}-01"
    return start, end


def _inside(message: Message, window: tuple[datetime, datetime]) -> bool:
    start, end = (edge.timestamp() * 1000 for edge in window)
    return bool(start <= message["timestamp"][1] < end)


@pytest.mark.parametrize("segment", ["month", "6h"])
def test_a_lake_of_months_holds_every_message_once_in_its_segment(kept: World, segment: str) -> None:
    """Equal to its source, below the month's first day, in the object whose key names its time; receipts are true."""
    world = _cut(kept, segment)
    found: list[Message] = []
    for stored in world.segments.values():
        window = _window(stored)
        inside = messages_of(stored)
        assert all(_inside(message, window) for message in inside)
        assert (window[1] - window[0]).total_seconds() == 6 * 3600 or (segment == "month" and {edge.day for edge in window} == {1})
        found += inside
    assert not differences(by_key(found), kept.expected)
    check_receipts(world.site)


def test_a_second_run_over_months_writes_nothing(kept: World) -> None:
    """As over days."""
    world = _cut(kept, "month")
    before = world.site.lake.versions()
    assert world.site.run("backfill", *WINDOW, "--yes", "--json").done().json()["segments_stored"] == 0
    assert world.site.lake.versions() == before
