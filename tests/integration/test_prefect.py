"""One small backfill as its Prefect flow, in a process and with a Prefect of its own."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.integration.flow import MESSAGES, Flow
from tests.integration.items import by_key
from tests.integration.lake import messages_of
from tests.integration.worlds import differences


def test_a_flow_archives_proves_and_purges(flow: Flow) -> None:
    """As the engine does without Prefect; standard output is the record alone."""
    assert flow.code == 0, flow.stderr[-3000:]
    record = json.loads(flow.stdout)
    assert (record["messages_added"], record["messages_removed"], record["why_stopped"]) == (MESSAGES, MESSAGES, "done")
    found = by_key(message for stored in flow.site.lake.all("messages").values() for message in messages_of(stored))
    assert not differences(found, by_key(flow.source))
    assert flow.site.left() == []


def test_run_names_say_what_they_do(flow: Flow) -> None:
    """Of the flow, and of the task that is one batch."""
    assert flow.rows("SELECT name, state_type FROM flow_run") == [("backfill 2023-01-01T00:00:00Z to 2026-01-01T00:00:00Z", "COMPLETED")]
    ((name, state),) = flow.rows("SELECT name, state_type FROM task_run")
    assert name.startswith("batch 0 20")
    assert state == "COMPLETED"


def test_a_run_has_tags(flow: Flow) -> None:
    """Its command, its table, and whose it is."""
    ((tags,),) = flow.rows("SELECT tags FROM flow_run")
    assert sorted(json.loads(tags)) == sorted(["dynalake", "backfill", flow.site.table])


def _artifact(flow: Flow, key: str) -> tuple[str, Any]:
    """Return an artifact's type and its latest data: an update is in place."""
    ((kind, data),) = flow.rows(f"SELECT type, data FROM artifact WHERE key = '{key}'")
    value = json.loads(data) if isinstance(data, str) else data
    return kind, json.loads(value) if isinstance(value, str) and value.startswith("[") else value


def test_a_run_leaves_a_table_with_what_it_did(flow: Flow) -> None:
    """As an artifact, with the run record's figures."""
    kind, table = _artifact(flow, "dynalake-backfill")
    assert kind == "table"
    assert {row["what"]: row["value"] for row in table}["messages removed"] == str(MESSAGES)


def test_a_run_shows_its_plan(flow: Flow) -> None:
    """As an artifact: messages, units and dollars, and the modules."""
    kind, text = _artifact(flow, "dynalake-backfill-plan")
    assert kind == "markdown"
    assert re.match(r"# Plan: backfill, 2024-\S+\.\.2026-01-01T00:00:00Z, purge = delete\n", text)
    figures = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE))
    assert figures["messages"].startswith("about ")
    assert float(figures["write units"].replace(",", "")) >= MESSAGES / 2
    assert figures["dollars, once"].startswith("$0.0")
    assert "| module | from | messages | between |" in text


def test_a_run_shows_how_far_it_is(flow: Flow) -> None:
    """At the end, that it is done."""
    assert _artifact(flow, "dynalake-backfill-progress") == ("progress", 100.0)


def test_no_message_is_in_what_prefect_keeps(flow: Flow) -> None:
    """A task takes no rows, and nothing logs a content or a conversation: not in its database, its results, or the output."""
    dump = b"".join(path.read_bytes() for path in flow.home.rglob("*") if path.is_file())
    contents = {message["content"][1].encode() for message in flow.source if len(message["content"][1]) > 20}
    conversations = {message["conversationId"][1].encode() for message in flow.source}
    assert len(contents) > 50
    assert b"dynalake-backfill" in dump
    assert [text for text in contents | conversations if text in dump] == []
    assert not any(text.decode() in flow.stdout + flow.stderr for text in contents | conversations)
