"""Links a night's report from Prefect."""

from __future__ import annotations

from prefect.artifacts import create_link_artifact

from archive.engine.run import RunResult
from flows import reporter
from flows.report.nightly import leave_report
from flows.settings import Settings


def publish_report(settings: Settings, run: RunResult) -> None:
    """Leave the report of a nightly run in the lake, and link it from an artifact of the flow run; nothing for other runs.

    A link that Prefect does not take is said, and swallowed, as what goes wrong with the page is.
    """
    left = leave_report(settings, run)
    if left is None:
        return
    try:
        create_link_artifact(left.link, link_text="The archive as a page", key="dynalake-report", description=left.url)
    except Exception as error:  # noqa: BLE001 - whatever Prefect's API raises: the page is there, and the night is over
        reporter.current().say(f"warning: Prefect took no link to the report ({type(error).__name__}); it is {left.url}")
