"""Before anything is removed for the first time there is a backup, once; what cannot have one is not purged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from archive.engine.first_purge import back_up_once, backup_is_due
from archive.engine.planning import Request, make_plan
from archive.engine.session import Session
from archive.errors import RefusedError, TransientServiceError
from archive.model.backup import Backup, is_needed
from archive.model.lake_record import LakeRecord
from tests.archive.engine.workplace import NOW, TWO_DAYS, Workplace, hooked, ignore, make_workplace, message
from tests.builders import policy
from tests.servers import Server

AT: Final = datetime(2024, 6, 1, tzinfo=UTC)
BACKUP: Final = Backup("arn:b", "dynalake-run-1", AT)


@pytest.fixture
def place(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A table of two messages, which are to be deleted, and a backup before."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    place = make_workplace(moto_server, tmp_path).with_policy(backup_before_first_purge=True)
    place.put(message("conversation-1", 1, 1), message("conversation-2", 2, 2))
    return place


def backups(place: Workplace) -> list[str]:
    """Return the names of the table's backups."""
    return [one["BackupName"] for one in place.dynamodb.list_backups(TableName=place.table)["BackupSummaries"]]


def run(place: Workplace, name: str, now: datetime | None = None) -> list[str]:
    """Do what a run does before its first batch; return what it said."""
    said: list[str] = []
    session = place.opened(name)
    back_up_once(session, now or datetime.now(UTC), said.append)
    return said


@contextmanager
def refusing(session: Session, operation: str, code: str) -> Iterator[None]:
    """Let an operation of the purger's fail."""

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    with hooked(session.purger_clients.dynamodb, f"before-call.dynamodb.{operation}", refuse):
        yield


def test_the_first_purge_makes_a_backup_and_the_lake_remembers_it(place: Workplace) -> None:
    """It is said; the second run makes none, and its plan says nothing of one."""
    session = place.session()
    assert "this is the lake's first purge" in " ".join(make_plan(session, Request("nightly"), NOW, ignore).warnings)
    first = run(place, "run-1")
    assert first[0] == f"before the first purge: backup dynalake-run-1 of table {place.table} is being made; waiting until it is complete"
    assert run(place, "run-2") == []
    assert backups(place) == ["dynalake-run-1"]
    record = json.loads(place.get("lake/archive.json"))
    (made,) = place.dynamodb.list_backups(TableName=place.table)["BackupSummaries"]
    assert (record["backup"]["arn"], record["backup"]["name"]) == (made["BackupArn"], "dynalake-run-1")
    assert make_plan(place.session(), Request("nightly"), NOW, ignore).warnings == ()


def test_nothing_is_removed_within_a_minute_of_the_request(place: Workplace) -> None:
    """A backup may lack what is removed in its first minute; one that is older is not waited for."""
    session = place.opened()
    back_up_once(session, datetime.now(UTC), ignore)
    assert session.timing.clock() == 60
    place.s3.delete_object(Bucket=place.bucket, Key="lake/archive.json")
    later = place.opened("run-2")
    back_up_once(later, datetime.now(UTC) + timedelta(seconds=45), ignore)
    assert 14 < later.timing.clock() < 16
    place.s3.delete_object(Bucket=place.bucket, Key="lake/archive.json")
    latest = place.opened("run-3")
    back_up_once(latest, datetime.now(UTC) + timedelta(hours=1), ignore)
    assert latest.timing.clock() == 0
    assert backups(place) == ["dynalake-run-1"]


def test_a_backup_is_waited_for_until_it_is_available(place: Workplace) -> None:
    """Only that can be restored from; after half an hour the run gives up, and the next finds it."""
    states = iter(["CREATING"] * 5)

    def creating(parsed: dict[str, Any], **_: object) -> None:
        details = parsed["BackupDescription"]["BackupDetails"]
        details["BackupStatus"] = next(states, "AVAILABLE")

    session = place.opened()
    with hooked(session.purger_clients.dynamodb, "after-call.dynamodb.DescribeBackup", creating):
        back_up_once(session, datetime.now(UTC), ignore)
    assert session.timing.clock() == 5 + 10 + 20 + 40 + 60
    assert session.record.backup is not None

    place.s3.delete_object(Bucket=place.bucket, Key="lake/archive.json")
    stuck = place.opened("run-2")
    states = iter(["CREATING"] * 200)
    with (
        hooked(stuck.purger_clients.dynamodb, "after-call.dynamodb.DescribeBackup", creating),
        pytest.raises(TransientServiceError, match="is still being made; nothing was removed"),
    ):
        back_up_once(stuck, datetime.now(UTC), ignore)
    assert 1_800 < stuck.timing.clock() <= 1_860
    assert stuck.record.backup is None


