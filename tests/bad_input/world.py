"""Makes the world of one row: a fresh table with a few messages on three days, an empty lake, and what both held before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tests.bad_input.row import World
from tests.integration.items import Key, Message, Wire, by_key
from tests.integration.lake import messages_of
from tests.integration.sites import Servers, Site, put
from tests.servers import create_chat_messages

DAY: Final = 86_400_000
SENT: Final = 1_705_312_800_000  # 2024-01-15T10:00Z
SECRET: Final = "a-pupil's-own-words"  # noqa: S105 - no password
WINDOW: Final = ("--from", "2024-01-01", "--to", "2024-02-01")
_NUMBERS: Final = count(1)


def item(number: int, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    """Return a message of one of three days."""
    return {
        "conversationId": {"S": f"{SECRET}-{number}"},
        "timestamp": {"N": str(SENT + number % 3 * DAY + number)},
        "moduleId": {"N": str(5 + number % 2)},
        "content": {"S": SECRET},
        **more,
    }


ITEMS: Final = [item(number) for number in range(6)]


def new_world(servers: Servers, folder: Path) -> World:
    """Fill a table, and make a bucket."""
    site = Site.new(servers, folder, table=f"BadInput{next(_NUMBERS)}")
    client = servers.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    put(client, site.table, ITEMS)
    return World(site.with_settings(limits={"streams": 1, "segments": 1}, policy={"protocol": "single"}))


@dataclass(frozen=True, slots=True)
class Held:
    """What a table and a lake hold: messages by key, and the versions of the lake's objects (not of the probe of conditions)."""

    table: Mapping[Key, Message]
    versions: frozenset[tuple[str, str]]

    @classmethod
    def by(cls, site: Site, table: str) -> Held:
        """Look, from outside."""
        found: Any = site.lake.client.list_object_versions(Bucket=site.bucket)
        versions = ((one["Key"], one["VersionId"]) for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())))
        return cls(
            by_key(site.with_settings(source={"table": table}).left()),
            frozenset(version for version in versions if "/checks/" not in version[0]),
        )

    def stored(self) -> frozenset[tuple[str, str]]:
        """Return the versions of segments and receipts."""
        return frozenset(version for version in self.versions if "/messages/" in version[0] or "/receipts/" in version[0])


def archived(site: Site) -> Mapping[Key, Message]:
    """Return every message that is in a stored segment that can be read."""
    return by_key(message for key in site.lake.keys("messages") for message in _messages(site, key))


def _messages(site: Site, key: str) -> list[Message]:
    try:
        return messages_of(site.lake.get(key)) if key.endswith(".parquet") else []
    except (pa.ArrowException, OSError):
        return []
