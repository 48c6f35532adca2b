"""What was freed is given back: Arrow's pool is malloc's, however Dynalake is begun, and a user's own choice stays."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_POOL = "import flows.cli, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
_RETURNED = """
import flows.memory
from pathlib import Path
flows.memory.keep_little()
large = b"x" * 20_000_000
del large  # from here on malloc by itself would keep what is smaller
def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
blocks = [[b"x" * size, b"y" * 100_000] for size in [6_000_000] * 64]
full = held()
for block in blocks:
    block[0] = None
print((full - held()) // 1024)
"""


_COLLECTED = """
import gc, flows.memory
flows.memory.keep_little()
frozen = gc.get_freeze_count()
kept = [[] for _ in range(1_000)]
flows.memory.keep_little()
print(frozen > 1_000 and gc.get_freeze_count() == frozen and gc.get_threshold()[0] >= 10_000 and gc.isenabled())
"""


def _printed(program: str, **environment: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"} | environment
    return subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("chosen", "pool"), [({}, "system"), ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, "mimalloc")])
def test_arrow_takes_its_memory_from_malloc(chosen: dict[str, str], pool: str) -> None:
    """Unless somebody says otherwise."""
    assert _printed(_POOL, **chosen) == pool


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what a process holds")
def test_what_is_freed_goes_back_though_small_things_lie_between() -> None:
    """Nearly all of 64 blocks of 6 MB, in MB."""
    assert int(_printed(_RETURNED)) > 300


def test_cycles_are_looked_for_seldom_and_not_among_what_was_imported() -> None:
    """Asked for again, nothing of the work so far is left out: only what is there for ever."""
    assert _printed(_COLLECTED) == "True"
