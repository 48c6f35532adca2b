"""The few items that a client makes up to find out what a table's PartiQL can: kept, compared and inserted as they should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

_PREFIX: Final = "dynalake-probe-"
_COMPARED: Final = re.compile(r'"((?:[^"]|"")+)"=\?')
_INSERTED: Final = re.compile(r"'((?:[^']|'')+)'\s*:\s*\?")


class Probes:
    """A handful of items by their conversation. One client at a time."""

    def __init__(self) -> None:
        """Hold none."""
        self._items: dict[str, dict[str, Any]] = {}

    @staticmethod
    def made_up(conversation: str) -> bool:
        """Say whether a client made up the item."""
        return conversation.startswith(_PREFIX)

    def get(self, conversation: str) -> bytes | None:
        """Return an item's JSON."""
        item = self._items.get(conversation)
        return None if item is None else msgspec.json.encode(item)

    def put(self, item: dict[str, Any]) -> None:
        """Keep an item."""
        self._items[item["conversationId"]["S"]] = item

    def forget(self, conversation: str) -> None:
        """Remove an item, if it is there."""
        self._items.pop(conversation, None)

    def execute(self, conversation: str, statement: str, parameters: Sequence[msgspec.Raw]) -> bytes:
        """Return one statement's response: INSERT where nothing is there, DELETE where all that is compared is equal."""
        values = [msgspec.json.decode(parameter) for parameter in parameters]
        item = self._items.get(conversation)
        if statement.startswith("INSERT"):
            if item is not None:
                return _error("DuplicateItem", None)
            names = [name.replace("''", "'") for name in _INSERTED.findall(statement)]
            self.put(dict(zip(names, values, strict=True)))
            return b"{}"
        names = [name.replace('""', '"') for name in _COMPARED.findall(statement)]
        if item is None:
            return b"{}"
        if any(item.get(name) != value for name, value in zip(names, values, strict=True)):
            return _error("ConditionalCheckFailed", item)
        return msgspec.json.encode({"Item": self._items.pop(conversation)})


def _error(code: str, item: dict[str, Any] | None) -> bytes:
    return msgspec.json.encode({"Error": {"Code": code, "Message": "refused"}} | ({"Item": item} if item else {}))
