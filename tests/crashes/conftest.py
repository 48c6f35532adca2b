"""Fixtures of the crash tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import boto3
import pytest
from moto import mock_aws

from tests import servers
from tests.archive.engine.workplace import one_loader
from tests.crashes.ground import Ground
from tests.crashes.scenarios import BY_PARTIQL, Scenario
from tests.integration.sites import Servers, Site
from tests.servers import REGION, Server, create_chat_messages

Make = Callable[[Scenario, Servers], Ground]
_NUMBERS = count(1)
_TRIED = "points at which a command died"


@pytest.fixture
def inside() -> Iterator[Servers]:
    """Moto inside this process: three times as fast as over HTTP, and there are a thousand points to try."""

    def named(service: str) -> Server:
        return Server("moto", f"https://{service}.{REGION}.amazonaws.com", 0)

    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        # Sessions that were made before moto came do not know it.
        patch.setattr(servers, "_SESSION", boto3.Session(region_name=REGION))
        yield Servers(named("dynamodb"), named("s3"), named("glue"))


@pytest.fixture
def beside(moto_server: Server) -> Servers:
    """Moto in a process of its own, which goes on when ours is killed."""
    return Servers(moto_server, moto_server, moto_server)


@pytest.fixture
def servers_of(request: pytest.FixtureRequest, inside: Servers) -> Callable[[Scenario], Servers]:
    """Choose the servers that can do a scenario."""

    def choose(scenario: Scenario) -> Servers:
        if scenario not in BY_PARTIQL:
            return inside
        ministack: Server = request.getfixturevalue("ministack_server")
        return Servers(ministack, ministack, inside.rest)

    return choose


@pytest.fixture
def ground_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Make a table and a lake for a scenario."""

    def make(scenario: Scenario, chosen: Servers) -> Ground:
        site = Site.new(chosen, tmp_path_factory.mktemp("crashes"), table=f"Crashes{next(_NUMBERS)}")
        client = chosen.dynamodb.dynamodb()
        create_chat_messages(client, site.table)
        client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
        return Ground(site, scenario)

    with one_loader():
        yield make


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Note how many points were tried."""
    return lambda points: record_property(_TRIED, points)
