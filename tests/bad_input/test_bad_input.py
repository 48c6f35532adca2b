"""Every row of docs/errors.md, played on the real command line: what is said, the exit code, and what is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.archive.engine.workplace import one_loader
from tests.bad_input import lake_rows, option_rows, server_rows, settings_rows, stack_rows, table_rows
from tests.bad_input.row import After, Row, World, table_of
from tests.bad_input.world import SECRET, WINDOW, Held, archived, new_world
from tests.conftest import Golden
from tests.integration.command import Outcome
from tests.integration.sites import Servers, Site
from tests.servers import Server

ROOT: Final = Path(__file__).resolve().parents[2]
SECTIONS: Final[dict[str, list[Row]]] = {
    "The settings file": settings_rows.THE_FILE,
    "Variables": settings_rows.VARIABLES,
    "Settings": settings_rows.SETTINGS,
    "Windows": option_rows.WINDOWS,
    "Options": option_rows.OPTIONS,
    "Files to load": option_rows.FILES,
    "The stack": stack_rows.STACK,
    "The table and its index": table_rows.TABLE,
    "Setting the table up": table_rows.SETTING_UP,
    "Messages": table_rows.MESSAGES,
    "The bucket and the lake": lake_rows.LAKE,
    "The lake's objects": lake_rows.OBJECTS,
    "The local disk": lake_rows.DISK,
    "What servers answer": server_rows.ANSWERS,
    "What is not permitted": server_rows.NOT_PERMITTED,
}
EARLY: Final = ("The settings file", "Variables", "Settings", "Windows", "Files to load", "The stack")
USAGE: Final = ("No such ", "Missing ", "Invalid value ")  # what the parser of the command line says, in its own form
ROWS: Final = [pytest.param(row, id=f"{section}: {row.what}") for section, rows in SECTIONS.items() for row in rows]


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with one_loader():
        yield


@dataclass(frozen=True, slots=True)
class Played:
    """A row that was played: how the command ended, and what was there before and afterwards."""

    outcome: Outcome
    site: Site
    before: Held
    after: Held


@pytest.fixture
def servers(moto_server: Server) -> Servers:
    """Moto for everything."""
    return Servers(moto_server, moto_server, moto_server)


@pytest.fixture(scope="module")
def shared(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world for the rows that get no further than their own words and settings."""
    return new_world(Servers(moto_server, moto_server, moto_server), tmp_path_factory.mktemp("shared"))


@pytest.fixture
def world(request: pytest.FixtureRequest, row: Row, tmp_path: Path) -> World:
    """The shared world, with a folder of the test's own; or a new one, for a row that touches the table or the lake."""
    if any(row in SECTIONS[section] for section in EARLY):
        shared: World = request.getfixturevalue("shared")
        return replace(shared, site=replace(shared.site, folder=tmp_path))
    return new_world(request.getfixturevalue("servers"), tmp_path)


def play(row: Row, world: World) -> Played:
    """Make a world wrong, and run the row's command in it."""
    site = world.site
    if row.archived:
        world.run("nightly", "--yes").done()
    world = row.given(world)
    table = world.site.table if world.site.table.startswith(site.table) else site.table
    before = Held.by(site, table)
    with row.meanwhile():
        outcome = world.run(*row.words)
    return Played(outcome, site, before, Held.by(site, table))


@pytest.mark.parametrize("row", ROWS)
def test_what_is_wrong_is_said(row: Row, world: World) -> None:
    """In one sentence, with the documented exit code, and without a traceback or anything a message says; what is left is as documented."""
    played = play(row, world)
    outcome = played.outcome
    assert outcome.crash == ""
    assert outcome.code == row.code, outcome.stderr
    assert row.is_said_by(" ".join((outcome.stderr + outcome.stdout).split())), outcome.stderr + outcome.stdout
    if row.code and not row.said.startswith(USAGE):
        assert [line for line in outcome.stderr.splitlines() if not line.startswith("Error: ")] == []
        assert outcome.stderr.count("\n") == 1
    assert SECRET not in outcome.stdout + outcome.stderr
    assert_left(row.after, played)


def assert_left(after: After, played: Played) -> None:
    """Assert that what is left is what the row says."""
    left, before = played.after, played.before
    assert left.versions >= before.versions
    in_lake = archived(played.site)
    assert all(left.table.get(key, in_lake.get(key)) == message for key, message in before.table.items())
    if after in (After.UNCHANGED, After.NOT_MOVED, After.ARCHIVED):
        assert left.table == before.table
    if after is After.UNCHANGED:
        assert left.versions == before.versions
    elif after is After.NOT_MOVED:
        assert left.stored() == before.stored()
    elif after is After.ARCHIVED:
        assert in_lake
        assert all(left.table[key] == message for key, message in in_lake.items())
    elif after is After.OTHERS:
        assert left.table != before.table
    else:
        assert len(left.table) < len(before.table)


def test_the_table_in_the_docs_is_what_is_played(golden: Golden) -> None:
    """Each section of docs/errors.md has the rows of its list, as they are played above; `make golden` writes them there."""
    path = ROOT / "docs" / "errors.md"
    text = path.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(SECTIONS)
    for section, rows in SECTIONS.items():
        start = text.index(f"\n## {section}\n")
        head, table, rest = re.split(r"(^\|.*\n(?:^\|.*\n)*)", text[start:], maxsplit=1, flags=re.MULTILINE)
        assert f"\n## {section}\n" in head
        assert table
        text = text[:start] + head + table_of(rows) + rest
    golden(f"../../{path.relative_to(ROOT)}", text)


def test_rows_are_told_apart() -> None:
    """No row stands twice in a section, none says nothing, and every exit code of an error is met."""
    for rows in SECTIONS.values():
        assert len({row.what for row in rows}) == len(rows)
    rows = [row for rows in SECTIONS.values() for row in rows]
    assert all(len(row.said.replace("…", "")) > 5 for row in rows)
    assert {row.code for row in rows} >= {0, 2, 3, 4, 5, 6, 7}


def test_every_call_is_denied_in_some_row(servers: Servers, tmp_path: Path) -> None:
    """Of all operations that the commands ask for (a lookup of Athena's answer aside), each has its row, with its IAM action."""
    world = new_world(servers, tmp_path).having(policy={"purge": "delete"}, watch={"metrics": True})
    (tmp_path / "messages.jsonl").write_text('{"conversationId": "c", "timestamp": 1, "moduleId": 5}\n')
    commands = [
        ("check",),
        ("plan",),
        ("nightly", "--yes"),
        ("restore", "--module", "5", "--yes"),
        ("holds",),
        ("purge", *WINDOW, "--yes"),
        ("sweep", "--yes"),
        ("status",),
        ("stop",),
        ("resume",),
        ("load", "{folder}/messages.jsonl", "--yes"),
        ("query", "SELECT 1 AS one", "--engine", "athena"),
        ("messages", "--module", "5"),
        ("status", "--alarms"),
        ("doctor",),
    ]
    asked = {call.operation for words in commands for call in world.run(*words).done().calls}
    denied = {denial.operation for denial in server_rows.DENIALS}
    assert asked <= denied
    assert {denial.action for denial in server_rows.DENIALS} <= documented_actions()


def documented_actions() -> set[str]:
    """Return the IAM actions that docs/operations.md lists."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return set(re.findall(r"`((?:athena|cloudwatch|dynamodb|glue|s3|sts):[A-Z]\w+)`", text))
