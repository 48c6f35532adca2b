"""The help texts: as the golden files have them, complete, and with an example each."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import typer
from typer import rich_utils
from typer.testing import CliRunner

from flows.cli import app
from tests.conftest import Golden

TOP: Final[dict[str, Any]] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
BELOW: Final[dict[str, Any]] = {
    f"{name} {below}": command for name, group in TOP.items() for below, command in getattr(group, "commands", {}).items()
}
COMMANDS: Final = TOP | BELOW
WIDTH: Final = 100

each_command = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make help texts the same everywhere: one width, no terminal, no colours, whatever the environment says."""
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", WIDTH)
    monkeypatch.setattr(rich_utils, "FORCE_TERMINAL", None)
    monkeypatch.setattr(rich_utils, "COLOR_SYSTEM", None)


def shown(*words: str) -> str:
    """Return what `dynalake WORDS --help` prints, without the blanks at the ends of lines."""
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="dynalake")
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.output.strip("\n").splitlines()) + "\n"


@pytest.mark.usefixtures("plain")
def test_the_help_of_all(golden: Golden) -> None:
    """`dynalake --help` lists the commands, the exit codes and the risks."""
    golden("help/dynalake.txt", shown())


@pytest.mark.usefixtures("plain")
@each_command
def test_the_help_of_a_command(name: str, golden: Golden) -> None:
    """It is what the golden file has."""
    golden(f"help/{name.replace(' ', '-')}.txt", shown(*name.split()))


@each_command
def test_every_option_has_help(name: str) -> None:
    """Arguments too."""
    assert [parameter.name for parameter in COMMANDS[name].params if not parameter.help] == []


@each_command
def test_every_command_has_an_example_that_runs(name: str) -> None:
    """The line after `Example:` is a command line that is understood, of this very command."""
    (example,) = re.findall(r"^\s*Example: dynalake (.+)$", COMMANDS[name].help, re.MULTILINE)
    assert f"{example} ".startswith(f"{name} ")
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', example)]
    COMMANDS[name].make_context(name, words[len(name.split()) :])


@pytest.mark.usefixtures("plain")
@each_command
def test_the_help_of_an_option_is_shown_whole(name: str) -> None:
    """Words in square brackets are not taken for colours and left out."""
    text = " ".join(re.sub(r"[^\x20-\x7e]+", " ", shown(*name.split())).split())
    helps = [" ".join(parameter.help.replace("\\[", "[").split()) for parameter in COMMANDS[name].params]
    assert [help_text for help_text in helps if help_text not in text] == []
