"""Starts the three servers that stand in for AWS (moto, dynalite, MiniStack), and makes clients and tables for them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import boto3
from botocore.config import Config

from archive.model.config import Source
from archive.model.spec import CHAT_MESSAGES
from archive.model.wanted_table import wanted_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

TABLE: Final = "ChatMessages"
REGION: Final = "us-east-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
_HOST: Final = "127.0.0.1"
_PATIENCE: Final = 60.0  # seconds until a server must answer, or a table be there; far more than any needs
_PAUSE: Final = 0.05

# Runs in front of a server, and asks Linux to kill it when the tests die, however they die. Elsewhere that is left out:
# a server then outlives tests that were killed, and nothing else changes.
_LEASH: Final = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the tests are gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ServerMissingError(Exception):
    """The server is not installed; the message says how to install it."""


class ServerFailedError(Exception):
    """The server ended, or did not answer in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers over HTTP. It keeps nothing: what was stored is gone when it ends."""

    name: str
    endpoint: str
    pid: int

    def dynamodb(self) -> DynamoDBClient:
        """Make a DynamoDB client that never retries, so that a test sees the first answer."""
        return _SESSION.client("dynamodb", endpoint_url=self.endpoint, config=_ONCE)

    def s3(self) -> S3Client:
        """Make an S3 client that never retries."""
        return _SESSION.client("s3", endpoint_url=self.endpoint, config=_ONCE)

    def glue(self) -> GlueClient:
        """Make a Glue client that never retries."""
        return _SESSION.client("glue", endpoint_url=self.endpoint, config=_ONCE)


_ONCE: Final = Config(retries={"total_max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"})
_SESSION: Final = boto3.Session(
    aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
)


def servers_directory() -> Path:
    """Return where `make test` installs dynalite and MiniStack: .servers/, or what DYNALAKE_SERVERS_DIR names."""
    named = os.environ.get("DYNALAKE_SERVERS_DIR")
    return Path(named) if named else Path(__file__).resolve().parent.parent / ".servers"


@contextmanager
def moto() -> Iterator[Server]:
    """Run moto (S3, Glue, DynamoDB) in a process of its own, so that it does not share the tests' interpreter lock."""
    port = free_port()
    with running("moto", port, [sys.executable, "-m", "moto.server", "-H", _HOST, "-p", str(port)], "/moto-api/data.json") as server:
        yield server


@contextmanager
def dynalite() -> Iterator[Server]:
    """Run dynalite (DynamoDB), with tables that are there at once. Raises ServerMissingError."""
    program = servers_directory() / "node_modules" / ".bin" / "dynalite"
    node = shutil.which("node")
    if node is None or not program.exists():
        message = "dynalite is not installed in the servers folder, or there is no node; install Node.js with npm, and run make servers"
        raise ServerMissingError(message)
    port = free_port()
    at_once = [word for wait in ("createTableMs", "deleteTableMs", "updateTableMs") for word in (f"--{wait}", "0")]
    with running("dynalite", port, [node, str(program), "--host", _HOST, "--port", str(port), *at_once], "/") as server:
        yield server


@contextmanager
def ministack() -> Iterator[Server]:
    """Run MiniStack (DynamoDB with PartiQL, S3, Glue) from its own environment. Raises ServerMissingError."""
    python = servers_directory() / "ministack" / "bin" / "python"
    if not python.exists():
        message = "MiniStack is not installed in the servers folder; run make servers"
        raise ServerMissingError(message)
    port = free_port()
    settings = {"BIND_HOST": _HOST, "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "ERROR"}
    with running("ministack", port, [str(python), "-m", "ministack"], "/_ministack/health", settings) as server:
        yield server


@contextmanager
def prefect(*, ui: bool = False) -> Iterator[Server]:
    """Start a Prefect server with a database of its own; its API is below `/api`, and with `ui` its pages are there."""
    port = free_port()
    settings = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_SERVER_UI_ENABLED": str(ui).lower()}
    settings["PREFECT_UI_API_URL"] = f"http://{_HOST}:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    with running("prefect", port, command, "/api/health", settings) as server:
        yield server


@contextmanager
def running(name: str, port: int, command: Sequence[str], path: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start `command`, wait until `path` answers on `port`, and kill the process at the end.

    It sees nothing of the caller's environment but PATH, and `settings`; its home and working folder are empty, and go with it.
    Raises ServerFailedError.
    """
    leash = [sys.executable, "-S", "-c", _LEASH, str(os.getpid()), *command]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, **(settings or {}), **CREDENTIALS}
        with subprocess.Popen(leash, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment) as process:
            try:
                endpoint = f"http://{_HOST}:{port}"
                deadline = time.monotonic() + _PATIENCE
                while not _answers(endpoint + path):
                    if process.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        message = f"{name} did not start: {log.read()[-2000:].decode(errors='replace')}"
                        raise ServerFailedError(message)
                    time.sleep(_PAUSE)
                yield Server(name, endpoint, process.pid)
            finally:
                process.kill()


def _answers(url: str) -> bool:
    """Say whether anything speaks HTTP there, whatever it says. A proxy of the environment is not asked."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=5):
            return True
    except HTTPError as refusal:
        refusal.close()
        return True
    except (URLError, OSError):
        return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def chat_messages(table: str = TABLE) -> Source:
    """Return the settings' source, as it is without settings, for a table of this name."""
    return Source(table, "ModuleAnalyticsIndex", None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES)


def create_chat_messages(client: DynamoDBClient, table: str = TABLE) -> str:
    """Create the table with its three indexes (projection ALL, on demand), wait until all are active, and return its name."""
    client.create_table(**wanted_table(chat_messages(table), "expiresAt").definition(protected=False))
    _wait(lambda: _active(client, table), f"the table {table} did not become active")
    return table


def drop(client: DynamoDBClient, table: str) -> None:
    """Delete a table, and wait until it is gone: dynalite deletes it a moment after it has answered."""
    client.delete_table(TableName=table)
    _wait(lambda: not _exists(client, table), f"the table {table} was not deleted")


def _wait(done: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise ServerFailedError(complaint)
        time.sleep(_PAUSE)


def _active(client: DynamoDBClient, table: str) -> bool:
    with suppress(client.exceptions.ResourceNotFoundException):
        found = client.describe_table(TableName=table)["Table"]
        states = [found.get("TableStatus"), *(index.get("IndexStatus", "ACTIVE") for index in found.get("GlobalSecondaryIndexes", ()))]
        return set(states) == {"ACTIVE"}
    return False


def _exists(client: DynamoDBClient, table: str) -> bool:
    with suppress(client.exceptions.ResourceNotFoundException):
        client.describe_table(TableName=table)
        return True
    return False
