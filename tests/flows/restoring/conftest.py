"""Fixtures of the tests of restore: servers, and tables that were emptied into their lakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.restored import purge, site_on
from tests.integration.sites import Servers, Site
from tests.servers import Server


@pytest.fixture
def singly(moto_server: Server) -> Servers:
    """Moto for everything: single puts."""
    return Servers(moto_server, moto_server, moto_server)


@pytest.fixture
def by_partiql(ministack_server: Server, moto_server: Server) -> Servers:
    """MiniStack for DynamoDB and S3: INSERTs in batches."""
    return Servers(ministack_server, ministack_server, moto_server)


@pytest.fixture(params=["by_partiql", "singly"])
def servers(request: pytest.FixtureRequest) -> Servers:
    """Both protocols."""
    found: Servers = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def purged(servers: Servers, tmp_path: Path) -> Site:
    """A site whose table was emptied into its lake."""
    site = site_on(servers, tmp_path)
    purge(site)
    assert not site.left()
    return site


@pytest.fixture(scope="module")
def emptied(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose table was emptied into its lake, for tests that change neither."""
    site = site_on(Servers(moto_server, moto_server, moto_server), tmp_path_factory.mktemp("emptied"))
    purge(site)
    return site


@pytest.fixture
def purged_singly(singly: Servers, tmp_path: Path) -> Site:
    """The same on moto alone, where the protocol does not matter."""
    site = site_on(singly, tmp_path)
    purge(site)
    return site
