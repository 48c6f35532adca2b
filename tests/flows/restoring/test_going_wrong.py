"""The command restore when something is wrong: killed, stopped, damaged, or asked for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from tests.builders import START_MS
from tests.integration.restored import DAY, ITEMS, damage, expected, in_table, item, purge, site_on
from tests.integration.restoring import KilledError, hooked, run
from tests.integration.sites import Servers, Site, put
from tests.integration.worlds import differences


@pytest.mark.parametrize("calls", [0, 2])
def test_a_restore_that_was_killed_is_finished_by_the_next(servers: Servers, tmp_path: Path, calls: int) -> None:
    """After so many calls that put messages, the next one is executed, its answer is lost, and nothing more is sent."""
    items = [item(number, number % 3) for number in range(110)]
    site = site_on(servers, tmp_path, items)
    purge(site)
    operation, probes = ("BatchExecuteStatement", 2) if servers.dynamodb.name == "ministack" else ("PutItem", 0)
    answered: list[str] = []

    def before(**_: object) -> None:
        if len(answered) > probes + calls:
            raise KilledError

    def after(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's operation model
        answered.extend([model.name] if model.name == operation else [])
        before()

    with hooked("before-call", before), hooked("after-call", after), pytest.raises(KilledError):
        run(site.with_settings(limits={"purge_requests": 1}), "restore", "--module", "1", "--yes")
    assert 0 < len(site.left()) < len(items)
    assert [hold["state"] for hold in run(site, "holds", "--json").json()] == ["active"]
    ended = run(site, "restore", "--module", "1", "--yes", "--json").json()
    assert ended["messages_restored"] + ended["messages_present"] == len(items)
    assert not differences(in_table(site), expected(items))


def test_a_lost_answer_to_what_is_stored_at_the_end_is_no_error(purged_singly: Site) -> None:
    """The report and the record of a run have keys of their own: what is there already is our own PUT."""
    put(purged_singly.servers.dynamodb.dynamodb(), purged_singly.table, [item(3, 0, 2, content={"S": "another"})])
    lost: list[str] = []

    def lose(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if any(family in request.url for family in ("/runs/", "/reports/")) and request.url not in lost:
            lost.append(request.url)
            URLLib3Session().send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

    with hooked("before-send.s3.PutObject", lose):
        ended = run(purged_singly, "restore", "--from", "2024-01-01", "--yes", "--json").json()
    assert len(lost) == 2
    assert (ended["messages_restored"], ended["messages_in_conflict"]) == (len(ITEMS) - 1, 1)


def test_a_damaged_segment_is_an_alarm_and_the_others_go_on(purged_singly: Site) -> None:
    """Nothing of it is put: its bytes are not those that were proved."""
    damage(purged_singly, "2024-01-15")
    ended = run(purged_singly, "restore", "--from", "2024-01-01", "--yes")
    assert ended.code == 4
    assert "alarm: " in ended.stdout
    assert not differences(in_table(purged_singly), expected([one for one in ITEMS if int(one["timestamp"]["N"]) >= START_MS + DAY]))


def test_a_segment_without_its_receipt_is_restored(singly: Servers, tmp_path: Path) -> None:
    """A run was killed between the two PUTs; the object has its own proof. One without its object is an alarm."""
    site = site_on(singly, tmp_path)
    purge(site)
    (first, second) = site.lake.keys("receipts")
    site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{first}")
    run(site, "restore", "--from", "2024-01-01", "--yes", "--json").json()
    assert not differences(in_table(site), expected(ITEMS))
    site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{second.replace('receipts', 'messages').replace('json', 'parquet')}")
    ended = run(site, "restore", "--from", "2024-01-01", "--yes")
    assert ended.code == 4
    assert "gone" in ended.stderr


def test_the_stop_sign_stops_a_restore_before_it_begins(singly: Servers, tmp_path: Path) -> None:
    """Nothing is put, nothing is held."""
    site = site_on(singly, tmp_path)
    purge(site)
    site.lake.client.put_object(Bucket=site.bucket, Key="lake/stop", Body=b"x")
    assert run(site, "restore", "--module", "1", "--yes").code == 7
    assert not site.left()
    assert run(site, "holds", "--json").json() == []


def test_a_cap_ends_a_restore_in_good_order_and_it_can_be_run_again(singly: Servers, tmp_path: Path) -> None:
    """It says what is left."""
    items = [item(number, number % 2) for number in range(120)]
    site = site_on(singly, tmp_path, items)
    purge(site)
    ended = run(site.with_settings(limits={"max_messages": 10}), "restore", "--module", "1", "--yes", "--json")
    assert ended.code == 8
    record = json.loads(ended.stdout)
    assert 0 < record["messages_restored"] == len(site.left()) < len(items)
    assert "still to be restored" in record["left"]
    run(site, "restore", "--module", "1", "--yes")
    assert not differences(in_table(site), expected(items))


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "--module"),
        (["--module", "five"], 2, "int64"),
        (["--module", "1", "--from", "2024-02-01", "--to", "2024-01-01"], 2, "empty"),
        (["--module", "1", "--into-table", "T", "--into-file", "f"], 2, "not both"),
        (["--module", "1", "--into-file", "f", "--until", "2050-01-01"], 2, "--until"),
        (["--module", "1", "--until", "2020-01-01"], 2, "has passed"),
        (["--module", "1", "--into-table", "Nowhere"], 2, "does not exist"),
        (["--run", "nobody"], 2, "no purge"),
        (["--module", "1"], 3, "not agreed"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(emptied: Site, options: list[str], code: int, says: str) -> None:
    """One sentence and an exit code."""
    ended = run(emptied, "restore", *options)
    assert (ended.code, emptied.left()) == (code, [])
    assert says in ended.stderr
    assert "PutObject" not in ended.operations


def test_without_a_lake_there_is_nothing_to_restore(singly: Servers, tmp_path: Path) -> None:
    """An empty answer is none: what the lake does not hold is said, with exit code 0."""
    site = site_on(singly, tmp_path)
    assert run(site, "restore", "--module", "1", "--yes").code == 2
    purge(site)
    ended = run(site, "restore", "--module", "77", "--yes")
    assert ended.code == 0
    assert "the lake holds no such message" in ended.stdout
