"""A command dies at each of its calls to DynamoDB, S3 and Glue; after it nothing is lost, and the same command once more puts all right."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from typing import Final

import pytest

from tests.crashes.death import Call, Point, points
from tests.crashes.ground import Ground
from tests.crashes.scenarios import BY_PARTIQL, SINGLY, Scenario
from tests.integration.sites import Servers

Make = Callable[[Scenario, Servers], Ground]
Choose = Callable[[Scenario], Servers]
Tried = Callable[[int], None]
_SCENARIOS: Final = (*SINGLY, *BY_PARTIQL)
_SAMPLED: Final = tuple(scenario for scenario in _SCENARIOS if scenario.name in ("nightly, delete", "restore", "purge, expire by PartiQL"))
_MOST_CALLS: Final = 120


@pytest.mark.parametrize("scenario", _SAMPLED, ids=[scenario.name for scenario in _SAMPLED])
def test_nothing_is_lost_by_a_crash_at_some_calls(ground_of: Make, servers_of: Choose, scenario: Scenario, tried: Tried) -> None:
    """A sample: the first call of each kind that writes, when it was executed."""
    ground = ground_of(scenario, servers_of(scenario))
    some = _first_of_each_kind(ground)
    for point in some:
        ground.point(point)
    tried(len(some))


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", _SCENARIOS, ids=[scenario.name for scenario in _SCENARIOS])
def test_nothing_is_lost_by_a_crash_at_any_call(ground_of: Make, servers_of: Choose, scenario: Scenario, tried: Tried) -> None:
    """Every call: before it is sent, and, where it writes, when it was executed, and with its answer lost and asked for again."""
    ground = ground_of(scenario, servers_of(scenario))
    calls = ground.calls()
    assert 20 < len(calls) <= _MOST_CALLS
    all_points = list(points(calls))
    for point in all_points:
        ground.point(point)
    tried(len(all_points))


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_nothing_is_lost_by_a_process_that_is_killed(ground_of: Make, beside: Servers, tried: Tried) -> None:
    """Really: by SIGKILL, so that nothing at all is tidied up, and what lies on the local disk is left for the next run to remove."""
    ground = ground_of(SINGLY[0], beside)
    some = _first_of_each_kind(ground)
    for point in some:
        ground.set_back()
        process = multiprocessing.get_context("fork").Process(target=ground.die, args=(Point(point.at, point.call, "after", really=True),))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        ground.finish()
    tried(len(some))


def _first_of_each_kind(ground: Ground) -> list[Point]:
    found: dict[Call, Point] = {}
    for point in points(ground.calls()):
        if point.way == "after":
            found.setdefault(point.call, point)
    return list(found.values())
