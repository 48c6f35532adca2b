"""The same backfill in four parts, by module and by window, in another order, into another lake: the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.integration.command import Outcome
from tests.integration.sites import Site
from tests.integration.worlds import World


def _halves(modules: list[Decimal]) -> tuple[list[str], list[str]]:
    """Return options that name every other module, and the rest; where no option can name it, none: the whole, over what is there."""
    rest = [] if any(module % 1 for module in modules) else modules[1::2]
    return _options(modules[::2]), _options(rest)


def _options(modules: list[Decimal]) -> list[str]:
    return [word for module in modules if module == int(module) for word in ("--module", str(int(module)))]


@pytest.fixture(scope="session")
def halves(kept: World) -> tuple[Site, list[Outcome]]:
    """Four backfills of the table of `kept` into a lake of their own, cut at the median message: in the middle of a day."""
    site = kept.site.with_settings(lake={"prefix": "in-halves"})
    moments = sorted(message["timestamp"][1] for message in kept.expected.values())
    middle = datetime.fromtimestamp(int(moments[len(moments) // 2]) // 1000, UTC).isoformat()
    early, late = ("--from", "2023-01-01", "--to", middle), ("--from", middle, "--to", "2026-01-01")
    some, others = _halves(kept.modules)
    parts = [(late, some), (early, some), (early, others), (late, others)]
    return site, [site.run("backfill", *window, *modules, "--yes", "--json").done() for window, modules in parts]


def test_parts_in_any_order_give_the_same_objects_byte_for_byte(kept: World, halves: tuple[Site, list[Outcome]]) -> None:
    """Nothing that depends on the run or on the history is inside a segment."""
    site, _ = halves
    whole = {key: stored.sha256 for key, stored in kept.segments.items()}
    parts = {key: stored.sha256 for key, stored in site.lake.all("messages").items()}
    assert parts.keys() == whole.keys()
    assert [key for key in whole if parts[key] != whole[key]] == []


def test_the_parts_were_parts_and_were_merged(kept: World, halves: tuple[Site, list[Outcome]]) -> None:
    """Each added some messages, together all; and segments of more than one part were replaced by merging."""
    _, outcomes = halves
    records = [outcome.json() for outcome in outcomes]
    assert all(record["messages_added"] for record in records)
    assert sum(record["messages_added"] for record in records) == len(kept.expected)
    assert sum(record["segments_stored"] for record in records) > len(kept.segments)
    assert all(record["messages_replaced"] == record["messages_superseded"] == 0 for record in records)
