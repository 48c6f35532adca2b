"""What is refused on the command line: one sentence, the documented exit code, and nothing of the table or the lake changed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.command import Call, Outcome
from tests.integration.sites import NewSite, Servers, Site, put
from tests.integration.worlds import WINDOW
from tests.servers import create_chat_messages

_INPUT, _REFUSED, _PROOF, _SERVICE, _SPOOL = 2, 3, 4, 5, 6
_DELETE: Final = {"purge": "delete", "protocol": "single"}
_BACKFILL: Final = ("backfill", *WINDOW, "--yes")
_SENT: Final = 1_714_521_600_000
_SECRET: Final = "a pupil's own words"  # noqa: S105 - no password
_ITEMS: Final[list[dict[str, Any]]] = [
    {
        "conversationId": {"S": f"conversation {number}"},
        "timestamp": {"N": str(_SENT + number)},
        "moduleId": {"N": "5"},
        "content": {"S": _SECRET},
    }
    for number in range(3)
]


@pytest.fixture(scope="module")
def tables(reading: Servers) -> tuple[str, str]:
    """Two tables, with three messages each."""
    client = reading.dynamodb.dynamodb()
    names = ("RefusedOne", "RefusedTwo")
    for name in names:
        put(client, create_chat_messages(client, name), _ITEMS)
    return names


@pytest.fixture
def site(reading: Servers, tables: tuple[str, str], new_site: NewSite) -> Site:
    """The first table, and an empty lake."""
    return new_site(reading).with_settings(source={"table": tables[0]})


def _expect(outcome: Outcome, code: int, *words: str) -> None:
    """Assert that a command ended with one sentence that has these words, shows no content, and changed nothing."""
    assert outcome.crash == ""
    assert outcome.code == code, outcome.stderr
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert [word for word in words if word not in outcome.stderr] == [], outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert _SECRET not in outcome.stdout + outcome.stderr
    assert [call for call in outcome.calls if call.is_write and not _is_trial(call)] == []


def _is_trial(call: Call) -> bool:
    """Say whether a first run's checks make this call: conditional writes on a key, and of items, of their own."""
    if call.service == "dynamodb":
        return bool(call.writes) and all(write.is_probe for write in call.writes)
    return call.target.endswith("/checks/conditional-put")


def test_a_lake_of_another_table_is_refused(site: Site, tables: tuple[str, str]) -> None:
    """It names both tables, and says what to change; status and plan refuse as well."""
    site.run(*_BACKFILL).done()
    before = site.lake.versions()
    other = site.with_settings(source={"table": tables[1]})
    for command in (_BACKFILL, ("plan",), ("status",), ("check",)):
        _expect(other.run(*command), _REFUSED, tables[0], tables[1], "prefix")
    assert site.lake.versions() == before


def test_other_columns_than_the_lake_has_are_refused(site: Site) -> None:
    """A lake's columns are for good."""
    site.run(*_BACKFILL).done()
    names = {"conversationId": ("a", "string"), "timestamp": ("b", "timestamp"), "moduleId": ("c", "int64")}
    columns = [{"attribute": attribute, "column": name, "type": kind} for attribute, (name, kind) in names.items()]
    _expect(site.with_settings(source={"columns": columns}).run(*_BACKFILL), _REFUSED, "columns", "prefix")


def test_a_table_without_the_index_is_refused(site: Site) -> None:
    """The sentence lists those it has."""
    outcome = site.with_settings(source={"index": "ByNobody"}).run(*_BACKFILL)
    _expect(outcome, _INPUT, "ByNobody", "ModuleAnalyticsIndex", "[source] index")


def test_an_index_with_other_keys_is_refused(site: Site) -> None:
    """It says which keys there are."""
    _expect(
        site.with_settings(source={"index": "ProviderUsageIndex"}).run(*_BACKFILL), _INPUT, "ProviderUsageIndex", "provider", "moduleId"
    )


def test_a_table_with_other_keys_is_refused(site: Site) -> None:
    """As an index with others is."""
    _expect(site.with_settings(source={"partition_key": "messageId"}).run(*_BACKFILL), _INPUT, "conversationId", "messageId", "[source]")


