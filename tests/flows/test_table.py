"""`dynalake table`: the table is created, given its indexes and looked at, over HTTP; and a first purge makes its backup."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from archive.model.wanted_table import wanted_table
from tests.archive.engine.workplace import one_loader
from tests.conftest import missing
from tests.integration.command import Outcome
from tests.integration.sites import Servers, Site, create, put
from tests.servers import Server, chat_messages, create_chat_messages

ROOT: Final = Path(__file__).resolve().parents[2]
THREE: Final = ["ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex"]
KEYS: Final = {"conversationId": "S", "timestamp": "N", "moduleId": "N"}
MESSAGE: Final[dict[str, Any]] = {
    "conversationId": {"S": "c"},
    "timestamp": {"N": "1705312800000"},
    "moduleId": {"N": "1"},
    "studentId": {"N": "2"},
    "provider": {"S": "openai"},
}
_NUMBERS: Final = count(1)


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with one_loader():
        yield


@pytest.fixture(params=["moto", "ministack"])
def site(request: pytest.FixtureRequest, moto_server: Server, tmp_path: Path) -> Site:
    """A site on each server in turn, whose table is not there yet."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return Site.new(Servers(server, moto_server, moto_server), tmp_path, table=f"Table{next(_NUMBERS)}-{time.time_ns()}")


@pytest.fixture
def on_moto(moto_server: Server, tmp_path: Path) -> Site:
    """A site on moto alone."""
    return Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=f"Table{next(_NUMBERS)}-{time.time_ns()}")


def made(site: Site) -> dict[str, Any]:
    """Describe the table."""
    described: dict[str, Any] = site.servers.dynamodb.dynamodb().describe_table(TableName=site.table)["Table"]  # type: ignore[assignment]
    return described


def one_index(site: Site) -> None:
    """Make the table with its module's index only, and a message."""
    create(site.servers.dynamodb.dynamodb(), site.table, KEYS, THREE[0], {"ProjectionType": "ALL"})
    put(site.servers.dynamodb.dynamodb(), site.table, [MESSAGE])


def verdicts(outcome: Outcome) -> dict[str, str]:
    """Return what `table check --json` found."""
    return {one["what"]: one["verdict"] for one in outcome.json()["checks"]}


def test_a_table_is_created_whole_and_passes_its_check(site: Site) -> None:
    """With all that the settings want; a second time changes nothing, and says so."""
    first = site.run("table", "create").done()
    assert "deletion protection is on" in first.stdout
    assert "35 days of point-in-time recovery" in first.stdout
    table = made(site)
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == THREE
    assert table["DeletionProtectionEnabled"] is True
    checked = site.run("table", "check", "--json").done()
    assert set(verdicts(checked).values()) == {"ok"}
    assert not any(call.is_write for call in checked.calls)
    second = site.run("table", "create", "--json").done()
    assert second.json() == {"table": site.table, "created": False, "switched_on": [], "wrong": [], "notes": []}
    assert not any(call.is_write for call in second.calls)


def test_what_is_off_at_a_table_is_switched_on_where_somebody_agrees(site: Site) -> None:
    """Otherwise it is said, and nothing is changed: a TTL that comes on removes items."""
    create_chat_messages(site.servers.dynamodb.dynamodb(), site.table)
    refused = site.run("table", "create")
    assert refused.code == 3
    assert "nothing was changed" in refused.stderr
    assert "the TTL is off: it would be on expiresAt" in refused.stdout
    assert not any(call.is_write for call in refused.calls)
    agreed = site.run("table", "create", "--yes", "--json").done()
    assert agreed.json()["switched_on"] == ["ttl", "recovery", "protection"]
    assert set(verdicts(site.run("table", "check", "--json").done()).values()) == {"ok"}


def test_a_killed_creation_is_finished(on_moto: Site) -> None:
    """The table is there, and lacks what comes after."""
    on_moto.servers.dynamodb.dynamodb().create_table(**wanted_table(chat_messages(on_moto.table), "expiresAt").definition(protected=True))
    assert on_moto.run("table", "create", "--yes", "--json").done().json()["switched_on"] == ["ttl", "recovery"]


def test_missing_indexes_are_added_and_can_be_asked(site: Site) -> None:
    """What it writes and costs is said before; the messages that were there are in them."""
    one_index(site)
    refused = site.run("table", "add-indexes")
    assert refused.code == 3
    assert "no index was added" in refused.stderr
    assert "StudentActivityIndex, ProviderUsageIndex: at most" in refused.stdout
    assert not refused.of("dynamodb", "UpdateTable")
    added = site.run("table", "add-indexes", "--yes", "--json").done()
    assert (added.json()["added"], added.json()["waited_for"]) == (THREE[1:], [])
    assert len(added.of("dynamodb", "UpdateTable")) == 2
    found = site.servers.dynamodb.dynamodb().query(
        TableName=site.table,
        IndexName="StudentActivityIndex",
        KeyConditionExpression="studentId = :s",
        ExpressionAttributeValues={":s": {"N": "2"}},
    )
    assert found["Items"] == [MESSAGE]
    again = site.run("table", "add-indexes").done()
    assert "0 indexes added" in again.stdout
    assert not any(call.is_write for call in again.calls)


def test_indexes_cost_what_the_settings_say(on_moto: Site) -> None:
    """[prices] goes before the list here too."""
    one_index(on_moto)
    refused = on_moto.with_settings(prices={"write_million": 999_999}).run("table", "add-indexes")
    assert "or about $2.00 once" in refused.stdout


