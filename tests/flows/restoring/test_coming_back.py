"""The command restore: what a purge removed returns exactly, once, and is held."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import START_MS
from tests.integration.items import Message, Wire, by_key
from tests.integration.restored import DAY, ITEMS, expected, in_table, item, purge, read_lines, site_on
from tests.integration.restoring import run
from tests.integration.sites import Servers, Site, put
from tests.integration.worlds import differences, fill_real, naming_modules


def test_all_that_was_purged_comes_back_exactly(purged: Site) -> None:
    """The command counts it, and holds it."""
    ended = run(purged, "restore", "--from", "2024-01-01", "--yes", "--json").json()
    assert (ended["messages_restored"], ended["messages_present"], ended["left"]) == (len(ITEMS), 0, "nothing is left")
    assert not differences(in_table(purged), expected(ITEMS))


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--module", "2"], lambda one: one["moduleId"] == {"N": "2"}),
        (["--student", "3", "--student", "4"], lambda one: one["studentId"]["N"] in "34"),
        (["--conversation", "c7"], lambda one: one["conversationId"] == {"S": "c7"}),
        (
            ["--module", "2", "--student", "3", "--from", "2024-01-16"],
            lambda one: one["studentId"] == {"N": "3"} and int(one["timestamp"]["N"]) >= START_MS + DAY,
        ),
        (
            ["--from", "2024-01-15T00:00:05Z", "--to", "2024-01-16T00:00:02Z"],
            lambda one: START_MS + 5000 <= int(one["timestamp"]["N"]) < START_MS + DAY + 2000,
        ),
    ],
)
def test_only_what_was_asked_for_comes_back(emptied: Site, tmp_path: Path, options: list[str], chosen: Callable[[Wire], bool]) -> None:
    """The plan counts it exactly beforehand."""
    wanted = [one for one in ITEMS if chosen(one)]
    assert 0 < len(wanted) < len(ITEMS)
    assert run(emptied, "restore", *options, "--dry-run", "--json").json()["rows"] == len(wanted)
    assert run(emptied, "restore", *options, "--into-file", str(tmp_path / "out.jsonl")).code == 0
    assert not differences(by_key(read_lines(tmp_path / "out.jsonl")), expected(wanted))


def test_a_dry_run_changes_nothing(purged_singly: Site) -> None:
    """It shows segments, messages and dollars, through clients that refuse to write."""
    ended = run(purged_singly, "restore", "--module", "1", "--dry-run")
    assert (ended.code, purged_singly.left()) == (0, [])
    assert "20 messages in 2 segments" in ended.stdout
    assert "$" in ended.stdout
    assert set(ended.operations) <= {"GetObject", "ListObjectsV2", "DescribeTable", "DescribeTimeToLive"}


def test_a_conflict_is_reported_and_never_overwritten(purged: Site) -> None:
    """Its key and what differs go to a report in the lake; its content goes nowhere."""
    theirs = item(3, 0, 2, content={"S": "a secret"})
    same = next(one for one in ITEMS if one["conversationId"] == {"S": "c5"})
    put(purged.servers.dynamodb.dynamodb(), purged.table, [theirs, same])
    ended = run(purged, "restore", "--from", "2024-01-01", "--yes", "--json")
    record = ended.json()
    assert [record[f"messages_{fate}"] for fate in ("restored", "present", "in_conflict")] == [len(ITEMS) - 2, 1, 1]
    assert "1 messages are there with other values" in record["left"]
    assert not differences(in_table(purged), {**expected(ITEMS), **expected([theirs])})
    report = purged.lake.get(record["report"].removeprefix("lake/")).body
    assert [json.loads(line) for line in report.splitlines()] == [
        {
            "segment": "20240115T0000Z-20240116T0000Z",
            "why": "conflict",
            "differs": ["content", "kind"],
            "key": {"conversationId": "c3", "timestamp": START_MS + 3000},
        }
    ]
    assert not any(text in ended.stdout + ended.stderr + report.decode() for text in ("secret", "text 3"))


def test_a_restore_can_be_run_again(purged: Site) -> None:
    """Nothing changes, and one hold is in force, not two."""
    run(purged, "restore", "--module", "1", "--yes")
    before = in_table(purged)
    again = run(purged, "restore", "--module", "1", "--yes", "--json").json()
    assert (again["messages_restored"], again["messages_present"]) == (0, len(before))
    assert in_table(purged) == before
    assert [hold["state"] for hold in run(purged, "holds", "--json").json()].count("active") == 1


def test_the_hold_is_stored_before_the_first_message_is_put(purged_singly: Site) -> None:
    """A crash between them leaves a hold too many, never a message too few."""
    ended = run(purged_singly, "restore", "--module", "2", "--yes")
    puts = [operation for operation in ended.operations if operation in ("PutObject", "PutItem", "BatchExecuteStatement")]
    assert puts[0] == "PutObject"
    (hold,) = run(purged_singly, "holds", "--json").json()
    assert (hold["modules"], hold["window_start"], hold["window_end"]) == ([2], "2024-01-15T00:00:00Z", "2024-01-17T00:00:00Z")
    assert "until" in ended.stdout


def test_a_hold_has_the_modules_of_the_messages_that_come_back(singly: Servers, tmp_path: Path) -> None:
    """Student 3 wrote in module 2 alone: the other modules go on being archived; the end can be named."""
    site = site_on(singly, tmp_path)
    purge(site)
    run(site, "restore", "--student", "3", "--until", "2050-01-01", "--yes")
    (hold,) = run(site, "holds", "--json").json()
    assert (hold["modules"], hold["until"], hold["state"]) == ([2], "2050-01-01T00:00:00Z", "active")
    assert "3" not in hold["reason"].replace("student_id", "")


def test_a_hold_can_be_released(purged_singly: Site) -> None:
    """Then it is listed as released."""
    run(purged_singly, "restore", "--module", "1", "--yes")
    (hold,) = run(purged_singly, "holds", "--json").json()
    assert run(purged_singly, "release", hold["hold"]).code == 0
    assert "released" in run(purged_singly, "holds").stdout
    assert run(purged_singly, "release", "nobody").code == 2


def test_the_run_is_recorded_without_the_values_of_keys(purged_singly: Site) -> None:
    """Who restored what from when to when; pupils' numbers and names of conversations stay out."""
    run(purged_singly, "restore", "--student", "7", "--conversation", "c17", "--yes")
    (key,) = (key for key in purged_singly.lake.keys("runs") if key.endswith("-restore.json"))
    body = purged_singly.lake.get(key).body
    record = json.loads(body)
    assert (record["command"], record["messages_restored"]) == ("restore", 2)
    assert record["what"] == "1 value(s) of student_id, 1 value(s) of conversation_id"
    assert b"c17" not in body


