"""The same backfill in four parts, by module and by window, in another order, into another lake: the same bytes."""

from __future__ import annotations

from tests.integration.halves import Halves
from tests.integration.worlds import World


def test_parts_in_any_order_give_the_same_objects_byte_for_byte(kept: World, halves: Halves) -> None:
    """Nothing that depends on the run, on the history or on the bucket is inside a segment."""
    whole = {key: stored.sha256 for key, stored in kept.segments.items()}
    parts = {key: stored.sha256 for key, stored in halves.site.lake.all("messages").items()}
    assert parts.keys() == whole.keys()
    assert [key for key in whole if parts[key] != whole[key]] == []


def test_the_parts_were_parts_and_were_merged(kept: World, halves: Halves) -> None:
    """Each added some messages, together all; and segments of more than one part were replaced by merging."""
    records = [outcome.json() for outcome in halves.outcomes]
    assert all(record["messages_added"] for record in records)
    assert sum(record["messages_added"] for record in records) == len(kept.expected)
    assert sum(record["segments_stored"] for record in records) > len(kept.segments)
    assert all(record["messages_replaced"] == record["messages_superseded"] == 0 for record in records)
