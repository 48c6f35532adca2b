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
_STEP: Final = 512


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
    assert "the local disk failed (File too large); free space below [lake] spool_directory" in str(error)
    world.judge()
    return True


@pytest.mark.parametrize("size", [0, 3_000, 6_500, 8_000])
def test_a_full_disk_ends_a_run_with_one_sentence(world: World, size: int) -> None:
    """At the spool, at the file that is fetched, or at the one that is written; the next run, with room, ends right."""
    assert _ends(world, size)
    world.finish()


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_a_disk_may_be_full_at_any_size(world: World) -> None:
    """Byte by byte, nearly: until all files fit."""
    size = 0
    while _ends(world, size):
        world.finish()
        world.set_back()
        size += _STEP
    world.judge_at_rest()
    assert size > 0