def test_a_table_that_is_not_there_is_named(site: Site) -> None:
    """And so is a bucket."""
    _expect(site.with_settings(source={"table": "Nowhere"}).run(*_BACKFILL), _INPUT, "Nowhere", "does not exist")
    _expect(site.with_settings(lake={"bucket": "nobody-has-this-one"}).run(*_BACKFILL), _INPUT, "nobody-has-this-one", "does not exist")


def test_a_purge_into_a_bucket_without_versions_is_refused(reading: Servers, tables: tuple[str, str], new_site: NewSite) -> None:
    """Before anything is archived; archiving alone is not."""
    site = new_site(reading, versioned=False).with_settings(source={"table": tables[0]})
    _expect(site.with_settings(policy=_DELETE).run(*_BACKFILL), _REFUSED, site.bucket, "versioning")
    site.run(*_BACKFILL).done()
    _expect(site.with_settings(policy=_DELETE).run(*_BACKFILL), _REFUSED, "versioning")


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"Filter": {"Prefix": "lake/messages/dt=2024"}, "Expiration": {"Days": 30}}, True),
        ({"Filter": {"Prefix": ""}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}, True),
        ({"Filter": {"Prefix": "elsewhere/"}, "Expiration": {"Days": 30}}, False),
        ({"Filter": {"Prefix": "lake/"}, "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]}, False),
        ({"Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}, False),
    ],
)
def test_a_lifecycle_rule_that_takes_segments_away_forbids_a_purge(site: Site, rule: dict[str, Any], *, refused: bool) -> None:
    """One that expires or freezes messages/; any other is nobody's business."""
    whole: Any = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}
    site.servers.s3.s3().put_bucket_lifecycle_configuration(Bucket=site.bucket, LifecycleConfiguration={"Rules": [whole]})
    deleting = site.with_settings(policy=_DELETE)
    if refused:
        _expect(deleting.run(*_BACKFILL), _REFUSED, site.bucket, "tidy", "lifecycle")
    else:
        deleting.run("check").done()


def test_a_window_behind_the_cutoff_is_refused(site: Site) -> None:
    """It says which is the last that may be archived."""
    allowed = datetime.now(UTC).date() - timedelta(days=90)
    outcome = site.run("backfill", "--from", "2024-01-01", "--to", f"{allowed + timedelta(days=2)}", "--yes")
    _expect(outcome, _INPUT, "--to", "90 days", "retention_days")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2024-01-02", "--to", "2024-01-01"), "empty"),
        (("--from", "2024-01-01", "--to", "2024-01-01"), "empty"),
        (("--from", "yesterday", "--to", "2024-01-01"), "yesterday"),
        (("--from", "2024-01-01T12:00", "--to", "2024-02-01"), "time zone"),
        (("--from", "2024-01-01", "--to", "2024-02-01", "--module", "algebra"), "whole numbers"),
        (("--from", "2024-01-01", "--to", "2024-02-01", "--module", "5", "--module", "5.5"), "whole numbers"),
    ],
)
def test_a_wrong_window_or_module_is_one_sentence(site: Site, words: tuple[str, ...], said: str) -> None:
    """For every command that takes one."""
    _expect(site.run("backfill", *words, "--yes"), _INPUT, said)
    _expect(site.with_settings(policy=_DELETE).run("purge", *words, "--yes"), _INPUT, said)
    _expect(site.run("plan", *words), _INPUT, said)


def test_a_module_that_has_no_messages_is_no_error(site: Site) -> None:
    """There is nothing to do, and nothing is stored."""
    record = site.run("backfill", *WINDOW, "--module", "404", "--yes", "--json").done().json()
    assert (record["messages_read"], record["segments"], record["why_stopped"]) == (0, 0, "done")
    assert site.lake.keys("messages") == []


