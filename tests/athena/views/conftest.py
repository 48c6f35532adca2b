"""The lake of real messages, built once, and what asks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.model.spec import CHAT_MESSAGES
from athena import local
from athena.config import AthenaConfig, Catalog
from athena.objects import LakeObjects
from tests.athena.views.grammar import Grammar, trino_grammar
from tests.athena.views.real_lake import RealLake
from tests.builders import KEYS
from tests.conftest import missing
from tests.servers import ServerMissingError

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep this folder's tests in one process: they share one lake."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("views"))


@pytest.fixture(scope="session")
def catalog(real_lake: RealLake) -> Catalog:
    """Its tables and views."""
    return Catalog(str(real_lake.root / KEYS.prefix), CHAT_MESSAGES, AthenaConfig("dynalake"))


@pytest.fixture(scope="session")
def grammar() -> Grammar:
    """Trino's own grammar."""
    try:
        return trino_grammar()
    except ServerMissingError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def ask(catalog: Catalog) -> Ask:
    """Ask it with DuckDB; rows as dictionaries."""
    objects = LakeObjects.at(catalog.location, None, {})
    return lambda sql: list(local.ask(sql, catalog, objects).to_pylist())
