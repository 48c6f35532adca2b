"""Other tables than ChatMessages, by configuration alone: other names, a module that is a text, indexes that project less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.items import Message, Wire, by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.sites import NewSite, Servers, Site, create, put
from tests.integration.worlds import WINDOW, differences

_DAY = 86_400_000
_BASE = 1_709_251_200_000  # 2024-03-01
_ALL = {"ProjectionType": "ALL"}
_SOURCE: dict[str, Any] = {
    "index": "ByCourse",
    "partition_key": "room#id",
    "time_key": "sentMillis",
    "module_key": "courseCode",
    "columns": [
        {"attribute": "room#id", "column": "room_id", "type": "int64"},
        {"attribute": "sentMillis", "column": "sent_at", "type": "timestamp"},
        {"attribute": "courseCode", "column": "course_code", "type": "string", "comment": "Such as MATH-101"},
        {"attribute": "Read", "column": "is_read", "type": "boolean"},
        {"attribute": "price", "column": "price", "type": "decimal(10, 2)"},
        {"attribute": "text", "column": "text", "type": "string"},
    ],
}
_COLUMNS = {column["column"]: column["attribute"] for column in _SOURCE["columns"]}
_KEYS = {"room#id": "N", "sentMillis": "N", "courseCode": "S"}


def _messages() -> list[Wire]:
    """Return 300 messages of five courses over ten days, some of them with more than the columns hold."""
    courses = ["MATH-101", "math-101", "Größenlehre", "a/b", "x" * 300]
    found: list[Wire] = []
    for number in range(300):
        item: Wire = {
            "room#id": {"N": str(number % 7 - 3)},
            "sentMillis": {"N": str(_BASE + number * _DAY // 30)},
            "courseCode": {"S": courses[number % 5]},
            "Read": {"BOOL": number % 3 == 0},
            "price": {"N": f"{number / 4}"},
            "text": {"S": "ä" * number},
        }
        if number % 4 == 0:
            item |= {
                "price": {"N": f"{number}.125"},
                "Read": {"S": "yes"},
                "tags": {"SS": ["a", str(number)]},
                "Text": {"S": "another name"},
            }
        found.append(item)
    return found


def _site(servers: Servers, new_site: NewSite, projection: Mapping[str, Any]) -> tuple[Site, list[Message]]:
    site = new_site(servers).with_settings(source=_SOURCE)
    client = servers.dynamodb.dynamodb()
    create(client, site.table, _KEYS, "ByCourse", projection)
    put(client, site.table, _messages())
    return site, [message_of(item) for item in _messages()]


def _archived(site: Site) -> list[Message]:
    return [message for stored in site.lake.all("messages").values() for message in messages_of(stored, _COLUMNS)]


def _by_key(messages: list[Message]) -> dict[Any, Message]:
    return by_key(messages, "room#id", "sentMillis")


def test_a_table_with_other_names_is_archived_and_emptied(reading: Servers, new_site: NewSite) -> None:
    """Its courses, which are texts, are discovered; its messages are removed by single conditional calls."""
    site, source = _site(reading, new_site, _ALL)
    deleting = site.with_settings(policy={"purge": "delete", "protocol": "single"})
    record = deleting.run("backfill", *WINDOW, "--yes", "--json").done().json()
    assert record["messages_removed"] == len(source)
    assert not differences(_by_key(_archived(site)), _by_key(source))
    assert site.left() == []


def test_a_course_is_named_by_its_text(reading: Servers, new_site: NewSite) -> None:
    """Case and all; only its messages are archived."""
    site, source = _site(reading, new_site, _ALL)
    site.run("backfill", *WINDOW, "--module", "math-101", "--module", "a/b", "--yes", "--json").done()
    wanted = [message for message in source if message["courseCode"][1] in ("math-101", "a/b")]
    assert not differences(_by_key(_archived(site)), _by_key(wanted))


@pytest.mark.parametrize(
    "projection",
    [{"ProjectionType": "KEYS_ONLY"}, {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text", "tags"]}],
    ids=["KEYS_ONLY", "INCLUDE"],
)
def test_an_index_that_projects_less_is_archived_whole(reading: Servers, new_site: NewSite, projection: Mapping[str, Any]) -> None:
    """The index gives keys, and the table the items: up to 100 of them a BatchGetItem."""
    site, source = _site(reading, new_site, projection)
    outcome = site.run("backfill", *WINDOW, "--yes", "--json").done()
    assert not differences(_by_key(_archived(site)), _by_key(source))
    courses = 5
    assert 3 <= len(outcome.of("dynamodb", "BatchGetItem")) <= courses + 1, "60 messages a course fit in one call, and a check made one"


def test_what_was_read_by_key_is_removed_too(reading: Servers, new_site: NewSite) -> None:
    """The purge knows of each message from the index's keys."""
    site, source = _site(reading, new_site, {"ProjectionType": "KEYS_ONLY"})
    deleting = site.with_settings(policy={"purge": "delete", "protocol": "single"})
    assert deleting.run("backfill", *WINDOW, "--yes", "--json").done().json()["messages_removed"] == len(source)
    assert site.left() == []
    assert not differences(_by_key(_archived(site)), _by_key(source))
