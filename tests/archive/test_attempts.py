"""Every attempt of a request is seen: the governor hears of throttles that botocore's own retries hide from the caller."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from archive.attempts import attempts, watch
from archive.governor import Governor
from archive.model.budget import Budget, Cost, read_cost
from tests.archive.fake_table import ARN, VirtualClock
from tests.scripted import Answer, Scripted, scripted

MODULE = "ModuleAnalyticsIndex"
COST = read_cost(10.0, MODULE, 7)
GOOD = Answer(b'{"Items": [], "Count": 0}')
BROKEN = Answer(b'{"__type": "com.amazonaws#InternalServerError"}', 500)


def throttle(code: str = "ProvisionedThroughputExceededException", reason: str = "", member: str = "ThrottlingReasons") -> Answer:
    """Return an answer that refuses a request, with a reason about the module's index or without any."""
    reasons = [{"reason": reason, "resource": f"{ARN}/index/{MODULE}"}] if reason else []
    return Answer(json.dumps({"__type": f"com.amazonaws#{code}", "message": "slow down", member: reasons}).encode(), 400)


def governor() -> Governor:
    """Return a governor of the default budget, in virtual time."""
    clock = VirtualClock()
    return Governor(Budget(), clock, clock.sleep)


def query(server: Scripted, ours: Governor, tries: int = 4) -> Any:  # noqa: ANN401 - an answer
    """Make one Query under a governor."""
    client = server.dynamodb(tries)
    watch(client)
    watch(client)
    ours.take(COST)
    with attempts(ours, COST):
        return client.query(TableName="ChatMessages", KeyConditionExpression="a = :a", ExpressionAttributeValues={":a": {"S": "x"}})


def test_throttles_that_botocore_retries_are_heard_of() -> None:
    """The call succeeds at its third attempt, and two throttles are counted: what is named by no reason is the whole request."""
    ours = governor()
    with scripted([throttle(), throttle(), GOOD]) as server:
        assert query(server, ours)["Count"] == 0
    assert ours.figures().throttles == 2
    assert ours.allowed("read", MODULE) == 2_000
    assert ours.allowed("read", MODULE, 7) == 1_500


@pytest.mark.parametrize(
    ("code", "member"),
    [
        ("ProvisionedThroughputExceededException", "ThrottlingReasons"),
        ("RequestLimitExceeded", "ThrottlingReasons"),
        ("ThrottlingException", "throttlingReasons"),
    ],
)
def test_the_reasons_of_a_throttle_reach_the_governor(code: str, member: str) -> None:
    """A range of keys of the index: this request's module is slowed down, and not the index."""
    ours = governor()
    with scripted([throttle(code, "IndexReadKeyRangeThroughputExceeded", member), GOOD]) as server:
        query(server, ours)
    assert ours.allowed("read", MODULE) == 4_000
    assert ours.allowed("read", MODULE, 7) == 750


def test_a_throttle_at_the_last_attempt_is_heard_of_too() -> None:
    """And the error is the caller's."""
    ours = governor()
    with scripted([throttle(), throttle()]) as server, pytest.raises(ClientError):
        query(server, ours, tries=2)
    assert ours.figures().throttles == 2


def test_other_errors_are_no_throttles() -> None:
    """A broken server is not slowed down for, nor is a request that is wrong."""
    ours = governor()
    with scripted([BROKEN, GOOD]) as server:
        query(server, ours)
    with scripted([Answer(b'{"__type": "com.amazonaws#ValidationException"}', 400)]) as server, pytest.raises(ClientError):
        query(server, ours)
    assert ours.figures().throttles == 0


@pytest.mark.parametrize("first", [throttle(reason="IndexReadKeyRangeThroughputExceeded"), BROKEN])
def test_each_attempt_is_taken_before_it_is_sent(first: Answer) -> None:
    """DynamoDB may have charged the attempt that failed: so two attempts cost as much as two requests."""
    clock = VirtualClock()
    ours = Governor(Budget(partition_read=1.0, burst_seconds=0.0), clock, clock.sleep)
    with scripted([first, GOOD]) as server:
        query(server, ours)
    assert clock() - 1_000 >= COST.values[MODULE, 7] / 1.0


def test_what_is_sent_by_nobody_who_pays_is_left_alone() -> None:
    """A call outside of the context, by a client that is watched."""
    ours = governor()
    with scripted([throttle(), GOOD, throttle(), GOOD]) as server:
        query(server, ours)
        client = server.dynamodb(3)
        watch(client)
        client.query(TableName="ChatMessages", KeyConditionExpression="a = :a", ExpressionAttributeValues={":a": {"S": "x"}})
    assert ours.figures().throttles == 1


def test_a_context_is_its_threads_own() -> None:
    """What one thread sends is not taken for another's request: its cost is its own."""
    ours, other = governor(), governor()
    with scripted([throttle(), GOOD, GOOD]) as server, attempts(other, Cost("write", 1.0)):
        thread = Thread(target=query, args=(server, ours))
        thread.start()
        thread.join()
        server.dynamodb(1).query(TableName="T", KeyConditionExpression="a = :a", ExpressionAttributeValues={":a": {"S": "x"}})
    assert (ours.figures().throttles, other.figures().throttles) == (1, 0)
