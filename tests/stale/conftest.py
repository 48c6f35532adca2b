"""A table for the tests with an index that lags."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.archive.engine.workplace import Workplace, make_workplace, one_loader
from tests.servers import Server


@pytest.fixture(scope="module")
def place(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A table that every test empties first; its own index is never asked."""
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        made = make_workplace(moto_server, tmp_path_factory.mktemp("stale"))
        made.dynamodb.update_time_to_live(TableName=made.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
        yield made
