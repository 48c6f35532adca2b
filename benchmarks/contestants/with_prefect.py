"""The same nightly run twice: as a Prefect flow with a task a batch, and by the engine alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.engine.planning import Request
from archive.engine.run import RunResult
from archive.model.plan import Plan
from benchmarks.process import Timed
from flows.archive_flows import run_flow
from flows.forms import NightlyForm
from flows.operate import Catalogue, execute_directly, perform
from flows.settings import load_settings

_UNLIMITED = 1e9


def as_flow(**arguments: Any) -> Timed:  # noqa: ANN401 - JSON
    """Run it as a flow; PREFECT_API_URL names the server."""
    config = _config(**arguments)
    return _timed(lambda: run_flow(NightlyForm(), config))


def directly(**arguments: Any) -> Timed:  # noqa: ANN401 - JSON
    """Run it without Prefect."""
    settings = load_settings(_config(**arguments), {})
    catalogue = Catalogue(settings.athena.database, settings.athena.table)
    return _timed(lambda: perform(settings.config(), catalogue, Request("nightly"), datetime.now(UTC), execute_directly))


def _config(table: str, bucket: str, spool: str) -> Path:
    """Write a settings file, and return its path."""
    path = Path(spool).with_suffix(".toml")
    unlimited = "".join(
        f"{name} = {_UNLIMITED}\n" for name in ("read_units", "write_units", "partition_read_units", "partition_write_units")
    )
    path.write_text(
        f"[source]\ntable = '{table}'\n[lake]\nbucket = '{bucket}'\nspool_directory = '{spool}'\n"
        "[policy]\npurge = 'delete'\nbackup_before_first_purge = false\n"
        f"[limits]\n{unlimited}unattended_messages = {10**9}\n"
        "[report]\nnightly = false\n"
    )
    return path


def _timed(run: Callable[[], tuple[Plan, RunResult]]) -> Timed:
    def timed() -> float:
        _, result = run()
        if result.error is not None:
            raise result.error
        return result.result.added

    return timed
