"""The command restore into a file or another table: the source table stays as it is, and nothing is held."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path

import pytest

from tests.integration.items import by_key, message_of
from tests.integration.restored import ITEMS, damage, expected, in_table, purge, site_on
from tests.integration.restoring import run
from tests.integration.sites import Servers, Site
from tests.integration.worlds import differences
from tests.servers import create_chat_messages


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_file_is_loaded_back_exactly(purged_singly: Site, tmp_path: Path, ending: str) -> None:
    """It is private, holds nothing but items, and is the same each time; nothing is held."""
    path = tmp_path / f"out.{ending}"
    ended = run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path), "--json")
    assert ended.json()["messages_restored"] == len(ITEMS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not purged_singly.left()
    text = path.read_bytes()
    assert (gzip.decompress(text) if ending.endswith("gz") else text).count(b"\n") == len(ITEMS)
    assert run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path)).code == 3, (
        "a file is replaced only if that is agreed to"
    )
    assert run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path), "--yes").code == 0
    assert path.read_bytes() == text
    assert run(purged_singly, "holds", "--json").json() == []
    purged_singly.run("load", str(path), "--yes").done()
    assert not differences(in_table(purged_singly), expected(ITEMS))


def test_a_file_is_there_only_when_it_is_complete(singly: Servers, tmp_path: Path) -> None:
    """A damaged segment ends in an alarm, and leaves neither a file nor a part of one."""
    site = site_on(singly, tmp_path)
    purge(site)
    damage(site, "2024-01-16")
    path = tmp_path / "files" / "out.jsonl"
    path.parent.mkdir()
    assert run(site, "restore", "--from", "2024-01-01", "--into-file", str(path)).code == 4
    assert list(path.parent.iterdir()) == []
    assert run(site, "restore", "--from", "2024-01-01", "--into-file", str(tmp_path / "nowhere" / "f")).code == 2


def test_messages_go_into_another_table_with_the_same_keys(purged_singly: Site) -> None:
    """The source table stays as it is, and nothing is held."""
    client = purged_singly.servers.dynamodb.dynamodb()
    other = create_chat_messages(client, f"{purged_singly.table}Copy")
    assert run(purged_singly, "restore", "--module", "1", "--into-table", other, "--yes").code == 0
    found = by_key(message_of(one) for one in client.scan(TableName=other)["Items"])
    assert not differences(found, expected([one for one in ITEMS if one["moduleId"] == {"N": "1"}]))
    assert not purged_singly.left()
    assert run(purged_singly, "holds", "--json").json() == []


def test_a_lake_whose_table_is_gone_can_be_restored_from(singly: Servers, tmp_path: Path) -> None:
    """To a file; into a new table of the same name only if it is named: it is not the one the lake was made from."""
    site = site_on(singly, tmp_path)
    purge(site)
    client = singly.dynamodb.dynamodb()
    client.delete_table(TableName=site.table)
    assert run(site, "restore", "--module", "1", "--yes").code == 2
    assert run(site, "restore", "--module", "1", "--into-file", str(tmp_path / "out.jsonl")).code == 0
    record = json.loads(site.lake.client.get_object(Bucket=site.bucket, Key="lake/archive.json")["Body"].read())
    record["owner"]["table_id"] = "an-earlier-table"
    site.lake.client.put_object(Bucket=site.bucket, Key="lake/archive.json", Body=json.dumps(record))
    create_chat_messages(client, site.table)
    refused = run(site, "restore", "--module", "1", "--yes")
    assert (refused.code, site.left()) == (3, [])
    assert f"--into-table {site.table}" in refused.stderr
