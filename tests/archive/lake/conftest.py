"""Fixtures for tests of the lake: a lake in a bucket of its own, as two runs see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import BaseTable, new_bucket
from tests.lakes import Lake
from tests.servers import Server


@pytest.fixture
def table() -> BaseTable:
    """The base table: empty until a test puts something."""
    return BaseTable()


@pytest.fixture
def lake(moto_server: Server, tmp_path: Path, table: BaseTable) -> Lake:
    """A lake of the test's own."""
    client = moto_server.s3()
    (tmp_path / "run").mkdir()
    return Lake(client, new_bucket(client), tmp_path / "run", table)


@pytest.fixture
def other(moto_server: Server, tmp_path: Path, lake: Lake) -> Lake:
    """The same lake, as another run sees it."""
    (tmp_path / "other").mkdir()
    return Lake(moto_server.s3(), lake.bucket, tmp_path / "other", lake.table)
