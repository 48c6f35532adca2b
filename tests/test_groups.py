"""That the pinned pytest and pytest-xdist work together: see the comment in pyproject.toml."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("these")
def test_a_group_of_tests_stays_in_one_process(request: pytest.FixtureRequest) -> None:
    """With pytest 9.2 it does not, and nothing says so: each process makes the backfills that the group shares once more."""
    spread = "PYTEST_XDIST_WORKER" in os.environ
    assert request.node.nodeid.endswith("@these") is spread
