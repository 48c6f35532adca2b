"""Each fault of the table happens to a run that archives and purges: what may pass is retried, the rest ends it with one sentence.

Whatever it ends with, nothing is removed that is not proved, everything else is as it was, and the next run ends right.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Final

import pytest

from tests.faults import failing
from tests.faults.faults import ENDS, RETRIED, Fault, groups
from tests.faults.world import Trouble, Where, World

Find = Callable[[Fault], World]
_GROUPS: Final = groups(RETRIED)
_SAMPLE: Final = ENDS[::3]
_TRIED: Final = "calls that failed"
_FEWEST: Final = 40


@pytest.fixture
def world_of(request: pytest.FixtureRequest) -> Find:
    """Return the world that a fault needs, set back."""
    return lambda fault: request.getfixturevalue("discovered_world" if fault.by_discovery else "world")


@pytest.mark.parametrize("together", _GROUPS, ids=[group[0].name for group in _GROUPS])
def test_what_may_pass_is_retried(world_of: Find, together: list[Fault]) -> None:
    """Several faults in one run, each to requests of its own: it ends as if nothing had happened."""
    first = together[0]
    world = world_of(first)
    with ExitStack() as stack:
        troubles = [stack.enter_context(Trouble(fault.where, fault.fails, fault.times).awaited()) for fault in together]
        error, _ = world.run(purge=first.purge, protocol=first.protocol)
    assert error is None, error
    happened = {fault.name: trouble.happened for fault, trouble in zip(together, troubles, strict=True)}
    assert happened == {fault.name: fault.times or max(1, happened[fault.name]) for fault in together}
    world.judge_at_rest(first.purge)


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name, marks=() if fault in _SAMPLE else pytest.mark.prove) for fault in ENDS]
)
def test_what_does_not_pass_is_one_sentence(world_of: Find, fault: Fault) -> None:
    """With the documented exit code; and the next run, undisturbed, ends right. `make test` tries every third."""
    world = world_of(fault)
    assert fault.end is not None
    with Trouble(fault.where, fault.fails, fault.times).awaited() as trouble:
        error, _ = world.run(purge=fault.purge, protocol=fault.protocol)
    assert trouble.happened
    assert error is not None, "the run ended as if nothing had happened"
    assert (error.exit_code, [word for word in fault.end.words if word not in str(error)]) == (fault.end.code, []), str(error)
    world.judge()
    world.finish(fault.purge)


@pytest.mark.prove
@pytest.mark.parametrize("fault", RETRIED, ids=[fault.name for fault in RETRIED])
def test_each_that_may_pass_is_retried_by_itself(world_of: Find, fault: Fault) -> None:
    """One fault in one run."""
    test_what_may_pass_is_retried(world_of, [fault])


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_any_call_may_be_executed_and_fail(world: World, record_property: Callable[[str, object], None]) -> None:
    """The first call of a run, the second, and so on: each is made again, and nothing is done twice."""
    for call in count():
        with Trouble(Where(after=call), failing.executed_and_failed, times=1).awaited() as trouble:
            error, _ = world.run()
        if not trouble.happened:
            break
        assert error is None, f"call {call}: {error}"
        world.judge_at_rest()
        world.set_back()
    assert call > _FEWEST
    record_property(_TRIED, call)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_credentials_may_expire_at_any_call(world: World, record_property: Callable[[str, object], None]) -> None:
    """From the first call of a run on, from the second, and so on: always one sentence, and nothing is lost."""
    for call in count():
        with Trouble(Where(after=call), failing.expired, times=None).awaited() as trouble:
            error, _ = world.run()
        if not trouble.happened:
            break
        assert error is not None, f"call {call}"
        assert (error.exit_code, "credentials" in str(error)) == (5, True), f"call {call}: {error}"
        world.judge()
        world.finish()
        world.set_back()
    assert call > _FEWEST
    record_property(_TRIED, call)
