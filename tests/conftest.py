"""Fixtures for every test: servers, real messages, golden files, and an environment that reaches no account of anybody."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

from tests import servers
from tests.servers import CREDENTIALS, Server, ServerMissingError
from tests.strict import strictly

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.athena.views.real_lake import RealLake

Golden = Callable[[str, str], None]
Started = TypeVar("Started")
_GOLDEN = Path(__file__).parent / "golden"
_QUIET = {"AWS_EC2_METADATA_DISABLED": "true", "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", **CREDENTIALS}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a golden file, so that `-m golden` selects them."""
    for item in items:
        if "golden" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.golden)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures that tests have recorded (`record_property(name, number)`), summed up by name."""
    figures: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        figures.update({name: number for name, number in report.user_properties if isinstance(number, int)})
    for name, number in sorted(figures.items()):
        terminalreporter.write_line(f"{name}: {number}")


@pytest.fixture(scope="session", autouse=True)
def _nobodys_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Replace the credentials, profiles, endpoints and settings of whoever runs the tests."""
    nothing = tmp_path_factory.mktemp("aws") / "none"
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("AWS_", "DYNALAKE_", "PREFECT_")) and name not in _OURS and not name.endswith("_CA_BUNDLE"):
                patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(nothing))
        for name, value in _QUIET.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def _strict() -> Iterator[None]:
    """Refuse what AWS would refuse, whatever the server lets pass."""
    with strictly():
        yield


_OURS = ("DYNALAKE_REQUIRE_SERVERS", "DYNALAKE_SERVERS_DIR", "DYNALAKE_TEST_DATA")


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Server]:
    """Moto in a process of its own: for S3, Glue, and DynamoDB with few messages."""
    yield from _started(servers.moto)


@pytest.fixture(scope="session")
def dynalite_server() -> Iterator[Server]:
    """Dynalite: for reads of DynamoDB, paging and discovery."""
    yield from _started(servers.dynalite)


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[Server]:
    """MiniStack: for PartiQL, the purge, and S3 checksums that are enforced."""
    yield from _started(servers.ministack)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[Server]:
    """Prefect's own server, with an empty database."""
    yield from _started(servers.prefect)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for no longer than a module: while Playwright runs, asyncio takes nothing else in this process."""
    from tests.browsers import chromium  # noqa: PLC0415 - few tests need it, and it takes long to load

    yield from _started(chromium)


@pytest.fixture(scope="session")
def real_messages() -> Path:
    """Return the file of real messages that DYNALAKE_TEST_DATA names (JSON Lines, gzip)."""
    named = os.environ.get("DYNALAKE_TEST_DATA")
    if not named:
        missing("set DYNALAKE_TEST_DATA to the file of real messages (chat_messages.jsonl.gz)")
    path = Path(named)
    if not path.is_file():
        missing(f"DYNALAKE_TEST_DATA names no file: {path.name}")
    return path


@pytest.fixture(scope="session")
def real_lake(real_messages: Path, tmp_path_factory: pytest.TempPathFactory) -> RealLake:
    """A lake of all real messages, in a local directory; who uses it is in the group `views`, so that it is built once."""
    from tests.athena.views.real_lake import build, read_messages  # noqa: PLC0415 - few tests need it

    return build(tmp_path_factory.mktemp("lake"), read_messages(real_messages))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return `golden(name, text)`: text must equal tests/golden/NAME; with --update-golden it is written there."""

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if request.config.getoption("update_golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.is_file(), f"there is no golden file {name}; run make golden, and read what it wrote"
        assert text == path.read_bytes().decode(), f"{name} differs; if that is meant, run make golden and read the difference"

    return compare


def _started(start: Callable[[], AbstractContextManager[Started]]) -> Iterator[Started]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except ServerMissingError as error:
            missing(str(error))
        yield server


def missing(reason: str) -> NoReturn:
    """Skip, or fail where everything must be there (.ci/run says so)."""
    if os.environ.get("DYNALAKE_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason} (DYNALAKE_REQUIRE_SERVERS=1)")
    pytest.skip(reason)
