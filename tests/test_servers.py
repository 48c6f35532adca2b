"""What the servers' starters promise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import browsers, servers
from tests.servers import TABLE, Server, ServerFailedError, ServerMissingError, create_chat_messages, drop

_FIXTURES = ("moto_server", "dynalite_server", "ministack_server")


@pytest.fixture(params=_FIXTURES)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the three servers in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


def test_a_server_holds_the_table_with_its_three_indexes(server: Server) -> None:
    """The table is active, and each index has a partition key of its own and the same sort key."""
    client = server.dynamodb()
    table = create_chat_messages(client, "TablesTest")
    found = client.describe_table(TableName=table)["Table"]
    keys = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in found["GlobalSecondaryIndexes"]}
    assert keys == {
        "ModuleAnalyticsIndex": ["moduleId", "timestamp"],
        "StudentActivityIndex": ["studentId", "timestamp"],
        "ProviderUsageIndex": ["provider", "timestamp"],
    }
    assert found["TableStatus"] == "ACTIVE"


@pytest.mark.parametrize("start", [servers.dynalite, servers.ministack])
def test_a_server_that_is_not_installed_is_named(
    start: Callable[[], AbstractContextManager[Server]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to run."""
    monkeypatch.setenv("DYNALAKE_SERVERS_DIR", str(tmp_path))
    with pytest.raises(ServerMissingError, match="make servers"), start():
        pass


def test_a_browser_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissingError, match="package chromium"), browsers.chromium():
        pass


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it printed last is in the error."""
    python = tmp_path / "ministack" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho out of order\nexit 3\n")
    python.chmod(0o700)
    monkeypatch.setenv("DYNALAKE_SERVERS_DIR", str(tmp_path))
    with pytest.raises(ServerFailedError, match="out of order"), servers.ministack():
        pass


def test_a_server_ends_with_its_block() -> None:
    """After the block nothing has its process id."""
    with servers.moto() as server:
        assert _alive(server.pid)
    assert not _alive(server.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_server_ends_when_the_tests_are_killed() -> None:
    """SIGKILL leaves no server behind."""
    program = "from tests import servers\nwith servers.moto() as server:\n    print(server.pid, flush=True)\n    input()\n"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        assert _alive(pid)
        tests.send_signal(signal.SIGKILL)
        tests.wait()
    for _ in range(200):
        if not _alive(pid):
            return
        time.sleep(0.05)
    pytest.fail("the server outlived the tests")


def test_servers_see_nothing_of_the_caller() -> None:
    """A server's environment has none of the caller's variables but PATH."""
    os.environ["DYNALAKE_TEST_CANARY"] = "x"
    try:
        with servers.moto() as server:
            environment = Path(f"/proc/{server.pid}/environ")
            if not environment.exists():
                pytest.skip("this system does not show a process's environment")
            assert "DYNALAKE_TEST_CANARY" not in environment.read_text()
    finally:
        del os.environ["DYNALAKE_TEST_CANARY"]


def test_a_table_is_called_chat_messages_unless_it_is_named(moto_server: Server) -> None:
    """The default is the built-in spec's table."""
    client = moto_server.dynamodb()
    assert create_chat_messages(client) == TABLE == "ChatMessages"
    drop(client, TABLE)


def _alive(pid: int) -> bool:
    """Say whether the process runs; one that has ended but was not collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_a_missing_server_skips_or_fails(required: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is skipped with its reason; with DYNALAKE_REQUIRE_SERVERS=1 it fails."""
    monkeypatch.setenv("DYNALAKE_SERVERS_DIR", str(tmp_path))
    monkeypatch.setenv("DYNALAKE_REQUIRE_SERVERS", required)
    chosen = "tests/test_servers.py::test_a_server_holds_the_table_with_its_three_indexes[ministack_server]"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", chosen]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert outcome in ended.stdout
    assert "MiniStack is not installed" in ended.stdout
    assert ended.returncode == int(required)
