"""The same nightly run twice: as a Prefect flow with a task a batch, and by the engine alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from archive.engine.planning import Request
from archive.engine.run import RunResult
from archive.model.plan import Plan
from benchmarks.process import Timed
from flows.archive_flows import run_flow
from flows.operate import Catalogue, execute_directly, perform
from flows.settings import Settings
from flows.settings_sections import LakeSection, LimitsSection, PolicySection, ReportSection, SourceSection

_UNLIMITED = 1e9


def as_flow(**arguments: Any) -> Timed:  # noqa: ANN401 - JSON
    """Run it as a flow; PREFECT_API_URL names the server."""
    settings = _settings(**arguments)
    return _timed(lambda: run_flow(settings, Request("nightly")))


def directly(**arguments: Any) -> Timed:  # noqa: ANN401 - JSON
    """Run it without Prefect."""
    settings = _settings(**arguments)
    catalogue = Catalogue(settings.athena.database, settings.athena.table)
    return _timed(lambda: perform(settings.config(), catalogue, Request("nightly"), datetime.now(UTC), execute_directly))


def _settings(table: str, bucket: str, spool: str) -> Settings:
    return Settings(
        source=SourceSection(table=table),
        lake=LakeSection.model_validate({"bucket": bucket, "spool_directory": spool}),
        policy=PolicySection(purge="delete", backup_before_first_purge=False),
        limits=LimitsSection(
            read_units=_UNLIMITED,
            write_units=_UNLIMITED,
            partition_read_units=_UNLIMITED,
            partition_write_units=_UNLIMITED,
            unattended_messages=10**9,
        ),
        report=ReportSection(nightly=False),
    )


def _timed(run: Callable[[], tuple[Plan, RunResult]]) -> Timed:
    def timed() -> float:
        _, result = run()
        if result.error is not None:
            raise result.error
        return result.result.added

    return timed
