"""The command messages: what it prints, writes and says."""

from __future__ import annotations

import gzip
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.integration.items import Message, by_key, message_of_json
from tests.integration.restored import ITEMS, expected, purge, read_lines, site_on
from tests.integration.sites import Servers, Site
from tests.servers import Server

_FIRST_DAY: Final = ("--from", "2024-01-15", "--to", "2024-01-16")


@pytest.fixture(scope="module")
def site(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose first day was emptied into its lake, and whose second day is in the table."""
    made = site_on(Servers(moto_server, moto_server, moto_server), tmp_path_factory.mktemp("messages"))
    purge(made, *_FIRST_DAY)
    return made


def _lines(text: str) -> list[Message]:
    return [message_of_json(line) for line in text.encode().splitlines()]


def test_messages_are_printed_in_order(site: Site) -> None:
    """One a line, and nothing else on standard output; whence they are is said on standard error."""
    ended = site.run("messages", "--student", "3").done()
    found = _lines(ended.stdout)
    assert by_key(found) == expected([item for item in ITEMS if item["studentId"] == {"N": "3"}])
    times = [message["timestamp"][1] for message in found]
    assert times == sorted(times)
    assert "Done: 4 messages (2 from the table, 2 from the lake, 0 from both)" in ended.stderr
    assert "Stopped because: done." in ended.stderr
    assert not [call for call in ended.calls if call.is_write]


def test_the_newest_few(site: Site) -> None:
    """The limit is why it stopped."""
    ended = site.run("messages", "--module", "2", "--newest-first", "--limit", "3").done()
    assert [message["conversationId"][1] for message in _lines(ended.stdout)] == ["c19", "c17", "c15"]
    assert "Stopped because: the limit was reached." in ended.stderr


def test_nothing_that_a_message_says_is_told(site: Site) -> None:
    """Nor who was asked for."""
    ended = site.run("messages", "--conversation", "c7").done()
    assert len(_lines(ended.stdout)) == 2
    assert "text 7" not in ended.stderr
    assert "c7" not in ended.stderr


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_messages_are_written_to_a_file(site: Site, tmp_path: Path, ending: str) -> None:
    """It is private, and of the form that `dynalake load` takes; standard output stays empty."""
    path = tmp_path / f"out.{ending}"
    ended = site.run("messages", "--module", "1", *_FIRST_DAY, "--output", str(path)).done()
    assert ended.stdout == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert (gzip.decompress(data) if ending.endswith("gz") else data).count(b"\n") == 10
    first = [item for item in ITEMS if item["moduleId"] == {"N": "1"}][::2]
    assert by_key(read_lines(path)) == expected(first)


def test_whoever_has_seen_enough_may_go(site: Site) -> None:
    """`| head` ends it in good order."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "messages", "--module", "1", "--config", str(site.config())]
    environment = dict(site.servers.environment())
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "Stopped because: nobody reads any further." in said
