"""That today's program works with the lake of each spec version there was, as docs/compatibility.md promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from archive.model.spec import SPEC_VERSION
from tests.compatibility.lakes import FROM, TABLE, TO, FrozenLake, frozen_lakes
from tests.integration.items import by_key, message_of
from tests.integration.sites import Servers, Site, put
from tests.servers import Server, create_chat_messages, drop

_WINDOW: Final = ("--from", FROM, "--to", TO, "--yes", "--json")


@pytest.fixture(params=frozen_lakes(), ids=lambda lake: lake.folder.name)
def frozen(request: pytest.FixtureRequest) -> FrozenLake:
    """One lake after the other."""
    lake: FrozenLake = request.param
    return lake


@pytest.fixture
def site(frozen: FrozenLake, moto_server: Server, tmp_path: Path) -> Iterator[Site]:
    """The lake as it was left, and its table, empty."""
    create_chat_messages(moto_server.dynamodb(), TABLE)
    found = Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=TABLE)
    for key, body, metadata in frozen.objects():
        found.lake.client.put_object(Bucket=found.bucket, Key=f"{found.prefix}/{key}", Body=body, Metadata=metadata)
    yield found.with_settings(policy={"purge": "delete", "protocol": "single"})
    drop(moto_server.dynamodb(), TABLE)


def test_there_is_a_lake_of_this_version() -> None:
    """A new version is frozen when it is made: `python -m tests.compatibility.lakes`."""
    assert f"spec-{SPEC_VERSION}" in {lake.folder.name for lake in frozen_lakes()}


def test_it_is_restored_from(frozen: FrozenLake, site: Site) -> None:
    """Every message comes back as it was."""
    restored = site.run("restore", *_WINDOW).done().json()
    assert restored["messages_restored"] == len(frozen.items)
    assert by_key(site.left()) == by_key(message_of(item) for item in frozen.items)


def test_it_is_merged_into_and_purged_from(frozen: FrozenLake, site: Site) -> None:
    """Messages that are archived already rewrite nothing; a late one is united with its segment, and all of them are purged."""
    before = site.lake.all("messages")
    late = {**frozen.items[0], "conversationId": {"S": "late"}}
    put(site.servers.dynamodb.dynamodb(), TABLE, [*frozen.items, late])
    done = site.run("backfill", *_WINDOW).done().json()
    assert (done["messages_added"], done["segments_stored"], done["messages_removed"]) == (1, 1, len(frozen.items) + 1)
    assert site.left() == []
    after = site.lake.all("messages")
    assert sum(after[key].body != before[key].body for key in before) == 1
    site.run("restore", *_WINDOW).done()
    assert by_key(site.left()) == by_key(message_of(item) for item in (*frozen.items, late))


def test_it_is_asked(frozen: FrozenLake, site: Site) -> None:
    """Its messages, receipts, purges and runs."""
    number = len(frozen.items)
    counts = {"messages": ("count(*)", number), "receipts": ("sum(rows)", number), "purges": ("sum(done)", number), "runs": ("count(*)", 1)}
    for table, (figure, expected) in counts.items():
        answer = site.run("query", f"SELECT {figure} FROM {table}", "--format", "csv").done().stdout.splitlines()
        assert answer[1] == str(expected), table
