"""Batches on several processes, and on a real Dask cluster of two, one of which is killed in the middle: nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any, Final

import distributed
import pytest

from flows.demo.messages import demo_messages
from tests.conftest import missing
from tests.integration.flow import begun
from tests.integration.items import Message, by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.nasty import AROUND
from tests.integration.receipts import check_receipts
from tests.integration.sites import Servers, Site, put
from tests.integration.worlds import differences
from tests.servers import Server, create_chat_messages, servers_directory

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1500), pytest.mark.xdist_group("clusters")]
_dask: Any = distributed  # it is not typed
_MESSAGES: Final = 800
_WINDOW: Final = ("--from", "2024-02-01", "--to", "2024-04-01")
_PATIENCE: Final = 1000.0


@pytest.fixture
def site(moto_server: Server, tmp_path: Path) -> Site:
    """A table of a month's messages, all of which are to be purged by single calls."""
    site = Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=f"Clusters{time.time_ns()}")
    put(site.servers.dynamodb.dynamodb(), create_chat_messages(site.servers.dynamodb.dynamodb(), site.table), _items())
    return site.with_settings(policy={"purge": "delete", "protocol": "single"})


def _items() -> list[dict[str, Any]]:
    return demo_messages(AROUND, _MESSAGES, Random(7))  # noqa: S311 - the same messages every time


def _begun(
    site: Site, run: dict[str, object], prefect_server: Server, home: Path, python: str = sys.executable
) -> AbstractContextManager[subprocess.Popen[str]]:
    return begun(site.with_settings(run={"prefect": True, **run}), home, _WINDOW, python, PREFECT_API_URL=_api(prefect_server))


def _api(prefect_server: Server) -> str:
    return f"{prefect_server.endpoint}/api"


def _require_all_archived(site: Site, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the run's end, and assert that each message is in the lake, once and exactly, and none at the table."""
    stdout, stderr = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, stderr[-3000:]
    found: list[Message] = [message for stored in site.lake.all("messages").values() for message in messages_of(stored)]
    assert len(found) == _MESSAGES
    assert not differences(by_key(found), by_key(map(message_of, _items())))
    assert site.left() == []
    check_receipts(site)
    record: dict[str, Any] = json.loads(stdout)
    assert record["why_stopped"] == "done"
    return record


def test_processes_archive_what_threads_would(site: Site, prefect_server: Server, tmp_path: Path) -> None:
    """And what each of them used is in the run's record: a delete is at least one write unit."""
    with _begun(site, {"engine": "processes", "workers": 2}, prefect_server, tmp_path) as process:
        record = _require_all_archived(site, process)
    assert (record["messages_added"], record["messages_removed"]) == (_MESSAGES, _MESSAGES)
    assert record["write_units"] >= _MESSAGES


def test_ray_archives_what_threads_would(site: Site, prefect_server: Server, tmp_path: Path) -> None:
    """Ray starts two workers of its own; it lives in an environment of its own, on top of this one."""
    python = servers_directory() / "ray" / "bin" / "python"
    if not python.exists():
        missing("Ray is not installed in the servers folder; run make prove, which installs it")
    with _begun(site, {"engine": "ray", "workers": 2}, prefect_server, tmp_path, str(python)) as process:
        record = _require_all_archived(site, process)
    assert (record["messages_added"], record["messages_removed"]) == (_MESSAGES, _MESSAGES)


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(
    site: Site, prefect_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch is executed again by the other one, which finds some of it archived and removed already."""
    settings = {**site.servers.environment(), "PREFECT_API_URL": _api(prefect_server), "PREFECT_HOME": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)  # a cluster's workers have their credentials and endpoints from where they were started
    with (
        _dask.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        _dask.Client(cluster, set_as_default=False) as client,
        _begun(site, {"engine": "dask", "workers": 2, "address": cluster.scheduler_address}, prefect_server, tmp_path) as process,
    ):
        killed = _kill_in_the_middle(site, cluster, client, process)
        _require_all_archived(site, process)
    assert killed


def _kill_in_the_middle(site: Site, cluster: Any, client: Any, process: subprocess.Popen[str]) -> bool:  # noqa: ANN401 - Dask is untyped
    """Kill a worker that has a batch, as soon as something was purged and more is left; say whether that came about."""
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        busy = [address for address, tasks in client.processing().items() if tasks]
        if busy and site.lake.all("purges") and site.left():
            (worker,) = (worker for worker in cluster.workers.values() if worker.worker_address == busy[0])
            os.kill(worker.pid, signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False
