"""Each fault of the table happens to a run that archives and purges: what may pass is retried, the rest ends it with one sentence.

Whatever it ends with, nothing is removed that is not proved, everything else is as it was, and the next run ends right.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import pytest

from tests.faults.faults import ENDS, RETRIED, Fault, groups
from tests.faults.world import Trouble, World

Find = Callable[[Fault], World]
_GROUPS: Final = groups(RETRIED)
_ALL: Final = (*RETRIED, *ENDS)
_TRIED: Final = "faults that happened to a run"


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
    assert {fault.name: trouble.happened for fault, trouble in zip(together, troubles, strict=True)} == {
        fault.name: fault.times for fault in together
    }
    world.judge_at_rest(first.purge)


@pytest.mark.parametrize("fault", ENDS, ids=[fault.name for fault in ENDS])
def test_what_does_not_pass_is_one_sentence(world_of: Find, fault: Fault) -> None:
    """With the documented exit code; and the next run, undisturbed, ends right."""
    world = world_of(fault)
    _ends(world, fault)
    world.finish(fault.purge)


def _ends(world: World, fault: Fault) -> None:
    """Run into a fault, and judge how it ended."""
    assert fault.end is not None
    with Trouble(fault.where, fault.fails, fault.times).awaited() as trouble:
        error, _ = world.run(purge=fault.purge, protocol=fault.protocol)
    assert trouble.happened
    assert error is not None, "the run ended as if nothing had happened"
    assert (error.exit_code, [word for word in fault.end.words if word not in str(error)]) == (fault.end.code, []), str(error)
    world.judge()


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "fault", [*RETRIED, *ENDS], ids=[f"{'ends' if fault.end else 'retried'}: {fault.name}" for fault in (*RETRIED, *ENDS)]
)
def test_every_call_of_a_kind_may_fail(world_of: Find, fault: Fault, record_property: Callable[[str, object], None]) -> None:
    """The same fault to the first call of its kind, to the second, and so on: each is retried, or ends the run so that nothing is lost."""
    world = world_of(fault)
    tried = 0
    while True:
        where = replace(fault.where, after=tried)
        with Trouble(where, fault.fails, fault.times).awaited() as trouble:
            error, _ = world.run(purge=fault.purge, protocol=fault.protocol)
        if not trouble.happened:
            break
        assert (error is None) == (fault.end is None), f"{where}: {error}"
        world.judge()
        world.finish(fault.purge)
        world.set_back()
        tried += 1
    assert tried
    record_property(_TRIED, tried)
