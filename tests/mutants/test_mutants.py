"""The suites have teeth: each of these mutants breaks one promise, and the tests that it names fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.of_the_lake import OF_THE_LAKE
from tests.mutants.of_the_pace import OF_THE_PACE
from tests.mutants.of_the_purge import OF_THE_PURGE
from tests.mutants.of_the_reading import OF_THE_READING
from tests.mutants.of_the_run import OF_THE_RUN
from tests.servers import servers_directory

_PROJECT: Final = Path(__file__).resolve().parents[2]
_PARTS: Final = ("archive", "athena", "flows", "tests")
_FILES: Final = ("pyproject.toml", "dynalake.example.toml")
_PATIENCE: Final = 240.0  # seconds until a run of tests is given up; far more than any takes
_PASSED, _FAILED = 0, 1  # pytest's exit codes; the others are errors of whoever runs it
MUTANTS: Final = (*OF_THE_LAKE, *OF_THE_PURGE, *OF_THE_RUN, *OF_THE_PACE, *OF_THE_READING)


def test_every_mutant_can_be_applied() -> None:
    """What a mutant changes occurs once in its file, so that it does not rot; its name is its own, and its tests are there."""
    for mutant in MUTANTS:
        text = (_PROJECT / mutant.file).read_text()
        assert mutant.applied(text) != text
        for test in mutant.tests:
            path, _, name = test.partition("::")
            assert f"def {name or 'test_'}" in (_PROJECT / path).read_text(), f"{mutant.name!r} names {test}, which is not there"
    assert Counter(mutant.name for mutant in MUTANTS).most_common(1)[0][1] == 1


def test_a_change_that_occurs_twice_is_refused() -> None:
    """A mutant that could mean two places means none."""
    with pytest.raises(AssertionError, match="occurs 2 times"):
        Mutant("twice", "", "a.py", "a", "b", ()).applied("a a")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the project that a test may spoil."""
    folder = tmp_path / "project"
    for part in _PARTS:
        shutil.copytree(_PROJECT / part, folder / part)  # with what Python has compiled: it is told by each file's time and size
    for name in _FILES:
        shutil.copy2(_PROJECT / name, folder)
    return folder


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_the_named_tests_pass_as_the_project_is(copy: Path) -> None:
    """A suite that is red anyway would catch every mutant."""
    _run(copy, sorted({test for mutant in MUTANTS for test in mutant.tests}), _PASSED)


@pytest.mark.prove
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_broken_promise_is_caught(copy: Path, mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    """With the change, the tests that it names fail."""
    file = copy / mutant.file
    file.write_text(mutant.applied(file.read_text()))
    _run(copy, mutant.tests, _FAILED)
    record_property("mutants caught", 1)


def _run(folder: Path, tests: Sequence[str], expected: int) -> None:
    """Run tests of a copy in a process of their own, in which nothing else of the project can be imported."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    settings = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "DYNALAKE_SERVERS_DIR": str(servers_directory())}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=folder, env=ours | settings, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert done.returncode == expected, f"pytest ended with {done.returncode}, not {expected}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
