"""Tables and lakes for the tests of what goes wrong, made once and set back before each use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.archive.engine.workplace import make_workplace, one_loader
from tests.faults.world import World
from tests.servers import Server


@contextmanager
def _pointed_at(server: Server) -> Iterator[None]:
    """Point clients of this process at a server, for as long as a fixture or a test needs it, and no longer."""
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        yield


@pytest.fixture(scope="session")
def _a_world(ministack_server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    with _pointed_at(ministack_server):
        return World(make_workplace(ministack_server, tmp_path_factory.mktemp("faults")).with_source(modules=(1, 2)))


@pytest.fixture(scope="session")
def _a_discovered_world(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    with _pointed_at(moto_server):
        place = make_workplace(moto_server, tmp_path_factory.mktemp("faults"))
        place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
        return World(place)


@pytest.fixture
def world(_a_world: World, ministack_server: Server) -> Iterator[World]:
    """On MiniStack, with modules named; purged by single calls or by PartiQL."""
    with _pointed_at(ministack_server):
        _a_world.set_back()
        yield _a_world


@pytest.fixture
def discovered_world(_a_discovered_world: World, moto_server: Server) -> Iterator[World]:
    """On moto, with modules discovered; purged by single calls or marked."""
    with _pointed_at(moto_server):
        _a_discovered_world.set_back()
        yield _a_discovered_world
