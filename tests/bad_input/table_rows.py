"""Rows of docs/errors.md: the table, its index, and the messages in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from archive.model.wanted_table import key_schema
from tests.bad_input.injected import answered, asked, denied, refused
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
_BACKED_UP: Final = settings(policy={"purge": "delete", "backup_before_first_purge": True})
_CREATE, _ADD, _LOOK = ("table", "create", "--yes"), ("table", "add-indexes", "--yes"), ("table", "check")
_UNITS: Final = ("--read-units", "5", "--write-units", "5")
_NOWHERE: Final = settings(source={"table": "Nowhere"})
_PROVISIONED: Final = answered("DescribeTable", Table={"BillingModeSummary": {"BillingMode": "PROVISIONED"}})
_KINDS: Final = {"conversationId": "string", "timestamp": "timestamp", "moduleId": "boolean"}
_COLUMNS: Final = [{"attribute": name, "column": name.lower(), "type": kind} for name, kind in _KINDS.items()]
_MANY: Final = [{"IndexName": f"Other{number}", "KeySchema": key_schema(("conversationId", "timestamp"))} for number in range(18)]

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
    Row("a first purge without the permission for its backup", _NIGHTLY, "nothing was removed: the first purge begins with a backup of table …, and dynamodb:CreateBackup is not permitted; make that possible, or set [policy] backup_before_first_purge = false", 3, _BACKED_UP, denied("CreateBackup"), archived=True),
    Row("a first purge on a server that has no backups", _NIGHTLY, "nothing was removed: the first purge begins with a backup of table …, and dynamodb:ListBackups is not known to this server; make that possible, or set [policy] backup_before_first_purge = false", 3, _BACKED_UP, refused("ListBackups", "UnknownOperationException"), archived=True),
    Row("a server that cannot be searched for modules by jumping", _PLAN, "this server cannot be searched for modules by jumping; name them in [source] modules", 3, meanwhile=asked("Scan", ExclusiveStartKey=None)),
]  # fmt: skip

SETTING_UP: Final = [
    Row("something that cannot be done with a table", ("table", "drop"), "No such command 'drop'", 2),
    Row("a table that is there already, and no `--yes`", ("table", "create"), "nothing was changed: table … is there already, and the TTL is off: it would be on expiresAt, and DynamoDB would remove every item whose expiresAt has passed; give --yes to switch on what is off", 3),
    Row("the same, with other keys", _CREATE, "nothing was changed: table … is there already, and the table's keys are (conversationId, timestamp), not (messageId, timestamp): set the keys in [source], or name another table", 3, settings(source={"partition_key": "messageId"})),
    Row("a module key that is true or false", _CREATE, "the key moduleId has a column of type boolean, and DynamoDB's keys are texts or numbers; correct it in [[source.columns]]", 2, settings(source={"columns": _COLUMNS})),
    Row("no `--yes`, and no terminal to ask on", ("table", "add-indexes"), "no index was added to table …: give --yes to add them without being asked", 3, _table(_NUMBERS)),
    Row("indexes for a table that is not there", _ADD, "table Nowhere does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, _NOWHERE),
    Row("an index of that name with other keys", _ADD, "table … cannot get its indexes: index StudentActivityIndex has the keys (moduleId, timestamp), not (studentId, timestamp): an index's keys cannot be changed; delete it and run `dynalake table add-indexes`", 3, _table(_NUMBERS, index="StudentActivityIndex")),
    Row("a key that the table has with another type", _ADD, "table … cannot get its indexes: index StudentActivityIndex needs studentId of type N, and the table has it as a key of type S: set the type of its column in [[source.columns]]", 3, _table({"conversationId": "S", "timestamp": "N", "studentId": "S"}, index="Other")),
    Row("more indexes than DynamoDB's quota", _ADD, "table … has 18 indexes, and 3 more would be 21; DynamoDB's quota is 20 a table: delete those that nobody reads", 3, meanwhile=answered("DescribeTable", Table={"GlobalSecondaryIndexes": _MANY})),
    Row("a table that is being changed", _ADD, "table … is UPDATING, and only an ACTIVE table can get an index; wait until it is, then run again", 3, meanwhile=answered("DescribeTable", Table={"TableStatus": "UPDATING"})),
    Row("a provisioned table, and no units for its index", _ADD, "table … is provisioned, and so is each of its indexes: give --read-units and --write-units, the units a second of a new index (its backfill writes about … units, and writes of messages are throttled where it has too few)", 2, _table(_NUMBERS), _PROVISIONED),
    Row("more units than DynamoDB's quota", (*_ADD, "--read-units", "5", "--write-units", "40001"), "--read-units and --write-units are from 1 to 40,000 a second, which is DynamoDB's quota for an index; correct them", 2, _table(_NUMBERS), _PROVISIONED),
    Row("units for an index of a table on demand", (*_ADD, *_UNITS), "table … is paid for on demand, and so are its indexes; leave --read-units and --write-units out", 2, _table(_NUMBERS)),
    Row("a table without the index of the settings", _LOOK, "checks failed; the first: index ByNobody: is missing: nothing can be archived without it; run `dynalake table add-indexes`", 3, settings(source={"index": "ByNobody"})),
    Row("a table that is not there", _LOOK, "table Nowhere does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, _NOWHERE),
    Row("`dynamodb:ListBackups` is not permitted", (*_LOOK, "--json"), "are not known: dynamodb:ListBackups on table … is not permitted; grant it to the role in use", 0, meanwhile=denied("ListBackups")),
    Row("`dynamodb:CreateTable` is not permitted", _CREATE, "dynamodb:CreateTable on table Nowhere is not permitted; grant it to the role in use", 5, _NOWHERE, denied("CreateTable")),
    Row("`dynamodb:UpdateTimeToLive` is not permitted", _CREATE, "dynamodb:UpdateTimeToLive on table … is not permitted; grant it to the role in use", 5, meanwhile=denied("UpdateTimeToLive")),
    Row("`dynamodb:UpdateContinuousBackups` is not permitted", _CREATE, "dynamodb:UpdateContinuousBackups on table … is not permitted; grant it to the role in use", 5, meanwhile=denied("UpdateContinuousBackups")),
    Row("`dynamodb:UpdateTable` is not permitted", _ADD, "dynamodb:UpdateTable on table … is not permitted; grant it to the role in use", 5, _table(_NUMBERS), denied("UpdateTable")),
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
