"""One small backfill as its Prefect flow, in a process and with a Prefect of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows.demo.messages import demo_messages
from tests.integration.items import Message, by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.nasty import AROUND
from tests.integration.sites import NewSite, Servers, Site, put
from tests.integration.worlds import WINDOW, differences
from tests.servers import Server, create_chat_messages

_ROOT = Path(__file__).parents[2]
_SECONDS = "120"


@dataclass(frozen=True, slots=True)
class Flow:
    """A run by Prefect: what it printed, and Prefect's own record of it."""

    site: Site
    source: list[Message]
    code: int
    stdout: str
    stderr: str
    home: Path

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask Prefect's database."""
        with closing(sqlite3.connect(self.home / "prefect.db")) as connection:
            return connection.execute(question).fetchall()


@pytest.fixture(scope="session")
def flow(moto_server: Server, new_site: NewSite, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """A backfill of 200 messages on moto that purges them. Its Prefect server may take two minutes to start, and ends with it."""
    site = new_site(Servers(moto_server, moto_server, moto_server))
    site = site.with_settings(run={"prefect": True}, policy={"purge": "delete", "protocol": "single"})
    client = moto_server.dynamodb()
    items = demo_messages(AROUND, 200, Random(5))  # noqa: S311 - the same messages every time
    put(client, create_chat_messages(client, site.table), items)
    home = tmp_path_factory.mktemp("prefect")
    prefect = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": _SECONDS,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-c", "from flows.cli import main; main()", "backfill", *WINDOW, "--yes", "--json"]
    with subprocess.Popen(
        [*command, "--config", str(site.config())],
        env={**os.environ, **site.servers.environment(), **prefect},
        cwd=_ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=280)
        finally:
            with suppress(ProcessLookupError):  # its own session: the command, and a server that it may have left behind
                os.killpg(process.pid, signal.SIGKILL)
    return Flow(site, [message_of(item) for item in items], process.returncode, stdout, stderr, home)


def test_a_flow_archives_proves_and_purges(flow: Flow) -> None:
    """As the engine does without Prefect; standard output is the record alone."""
    assert flow.code == 0, flow.stderr[-3000:]
    record = json.loads(flow.stdout)
    assert (record["messages_added"], record["messages_removed"], record["why_stopped"]) == (200, 200, "done")
    found = by_key(message for stored in flow.site.lake.all("messages").values() for message in messages_of(stored))
    assert not differences(found, by_key(flow.source))
    assert flow.site.left() == []


def test_run_names_say_what_they_do(flow: Flow) -> None:
    """Of the flow, and of the task that is one batch."""
    assert flow.rows("SELECT name, state_type FROM flow_run") == [("backfill 2023-01-01T00:00:00Z to 2026-01-01T00:00:00Z", "COMPLETED")]
    ((name, state),) = flow.rows("SELECT name, state_type FROM task_run")
    assert name.startswith("batch 0 20")
    assert state == "COMPLETED"


def test_a_run_leaves_a_table_with_what_it_did(flow: Flow) -> None:
    """As an artifact, with the run record's figures."""
    ((kind, data),) = flow.rows("SELECT type, data FROM artifact WHERE key = 'dynalake-backfill'")
    table = json.loads(data)
    table = json.loads(table) if isinstance(table, str) else table
    assert kind == "table"
    assert {row["what"]: row["value"] for row in table}["messages removed"] == "200"


def test_no_message_is_in_what_prefect_keeps(flow: Flow) -> None:
    """A task takes no rows, and nothing logs a content or a conversation: not in its database, its results, or the output."""
    dump = b"".join(path.read_bytes() for path in flow.home.rglob("*") if path.is_file())
    contents = {message["content"][1].encode() for message in flow.source if len(message["content"][1]) > 20}
    conversations = {message["conversationId"][1].encode() for message in flow.source}
    assert len(contents) > 50
    assert b"dynalake-backfill" in dump
    assert [text for text in contents | conversations if text in dump] == []
    assert not any(text.decode() in flow.stdout + flow.stderr for text in contents | conversations)
