"""Fixtures of the crash tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.archive.engine.workplace import one_loader
from tests.crashes.ground import BY_PARTIQL, Ground, Scenario
from tests.integration.sites import Servers, Site
from tests.servers import create_chat_messages

_NUMBERS = count(1)
_TRIED = "points at which a command died"


@pytest.fixture
def ground_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Scenario], Ground]]:
    """Make a table and a lake for a scenario, on the servers that can do it."""

    def make(scenario: Scenario) -> Ground:
        moto = request.getfixturevalue("moto_server")
        servers = Servers(moto, moto, moto)
        if scenario in BY_PARTIQL:
            ministack = request.getfixturevalue("ministack_server")
            servers = Servers(ministack, ministack, moto)
        site = Site.new(servers, tmp_path_factory.mktemp("crashes"), table=f"Crashes{next(_NUMBERS)}")
        client = servers.dynamodb.dynamodb()
        create_chat_messages(client, site.table)
        client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
        return Ground(site, scenario)

    with one_loader():
        yield make


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Note how many points were tried."""
    return lambda points: record_property(_TRIED, points)
