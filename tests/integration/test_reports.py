"""The page as `dynalake report` writes it, and as a nightly run leaves it in the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.items import Wire
from tests.integration.sites import NewSite, Servers, Site, put
from tests.servers import create_chat_messages

_NIGHTLY = ("nightly", "--yes", "--json")


def _item(number: int) -> Wire:
    """Return a message of one of two modules, of one of three days before the cutoff."""
    sent = datetime.now(UTC) - timedelta(days=92 + number % 3)
    return {
        "conversationId": {"S": f"conversation {number}"},
        "timestamp": {"N": str(int(sent.timestamp() * 1000))},
        "moduleId": {"N": str((5, 55)[number % 2])},
        "content": {"S": f"message {number}"},
    }


@pytest.fixture
def site(reading: Servers, new_site: NewSite) -> Site:
    """A table on dynalite with 20 messages of two modules, and nights that leave a report."""
    site = new_site(reading).with_settings(report={"nightly": True})
    client = reading.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    put(client, site.table, [_item(number) for number in range(20)])
    return site


def test_a_night_leaves_a_page_in_the_lake(site: Site, tmp_path: Path) -> None:
    """Named like the run, for a browser to show; and the command writes the same figures to a file."""
    outcome = site.run(*_NIGHTLY).done()
    run = outcome.json()["run"]
    (key,) = site.lake.keys("reports")
    assert key == f"reports/{run}.html"
    assert f"report: s3://{site.bucket}/{site.prefix}/{key}" in outcome.stderr
    stored = site.servers.s3.s3().get_object(Bucket=site.bucket, Key=f"{site.prefix}/{key}")
    assert stored["ContentType"] == "text/html; charset=utf-8"
    page = stored["Body"].read().decode()
    assert f"The archive of {site.table}" in page
    assert run in page

    path = tmp_path / "page.html"
    figures = site.run("report", "--output", str(path), "--json").done().json()
    assert figures["page"] == str(path)
    assert figures["page_bytes"] == path.stat().st_size
    assert sum(part["messages"] for part in figures["partitions"]) == 20
    assert {use["module"] for use in figures["modules"]} == {"5", "55"}
    assert sum(use["messages"] for use in figures["modules"]) == 20
    assert [run["run"] for run in figures["runs"]] == [outcome.json()["run"]]
    assert site.lake.keys("reports") == [key]


def test_a_report_that_fails_does_not_fail_the_night(site: Site) -> None:
    """It is a warning; the run's record and exit code are as if there had been none."""
    key = f"{site.prefix}/purges/dt=2024-01-01/20240101T0000Z-20240102T0000Z-run-outcome.json"
    site.servers.s3.s3().put_object(Bucket=site.bucket, Key=key, Body=b"not JSON")
    outcome = site.run(*_NIGHTLY).done()
    assert outcome.json()["why_stopped"] == "done"
    assert "warning: there is no report of this night: the record" in outcome.stderr
    assert site.lake.keys("reports") == []


def test_a_night_leaves_none_where_none_is_wanted(site: Site) -> None:
    """And no other run does."""
    quiet = site.with_settings(report={"nightly": False})
    quiet.run(*_NIGHTLY).done()
    site.run("backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--yes").done()
    assert site.lake.keys("reports") == []
