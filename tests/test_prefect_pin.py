"""That the pinned Prefect and FastAPI work together, which pip cannot tell: see the comment in pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient

from tests.servers import Server

pytestmark = pytest.mark.prove


@pytest.fixture
def client(prefect_server: Server) -> Iterator[SyncPrefectClient]:
    """Prefect's own client for it."""
    with SyncPrefectClient(f"{prefect_server.endpoint}/api") as made:
        yield made


def test_a_prefect_server_starts_and_is_healthy(client: SyncPrefectClient) -> None:
    """A newer fastapi makes it fail at import."""
    assert client.api_healthcheck() is None


def test_a_prefect_server_lists_runs(client: SyncPrefectClient) -> None:
    """With fastapi 0.153 the same request answers 422."""
    assert len(client.read_flow_runs(limit=1)) <= 1
