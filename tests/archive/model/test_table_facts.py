"""Which indexes of a table can be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from archive.model.config import Source
from archive.model.spec import CHAT_MESSAGES
from archive.model.table_facts import TableFacts, facts_of


def _index(name: str, key: str, projection: str = "ALL", status: str | None = None) -> dict[str, Any]:
    keys = [{"AttributeName": key, "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}]
    index = {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": projection}}
    return index if status is None else {**index, "IndexStatus": status}


def _facts(*indexes: dict[str, Any]) -> TableFacts:
    source = Source("T", "Modules", None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES)
    types = {"conversationId": "S", "timestamp": "N", "moduleId": "N", "studentId": "N"}
    table = {
        "TableArn": "arn",
        "KeySchema": _index("", "conversationId")["KeySchema"],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        "GlobalSecondaryIndexes": [_index("Modules", "moduleId"), *indexes],
    }
    return facts_of(table, source)


def _found(facts: TableFacts) -> str | None:
    index = facts.index_by("studentId", "timestamp")
    return None if index is None else index.name


def test_an_index_is_found_by_its_keys() -> None:
    """Both of them; without one there is none."""
    assert _found(_facts(_index("Students", "studentId"))) == "Students"
    assert _found(_facts()) is None
    assert _facts(_index("Students", "studentId")).index_by("studentId", "sentAt") is None


def test_the_one_that_holds_whole_messages_is_preferred() -> None:
    """It saves reading each message by key."""
    assert _found(_facts(_index("A", "studentId", "KEYS_ONLY"), _index("B", "studentId"))) == "B"


def test_an_index_that_is_being_made_is_not_asked() -> None:
    """It does not hold all messages yet; one whose throughput is changed does."""
    assert _found(_facts(_index("New", "studentId", status="CREATING"))) is None
    assert _found(_facts(_index("Old", "studentId", status="DELETING"))) is None
    assert _found(_facts(_index("Students", "studentId", status="UPDATING"))) == "Students"
