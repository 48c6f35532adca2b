"""Night after night where the table does not empty itself: messages that are marked to expire, and messages that are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.items import Key, Message, Wire, by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.sites import NewSite, Servers, Site, put
from tests.integration.worlds import differences
from tests.servers import create_chat_messages

_MODULES = (5, 55)
_TTL = "expiresAt"
_DAYS = 30
# Looked up once: a midnight that passes while tests run moves the cutoff a day on, and none of them minds.
_CUTOFF = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=90)


def _sent(days_before_cutoff: float, number: int) -> int:
    """Return epoch milliseconds, so many days before the cutoff."""
    return int((_CUTOFF - timedelta(days=days_before_cutoff)).timestamp() * 1000) + number


def _item(number: int, days_before_cutoff: float, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    return {
        "conversationId": {"S": f"conversation {number % 5}"},
        "timestamp": {"N": str(_sent(days_before_cutoff, number))},
        "moduleId": {"N": str(_MODULES[number % 2])},
        "content": {"S": f"message {number}"},
        "metadata": {"M": {"number": {"N": str(number)}}},
        **more,
    }


def _archived(site: Site) -> dict[Key, Message]:
    return by_key(message for stored in site.lake.all("messages").values() for message in messages_of(stored))


def _night(site: Site) -> Any:  # noqa: ANN401 - an outcome and its record
    outcome = site.run("nightly", "--yes", "--json").done()
    return outcome, outcome.json()


@pytest.fixture
def expiring(purging: Servers, new_site: NewSite) -> Site:
    """A table on MiniStack with a TTL: 40 messages of the second day before the cutoff."""
    site = new_site(purging).with_settings(source={"modules": list(_MODULES)}, policy={"purge": "expire", "expire_after_days": _DAYS})
    client = purging.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": _TTL})
    put(client, site.table, [_item(number, 1.5) for number in range(40)])
    return site


def _unmarked(messages: list[Message]) -> dict[Key, Message]:
    return by_key({name: value for name, value in message.items() if name != _TTL} for message in messages)


def test_a_night_archives_messages_without_their_mark_and_marks_each_once(expiring: Site) -> None:
    """The mark is now and the grace, in seconds; nothing else of a message changes."""
    before = by_key(expiring.left())
    began = datetime.now(UTC).timestamp()
    outcome, record = _night(expiring)
    ended = datetime.now(UTC).timestamp()
    assert (record["messages_added"], len(outcome.removals)) == (40, 40)
    assert {write.kind for write in outcome.removals} == {"UPDATE"}
    left = expiring.left()
    grace = _DAYS * 86_400
    assert all(int(began) + grace <= message[_TTL][1] <= ended + grace for message in left)
    assert not differences(_unmarked(left), before)
    assert not differences(_archived(expiring), before)


@pytest.mark.parametrize("protocol", ["single", "partiql"])
def test_after_nights_of_marking_a_purge_that_deletes_leaves_what_is_marked(expiring: Site, protocol: str) -> None:
    """In mode delete a mark is an attribute that nobody has archived: the message has changed. The next night archives it with the mark."""
    _night(expiring)
    deleting = expiring.with_settings(policy={"purge": "delete", "protocol": protocol})
    window = ("--from", f"{_CUTOFF - timedelta(days=2):%F}", "--to", f"{_CUTOFF:%F}")
    purged = deleting.run("purge", *window, "--yes", "--json").done().json()
    assert (purged["messages_removed"], purged["messages_changed"], purged["surprises"]) == (0, 40, 0)
    before = by_key(expiring.left())
    _, record = _night(deleting)
    assert (record["messages_removed"], record["messages_replaced"]) == (40, 40)
    assert not differences(_archived(expiring), before)
    assert expiring.left() == []


def test_a_second_night_marks_nothing(expiring: Site) -> None:
    """Marked messages are compared again; no version in the lake changes, and no message is written."""
    _night(expiring)
    marked, before = by_key(expiring.left()), expiring.lake.versions()
    outcome, record = _night(expiring)
    assert (record["messages_read"], record["segments_stored"]) == (40, 0)
    assert outcome.removals == []
    assert expiring.lake.versions() == before
    assert not differences(by_key(expiring.left()), marked)


def test_an_edited_marked_message_is_archived_anew_and_unmarked(expiring: Site) -> None:
    """So that it does not expire before its new version has been through the grace; the night after marks it again."""
    _night(expiring)
    key = {"conversationId": _item(7, 1.5)["conversationId"], "timestamp": _item(7, 1.5)["timestamp"]}
    edited = _edit(expiring, key, {"S": "edited"})
    outcome, record = _night(expiring)
    assert (record["messages_replaced"], record["messages_added"], len(outcome.removals)) == (1, 0, 1)
    (left,) = (message for message in expiring.left() if message["content"] == ("S", "edited"))
    assert _TTL not in left
    assert all(_TTL in message for message in expiring.left() if message != left)
    assert _archived(expiring)[edited] == left
    outcome, _ = _night(expiring)
    assert len(outcome.removals) == 1
    assert all(_TTL in message for message in expiring.left())


def _edit(site: Site, key: Wire, content: Wire) -> Key:
    site.servers.dynamodb.dynamodb().update_item(
        TableName=site.table,
        Key=key,
        UpdateExpression="SET #content = :content",
        ConditionExpression="attribute_exists(#ttl)",
        ExpressionAttributeNames={"#content": "content", "#ttl": _TTL},
        ExpressionAttributeValues={":content": content},
    )
    conversation, moment = (inner for _, inner in message_of(key).values())
    return conversation, moment


def test_a_message_whose_ttl_is_its_own_is_left_alone(expiring: Site) -> None:
    """A mark can only be set where there is none: what somebody else has set is not ours to move, nor to archive as ours."""
    own = _item(41, 1.5, **{_TTL: {"S": "never"}})
    put(expiring.servers.dynamodb.dynamodb(), expiring.table, [own])
    _night(expiring)
    (left,) = (message for message in expiring.left() if message["content"] == ("S", "message 41"))
    assert left == message_of(own)
    assert _archived(expiring)[left["conversationId"][1], left["timestamp"][1]] == message_of(own)


@pytest.fixture
def keeping(reading: Servers, new_site: NewSite) -> Site:
    """A table on dynalite that is kept, read again for three days: messages of 20 days, and of one day, before the cutoff."""
    site = new_site(reading).with_settings(policy={"purge": "keep", "overlap_days": 3})
    client = reading.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    put(client, site.table, [*(_item(number, 20) for number in range(30)), *(_item(number, 1.5) for number in range(30, 40))])
    return site


def test_a_later_night_reads_from_the_coverage_on_less_the_overlap(keeping: Site) -> None:
    """The first reads everything; the second only the days that are read again, where it finds a late message."""
    _, first = _night(keeping)
    late = _item(50, 1.6)
    put(keeping.servers.dynamodb.dynamodb(), keeping.table, [late])
    outcome, second = _night(keeping)
    assert (first["messages_read"], first["messages_added"]) == (40, 40)
    assert (second["messages_read"], second["messages_added"]) == (11, 1)
    assert first["complete_through"] == first["window_end"]
    assert message_of(late) in _archived(keeping).values()
    assert not outcome.removals


def test_a_backfill_reads_everything_again(keeping: Site) -> None:
    """So it finds the late message that no night reads any more."""
    _night(keeping)
    late = _item(51, 20)
    put(keeping.servers.dynamodb.dynamodb(), keeping.table, [late])
    _, second = _night(keeping)
    assert second["messages_added"] == 0
    start, end = (f"{datetime.fromtimestamp(_sent(days, 0) / 1000, UTC):%Y-%m-%d}" for days in (25, 0))
    record = keeping.run("backfill", "--from", start, "--to", end, "--yes", "--json").done().json()
    assert (record["messages_read"], record["messages_added"]) == (41, 1)


@pytest.mark.parametrize("days", [0, 30])
def test_the_overlap_is_a_setting(keeping: Site, days: int) -> None:
    """None, and all of it."""
    site = keeping.with_settings(policy={"overlap_days": days})
    _night(site)
    _, second = _night(site)
    assert second["messages_read"] == {0: 0, 30: 40}[days]
