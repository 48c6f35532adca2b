"""A command dies at each of its calls to DynamoDB, S3 and Glue; after it nothing is lost, and the same command once more puts all right."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from typing import Final

import pytest

from tests.crashes.death import Point, Way, points
from tests.crashes.ground import Ground
from tests.crashes.scenarios import BY_PARTIQL, SINGLY, Scenario
from tests.integration.sites import Servers

Make = Callable[[Scenario, Servers], Ground]
Choose = Callable[[Scenario], Servers]
Tried = Callable[[int], None]
_SCENARIOS: Final = (*SINGLY, *BY_PARTIQL)
_SAMPLED: Final = (SINGLY[0], BY_PARTIQL[0])
_FEW: Final = 5
_MOST_CALLS: Final = 110
_KILLS: Final = 6


@pytest.mark.parametrize("scenario", _SAMPLED, ids=[scenario.name for scenario in _SAMPLED])
def test_nothing_is_lost_by_a_crash_at_some_calls(ground_of: Make, servers_of: Choose, scenario: Scenario, tried: Tried) -> None:
    """A sample: five points, from the first writes to the last."""
    ground = ground_of(scenario, servers_of(scenario))
    all_points = list(points(ground.calls()))
    some = all_points[len(all_points) // 3 :: len(all_points) // (_FEW + 2)][:_FEW]
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
@pytest.mark.timeout(600)
def test_nothing_is_lost_by_a_process_that_is_killed(ground_of: Make, beside: Servers, tried: Tried) -> None:
    """Really: by SIGKILL, so that nothing at all is tidied up."""
    ground = ground_of(SINGLY[0], beside)
    calls = len(ground.calls())
    for number in range(_KILLS):
        ground.set_back()
        way: Way = "before" if number % 2 else "after"
        point = Point(calls // 3 + number * calls // 10, way, really=True)
        process = multiprocessing.get_context("fork").Process(target=ground.die, args=(point,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        ground.finish()
    tried(_KILLS)
