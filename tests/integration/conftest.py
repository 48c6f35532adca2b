"""Fixtures of the end-to-end tests: servers side by side, and whole backfills that many tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.integration.beside import Beside, beside, is_wanted
from tests.integration.flow import Flow, flowing
from tests.integration.halves import Halves, in_halves
from tests.integration.sites import NewSite, Servers, Site
from tests.integration.worlds import World, backfilled_twice, fill_generated, fill_real, purged_world
from tests.servers import Server

_NUMBERS = count(1)
_PURGE = "the purge of the real messages"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep this folder's tests in one process: they share backfills that take a minute each."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("integration"))


@pytest.fixture(scope="session")
def reading(dynalite_server: Server, moto_server: Server) -> Servers:
    """Dynalite for DynamoDB, moto for S3 and Glue: what is read is right, to the read unit."""
    return Servers(dynalite_server, moto_server, moto_server)


@pytest.fixture(scope="session")
def purging(ministack_server: Server, moto_server: Server) -> Servers:
    """MiniStack for DynamoDB and S3, moto for Glue: what is removed is right."""
    return Servers(ministack_server, ministack_server, moto_server)


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> NewSite:
    """Return `new_site(servers, ...)`, which makes a bucket, settings, and the name of a table that is not there yet."""

    def make(servers: Servers, **options: Any) -> Site:  # noqa: ANN401 - passed on
        return Site.new(servers, tmp_path_factory.mktemp("site"), table=f"ChatMessages{next(_NUMBERS)}", **options)

    return make


@pytest.fixture(scope="session", autouse=True)
def at_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """What goes on beside the tests; the longest backfill begins first, if a test will look at it and everything is there."""
    with beside(tmp_path_factory.mktemp("beside")) as found:
        if is_wanted(request.session, "purged", purged="real"):
            try:
                path, servers = request.getfixturevalue("real_messages"), request.getfixturevalue("purging")
            except (pytest.skip.Exception, pytest.fail.Exception):
                pass  # the fixture that needs it says so
            else:
                found.begin(_PURGE, purged_world, request.getfixturevalue("new_site")(servers), path)
        yield found


@pytest.fixture(scope="session", autouse=True)
def _flow(request: pytest.FixtureRequest, at_once: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Flow] | None]:
    """A backfill by Prefect on moto; its server takes 10 seconds and more to start, so it begins early."""
    del at_once  # begins first
    with ExitStack() as stack:
        if is_wanted(request.session, "flow"):
            moto: Server = request.getfixturevalue("moto_server")
            site = request.getfixturevalue("new_site")(Servers(moto, moto, moto))
            yield stack.enter_context(flowing(site, tmp_path_factory.mktemp("prefect")))
        else:
            yield None


@pytest.fixture(scope="session")
def flow(_flow: Future[Flow]) -> Flow:
    """That backfill, ended."""
    return _flow.result()


@pytest.fixture(scope="session", params=["generated", "real"])
def kept(request: pytest.FixtureRequest, reading: Servers, new_site: NewSite, at_once: Beside) -> World:
    """A backfill on dynalite and moto, modules discovered, purge = keep: of made-up messages, and of all real ones."""
    site = new_site(reading)
    source = fill_generated(site) if request.param == "generated" else fill_real(site, request.getfixturevalue("real_messages"))
    if is_wanted(request.session, "halves", kept=request.param):
        elsewhere = new_site(Servers(reading.dynamodb, request.getfixturevalue("ministack_server"), reading.rest))
        at_once.begin(_halves_of(site), in_halves, elsewhere.with_settings(source={"table": site.table}), source)
    return backfilled_twice(site, source)


def _halves_of(site: Site) -> str:
    return f"halves of {site.table}"


@pytest.fixture(scope="session")
def halves(kept: World, at_once: Beside) -> Halves:
    """The table of `kept`, in four parts, in a lake of their own (on MiniStack)."""
    found: Halves = at_once.result(_halves_of(kept.site))
    return found


@pytest.fixture(scope="session", params=["generated", "real"])
def purged(request: pytest.FixtureRequest, purging: Servers, new_site: NewSite, at_once: Beside) -> World:
    """A backfill on MiniStack, modules named, purge = delete by PartiQL: of made-up messages, and of all real ones."""
    if request.param == "generated":
        return purged_world(new_site(purging), None)
    request.getfixturevalue("real_messages")  # says so where they are missing
    found: World = at_once.result(_PURGE)
    return found