def test_a_backup_that_was_deleted_is_none(place: Workplace) -> None:
    """The purge waits for another run."""
    session = place.opened()

    def deleted(parsed: dict[str, Any], **_: object) -> None:
        parsed["BackupDescription"]["BackupDetails"]["BackupStatus"] = "DELETED"

    with (
        hooked(session.purger_clients.dynamodb, "after-call.dynamodb.DescribeBackup", deleted),
        pytest.raises(RefusedError, match="was deleted while it was made"),
    ):
        back_up_once(session, datetime.now(UTC), ignore)
    assert session.record.backup is None


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize(
    ("operation", "way"),
    [("CreateBackup", "before-call"), ("CreateBackup", "after-call"), ("PutObject", "before-call"), ("PutObject", "after-call")],
)
def test_a_crash_leaves_one_backup_at_most_and_the_next_run_remembers_it(place: Workplace, operation: str, way: str) -> None:
    """Whichever call the run dies at: between the backup and its record, too."""
    session = place.opened()

    def die(**_: object) -> None:
        raise KilledError

    service, client = ("s3", session.clients.s3) if operation == "PutObject" else ("dynamodb", session.purger_clients.dynamodb)
    with hooked(client, f"{way}.{service}.{operation}", die), pytest.raises(KilledError):
        back_up_once(session, datetime.now(UTC), ignore)
    assert len(place.items()) == 2
    said = run(place, "run-2")
    assert bool(said) == ((operation, way) != ("PutObject", "after-call"))
    assert len(backups(place)) == 1
    assert json.loads(place.get("lake/archive.json"))["backup"]["name"] == backups(place)[0]


def test_only_a_young_backup_of_ours_is_taken(place: Workplace) -> None:
    """Not one that somebody made, nor one from three days ago, nor one of a table that had this name before."""
    place.dynamodb.create_backup(TableName=place.table, BackupName="by-hand")
    run(place, "run-1")
    assert sorted(backups(place)) == ["by-hand", "dynalake-run-1"]
    place.s3.delete_object(Bucket=place.bucket, Key="lake/archive.json")
    session = place.opened("run-2")
    back_up_once(session, datetime.now(UTC) + timedelta(days=3), ignore)
    assert sorted(backups(place)) == ["by-hand", "dynalake-run-1", "dynalake-run-2"]
    place.s3.delete_object(Bucket=place.bucket, Key="lake/archive.json")
    other = place.opened("run-3")

    def of_another(parsed: dict[str, Any], **_: object) -> None:
        for one in parsed["BackupSummaries"]:
            one["TableId"] = "another"

    with hooked(other.purger_clients.dynamodb, "after-call.dynamodb.ListBackups", of_another):
        back_up_once(other, datetime.now(UTC), ignore)
    assert "dynalake-run-3" in backups(place)


@pytest.mark.parametrize(
    ("operation", "code", "why"),
    [
        ("CreateBackup", "AccessDeniedException", "dynamodb:CreateBackup is not permitted"),
        ("CreateBackup", "UnknownOperationException", "dynamodb:CreateBackup is not known to this server"),
        ("CreateBackup", "LimitExceededException", r"dynamodb:CreateBackup was refused \(LimitExceededException\)"),
        ("DescribeBackup", "AccessDeniedException", "dynamodb:DescribeBackup is not permitted"),
    ],
)
def test_what_cannot_be_backed_up_is_not_purged(place: Workplace, operation: str, code: str, why: str) -> None:
    """The sentence says how to do without."""
    session = place.opened()
    with (
        refusing(session, operation, code),
        pytest.raises(RefusedError, match=rf"nothing was removed: .* {why}; .*\[policy\] backup_before_first_purge = false"),
    ):
        back_up_once(session, datetime.now(UTC), ignore)
    assert session.record.backup is None


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_what_fails_for_now_is_tried_again_later(place: Workplace, code: str) -> None:
    """It is no reason to do without."""
    session = place.opened()
    with refusing(session, "CreateBackup", code), pytest.raises(TransientServiceError, match="run again later"):
        back_up_once(session, datetime.now(UTC), ignore)


def test_a_lake_that_was_purged_before_needs_none(place: Workplace) -> None:
    """It is from before there were backups, or they were turned off then."""
    place.with_policy(backup_before_first_purge=False).perform(Request("backfill", TWO_DAYS))
    assert place.keys("purges")
    assert run(place, "run-2") == []
    assert backups(place) == []


def test_whoever_only_archives_needs_none(place: Workplace) -> None:
    """Nor a dry run, which may ask all the same."""
    assert not backup_is_due(place.with_policy(purge="keep").session())
    assert not backup_is_due(place.with_policy(backup_before_first_purge=False).session())
    assert backup_is_due(Session(place.config, "run-1", read_only=True))


@pytest.mark.parametrize(
    ("purge", "wanted", "remembered", "purged_before", "needed"),
    [
        ("delete", True, None, False, True),
        ("expire", True, None, False, True),
        ("keep", True, None, False, False),
        ("delete", False, None, False, False),
        ("delete", True, BACKUP, False, False),
        ("delete", True, None, True, False),
    ],
)
def test_when_a_backup_is_needed(purge: Any, wanted: bool, remembered: Backup | None, purged_before: bool, needed: bool) -> None:  # noqa: ANN401, FBT001 - a table's cells
    """Once, where something would be removed for the first time."""
    chosen = replace(policy(purge), backup_before_first_purge=wanted)
    assert is_needed(chosen, remembered, purged_before=purged_before) is needed


def test_a_record_without_a_backup_is_read(place: Workplace) -> None:
    """From before there were any; with one, it is read as it was written."""
    session = place.opened()
    values = json.loads(session.record.to_json())
    del values["backup"]
    assert LakeRecord.from_json(json.dumps(values).encode(), "k") == session.record
    remembered = replace(session.record, backup=BACKUP)
    assert LakeRecord.from_json(remembered.to_json(), "k") == remembered
    session.remember_backup(BACKUP)
    session.remember_backup(replace(BACKUP, name="another"))
    assert session.record.backup == BACKUP
