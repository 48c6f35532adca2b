"""The command restore --run: one run's purge is undone, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.restored import ITEMS, expected, in_table, item, purge, site_on
from tests.integration.restoring import hooked, run
from tests.integration.sites import Servers, put
from tests.integration.worlds import differences


def test_one_runs_purge_is_undone_and_no_other(servers: Servers, tmp_path: Path) -> None:
    """The first run's rows are in a version of the object that the second run has replaced since."""
    first, second = [one for one in ITEMS if int(one["studentId"]["N"]) < 5], [one for one in ITEMS if int(one["studentId"]["N"]) >= 5]
    site = site_on(servers, tmp_path, first)
    client = servers.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, second)
    late = purge(site)
    run(site, "restore", "--run", late, "--yes")
    assert not differences(in_table(site), expected(second))
    run(site, "restore", "--run", early, "--yes")
    assert not differences(in_table(site), expected(ITEMS))


def test_undoing_restores_the_values_that_run_removed(singly: Servers, tmp_path: Path) -> None:
    """Not those that the key has had since."""
    site = site_on(singly, tmp_path, [item(1, content={"S": "first"})])
    client = singly.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, [item(1, content={"S": "second"})])
    purge(site)
    run(site, "restore", "--run", early, "--yes")
    assert not differences(in_table(site), expected([item(1, content={"S": "first"})]))


def test_what_a_purge_left_is_not_restored_by_undoing_it(singly: Servers, tmp_path: Path) -> None:
    """A message that was edited at that moment stayed, and was deleted by its owner since."""
    site = site_on(singly, tmp_path, ITEMS[:4])
    client = singly.dynamodb.dynamodb()
    edited = {**ITEMS[0], "content": {"S": "edited"}}
    edits = [edited]

    def edit(params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's request
        if edits and b'"c0"' in params["body"]:
            put(client, site.table, [edits.pop()])

    with hooked("before-call.dynamodb.DeleteItem", edit):
        name = purge(site)
    assert not differences(in_table(site), expected([edited]))
    client.delete_item(TableName=site.table, Key={key: edited[key] for key in ("conversationId", "timestamp")})
    run(site, "restore", "--run", name, "--yes")
    assert not differences(in_table(site), expected(ITEMS[1:4]))


def test_a_version_that_is_gone_is_stood_in_for_by_the_present_object(singly: Servers, tmp_path: Path) -> None:
    """If no other run purged that segment: else nobody can know which rows were whose, and it is an alarm."""
    site = site_on(singly, tmp_path, [item(1), item(2, 1)])
    client = singly.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, [item(3)])
    late = purge(site)
    for day in (15, 16):
        intent = json.loads(site.lake.get(f"purges/dt=2024-01-{day}/202401{day}T0000Z-202401{day + 1}T0000Z-{early}-intent.json").body)
        if day == 15:
            site.lake.client.delete_object(Bucket=site.bucket, Key=intent["key"], VersionId=intent["version_id"])
    ended = run(site, "restore", "--run", early, "--yes")
    assert ended.code == 4
    assert "--from 2024-01-15T00:00:00Z" in ended.stderr
    assert not differences(in_table(site), expected([item(2, 1)]))
    keys = [key for key in site.lake.keys("purges") if late in key]
    for key in keys:
        site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{key}")
    assert run(site, "restore", "--run", early, "--yes").code == 0
    assert not differences(in_table(site), expected([item(1), item(2, 1), item(3)]))


def test_undoing_a_run_that_marked_takes_its_marks_away(by_partiql: Servers, tmp_path: Path) -> None:
    """Those that have expired meanwhile come back, the others stay; none will expire."""
    site = site_on(by_partiql, tmp_path, purge="expire")
    client = by_partiql.dynamodb.dynamodb()
    client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    name = purge(site)
    assert all("expiresAt" in message for message in site.left())
    client.delete_item(TableName=site.table, Key={key: ITEMS[0][key] for key in ("conversationId", "timestamp")})
    record = run(site, "restore", "--run", name, "--yes", "--json").json()
    assert (record["messages_restored"], record["messages_kept"]) == (1, len(ITEMS) - 1)
    assert not differences(in_table(site), expected(ITEMS))
