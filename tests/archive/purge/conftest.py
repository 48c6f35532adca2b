"""Fixtures for tests of the purge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archives import Archive, new_archive
from tests.servers import Server


@pytest.fixture
def archive(moto_server: Server, tmp_path: Path) -> Archive:
    """A table and a lake of the test's own."""
    return new_archive(moto_server, tmp_path)
