"""What is said of a source table: each thing that can be missing, with its verdict and its remedy."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from archive.model.described_table import Described, Differences, differences
from archive.model.finding import Verdict
from archive.model.table_check import judge
from archive.model.wanted_table import key_schema, wanted_table
from tests.builders import policy
from tests.servers import chat_messages

WANTED: Final = wanted_table(chat_messages(), "expiresAt")
MODULE, STUDENT = "ModuleAnalyticsIndex", "StudentActivityIndex"
TABLE: Final[dict[str, Any]] = {
    **WANTED.definition(protected=True),
    "TableStatus": "ACTIVE",
    "ItemCount": 1_000,
    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    "GlobalSecondaryIndexes": [{**index.definition, "IndexStatus": "ACTIVE", "ItemCount": 1_000} for index in WANTED.indexes],
}
TTL: Final = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
RECOVERY: Final = {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35}
BACKUP: Final = {"BackupName": "b", "BackupStatus": "AVAILABLE", "BackupCreationDateTime": datetime(2024, 1, 2, tzinfo=UTC)}
RIGHT: Final = Described(TABLE, TTL, RECOVERY, [BACKUP])


def having(**changes: Any) -> Described:  # noqa: ANN401 - parts of DescribeTable's answer
    """Return the right table with other parts."""
    return replace(RIGHT, table={**deepcopy(TABLE), **changes})


def with_index(name: str, **changes: Any) -> Described:  # noqa: ANN401 - parts of an index
    """Return the right table with an index that is another."""
    indexes = [{**index, **changes} if index["IndexName"] == name else index for index in TABLE["GlobalSecondaryIndexes"]]
    return having(GlobalSecondaryIndexes=indexes)


def without(*names: str) -> Described:
    """Return the right table without some indexes."""
    return having(GlobalSecondaryIndexes=[index for index in TABLE["GlobalSecondaryIndexes"] if index["IndexName"] not in names])


def typed(**types: str) -> Described:
    """Return the right table with keys of other types."""
    definitions = [{"AttributeName": name, "AttributeType": kind} for name, kind in {**WANTED.types, **types}.items()]
    return having(AttributeDefinitions=definitions)


def test_a_table_as_it_was_created_is_right() -> None:
    """Each part has a finding, none is a warning, and nothing differs."""
    found = judge(RIGHT, WANTED, policy("delete"))
    assert {one.verdict for one in found} == {"ok"}
    assert [one.what for one in found if one.what.startswith("index")] == [f"index {index.name}" for index in WANTED.indexes]
    assert len(found) == len({one.what for one in found})
    assert differences(RIGHT, WANTED) == Differences((), (), ())


BY_MODULE, BY_STUDENT, COUNT, PITR = f"index {MODULE}", f"index {STUDENT}", f"ItemCount of {MODULE}", "point-in-time recovery"
NO_TTL: Final = replace(RIGHT, ttl={"TimeToLiveStatus": "DISABLED"})
STREAMING: Final = having(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
FIVE: Final = {"WriteCapacityUnits": 5}
ROWS: Final[list[tuple[Described, str, str, Verdict, str]]] = [
    (having(TableStatus="UPDATING"), "keep", "status", "warning", "is UPDATING: .* wait"),
    (having(TableStatus="CREATING"), "keep", "status", "failed", "is CREATING, not ACTIVE"),
    (having(KeySchema=key_schema(("messageId", "timestamp"))), "keep", "keys", "failed", r"\(messageId, timestamp\), not .*\[source\]"),
    (having(KeySchema=key_schema(("conversationId", "timestamp"))[:1]), "keep", "keys", "failed", r"\(conversationId, no sort key\)"),
    (typed(timestamp="S"), "keep", "keys", "failed", "timestamp is of type S, not N"),
    (typed(timestamp="B"), "keep", "keys", "failed", "timestamp is of type B, not N"),
    (typed(conversationId="N"), "keep", "keys", "failed", "conversationId is of type N, not S"),
    (without(MODULE), "keep", BY_MODULE, "failed", "is missing: nothing can be archived without it; run `dynalake table add-indexes`"),
    (without(STUDENT), "keep", BY_STUDENT, "warning", "is missing: messages cannot be read by studentId"),
    (with_index(MODULE, KeySchema=key_schema(("a", "timestamp"))), "keep", BY_MODULE, "failed", r"delete it and run .* or set \[source"),
    (with_index(STUDENT, KeySchema=key_schema(("a", "b"))), "keep", BY_STUDENT, "warning", r"keys \(a, b\).* add-indexes`$"),
    (typed(studentId="S"), "keep", BY_STUDENT, "warning", "needs studentId of type N, and the table has it as a key of type S"),
    (with_index(MODULE, IndexStatus="CREATING"), "keep", BY_MODULE, "failed", r"its backfill has not begun\).* which waits for it"),
    (with_index(MODULE, IndexStatus="CREATING", Backfilling=True), "keep", BY_MODULE, "failed", "its backfill is under way"),
    (with_index(STUDENT, IndexStatus="DELETING"), "keep", BY_STUDENT, "warning", "is being deleted"),
    (with_index(MODULE, IndexStatus="UPDATING"), "keep", BY_MODULE, "ok", "projection ALL, UPDATING"),
    (with_index(MODULE, Projection={"ProjectionType": "KEYS_ONLY"}), "keep", BY_MODULE, "warning", "KEYS_ONLY.* a second read"),
    (with_index(MODULE, ItemCount=990), "keep", COUNT, "warning", "990, .*about 10 messages have no moduleId .*`dynalake sweep`"),
    (with_index(STUDENT, ItemCount=990), "keep", f"ItemCount of {STUDENT}", "ok", "about 10 messages have no studentId"),
    (with_index(MODULE, ItemCount=1_001), "keep", COUNT, "ok", "counted at different times"),
    (with_index(MODULE, ItemCount=None), "keep", COUNT, "ok", "does not tell"),
    (with_index(MODULE, ItemCount=5, IndexStatus="CREATING"), "keep", COUNT, "ok", "5 of the table's 1,000"),
    (NO_TTL, "expire", "TTL", "failed", "would never expire; run `dynalake table create`"),
    (NO_TTL, "keep", "TTL", "warning", "nothing ever leaves the table"),
    (NO_TTL, "delete", "TTL", "ok", "needs none"),
    (replace(RIGHT, ttl={"TimeToLiveStatus": "DISABLING", "AttributeName": "expiresAt"}), "expire", "TTL", "failed", "wait an hour"),
    (replace(RIGHT, ttl={"TimeToLiveStatus": "ENABLING", "AttributeName": "expiresAt"}), "expire", "TTL", "ok", "on expiresAt"),
    (replace(RIGHT, ttl={**TTL, "AttributeName": "ttl"}), "expire", "TTL", "failed", "is on ttl, not on expiresAt"),
    (replace(RIGHT, ttl={**TTL, "AttributeName": "ttl"}), "delete", "TTL", "warning", "is on ttl, not on expiresAt"),
    (replace(RIGHT, ttl="no"), "expire", "TTL", "failed", "is not known: no"),
    (replace(RIGHT, ttl="no"), "keep", "TTL", "warning", "is not known: no"),
    (replace(RIGHT, recovery={"PointInTimeRecoveryStatus": "DISABLED"}), "keep", PITR, "warning", "is off"),
    (replace(RIGHT, recovery={**RECOVERY, "RecoveryPeriodInDays": 7}), "keep", PITR, "warning", "back 7 days, and could .* 35"),
    (replace(RIGHT, recovery={"PointInTimeRecoveryStatus": "ENABLED"}), "keep", PITR, "ok", "35 days"),
    (replace(RIGHT, recovery="no"), "keep", PITR, "warning", "is not known: no"),
    (RIGHT, "keep", "backups", "ok", "the newest is b of 2024-01-02, AVAILABLE"),
    (replace(RIGHT, backups=[]), "keep", "backups", "ok", "nothing is purged"),
    (replace(RIGHT, backups=[]), "delete", "backups", "warning", r"the first purge makes none: set \[policy\] backup_be"),
    (replace(RIGHT, backups=[{**BACKUP, "BackupStatus": "DELETED"}]), "delete", "backups", "warning", "there is none"),
    (replace(RIGHT, backups="no"), "keep", "backups", "warning", "are not known: no"),
    (having(DeletionProtectionEnabled=False), "keep", "deletion protection", "warning", "is off: one call deletes the table"),
    (having(BillingModeSummary=None, ProvisionedThroughput=FIVE), "keep", "billing", "ok", "provisioned, 0 read and 5 write"),
    (having(BillingModeSummary={"BillingMode": "PROVISIONED"}), "keep", "billing", "ok", "provisioned"),
    (having(Replicas=[{"RegionName": "eu-west-1"}]), "delete", "replicas", "failed", r"in eu-west-1: .* \[policy\] single_writer"),
    (having(Replicas=[{"RegionName": "eu-west-1"}]), "keep", "replicas", "ok", "in eu-west-1"),
    (STREAMING, "delete", "stream", "warning", r"\(NEW_IMAGE\): its readers"),
    (STREAMING, "keep", "stream", "ok", "NEW_IMAGE"),
]  # fmt: skip


@pytest.mark.parametrize(("described", "purge", "what", "verdict", "said"), ROWS, ids=[f"{row[2]}: {row[4][:30]}" for row in ROWS])
def test_what_is_missing_is_said(described: Described, purge: Any, what: str, verdict: Verdict, said: str) -> None:  # noqa: ANN401 - a mode
    """Under its name, with its verdict; nothing else is failed because of it."""
    found = judge(described, WANTED, policy(purge))
    (one,) = [one for one in found if one.what == what]
    assert one.verdict == verdict
    assert re.search(said, one.text), one.text
    others = {one.what for one in found if one.verdict == "failed"} - {what}
    assert others <= {f"index {name.name}" for name in WANTED.indexes}


def test_an_index_of_somebody_else_is_told() -> None:
    """It costs units."""
    more = {"IndexName": "ByModel", "KeySchema": key_schema(("model", "timestamp"))[:1], "Projection": {"ProjectionType": "KEYS_ONLY"}}
    found = judge(having(GlobalSecondaryIndexes=[*TABLE["GlobalSecondaryIndexes"], more]), WANTED, policy("delete"))
    (one,) = [one for one in found if one.what == "index ByModel"]
    assert (one.verdict, one.text) == (
        "ok",
        "(model, no sort key), projection KEYS_ONLY, ACTIVE: not one of the settings'; each write of a message that it holds pays for it",
    )


def test_the_newest_backup_is_the_youngest() -> None:
    """Whatever order they come in; a first purge that makes one is no warning."""
    older = {**BACKUP, "BackupName": "older", "BackupCreationDateTime": datetime(2023, 1, 2, tzinfo=UTC)}
    assert replace(RIGHT, backups=[BACKUP, older]).newest_backup == BACKUP
    backed_up = replace(policy("delete"), backup_before_first_purge=True)
    (one,) = [one for one in judge(replace(RIGHT, backups=[]), WANTED, backed_up) if one.what == "backups"]
    assert (one.verdict, one.text) == ("ok", "there is none; the first purge makes one")
    writer = replace(policy("delete"), single_writer=True)
    (one,) = [one for one in judge(having(Replicas=[{"RegionName": "r"}]), WANTED, writer) if one.what == "replicas"]
    assert one.verdict == "ok"


@pytest.mark.parametrize(
    ("described", "steps", "wrong", "notes"),
    [
        (replace(RIGHT, ttl={"TimeToLiveStatus": "DISABLED"}), ["ttl"], "", ""),
        (replace(RIGHT, ttl="no"), [], "^no$", ""),
        (replace(RIGHT, ttl={**TTL, "AttributeName": "ttl"}), [], "TTL is on ttl, not on expiresAt", ""),
        (replace(RIGHT, recovery={"PointInTimeRecoveryStatus": "DISABLED"}), ["recovery"], "", ""),
        (replace(RIGHT, recovery={**RECOVERY, "RecoveryPeriodInDays": 34}), ["recovery"], "", ""),
        (replace(RIGHT, recovery="no"), [], "^no$", ""),
        (having(DeletionProtectionEnabled=False), ["protection"], "", ""),
        (without(MODULE, STUDENT), [], f"no index {MODULE}, {STUDENT}: run `dynalake table add-indexes`", ""),
        (with_index(MODULE, KeySchema=key_schema(("a", "timestamp"))), [], "delete it", ""),
        (with_index(MODULE, Projection={"ProjectionType": "INCLUDE"}), [], "", f"{MODULE} projects INCLUDE, not ALL"),
        (having(BillingModeSummary={"BillingMode": "PROVISIONED"}), [], "", "provisioned units"),
    ],
)
def test_what_differs_is_told_apart(described: Described, steps: list[str], wrong: str, notes: str) -> None:
    """What can be switched on, what stays wrong, and what is only worth a word."""
    found = differences(described, WANTED)
    assert [step.kind for step in found.steps] == steps
    for texts, pattern in ((found.wrong, wrong), (found.notes, notes)):
        assert bool(texts) == bool(pattern), texts
        assert not pattern or re.search(pattern, texts[0])
