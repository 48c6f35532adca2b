"""Fixtures of the end-to-end tests: servers side by side, and whole backfills that many tests look at."""

from __future__ import annotations

import multiprocessing
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sites import NewSite, Servers, Site
from tests.integration.worlds import World, backfilled_twice, fill_generated, fill_real, purged_world
from tests.servers import Server

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class _Purging:
    """The purge of the real messages, in a process of its own: it takes a minute, and the other core is free."""

    process: Any
    answer: Path

    def world(self) -> World:
        """Wait for it, and return what it made."""
        self.process.join()
        assert self.answer.exists(), f"the purge was killed (exit code {self.process.exitcode})"
        found: World | str = pickle.loads(self.answer.read_bytes())  # noqa: S301 - written by this test run
        assert isinstance(found, World), found
        return found


def _purge(site: Site, path: Path, answer: Path) -> None:
    """Write the world, or the traceback of what went wrong, for the other process to read."""
    try:
        found: World | str = purged_world(site, path)
    except BaseException:  # noqa: BLE001 - whatever it is, a test reports it
        found = traceback.format_exc()
    waiting = answer.with_suffix(".waiting")
    waiting.write_bytes(pickle.dumps(found))
    waiting.rename(answer)


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
def _real_purge(request: pytest.FixtureRequest) -> Iterator[_Purging | None]:
    """Begin the longest backfill first, if a test will look at it and everything is there."""
    wanted = any(_looks_at_real_purge(item) for item in request.session.items)
    try:
        needed = (request.getfixturevalue("real_messages"), request.getfixturevalue("purging")) if wanted else None
    except (pytest.skip.Exception, pytest.fail.Exception):
        needed = None  # who needs it says so
    if needed is None:
        yield None
        return
    path, servers = needed
    site: Site = request.getfixturevalue("new_site")(servers)
    with _beside(site, path) as started:
        yield started


def _looks_at_real_purge(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and hasattr(item, "callspec") and item.callspec.params.get("purged") == "real"


@contextmanager
def _beside(site: Site, path: Path) -> Iterator[_Purging]:
    answer = site.folder / "world.pickle"
    process = multiprocessing.get_context("spawn").Process(target=_purge, args=(site, path, answer), daemon=True)
    process.start()
    try:
        yield _Purging(process, answer)
    finally:
        process.kill()
        process.join()


@pytest.fixture(scope="session", params=["generated", "real"])
def kept(request: pytest.FixtureRequest, reading: Servers, new_site: NewSite) -> World:
    """A backfill on dynalite and moto, modules discovered, purge = keep: of made-up messages, and of all real ones."""
    site = new_site(reading)
    source = fill_generated(site) if request.param == "generated" else fill_real(site, request.getfixturevalue("real_messages"))
    return backfilled_twice(site, source)


@pytest.fixture(scope="session", params=["generated", "real"])
def purged(request: pytest.FixtureRequest, purging: Servers, new_site: NewSite, _real_purge: _Purging | None) -> World:
    """A backfill on MiniStack, modules named, purge = delete by PartiQL: of made-up messages, and of all real ones."""
    if request.param == "generated":
        return purged_world(new_site(purging), None)
    path = request.getfixturevalue("real_messages")
    return _real_purge.world() if _real_purge else purged_world(new_site(purging), path)
