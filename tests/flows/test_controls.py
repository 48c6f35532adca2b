"""How an operator holds a run back: dry runs, the stop sign, caps, signals; and what the log may say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archive.aws import READS, Clients, refuse_changes
from archive.engine.planning import Request
from archive.engine.run import RunResult
from archive.errors import RefusedError
from flows.cli import app
from flows.operate import Catalogue, execute_directly, perform
from flows.settings import load_settings
from tests import servers

BUCKET = "controls"
SAID = "what-the-pupil-said"
DAYS = 4
A_DAY = 3


@dataclass(frozen=True, slots=True)
class World:
    """A table of twelve messages on four days, and an empty lake."""

    server: servers.Server
    environment: dict[str, str]

    def items(self) -> int:
        """Count the table's items."""
        return int(self.server.dynamodb().scan(TableName=servers.TABLE, Select="COUNT")["Count"])

    def objects(self) -> dict[str, str]:
        """Return the lake's objects with their ETags."""
        found = self.server.s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {item["Key"]: item["ETag"] for item in found}

    def run(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run a command; return its exit code, standard output and standard error."""
        result = CliRunner().invoke(app, list(arguments), env={**self.environment, **settings})
        return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def world(moto_server: servers.Server, tmp_path: Path) -> Iterator[World]:
    """Fill a fresh table; empty everything afterwards."""
    dynamodb, s3 = moto_server.dynamodb(), moto_server.s3()
    servers.create_chat_messages(dynamodb)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for day in range(DAYS):
        for number in range(A_DAY):
            dynamodb.put_item(
                TableName=servers.TABLE,
                Item={
                    "conversationId": {"S": f"{SAID}-conversation-{number}"},
                    "timestamp": {"N": str(1_700_000_000_000 + day * 86_400_000 + number)},
                    "moduleId": {"N": str(number % 2)},
                    "studentId": {"N": "987654321"},
                    "content": {"S": SAID},
                },
            )
    yield World(
        moto_server,
        {
            **servers.CREDENTIALS,
            "AWS_ENDPOINT_URL": moto_server.endpoint,
            "DYNALAKE_LAKE__BUCKET": BUCKET,
            "DYNALAKE_LAKE__SPOOL_DIRECTORY": str(tmp_path / "spool"),
            "DYNALAKE_POLICY__PURGE": "delete",
            "DYNALAKE_POLICY__BACKUP_BEFORE_FIRST_PURGE": "false",
            "DYNALAKE_POLICY__PROTOCOL": "single",
            "DYNALAKE_LIMITS__STREAMS": "1",
            "DYNALAKE_LIMITS__SEGMENTS": "1",
            "DYNALAKE_RUN__PREFECT": "false",
            "DYNALAKE_REPORT__NIGHTLY": "false",
        },
    )
    servers.drop(dynamodb, servers.TABLE)
    for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    for marker in s3.list_object_versions(Bucket=BUCKET).get("DeleteMarkers", []):
        s3.delete_object(Bucket=BUCKET, Key=marker["Key"], VersionId=marker["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nightly", "--dry-run"),
        ("plan",),
        ("sweep", "--dry-run"),
        ("backfill", "--from", "2023-11-01", "--to", "2023-12-01", "--dry-run"),
        ("purge", "--from", "2023-11-01", "--to", "2023-12-01", "--dry-run"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_dry_run_changes_nothing(world: World, arguments: tuple[str, ...]) -> None:
    """Neither the table nor the bucket has anything more or less afterwards."""
    code, out, _ = world.run(*arguments)
    assert code == 0
    assert "Plan: " in out
    assert world.items() == DAYS * A_DAY
    assert world.objects() == {}


def test_clients_of_a_dry_run_refuse_every_call_that_could_change_something(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all operations that AWS has, only those known to read are sent."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    clients = Clients(None, None, "archiver", 1, read_only=True)
    refused = 0
    for client in (clients.dynamodb, clients.s3, clients.glue):
        service = client.meta.service_model
        for name in set(service.operation_names) - READS:
            refused += 1
            with pytest.raises(RefusedError, match="dry run"):
                refuse_changes(model=service.operation_model(name))
    assert refused > 300
    for call in (
        lambda: clients.s3.put_object(Bucket=BUCKET, Key="x", Body=b""),
        lambda: clients.dynamodb.delete_item(TableName=servers.TABLE, Key={"conversationId": {"S": "x"}, "timestamp": {"N": "1"}}),
        lambda: clients.glue.create_database(DatabaseInput={"Name": "x"}),
    ):
        with pytest.raises(RefusedError, match="would change something"):
            call()
    assert world.objects() == {}


def test_the_stop_sign_keeps_runs_from_starting_until_it_is_taken_down(world: World) -> None:
    """`stop` is for every run everywhere; `resume` lets them go on."""
    assert world.run("stop")[0] == 0
    code, out, err = world.run("nightly", "--yes")
    assert code == 7
    assert "12 messages of the plan (about) were not reached" in out
    assert "dynalake resume" in err
    assert world.items() == DAYS * A_DAY
    assert world.run("resume")[0] == 0
    assert world.run("nightly", "--yes")[0] == 0
    assert world.items() == 0


@pytest.mark.parametrize(("cap", "value"), [("MAX_MESSAGES", "5"), ("MAX_DOLLARS", "0.000001")])
def test_a_cap_ends_a_run_in_good_order(world: World, cap: str, value: str) -> None:
    """It has an exit code of its own, what is done is done, and the next run does the rest."""
    code, out, err = world.run("nightly", "--yes", **{f"DYNALAKE_LIMITS__{cap}": value})
    assert code == 8
    assert cap.lower() in err
    assert "Left: " in out
    left = world.items()
    assert 0 < left <= DAYS * A_DAY
    messages = [key for key in world.objects() if "/messages/" in key]
    receipts = [key for key in world.objects() if "/receipts/" in key]
    assert len(messages) == len(receipts) == DAYS - left // A_DAY
    assert world.run("nightly", "--yes")[0] == 0
    assert world.items() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_in_good_order(world: World, number: signal.Signals) -> None:
    """Every segment is stored and receipted, or not begun, and its purge ends after the requests in flight; the next run does the rest."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "nightly", "--yes"]
    environment = {"PATH": os.environ["PATH"], **world.environment, "DYNALAKE_RUN__LOG": "json"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "segment stored" in line:
                run.send_signal(number)
                break
        run.communicate()
        assert run.returncode == 7
    objects = list(world.objects())
    stored = sum("/messages/" in key for key in objects)
    assert 0 < stored < DAYS
    assert sum("/receipts/" in key for key in objects) == stored
    assert sum("-intent" in key for key in objects) == sum("-outcome" in key for key in objects)
    assert world.items() >= A_DAY * (DAYS - stored)
    assert world.run("nightly", "--yes")[0] == 0
    assert world.items() == 0


def test_a_second_signal_ends_a_run_at_once(world: World) -> None:
    """Also one whose threads wait: here for units of which there are hardly any. The next run does the rest."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "nightly", "--yes"]
    slow = {"DYNALAKE_LIMITS__WRITE_UNITS": "0.001", "DYNALAKE_RUN__LOG": "json"}
    environment = {"PATH": os.environ["PATH"], **world.environment, **slow}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        assert any("segment stored" in line for line in run.stderr)
        run.send_signal(signal.SIGINT)
        assert any("press Ctrl-C again" in line for line in run.stdout)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate()
    assert run.returncode == 130
    assert "Interrupted; nothing is lost" in err
    assert world.run("nightly", "--yes")[0] == 0
    assert world.items() == 0


def test_the_log_carries_run_batch_and_segment(world: World) -> None:
    """Each line is JSON, with names and counts."""
    code, _, err = world.run("nightly", "--yes", DYNALAKE_RUN__LOG="json")
    assert code == 0
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert {event["event"] for event in events} == {"segment stored", "segment purged"}
    assert all(event["run"].endswith("-nightly") and event["batch"] == 0 and event["segment"] for event in events)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_is_printed_has_what_a_message_says(world: World, form: str, caplog: pytest.LogCaptureFixture) -> None:
    """Contents, keys' values and credentials are in no output and no log of ours, whatever a run does, nor where it is refused."""
    caplog.set_level("DEBUG")
    settings = {"DYNALAKE_RUN__LOG": form, "AWS_SECRET_ACCESS_KEY": "a-secret-key"}
    commands = [
        ("check",),
        ("nightly", "--yes"),
        ("restore", "--from", "2023-11-01", "--yes"),
        ("purge", "--from", "2023-11-01", "--to", "2023-12-01", "--yes"),
        ("sweep", "--yes"),
        ("holds",),
        ("status",),
    ]
    printed = [text for words in commands for text in world.run(*words, **settings)[1:]]
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("botocore", "urllib3", "boto3"))]
    for hidden in (SAID, "987654321", "a-secret-key", "1700000000"):
        assert [text for text in (*printed, *ours) if hidden in text] == []