def _real(servers: Servers, folder: Path, path: Path, most: int | None) -> tuple[Site, list[Message]]:
    """Load real messages (whole modules, about `most`), archive and purge them."""
    site = Site.new(servers, folder, table=f"Restoring{time.time_ns()}")
    if most is not None:
        counts: dict[Any, list[bytes]] = {}
        with gzip.open(path, "rb") as file:
            for line in file:
                counts.setdefault(json.loads(line)["moduleId"], []).append(line)
        lines = min(counts.values(), key=lambda found: abs(len(found) - most))
        path = folder / "some.jsonl.gz"
        path.write_bytes(gzip.compress(b"".join(lines)))
    source = fill_real(site, path)
    site = naming_modules(site, source).with_settings(policy={"purge": "delete"})
    purge(site)
    assert not site.left()
    return site, source


def test_a_module_of_real_messages_comes_back_as_it_was(by_partiql: Servers, tmp_path: Path, real_messages: Path) -> None:
    """Load, archive, purge, restore: every item of the table equals its source, compared without our codec."""
    site, source = _real(by_partiql, tmp_path, real_messages, 600)
    ended = run(site, "restore", "--module", str(source[0]["moduleId"][1]), "--yes", "--json").json()
    assert ended["messages_restored"] == len(source) > 100
    assert not differences(in_table(site), by_key(source))


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_all_real_messages_come_back_as_they_were(by_partiql: Servers, tmp_path: Path, real_messages: Path) -> None:
    """Once by undoing the run, and once, into a file, by its window."""
    site, source = _real(by_partiql, tmp_path, real_messages, None)
    name = next(key for key in site.lake.keys("runs")).rsplit("/", 1)[1].removesuffix(".json")
    assert run(site, "restore", "--from", "2000-01-01", "--into-file", str(tmp_path / "out.jsonl.gz")).code == 0
    assert not differences(by_key(read_lines(tmp_path / "out.jsonl.gz")), by_key(source))
    ended = run(site, "restore", "--run", name, "--yes", "--json").json()
    assert ended["messages_restored"] == len(source)
    assert not differences(in_table(site), by_key(source))
