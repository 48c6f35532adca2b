"""How Prefect links a night's report: as an artifact, of a page that was stored."""

from __future__ import annotations

from typing import Any

import pytest

from flows.report import artifact
from flows.report.nightly import Left


def test_a_stored_page_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a key of its own, so that all nights' are versions of one; where there is no page there is no link."""
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(artifact, "create_link_artifact", lambda link, **more: made.append({"link": link, **more}))
    for left in (Left("s3://lake/reports/run.html", "https://console.aws.amazon.com/s3/object/lake?prefix=reports"), None):
        monkeypatch.setattr(artifact, "leave_report", lambda *_, left=left: left)
        artifact.publish_report(None, None)  # type: ignore[arg-type] # passed on
    (one,) = made
    assert (one["link"], one["key"]) == ("https://console.aws.amazon.com/s3/object/lake?prefix=reports", "dynalake-report")
    assert one["description"] == "s3://lake/reports/run.html"


def test_a_link_that_is_refused_does_not_fail_the_night(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is said where the page is."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(artifact, "create_link_artifact", refuse)
    monkeypatch.setattr(artifact, "leave_report", lambda *_: Left("s3://lake/reports/run.html", "https://example.com"))
    with caplog.at_level("INFO", "dynalake"):
        artifact.publish_report(None, None)  # type: ignore[arg-type] # passed on
    assert "took no link to the report (ConnectionError); it is s3://lake/reports/run.html" in caplog.text
