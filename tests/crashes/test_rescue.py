"""A purge dies while it rescues an attribute that nobody knew: how wide the window is that docs/design.md tells of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from archive.codec.values import canonical
from tests.archives import Archive, new_archive
from tests.builders import message, text
from tests.crashes.death import DeadError, Death, Point
from tests.servers import Server

_MESSAGE = message("a", 0, **text("archived"))
_SURPRISE = {**_MESSAGE, "mood": {"S": "nobody has ever had this"}}


@pytest.fixture
def new(moto_server: Server, tmp_path: Path) -> Callable[[], Archive]:
    """Make tables and lakes."""
    numbers = count(1)

    def make() -> Archive:
        folder = tmp_path / f"rescue{next(numbers)}"
        folder.mkdir()
        return new_archive(moto_server, folder)

    return make


def _die(archive: Archive, point: Point | None) -> Death:
    """Archive a message, and let a purge die at a point; just before the removal, somebody adds an attribute that nobody knew."""
    archive.put(_MESSAGE)
    committed = archive.commit(_MESSAGE)
    archive.before_removal(lambda: archive.add(_MESSAGE, mood=_SURPRISE["mood"]))
    death = Death(point)
    with death.awaited():
        try:
            archive.purge(committed, _MESSAGE)
        except DeadError:
            assert point is not None
    assert death.came or point is None
    return death


def test_an_attribute_that_nobody_knew_is_lost_between_its_removal_and_its_rescue_alone(
    new: Callable[[], Archive], tried: Callable[[int], None]
) -> None:
    """At every other call of the purge it is at the table or in the lake, whole."""
    calls = _die(new(), None).calls
    removal = 1 + [call.operation for call in calls].index("DeleteItem")
    rescue = 1 + [call.about for call in calls].index("superseded")
    assert rescue == removal + 1
    begun = 1 + [call.operation for call in calls].index("PutItem")  # the edit itself is a call in between
    lost: list[tuple[int, str]] = []
    points = [Point(at, call, way) for at, call in enumerate(calls, 1) if at > begun for way in ("before", "after")]
    for point in points:
        archive = new()
        _die(archive, point)
        found = archive.get(_MESSAGE)
        if canonical(_SURPRISE) not in [canonical(found or {}), *archive.rescued()]:
            lost.append((point.at, point.way))
    assert lost == [(removal, "after"), (rescue, "before")]
    tried(len(points))
