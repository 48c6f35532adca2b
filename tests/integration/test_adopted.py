"""A table restored from a backup takes its lake over: nothing is lost, nothing is there twice, and what came back is purged again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.integration.items import by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.sites import NewSite, Servers, Site, put
from tests.integration.worlds import WINDOW
from tests.servers import Server, create_chat_messages

_SENT: Final = 1_714_521_600_000
_LOST, _RESTORED = "AdoptedLost", "AdoptedRestored"
_DELETE: Final = {"purge": "delete", "protocol": "single"}


def _item(number: int, content: str = "as archived") -> dict[str, Any]:
    """One message, each on a day of its own."""
    return {
        "conversationId": {"S": f"conversation {number}"},
        "timestamp": {"N": str(_SENT + number * 86_400_000)},
        "moduleId": {"N": "5"},
        "content": {"S": content},
    }


@pytest.fixture
def sites(moto_server: Server, new_site: NewSite) -> Iterator[tuple[Site, Site]]:
    """A table of three messages, archived and purged but for the last, and a table from its backup, with one lake."""
    servers = Servers(moto_server, moto_server, moto_server)
    client = moto_server.dynamodb()
    put(client, create_chat_messages(client, _LOST), [_item(number) for number in range(3)])
    lost = new_site(servers).with_settings(source={"table": _LOST}, policy=_DELETE)
    lost.run("backfill", "--from", "2024-05-01", "--to", "2024-05-03", "--yes").done()
    put(client, create_chat_messages(client, _RESTORED), [_item(number) for number in range(4)])
    yield lost, lost.with_settings(source={"table": _RESTORED})
    for name in (_LOST, _RESTORED):
        client.delete_table(TableName=name)


def test_a_dry_run_changes_nothing(sites: tuple[Site, Site]) -> None:
    """It names both tables."""
    lost, restored = sites
    before = lost.lake.get("archive.json")
    outcome = restored.run("adopt", "--dry-run").done()
    assert _LOST in outcome.stdout
    assert _RESTORED in outcome.stdout
    assert not any(call.is_write for call in outcome.calls)
    assert lost.lake.get("archive.json") == before


def test_the_restored_table_goes_on_where_the_lost_one_was(sites: tuple[Site, Site]) -> None:
    """Its backfill is refused before, and then archives what is new, purges what came back, and rewrites no segment that is right."""
    lost, restored = sites
    assert restored.run("backfill", *WINDOW, "--yes").code == 3
    restored.run("adopt", "--yes").done()
    before = lost.lake.all("messages")
    result = restored.run("backfill", *WINDOW, "--yes", "--json").done().json()
    assert {name: result[name] for name in ("messages_added", "messages_removed")} == {"messages_added": 2, "messages_removed": 4}
    assert restored.left() == []
    after = lost.lake.all("messages")
    assert {key: after[key] for key in before} == before
    archived = [message for stored in after.values() for message in messages_of(stored)]
    assert len(archived) == 4
    assert by_key(archived) == by_key(message_of(_item(number)) for number in range(4))
    sources = {json.loads(stored.body)["source_table"].partition("/")[2] for stored in lost.lake.all("receipts").values()}
    assert sources == {_LOST, _RESTORED}


def test_the_former_table_is_refused_from_then_on(sites: tuple[Site, Site]) -> None:
    """Until it adopts the lake again; adopting twice does nothing."""
    lost, restored = sites
    restored.run("adopt", "--yes").done()
    adopted = lost.lake.get("archive.json")
    assert "already" in restored.run("adopt", "--yes").done().stdout
    assert lost.lake.get("archive.json") == adopted
    assert lost.run("backfill", *WINDOW, "--yes").code == 3
    lost.run("adopt", "--yes").done()
    lost.run("backfill", *WINDOW, "--yes").done()


def test_an_adopted_lake_restores_what_either_table_archived(sites: tuple[Site, Site]) -> None:
    """A restore checks segments of both."""
    _, restored = sites
    restored.run("adopt", "--yes").done()
    restored.run("backfill", *WINDOW, "--yes").done()
    restored.run("restore", *WINDOW, "--yes").done()
    assert by_key(restored.left()) == by_key(message_of(_item(number)) for number in range(4))
