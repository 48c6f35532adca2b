"""How contestants are measured."""

from __future__ import annotations

import pytest

from benchmarks.contestants.shares import share
from benchmarks.process import ContestantFailedError, Task, measure


def test_a_contestant_is_measured_by_the_operating_system() -> None:
    """Its seconds are those between the word and its end, its CPU seconds its own, its memory what it held at most."""
    took = measure(Task("tests.benchmarks.contestant:busy", {"seconds": 0.2, "megabytes": 100}), environment={})
    assert took.messages == 7
    assert took.cpu_seconds >= 0.2
    assert took.seconds >= took.cpu_seconds * 0.9
    assert 100 < took.peak_mb < 200


def test_two_contestants_count_as_one() -> None:
    """Their messages, CPU seconds and memory are added; their time is that of the slower one."""
    tasks = [Task("tests.benchmarks.contestant:busy", {"seconds": seconds, "megabytes": 50}) for seconds in (0.1, 0.3)]
    took = measure(*tasks, environment={})
    assert took.messages == 14
    assert took.cpu_seconds >= 0.4
    assert took.seconds >= 0.3
    assert took.peak_mb > 100


def test_a_contestant_that_fails_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """It is not a figure, and what it wrote can be seen."""
    with pytest.raises(ContestantFailedError):
        measure(Task("tests.benchmarks.contestant:absent", {}), environment={})
    assert "absent" in capfd.readouterr().err


def test_two_processes_share_all_modules() -> None:
    """Each module is in one share."""
    modules = [1, 2, 3, 4, 5]
    assert sorted(share(modules, (0, 2)) + share(modules, (1, 2))) == modules
