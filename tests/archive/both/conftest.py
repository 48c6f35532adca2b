"""A table and a bucket for each test of reading both, on moto in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.engine.workplace import Workplace, make_workplace, one_loader
from tests.servers import Server


@pytest.fixture(scope="session", autouse=True)
def _one_loader() -> Iterator[None]:
    """Make clients quickly."""
    with one_loader():
        yield


@pytest.fixture
def place(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A fresh table and bucket, with settings for them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    return make_workplace(moto_server, tmp_path)
