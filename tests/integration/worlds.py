"""Whole backfills, as the tests look at them afterwards: what went in, how the runs ended, and what lies in the lake."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.integration import nasty
from tests.integration.command import Outcome
from tests.integration.items import Key, Message, by_key, message_of, message_of_json
from tests.integration.lake import Stored
from tests.integration.sites import Site, put
from tests.servers import create_chat_messages

WINDOW: Final = ("--from", "2023-01-01", "--to", "2026-01-01")
_START, _END = (Decimal(int(edge.timestamp()) * 1000) for edge in (nasty.START, nasty.END))


@dataclass(frozen=True)
class World:
    """A table, a lake, and a backfill of 2023 to 2026 that was run twice. `before` and `after` are the objects' versions at the second."""

    site: Site
    source: list[Message]
    first: Outcome
    second: Outcome
    before: list[tuple[Any, ...]]
    after: list[tuple[Any, ...]]

    @cached_property
    def expected(self) -> dict[Key, Message]:
        """The messages that had to be archived, by key."""
        return by_key(message for message in self.source if is_archived(message))

    @cached_property
    def modules(self) -> list[Decimal]:
        """Their modules."""
        return sorted({message["moduleId"][1] for message in self.expected.values()})

    @cached_property
    def segments(self) -> dict[str, Stored]:
        """The segments' objects, by key."""
        return self.site.lake.all("messages")

    @cached_property
    def receipts(self) -> dict[str, Stored]:
        """The receipts' objects, by key."""
        return self.site.lake.all("receipts")


def is_archived(message: Message) -> bool:
    """Say whether the backfill is to archive a message: it has a module, and was sent in the window."""
    return "moduleId" in message and _START <= message["timestamp"][1] < _END


def read_source(path: Path) -> list[Message]:
    """Read the file of real messages."""
    with gzip.open(path, "rb") as file:
        return [message_of_json(line) for line in file]


def fill_real(site: Site, path: Path) -> list[Message]:
    """Create the table, load the file into it by the command line, and return its messages."""
    create_chat_messages(site.servers.dynamodb.dynamodb(), site.table)
    source = read_source(path)
    loaded = site.run("load", str(path), "--yes", "--json").done()
    assert loaded.json()["items"] == len(source)
    return source


def fill_generated(site: Site, **options: bool) -> list[Message]:
    """Create the table, put the made-up messages into it, and return them."""
    client = site.servers.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    items = nasty.messages(**options)
    put(client, site.table, items)
    return [message_of(item) for item in items]


def backfilled_twice(site: Site, source: list[Message]) -> World:
    """Run the backfill of the whole window, and again."""
    first = site.run("backfill", *WINDOW, "--yes", "--json").done()
    before = site.lake.versions()
    second = site.run("backfill", *WINDOW, "--yes", "--json").done()
    return World(site, source, first, second, before, site.lake.versions())


def naming_modules(site: Site, source: Iterable[Message]) -> Site:
    """Return the site with the source's modules named in its settings."""
    modules = sorted({int(message["moduleId"][1]) for message in source if "moduleId" in message})
    return site.with_settings(source={"modules": modules})


def purged_world(site: Site, path: Path | None) -> World:
    """Fill a table, with the real messages or the made-up ones, and archive and purge it twice by PartiQL, modules named."""
    source = fill_generated(site, odd_modules=False) if path is None else fill_real(site, path)
    deleting = naming_modules(site, source).with_settings(policy={"purge": "delete", "protocol": "partiql"})
    return backfilled_twice(deleting, source)


def differences(found: Mapping[Key, Message], expected: Mapping[Key, Message]) -> dict[Key, tuple[Message | None, Message | None]]:
    """Return the first few messages that differ: a comparison of whole archives would print them all."""
    if found == expected:
        return {}
    keys = found.keys() | expected.keys()
    wrong = ((key, (found.get(key), expected.get(key))) for key in sorted(keys, key=str) if found.get(key) != expected.get(key))
    return dict(islice(wrong, 3))
