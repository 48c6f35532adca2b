"""A small backfill as its Prefect flow: a command in a process, a session and a Prefect of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from flows.demo.messages import demo_messages
from tests.integration.items import Message, message_of
from tests.integration.nasty import AROUND
from tests.integration.sites import Site, put
from tests.integration.worlds import WINDOW
from tests.servers import create_chat_messages

MESSAGES: Final = 200
_ROOT: Final = Path(__file__).parents[2]
_MOST_SECONDS: Final = 1100.0
_SECONDS_TO_START: Final = "120"


@dataclass(frozen=True, slots=True)
class Flow:
    """A run by Prefect: what it printed, and where Prefect kept its own record of it."""

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


def filled(site: Site) -> tuple[Site, list[Message]]:
    """Fill a table; returns the site with settings under which a flow purges it, and its messages."""
    client = site.servers.dynamodb.dynamodb()
    items = demo_messages(AROUND, MESSAGES, Random(5))  # noqa: S311 - the same messages every time
    put(client, create_chat_messages(client, site.table), items)
    purging = site.with_settings(run={"prefect": True}, policy={"purge": "delete", "protocol": "single"})
    return purging, [message_of(item) for item in items]


@contextmanager
def flowing(site: Site, home: Path) -> Iterator[Future[Flow]]:
    """Fill a table, begin a backfill that purges it, and kill what is left of it at the end: the command, and its server."""
    site, source = filled(site)
    with ThreadPoolExecutor(1, "flow") as pool, begun(site, home) as process:
        yield pool.submit(_ended, process, site, source, home)


@contextmanager
def begun(
    site: Site, home: Path, window: tuple[str, ...] = WINDOW, python: str = sys.executable, **prefect: str
) -> Iterator[subprocess.Popen[str]]:
    """Begin a backfill in a process, a session and a Prefect of its own; kill what is left of it at the end.

    `prefect` are settings of Prefect's, such as its server's address; without one it starts a server itself.
    """
    own = {"PREFECT_HOME": str(home), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": _SECONDS_TO_START}
    command = [python, "-c", "from flows.cli import main; main()", "backfill", *window, "--yes", "--json"]
    with subprocess.Popen(
        [*command, "--config", str(site.config())],
        env={**os.environ, **site.servers.environment(), **own, **prefect},
        cwd=_ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _ended(process: subprocess.Popen[str], site: Site, source: list[Message], home: Path) -> Flow:
    stdout, stderr = process.communicate(timeout=_MOST_SECONDS)
    return Flow(site, source, process.returncode, stdout, stderr, home)
