"""Quarantine: what is refused again and again, unchanged, is left alone until it changes."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from archive.engine.planning import Request
from archive.engine.run import RunResult
from archive.engine.status import status_of
from archive.errors import LakeDamagedError
from archive.lake.quarantine import REFUSALS
from tests.archive.engine.workplace import DAY_MS, NOW, TWO_DAYS, Workplace, message
from tests.integration.restoring import hooked

# Of more attributes than a condition can compare: such a message is refused by every purge.
WIDE = {**message("wide", 1, 1), **{f"a{number}": {"S": "x"} for number in range(200)}}


def nights(place: Workplace, count: int, first: int = 1) -> RunResult:
    """Run some nights; returns the last one's result."""
    return [place.perform(Request("nightly"), f"run-{first + number}")[1] for number in range(count)][-1]


def test_what_is_refused_often_enough_is_not_tried_any_more(place: Workplace) -> None:
    """The night then reads it at the index, and asks for nothing of its segment; it says how many it left alone."""
    place.put(WIDE)
    assert nights(place, REFUSALS).result.purged.refused == 1
    keys: list[str] = []
    with hooked("before-parameter-build", lambda params, **_: keys.append(str(params.get("Key", "")))):
        run = nights(place, 1, REFUSALS + 1)
    assert (run.result.purged.refused, run.result.quarantined) == (0, 1)
    assert run.left == "1 messages are in quarantine"
    assert Counter("/messages/" in key for key in keys)[True] == 0
    assert place.items() == [WIDE]
    assert status_of(place.session(), NOW).quarantined == 1


def test_a_message_that_changes_comes_back(place: Workplace) -> None:
    """Its new value is archived, and its refusals are counted anew."""
    place.put(WIDE)
    nights(place, REFUSALS)
    place.put({**WIDE, "content": {"S": "edited"}})
    run = nights(place, 1, REFUSALS + 1)
    assert (run.result.replaced, run.result.purged.refused, run.result.quarantined) == (1, 1, 0)
    assert status_of(place.session(), NOW).quarantined == 0


def test_a_message_that_fits_now_is_removed_and_leaves_the_quarantine(place: Workplace) -> None:
    """An edit made it small."""
    place.put(WIDE)
    nights(place, REFUSALS)
    place.put(message("wide", 1, 1))
    assert nights(place, 1, REFUSALS + 1).result.purged.done == 1
    (key,) = place.keys("quarantine")
    assert json.loads(place.get(key)) == {}


def test_another_message_of_its_segment_is_archived_and_purged(place: Workplace) -> None:
    """Quarantine holds messages, not segments."""
    place.put(WIDE)
    nights(place, REFUSALS)
    place.put(message("late", 2, 1), message("other day", DAY_MS, 1))
    run = nights(place, 1, REFUSALS + 1)
    assert (run.result.added, run.result.purged.done) == (2, 2)
    assert place.items() == [WIDE]


def test_in_another_mode_it_is_tried_again(place: Workplace) -> None:
    """A mark, or another protocol, may be taken where a delete was refused."""
    place.put(WIDE)
    nights(place, REFUSALS)
    ttl: Any = {"Enabled": True, "AttributeName": "expiresAt"}
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification=ttl)
    run = place.with_policy(purge="expire").perform(Request("backfill", TWO_DAYS), "run-9")[1]
    assert run.result.quarantined == 0


def test_no_key_goes_on_with_the_result(place: Workplace) -> None:
    """A result goes through Prefect."""
    place.put(WIDE)
    assert "wide" not in repr(nights(place, 1).result)


def test_a_quarantine_that_cannot_be_read_is_an_alarm(place: Workplace) -> None:
    """The sentence says what to do."""
    place.put(WIDE)
    nights(place, REFUSALS)
    (key,) = place.keys("quarantine")
    place.s3.put_object(Bucket=place.bucket, Key=key, Body=b"garbage")
    with pytest.raises(LakeDamagedError, match="remove it"):
        status_of(place.session(), NOW)