def test_a_table_that_cannot_be_archived_fails_its_check(on_moto: Site) -> None:
    """Without its module's index, with exit code 3; what is missing besides is a warning."""
    create(on_moto.servers.dynamodb.dynamodb(), on_moto.table, KEYS, "Other", {"ProjectionType": "ALL"})
    outcome = on_moto.run("table", "check", "--json")
    assert outcome.code == 3
    assert "index ModuleAnalyticsIndex: is missing: nothing can be archived without it" in outcome.stderr
    found = verdicts(outcome)
    assert found["index ModuleAnalyticsIndex"] == "failed"
    assert {found[what] for what in ("index StudentActivityIndex", "point-in-time recovery", "deletion protection", "TTL")} == {"warning"}
    assert "index Other" in found
    shown = on_moto.run("table", "check")
    assert (shown.code, "is missing" in shown.stdout) == (3, True)


def test_what_differs_is_said_and_not_changed(on_moto: Site) -> None:
    """Missing indexes are another command's, and exit code 3 says that something is left to do."""
    one_index(on_moto)
    on_moto.run("table", "create", "--yes")
    outcome = on_moto.run("table", "create")
    assert outcome.code == 3
    assert "has no index StudentActivityIndex, ProviderUsageIndex: run `dynalake table add-indexes`" in outcome.stderr
    assert not any(call.is_write for call in outcome.calls)


def test_dynalite_knows_no_ttl_and_no_backups(dynalite_server: Server, moto_server: Server, tmp_path: Path) -> None:
    """The table is made all the same, and the check says what that server cannot tell."""
    site = Site.new(Servers(dynalite_server, moto_server, moto_server), tmp_path, table=f"Table{next(_NUMBERS)}-{time.time_ns()}")
    outcome = site.run("table", "create")
    assert (outcome.code, "dynamodb:UpdateTimeToLive" in outcome.stderr) == (5, True)
    assert [index["IndexName"] for index in made(site)["GlobalSecondaryIndexes"]] == THREE
    found = {one["what"]: one["text"] for one in site.run("table", "check", "--json").done().json()["checks"]}
    assert found["backups"] == "are not known: this server does not know ListBackups"
    assert found["point-in-time recovery"] == "is not known: this server does not know DescribeContinuousBackups"


def test_another_table_gets_the_index_of_the_settings(on_moto: Site) -> None:
    """Under the names that they give."""
    columns = [
        {"attribute": name, "column": name, "type": kind} for name, kind in (("room", "string"), ("at", "timestamp"), ("course", "string"))
    ]
    source = {"partition_key": "room", "time_key": "at", "module_key": "course", "index": "ByCourse", "columns": columns}
    site = on_moto.with_settings(source=source, policy={"ttl_attribute": "gone"})
    site.run("table", "create").done()
    table = made(site)
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["ByCourse"]
    assert {part["AttributeName"]: part["AttributeType"] for part in table["AttributeDefinitions"]} == {
        "room": "S",
        "at": "N",
        "course": "S",
    }
    described = site.servers.dynamodb.dynamodb().describe_time_to_live(TableName=site.table)
    assert described["TimeToLiveDescription"]["AttributeName"] == "gone"


@pytest.mark.parametrize("site", ["ministack"], indirect=True)
def test_the_first_purge_makes_a_backup_before_it_removes_anything(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: the next purge makes none. No minute is waited for here."""
    monkeypatch.setattr("archive.engine.first_purge.SETTLED", timedelta(0))
    create_chat_messages(site.servers.dynamodb.dynamodb(), site.table)
    put(site.servers.dynamodb.dynamodb(), site.table, [MESSAGE])
    purging = site.with_settings(
        source={"modules": [1]}, policy={"purge": "delete", "protocol": "single", "backup_before_first_purge": True}
    )
    window = ("backfill", "--from", "2024-01-01", "--to", "2024-02-01", "--yes")
    first = purging.run(*window).done()
    assert "before the first purge: backup dynalake-" in first.stdout
    order = [call.operation for call in first.of("dynamodb", "CreateBackup", "DeleteItem") if not any(w.is_probe for w in call.writes)]
    assert order == ["CreateBackup", "DeleteItem"]
    assert site.left() == []
    put(site.servers.dynamodb.dynamodb(), site.table, [{**MESSAGE, "conversationId": {"S": "another"}}])
    second = purging.run(*window).done()
    assert site.left() == []
    assert second.of("dynamodb", "CreateBackup", "ListBackups") == []
    checked = {one["what"]: one["text"] for one in site.run("table", "check", "--json").done().json()["checks"]}
    assert checked["backups"].startswith("the newest is dynalake-")


@pytest.mark.parametrize(("script", "command"), [("create-dynamodb-table.sh", "create"), ("add-dynamodb-indexes.sh", "add-indexes")])
def test_the_scripts_are_the_commands(tmp_path: Path, script: str, command: str) -> None:
    """They pass their options on as they are, and end with the command's own exit code."""
    if os.name != "posix":
        missing("the scripts are for a POSIX shell")
    program = tmp_path / "dynalake"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 3\n")
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    words = [str(ROOT / "scripts" / script), "--config", "a b.toml", "--yes"]
    done = subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (3, ["table", command, "--config", "a b.toml", "--yes"])
