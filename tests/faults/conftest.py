"""Tables and lakes for the tests of what goes wrong, made once and set back before each use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.archive.engine.workplace import make_workplace, one_loader
from tests.faults.world import World
from tests.servers import Server


@pytest.fixture(scope="session")
def _a_world(ministack_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", ministack_server.endpoint)
        yield World(make_workplace(ministack_server, tmp_path_factory.mktemp("faults")).with_source(modules=(1, 2)))


@pytest.fixture(scope="session")
def _a_discovered_world(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        place = make_workplace(moto_server, tmp_path_factory.mktemp("faults"))
        place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
        yield World(place)


@pytest.fixture
def world(_a_world: World, ministack_server: Server, monkeypatch: pytest.MonkeyPatch) -> World:
    """On MiniStack, with modules named; purged by single calls or by PartiQL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack_server.endpoint)
    _a_world.set_back()
    return _a_world


@pytest.fixture
def discovered_world(_a_discovered_world: World, moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> World:
    """On moto, with modules discovered; purged by single calls or marked."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    _a_discovered_world.set_back()
    return _a_discovered_world