def test_nothing_is_removed_without_consent(world: World) -> None:
    """Without a terminal nothing is asked: the run is refused, and says what to give."""
    code, out, err = world.run("nightly")
    assert code == 3
    assert "--yes" in out + err
    assert world.items() == DAYS * A_DAY
    assert world.objects() == {}


def test_a_monitor_is_told_by_the_exit_code(world: World) -> None:
    """9 while messages are overdue, with the reasons in the JSON as well; 0 after the night."""
    code, out, err = world.run("status", "--json")
    (sentence,) = json.loads(out)["attention"]
    assert code == 9
    assert sentence in err
    assert world.run("nightly", "--yes")[0] == 0
    code, out, err = world.run("status", "--json")
    assert (code, json.loads(out)["attention"], err) == (0, [], "")


def unattended(world: World, monkeypatch: pytest.MonkeyPatch, **settings: str) -> RunResult:
    """Perform a night as a worker does: nobody is there to be asked."""
    for name, value in {**world.environment, **settings}.items():
        monkeypatch.setenv(name, value)
    chosen = load_settings(None, os.environ)
    catalogue = Catalogue(chosen.athena.database, chosen.athena.table)
    return perform(chosen.config(), catalogue, Request("nightly"), datetime.now(UTC), execute_directly)[1]


