"""A local disk that takes no more: wherever that happens, the run ends with one sentence, and nothing was removed that is not proved."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from archive.errors import LocalDiskError
from tests.faults.world import World

_SPOOL_FULL: Final = 6
_STEP: Final = 256


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Let every file that this process writes end at so many bytes, as a disk does that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _ends(world: World, size: int) -> bool:
    """Run with a full disk; say whether it ended for that."""
    with _files_of_at_most(size):
        error, _ = world.run()
    if error is None:
        return False
    assert isinstance(error, LocalDiskError), error
    assert error.exit_code == _SPOOL_FULL
    assert str(error).startswith("the local disk failed (")
    assert str(error).endswith("File too large); free space below [lake] spool_directory")
    world.judge()
    return True


@pytest.mark.parametrize("share", [0.0, 0.9, 1.0], ids=["the spool", "what is fetched", "what is written"])
def test_a_full_disk_ends_a_run_with_one_sentence(world: World, share: float) -> None:
    """Files may be as large as a share of the stored object, to which a row is added; the next run, with room, ends right."""
    stored = next(key for key in world.place.keys("messages") if "dt=2024-01-15" in key)
    assert _ends(world, int(share * len(world.place.get(stored))))
    world.finish()


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_disk_may_be_full_at_any_size(world: World) -> None:
    """Byte by byte, nearly: until all files fit."""
    size = 0
    while _ends(world, size):
        world.finish()
        world.set_back()
        size += _STEP
    world.judge_at_rest()
    assert size > 0
