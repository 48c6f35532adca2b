"""That the commands of the guides work: each page's are typed, one after the other, on a table and a lake of a few messages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.pages import ROOT, typed
from tests.integration.command import invoke
from tests.integration.sites import Servers, Site, put
from tests.servers import Server, create_chat_messages, drop

PAGES: Final = ("README", "operators", "engineers", "analysts", "runbooks", "compatibility")
NOT_TYPED: Final = {
    "demo": "tests/flows/demo plays it",
}
"""Commands that a page shows and that are not typed here, with the reason."""
ATTENTION: Final = 9
_DAY: Final = 86_400_000
_JANUARY: Final = 1_704_067_200_000
_A_RUN, _A_HOLD = re.compile(r"\d{8}T\d{6}\.\d{6}Z-nightly"), re.compile(r"\d{8}T\d{6}\.\d{6}Z-restore")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who types what a page says. `purges`: whether [policy] purge is set from the start, or only for `purge` itself."""

    site: Site
    purges: bool

    def type(self, line: str) -> None:
        """Type one line; what it names by way of example is what there is."""
        words = shlex.split(self._named(line), comments=True)[1:]
        purging = self.purges or words[0] == "purge"
        site = self.site.with_settings(policy={"purge": "delete", "protocol": "single"}) if purging else self.site
        outcome = invoke([*words, "--config", str(site.config())], site.servers.environment())
        expected = {0, ATTENTION} if words[0] in ("status", "doctor") else {0}
        assert outcome.code in expected, f"{line}\n{outcome.stdout[-1000:]}{outcome.stderr[-1000:]}{outcome.crash[-3000:]}"

    def _named(self, line: str) -> str:
        if _A_RUN.search(line):
            line = _A_RUN.sub(lambda _: self._newest("purges", "-intent.json"), line)
        if _A_HOLD.search(line):
            line = _A_HOLD.sub(lambda _: self._newest("holds", ".json"), line)
        return line

    def _newest(self, family: str, ending: str) -> str:
        """Return the newest run that left something in a family."""
        names = [re.search(r"\d{8}T\d{6}\.\d{6}Z-\w+", key) for key in self.site.lake.keys(family) if key.endswith(ending)]
        return max(found[0] for found in names if found)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> Path:
    """A page of the documents."""
    return ROOT / "README.md" if request.param == "README" else ROOT / "docs" / f"{request.param}.md"


@pytest.fixture
def reader(page: Path, moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody with a table of two modules in January 2024, and an empty lake; files are written to a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    client = moto_server.dynamodb()
    table = f"Typed-{page.stem}"
    put(client, create_chat_messages(client, table), [_item(number) for number in range(24)])
    site = Site.new(Servers(moto_server, moto_server, moto_server), tmp_path, table=table)
    site = site.with_settings(policy={"purge": "keep"}, athena={"database": f"typed_{page.stem.lower()}"})
    yield Reader(site, purges=page.stem == "runbooks")
    drop(client, table)


def _item(number: int) -> dict[str, Any]:
    return {
        "conversationId": {"S": f"conversation {number % 5}"},
        "timestamp": {"N": str(_JANUARY + number * _DAY // 2)},
        "moduleId": {"N": str((123, 205)[number % 2])},
        "studentId": {"N": str((4711, 4712, 4713)[number % 3])},
        "provider": {"S": "openai"},
        "model": {"S": "gpt-4o"},
        "role": {"S": "user"},
        "content": {"S": "What is a derivative?"},
        "costUsd": {"N": "0.001"},
    }


def test_what_a_page_says_can_be_typed(page: Path, reader: Reader) -> None:
    """In its order, each line ends well; only a look at the state may say that something needs attention."""
    lines = [line for line in typed(page.read_text()) if line.startswith("dynalake ")]
    assert lines
    for line in lines:
        if line.split()[1] not in NOT_TYPED:
            reader.type(line)
