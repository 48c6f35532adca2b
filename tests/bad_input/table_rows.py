"""Rows of docs/errors.md: the table, its index, and the messages in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.bad_input.injected import answered, asked
from tests.bad_input.row import After, Given, Row, World, both, settings
from tests.bad_input.world import ITEMS, SENT, item
from tests.integration.sites import create, put

_NIGHTLY: Final = ("nightly", "--yes")
_PLAN: Final = ("plan",)
_NUMBERS: Final = {"conversationId": "S", "timestamp": "N", "moduleId": "N"}
_ALL: Final = {"ProjectionType": "ALL"}


def _table(keys: Mapping[str, str], projection: Mapping[str, Any] = _ALL, index: str = "ModuleAnalyticsIndex") -> Given:
    """Return what makes another table, with one index, and names it in the settings."""

    def make(world: World) -> World:
        name = f"{world.site.table}Other"
        create(world.site.servers.dynamodb.dynamodb(), name, keys, index, projection)
        return world.having(source={"table": name})

    return make


def _filled(*items: Any) -> Given:  # noqa: ANN401 - items on the wire
    def fill(world: World) -> World:
        put(world.site.servers.dynamodb.dynamodb(), world.site.table, items)
        return world

    return fill


def _sent(time: str) -> Given:
    """Return what puts one more message, sent at this time."""
    return _filled(item(0, timestamp={"N": time}))


def _junk(what: str, time: str, said: str = "warning: module 5 has messages before [source] earliest; they stay where they are") -> Row:
    return Row(what, _NIGHTLY, said, 0, _sent(time), after=After.ARCHIVED)


_EXPIRE: Final = settings(policy={"purge": "expire"})
_DELETE: Final = settings(policy={"purge": "delete"})

TABLE: Final = [
    Row("a table that is not there", _PLAN, "table Nowhere does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, settings(source={"table": "Nowhere"})),
    Row("a name that no table can have", _PLAN, "source.table is 'a b', which is not a name DynamoDB takes; write the name alone, without its ARN", 2, settings(source={"table": "a b"})),
    Row("another region", _PLAN, "table … does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, settings(source={"region": "eu-west-1"})),
    Row("a region that there is not", _PLAN, "the region is not the name of one; correct [source] region or AWS_DEFAULT_REGION", 2, settings(source={"region": "moon 1"})),
    Row("an index that is not there", _PLAN, "table … has no index ByNobody (it has: ModuleAnalyticsIndex, ProviderUsageIndex, StudentActivityIndex); set [source] index", 2, settings(source={"index": "ByNobody"})),
    Row("an index with another partition key", _PLAN, "index ProviderUsageIndex has the keys (provider, timestamp), not ('moduleId', 'timestamp'); set the keys in [source]", 2, settings(source={"index": "ProviderUsageIndex"})),
    Row("a table with other keys than the settings say", _PLAN, "table … has the keys (conversationId, timestamp), not ('messageId', 'timestamp'); set the keys in [source]", 2, settings(source={"partition_key": "messageId"})),
    Row("a time key that is a text", _PLAN, "the time key timestamp of table … is not a Number; Dynalake needs epoch milliseconds", 2, _table({**_NUMBERS, "timestamp": "S"})),
    Row("a module key that is binary", _PLAN, "the module key moduleId of index ModuleAnalyticsIndex is binary; Dynalake needs an index by a Number or a String", 2, _table({**_NUMBERS, "moduleId": "B"})),
    Row("a module key that is a text, and a column of numbers", _NIGHTLY, "the key moduleId of table … is a String, and its column module_id is of type int64; set the type of that column in [[source.columns]]", 2, _table({**_NUMBERS, "moduleId": "S"})),
    Row("a table without an index by student", ("messages", "--student", "1"), "table … has no index with the keys (studentId, timestamp), so that its messages cannot be read that way; make one, or ask for what is archived with `dynalake query`", 2, _table(_NUMBERS)),
    Row("an index that projects its keys only", _NIGHTLY, "6 added", 0, both(_table(_NUMBERS, {"ProjectionType": "KEYS_ONLY"}), _filled(*ITEMS)), after=After.ARCHIVED),
    Row("an index that projects some attributes", _NIGHTLY, "6 added", 0, both(_table(_NUMBERS, {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["role"]}), _filled(*ITEMS)), after=After.ARCHIVED),
    Row("the same, purged", _NIGHTLY, "6 removed", 0, both(_table(_NUMBERS, {"ProjectionType": "KEYS_ONLY"}), _filled(*ITEMS), _DELETE), after=After.DONE),
    Row("a table without a TTL, in mode `expire`", _NIGHTLY, "table … has no TTL on expiresAt, so that marked messages would never expire; enable it, or set [policy] ttl_attribute to the one it has", 3, _EXPIRE),
    Row("a global table", _NIGHTLY, "table … is a global table: a removal here can outrun an edit in another region; set [policy] single_writer = true if only one region writes, or purge = 'keep'", 3, _DELETE, answered("DescribeTable", Table={"Replicas": [{"RegionName": "eu-west-1"}]})),
    Row("a table without point-in-time recovery", _NIGHTLY, "warning: table … has no point-in-time recovery; switch it on before you purge", 0, _DELETE, after=After.DONE),
    Row("a server that cannot be searched for modules by jumping", _PLAN, "this server cannot be searched for modules by jumping; name them in [source] modules", 3, meanwhile=asked("Scan", ExclusiveStartKey=None)),
]  # fmt: skip

MESSAGES: Final = [
    _junk("a time in seconds", str(SENT // 1000)),
    _junk("a negative time", "-1"),
    _junk("a time before `[source] earliest`", "1000000000000"),
    Row("a time in microseconds", _NIGHTLY, "6 added", 0, _sent(f"{SENT}000"), after=After.ARCHIVED),
    Row("a time in the future", _NIGHTLY, "6 added", 0, _sent(str(int(datetime(2090, 1, 1, tzinfo=UTC).timestamp() * 1000))), after=After.ARCHIVED),
    Row("a time beyond the year 9999", _NIGHTLY, "6 added", 0, _sent("9E+125"), after=After.ARCHIVED),
    Row("a fraction of a millisecond", _NIGHTLY, "7 added", 0, _sent(f"{SENT}.25"), after=After.ARCHIVED),
    Row("the same, purged", _NIGHTLY, "7 removed", 0, both(_sent(f"{SENT}.25"), _DELETE), after=After.DONE),
    Row("a message without a module", ("sweep", "--yes"), "1 added", 0, _filled({name: value for name, value in item(9).items() if name != "moduleId"}), after=After.ARCHIVED),
    Row("a value that no column holds", _NIGHTLY, "7 added", 0, _filled(item(9, costUsd={"S": "much"}, tags={"SS": ["a", "b"]})), after=After.ARCHIVED),
    Row("nothing before the cutoff", ("backfill", "--from", "2020-01-01", "--to", "2020-02-01", "--yes"), "Done: 0 messages read", 0, after=After.NOT_MOVED),
]  # fmt: skip
