"""A fault, seen from the command line: one sentence, the documented exit code, no traceback, and nothing of what a message says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.engine.workplace import one_loader
from tests.builders import START_MS
from tests.faults import failing
from tests.faults.faults import End
from tests.faults.world import Trouble, Where
from tests.integration.sites import Servers, Site, put
from tests.servers import Server, create_chat_messages

_SECRET = "a pupil's own words"  # noqa: S105 - no password
_ITEM = {
    "conversationId": {"S": "conversation"},
    "timestamp": {"N": str(START_MS)},
    "moduleId": {"N": "5"},
    "content": {"S": _SECRET},
}


@pytest.mark.parametrize(
    ("where", "fails", "end"),
    [
        (
            Where("DeleteItem", after=1),
            failing.refused("ThrottlingException"),
            End(5, ("dynamodb:DeleteItem", "for now")),
        ),
        (Where("GetObject", "/messages/"), failing.damaged, End(4, ("/messages/", "its checksum differs"))),
        (Where("PutObject", "/runs/"), failing.s3_refused("AccessDenied", 403), End(5, ("s3:PutObject", "grant it"))),
    ],
    ids=["throttled", "damaged", "denied at the end"],
)
def test_a_fault_is_one_sentence(moto_server: Server, tmp_path: Path, where: Where, fails: failing.Failing, end: End) -> None:
    """And the same command, run again, ends right. The first removal is the one that a first run's checks try."""
    site = Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=f"Faulty-{tmp_path.name[-40:]}")
    site = site.with_settings(policy={"purge": "delete", "protocol": "single"})
    client = moto_server.dynamodb()
    put(client, create_chat_messages(client, site.table), [_ITEM])
    command = ("backfill", "--from", "2024-01-15", "--to", "2024-01-16", "--yes")
    with one_loader(), Trouble(where, fails, times=None).awaited() as trouble:
        outcome = site.run(*command)
    assert trouble.happened
    assert (outcome.code, outcome.crash) == (end.code, "")
    [sentence] = [line for line in outcome.stderr.splitlines() if line.startswith("Error: ")]
    assert [word for word in end.words if word not in sentence] == []
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert _SECRET not in outcome.stdout + outcome.stderr
    site.run(*command).done()
    assert (site.left(), len(site.lake.keys("messages"))) == ([], 1)


def test_a_missing_receipt_is_written_anew_also_when_the_table_is_empty(moto_server: Server, tmp_path: Path) -> None:
    """A night with nothing else to do: every message was removed long ago, so no module is found."""
    site = Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=f"Empty-{tmp_path.name[-40:]}")
    site = site.with_settings(policy={"purge": "delete", "protocol": "single"})
    client = moto_server.dynamodb()
    put(client, create_chat_messages(client, site.table), [_ITEM])
    with one_loader():
        site.run("nightly", "--yes").done()
        ((receipt, written),) = site.lake.all("receipts").items()
        moto_server.s3().delete_object(Bucket=site.bucket, Key=f"{site.prefix}/{receipt}")
        site.run("nightly", "--yes").done()
    assert (site.left(), {key: stored.body for key, stored in site.lake.all("receipts").items()}) == ([], {receipt: written.body})
