"""Links a night's report from Prefect."""

from __future__ import annotations

from prefect.artifacts import create_link_artifact

from archive.engine.run import RunResult
from flows.report.nightly import leave_report
from flows.settings import Settings


def publish_report(settings: Settings, run: RunResult) -> None:
    """Leave the report of a nightly run in the lake, and link it from an artifact of the flow run; nothing for other runs."""
    left = leave_report(settings, run)
    if left is not None:
        create_link_artifact(left.link, link_text="The archive as a page", key="dynalake-report", description=left.url)
