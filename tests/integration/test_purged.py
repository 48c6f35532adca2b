"""A whole backfill that empties its table by PartiQL (MiniStack, modules named): nothing is lost, and every removal is on record."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from tests.integration.command import Call
from tests.integration.items import by_key
from tests.integration.lake import CHAT_COLUMNS, messages_of, table_of
from tests.integration.receipts import check_receipts
from tests.integration.worlds import World, differences, is_archived

_KEYS = {"conversationId", "timestamp"}


def test_every_message_is_in_the_lake_once_and_equal_to_its_source(purged: World) -> None:
    """Attribute by attribute, type by type, digit by digit; and no other message."""
    found = by_key(message for stored in purged.segments.values() for message in messages_of(stored))
    assert len(found) == len(purged.expected) > 1_000
    assert not differences(found, purged.expected)


def test_the_table_holds_only_what_was_not_to_be_archived(purged: World) -> None:
    """Messages outside of the window, and those without a module, are as they were; of the real ones none is left."""
    left = by_key(message for message in purged.source if not is_archived(message))
    assert not differences(by_key(purged.site.left()), left)


def test_receipts_are_true(purged: World) -> None:
    """Each of them, in every field."""
    check_receipts(purged.site)


def test_each_message_is_removed_by_one_conditional_statement(purged: World) -> None:
    """No second try, and no unconditional one."""
    removals = purged.first.removals
    assert Counter(write.kind for write in removals).keys() <= {"DELETE", "DeleteItem"}
    count = Counter(tuple(inner for _, inner in write.key) for write in removals)
    assert count == Counter(dict.fromkeys(purged.expected, 1))


def test_the_condition_compares_all_that_was_archived_and_forbids_the_rest(purged: World) -> None:
    """Every attribute beside the key by value; every declared one that the message lacks must be missing."""
    for write in purged.first.removals:
        conversation, moment = (inner for _, inner in write.key)
        names = purged.expected[conversation, moment].keys()
        assert write.compared == names - _KEYS
        assert write.missing.isdisjoint(names)
        if write.kind == "DELETE":
            assert write.missing >= set(CHAT_COLUMNS.values()) - names


def test_statements_travel_in_batches_of_25(purged: World) -> None:
    """A segment's last batch has fewer."""
    batches = [len(call.writes) for call in purged.first.of("dynamodb", "BatchExecuteStatement") if not call.writes[0].is_probe]
    assert max(batches) == 25
    assert sum(batches) >= 0.99 * len(purged.expected), "most go by PartiQL"
    assert len(batches) <= sum(-(-table_of(stored).num_rows // 25) + 1 for stored in purged.segments.values())


def test_each_segment_has_an_intent_and_an_outcome_that_are_true(purged: World) -> None:
    """They name the very object, all of its rows, and what became of them."""
    records = _records(purged)
    assert records.keys() == purged.segments.keys()
    run = purged.first.json()["run"]
    for key, stored in purged.segments.items():
        rows = table_of(stored).num_rows
        intent, outcome = (records[key][part] for part in ("intent", "outcome"))
        assert (intent["run"], intent["key"], intent["mode"]) == (run, f"{purged.site.prefix}/{key}", "delete")
        assert (intent["sha256"], intent["version_id"], intent["generation"]) == (stored.sha256, stored.version_id, 1)
        assert (intent["rows"], intent["ranges"]) == (rows, [[0, rows]])
        assert (outcome["run"], outcome["rows"], outcome["done"], outcome["left"]) == (run, rows, rows, [])
        assert [outcome[fate] for fate in ("changed", "missing", "refused", "surprises")] == [0, 0, 0, 0]


def _records(world: World) -> dict[str, dict[str, Any]]:
    """Return the purge records by segment's key and part."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, stored in world.site.lake.all("purges").items():
        record = json.loads(stored.body)
        part = key.rsplit("-", 1)[1].removesuffix(".json")
        segment = f"{key.replace('purges/', 'messages/').rsplit('/', 1)[0]}/{record['segment']}.parquet"
        assert part not in found[segment], "a second record of one part"
        found[segment][part] = record
    return found


def test_the_object_its_receipt_and_the_intent_are_stored_before_the_first_removal(purged: World) -> None:
    """And the outcome after the last: whatever call a crash comes at, the lake says which messages may be gone."""
    puts = {call.target: call for call in purged.first.of("s3", "PutObject") if call.status == 200}
    removals: dict[str, list[Call]] = defaultdict(list)
    for call in purged.first.of("dynamodb", "BatchExecuteStatement", "DeleteItem"):
        for day in {_day(write.key) for write in call.writes if not write.is_probe}:
            removals[day].append(call)
    assert len(removals) == len(purged.segments)
    for key in purged.segments:
        day = key.split("/")[1].removeprefix("dt=")
        began, ended = min(call.began for call in removals[day]), max(call.ended for call in removals[day])
        family: dict[str, Call] = {
            target.split("/")[1] + target[-12:]: call for target, call in puts.items() if f"/dt={day}/" in target and "/runs/" not in target
        }
        (outcome,) = (call for name, call in family.items() if name.endswith("outcome.json"))
        earlier = [call for call in family.values() if call is not outcome]
        assert len(earlier) == 3
        assert all(0 < call.ended < began for call in earlier)
        assert outcome.began > ended > 0


def _day(key: tuple[Any, ...]) -> str:
    return f"{datetime.fromtimestamp(int(key[1][1] // 1000), UTC):%Y-%m-%d}"


def test_a_segment_costs_few_requests(purged: World) -> None:
    """Six, purge included; and some that a run makes once."""
    assert len(purged.first.of("s3")) <= 6 * len(purged.segments) + 40


def test_the_run_record_says_what_was_removed(purged: World) -> None:
    """Every message, and none changed, missing or refused."""
    record = purged.first.json()
    assert record["messages_added"] == record["messages_removed"] == len(purged.expected)
    assert [record[fate] for fate in ("messages_changed", "messages_missing", "messages_refused", "surprises")] == [0, 0, 0, 0]
    assert (record["why_stopped"], record["left"]) == ("done", "nothing is left")


def test_a_second_run_finds_nothing_and_writes_nothing(purged: World) -> None:
    """No version of any object is added, changed or removed; no message is touched."""
    assert purged.second.json()["messages_read"] == 0
    assert purged.before == purged.after
    assert not purged.second.removals
    puts = [call.target for call in purged.second.of("s3") if call.is_write and call.status == 200]
    assert [target.split("/")[1] for target in puts] == ["runs"]