@pytest.mark.parametrize(
    ("command", "purge"),
    [(("backfill", *WINDOW), "delete"), (("nightly",), "delete"), (("purge", *WINDOW), "delete"), (("nightly",), "expire")],
)
def test_without_a_terminal_nothing_is_removed_unasked(site: Site, command: tuple[str, ...], purge: str) -> None:
    """The plan is shown, --yes is named, and the run is refused."""
    outcome = site.with_settings(policy={"purge": purge}).run(*command)
    _expect(outcome, _REFUSED, "agreed")
    assert "--yes" in outcome.stdout + outcome.stderr
    assert "Plan:" in outcome.stdout
    assert site.lake.keys("runs") == []


def test_without_a_terminal_nothing_is_loaded_unasked(site: Site, tmp_path: Path) -> None:
    """A load would replace what is there."""
    file = tmp_path / "messages.jsonl"
    file.write_text('{"conversationId": "c", "timestamp": 1, "moduleId": 5}\n')
    _expect(site.run("load", str(file)), _REFUSED, "--yes")


def test_a_file_with_a_wrong_line_is_not_loaded_at_all(site: Site, tmp_path: Path) -> None:
    """The line is named by its number, and its content is not shown."""
    file = tmp_path / "messages.jsonl"
    file.write_text(f'{{"conversationId": "c", "timestamp": 1, "moduleId": 5}}\n{{"conversationId": "{_SECRET}"}}\n')
    _expect(site.run("load", str(file), "--yes"), _INPUT, "line 2", "timestamp")


def test_a_purge_of_what_is_kept_is_refused(site: Site) -> None:
    """The settings say keep; an option does not overrule them."""
    _expect(site.run("purge", *WINDOW, "--yes"), _INPUT, "keep")


def test_marking_a_table_without_a_ttl_is_refused(site: Site) -> None:
    """What is marked there would never expire."""
    _expect(site.with_settings(policy={**_DELETE, "purge": "expire"}).run(*_BACKFILL), _REFUSED, "TTL", "expiresAt")


def test_a_spool_that_holds_not_one_segment_is_refused(site: Site) -> None:
    """It says what to change; nothing was stored."""
    outcome = site.with_settings(lake={"spool_size": 200}).run(*_BACKFILL)
    assert (outcome.code, outcome.crash) == (_SPOOL, "")
    assert "spool_size" in outcome.stderr
    assert site.lake.keys("messages") == []


def test_a_wrong_setting_is_one_sentence(site: Site) -> None:
    """An unknown key, and a value that is none."""
    _expect(site.with_settings(policy={"retention": 5}).run(*_BACKFILL), _INPUT, "policy.retention", "retention_days")
    _expect(site.with_settings(policy={"retention_days": 0}).run(*_BACKFILL), _INPUT, "policy.retention_days", "at least 1")


def test_a_server_that_does_not_answer_is_one_sentence(site: Site) -> None:
    """After the retries: which call, and what to look at."""
    gone = replace(site.servers.dynamodb, endpoint="http://127.0.0.1:9")
    nowhere = replace(site, servers=replace(site.servers, dynamodb=gone))
    _expect(nowhere.run(*_BACKFILL), _SERVICE, "dynamodb:DescribeTable", "network")


def test_a_stored_segment_that_is_gone_stops_it_with_an_alarm(site: Site) -> None:
    """Its receipt names it, so it is not made anew."""
    site.run(*_BACKFILL).done()
    (key,) = site.lake.keys("messages")
    site.servers.s3.s3().delete_object(Bucket=site.bucket, Key=f"{site.prefix}/{key}")
    outcome = site.run(*_BACKFILL)
    assert (outcome.code, outcome.crash) == (_PROOF, "")
    assert "Error: " in outcome.stderr
    assert "restore it" in outcome.stderr
    assert site.lake.keys("messages") == []


def test_a_program_sees_the_same_code_and_sentence(site: Site) -> None:
    """In a process of its own, by its real entry point."""
    config = site.with_settings(source={"index": "ByNobody"}).config()
    command = [sys.executable, "-c", "from flows.cli import main; main()", *_BACKFILL, "--config", str(config)]
    environment = {**os.environ, **site.servers.environment()}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=200
    )
    assert done.returncode == _INPUT
    assert done.stdout == ""
    assert done.stderr.startswith("Error: table RefusedOne has no index ByNobody")
    assert done.stderr.count("\n") == 1
