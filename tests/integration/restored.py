"""A small table of messages with its lake, and what it should hold after a restore."""

from __future__ import annotations

import gzip
from itertools import count
from pathlib import Path
from typing import Any

from tests.builders import START_MS
from tests.integration.items import Message, Wire, by_key, message_of, message_of_json
from tests.integration.sites import Servers, Site, put
from tests.integration.worlds import WINDOW
from tests.servers import create_chat_messages

DAY = 86_400_000
_NUMBERS = count(1)


def item(number: int, day: int = 0, module: int = 1, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    """Return a message of some day of January 2024, from the 15th on; its student is its number's last digit."""
    moment = {"N": str(START_MS + day * DAY + number * 1000)}
    keys = {"conversationId": {"S": f"c{number}"}, "timestamp": moment, "moduleId": {"N": str(module)}}
    return {**keys, "studentId": {"N": str(number % 10)}, "content": {"S": f"text {number}"}, **more}


ITEMS = [
    item(number, day, module, kind={"SS": ["a", "b"]})
    for number in range(20)
    for day in (0, 1)
    for module in (1, 2)
    if number % 2 == module - 1
]


def site_on(servers: Servers, folder: Path, items: list[Wire] | None = None, **policy: Any) -> Site:  # noqa: ANN401 - settings
    """Make a table with messages, and the settings of a lake for them."""
    site = Site.new(servers, folder, table=f"Restoring{next(_NUMBERS)}")
    client = servers.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    put(client, site.table, ITEMS if items is None else items)
    protocol = "partiql" if servers.dynamodb.name == "ministack" else "single"
    return site.with_settings(source={"modules": [1, 2]}, policy={"purge": "delete", "protocol": protocol, **policy})


def purge(site: Site, *window: str) -> str:
    """Archive and purge, all or a window, and return the run's name."""
    name: str = site.run("backfill", *(window or WINDOW), "--yes", "--json").done().json()["run"]
    return name


def in_table(site: Site) -> dict[Any, Message]:
    """Return what the table holds now, by key."""
    return by_key(site.left())


def expected(items: list[Wire]) -> dict[Any, Message]:
    """Return what it should hold."""
    return by_key(map(message_of, items))


def read_lines(path: Path) -> list[Message]:
    """Read a file that was restored to."""
    data = path.read_bytes()
    return [message_of_json(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()]


def damage(site: Site, dt: str) -> None:
    """Change one byte of a day's object, as somebody else might."""
    (key,) = (key for key in site.lake.keys("messages") if dt in key)
    body = bytearray(site.lake.get(key).body)
    body[len(body) // 2] ^= 1
    site.lake.client.put_object(Bucket=site.bucket, Key=f"lake/{key}", Body=bytes(body), Metadata=dict(site.lake.get(key).metadata))