def test_a_worker_may_not_remove_more_than_the_settings_allow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written; so many, or with nothing removed any number, are let through."""
    with pytest.raises(RefusedError, match=r"about 12 messages .* it may be 11 .*unattended_messages"):
        unattended(world, monkeypatch, DYNALAKE_LIMITS__UNATTENDED_MESSAGES="11")
    assert (world.items(), world.objects()) == (DAYS * A_DAY, {})
    unattended(world, monkeypatch, DYNALAKE_LIMITS__UNATTENDED_MESSAGES="0", DYNALAKE_POLICY__PURGE="keep")
    assert unattended(world, monkeypatch, DYNALAKE_LIMITS__UNATTENDED_MESSAGES="12").result.purged.done == DAYS * A_DAY


def test_a_person_who_agrees_may_remove_any_number(world: World) -> None:
    """The limit is for runs that nobody looks at."""
    assert world.run("nightly", "--yes", DYNALAKE_LIMITS__UNATTENDED_MESSAGES="1")[0] == 0
    assert world.items() == 0


def test_a_first_night_says_how_much_has_come_together(world: World) -> None:
    """Before it begins; the night after says nothing of the kind."""
    said = "no night has been completed in this mode yet: about 12 messages, "
    assert said in world.run("nightly", "--yes")[1]
    assert said not in world.run("nightly", "--yes")[1]
