"""A whole lake put back: into a file, into another table by PartiQL; every message as it was, compared without our codec."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.integration.items import by_key, message_of, message_of_json
from tests.integration.restoring import run
from tests.integration.worlds import World, differences
from tests.servers import create_chat_messages


def test_a_whole_lake_becomes_a_file_of_the_very_messages(purged: World, tmp_path: Path) -> None:
    """All of them, also the real ones; attribute by attribute, type by type, digit by digit."""
    path = tmp_path / "all.jsonl.gz"
    record = run(purged.site, "restore", "--from", "2000-01-01", "--into-file", str(path), "--json").json()
    assert record["messages_restored"] == len(purged.expected)
    with gzip.open(path, "rb") as file:
        assert not differences(by_key(map(message_of_json, file)), purged.expected)


@pytest.mark.parametrize("purged", ["generated"], indirect=True)
def test_nasty_messages_become_the_very_items_of_another_table(purged: World, tmp_path: Path) -> None:
    """By INSERTs, and through a file that is loaded; of the real ones, tests/flows/test_restoring.py does it."""
    client = purged.site.servers.dynamodb.dynamodb()
    path = tmp_path / "all.jsonl"
    straight, loaded = (create_chat_messages(client, f"{purged.site.table}{name}") for name in ("Straight", "Loaded"))
    site = purged.site
    record = run(site, "restore", "--from", "2000-01-01", "--into-table", straight, "--yes", "--json").json()
    assert record["messages_restored"] == len(purged.expected)
    assert run(site, "restore", "--from", "2000-01-01", "--into-file", str(path)).code == 0
    site.with_settings(source={"table": loaded}).run("load", str(path), "--yes").done()
    for table in (straight, loaded):
        pages = client.get_paginator("scan").paginate(TableName=table)
        assert not differences(by_key(message_of(item) for page in pages for item in page["Items"]), purged.expected)
