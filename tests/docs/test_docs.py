"""That the documents name only what exists: commands, options, settings, paths, exit codes, links and permissions."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from archive import errors
from archive.codec.decode import PageDecoder
from archive.codec.values import Item
from archive.model.spec import CHAT_MESSAGES
from flows.cli import app
from flows.settings import load_settings
from flows.settings_sections import SECTIONS
from tests.docs.pages import ROOT, blocks, spans, typed

DOCS: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DESIGN: Final = ROOT / "docs" / "design.md"
ADRS: Final = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
COMMANDS: Final[dict[str, Any]] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
# The rest of an exit code's row: interrupted by a signal, and success, are no errors of ours.
NO_ERRORS: Final = {0, 130}

each_document = pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())


def options(command: Any) -> set[str]:  # noqa: ANN401 - a click command
    """Return a command's options, in all their forms."""
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")} | {"--help"}


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words begin with, which has to exist, and what follows."""
    command, *rest = words
    found = COMMANDS[command]
    below: dict[str, Any] = getattr(found, "commands", {})
    return (below[rest[0]], rest[1:]) if below and rest else (found, rest)


@each_document
def test_what_a_reader_would_type_is_understood(path: Path) -> None:
    """The command exists, takes these options, and lacks none."""
    for line in typed(path.read_text()):
        program, *words = shlex.split(line, comments=True)
        if program == "dynalake":
            command, rest = command_of(words)
            command.make_context(words[0], rest)


@each_document
def test_commands_and_options_in_prose_exist(path: Path) -> None:
    """A code span that begins with `dynalake` or with `--` is one that the command line takes."""
    below = [command for group in COMMANDS.values() for command in getattr(group, "commands", {}).values()]
    known = set().union(*(options(command) for command in (*COMMANDS.values(), *below)))
    for span in spans(path.read_text()):
        words = span.split()
        if words[0] == "dynalake" and len(words) > 1:
            command, rest = command_of(words[1:])
            assert {word for word in rest if word.startswith("-")} <= options(command), span
        elif span.startswith("--"):
            assert words[0] in known, span


@each_document
def test_make_targets_exist(path: Path) -> None:
    """What is to be made can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = path.read_text()
    for words in (line.split() for line in (*typed(text), *spans(text))):
        if words[0] == "make" and len(words) > 1:
            assert words[1] in targets, words


@each_document
def test_settings_exist(path: Path) -> None:
    """`[section] key` and DYNALAKE_SECTION__KEY name a setting."""
    text = path.read_text()
    named = [(section, key) for section, key in re.findall(r"\[(\w+)\] `?([a-z_]+)", text) if section in SECTIONS]
    named += [(section.lower(), key.lower()) for section, key in re.findall(r"DYNALAKE_([A-Z]+)__([A-Z_]+)", text)]
    for section, key in named:
        assert key in SECTIONS[section].model_fields, f"[{section}] {key}"


def test_some_settings_are_named() -> None:
    """The pattern above finds something."""
    assert len(re.findall(r"\[(?:lake|limits|policy)\] \w+", DESIGN.read_text())) > len(SECTIONS)


def test_the_settings_of_the_readme_are_accepted(tmp_path: Path) -> None:
    """They can be copied as they stand."""
    (text,) = [block for language, block in blocks((ROOT / "README.md").read_text()) if language == "toml"]
    file = tmp_path / "dynalake.toml"
    file.write_text(text)
    assert load_settings(file, {"HOME": str(tmp_path)}).policy.purge == "keep"


@each_document
def test_paths_of_the_project_exist(path: Path) -> None:
    """A module, test or document that is named is there."""
    for span in spans(path.read_text()):
        if re.fullmatch(r"(archive|athena|flows|tests|docs|benchmarks)/[\w/.-]+", span):
            assert (ROOT / span).exists(), span


@each_document
def test_links_resolve(path: Path) -> None:
    """A relative link leads to a file, and its fragment to one of the file's headings."""
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith("https://"):
            continue
        file, _, fragment = link.partition("#")
        target = path.parent / file if file else path
        assert target.is_file(), link
        if fragment:
            assert fragment in anchors(target.read_text()), link


def anchors(text: str) -> set[str]:
    """Return the fragments of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_design_tells_every_error_its_exit_code() -> None:
    """The table has every class of archive/errors.py that is raised, with its code, and no other."""
    told = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| `(\w+)`", DESIGN.read_text(), re.MULTILINE)}
    assert told == {(error.exit_code, error.__name__) for error in our_errors()}


@pytest.mark.parametrize("path", [ROOT / "README.md", DESIGN], ids=["README.md", "design.md"])
def test_every_exit_code_is_documented(path: Path) -> None:
    """The tables have the codes of archive/errors.py, 0 and 130, and no other."""
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", path.read_text(), re.MULTILINE)}
    assert told == codes()


def test_the_help_tells_every_exit_code() -> None:
    """The last lines of `dynalake --help` have the same codes."""
    assert app.info.epilog is not None
    told = app.info.epilog.partition("RISKS")[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", told)} == codes()


def our_errors() -> list[type[errors.DynalakeError]]:
    """Return every class of archive/errors.py."""
    return [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DynalakeError)]


def codes() -> set[int]:
    """Return every exit code."""
    return {error.exit_code for error in our_errors()} | NO_ERRORS


def test_every_command_is_in_the_readme_and_the_changelog() -> None:
    """A reader hears of all of them."""
    readme, changelog = (ROOT / "README.md").read_text(), (ROOT / "CHANGELOG.md").read_text()
    for name in COMMANDS:
        assert re.search(rf"(dynalake |make |`){name}\b", readme), name
        assert f"`{name}`" in changelog, name


def test_every_permission_the_code_asks_for_is_documented() -> None:
    """An IAM action that an error can name is in the operations' table, or is said where the table or the stack is."""
    not_asked_for = {"dynamodb:BatchExecuteStatement"}  # no IAM action: PartiQLDelete and PartiQLUpdate are
    sources = [path for package in ("archive", "athena", "flows") for path in (ROOT / package).rglob("*.py")]
    actions = {
        action for path in sources for action in re.findall(r'"((?:athena|cloudwatch|dynamodb|glue|s3|sts):[A-Z]\w+)"', path.read_text())
    }
    text = "".join((ROOT / "docs" / name).read_text() for name in ("operations.md", "table.md", "deploy.md"))
    assert {action for action in actions - not_asked_for if f"`{action}`" not in text} == set()


EXAMPLES: Final[list[Item]] = [
    {"moduleId": {"N": "205"}},
    {"moduleId": {"S": "205"}},
    {"costUsd": {"N": "0.00012345678901"}},
    {"timestamp": {"N": "1705312800000.25"}},
    {"metadata": {"M": {"rating": {"N": "4.50"}}}},
    {"flag": {"NULL": True}, "list": {"L": [{"N": "1"}, {"BOOL": True}]}},
    {"tags": {"SS": ["hint", "exam"]}},
    {"scores": {"NS": ["2", "10"]}},
    {"photo": {"B": b"\x01\x02"}},
    {"odd": {"M": {"$B": {"S": "not binary"}}}},
]


def test_the_remainder_is_as_the_design_shows_it() -> None:
    """Each example of the table, in its order, is what the codec makes."""
    key: Item = {"conversationId": {"S": "c-1"}, "timestamp": {"N": "1705312800000"}, "moduleId": {"N": "205"}}
    rows = PageDecoder(CHAT_MESSAGES).rows([{**key, **example} for example in EXAMPLES])
    _, _, table = DESIGN.read_text().partition("| the item has | column | remainder |\n|---|---|---|\n")
    shown = [line.split("|")[3].strip().strip("`") or None for line in table.partition("\n\n")[0].splitlines()]
    assert shown == rows.column("remainder").to_pylist()


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem[:4])
def test_a_decision_has_its_parts(path: Path) -> None:
    """Its heading has its number, and context, decision, consequences and evidence are there."""
    text = path.read_text()
    assert text.startswith(f"# {path.name[:4]}: ")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Evidence"]


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    """The index has each of them, in order."""
    assert [path.name[:4] for path in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text()) == [path.name for path in ADRS]


@each_document
def test_no_document_names_a_place_on_somebodys_machine(path: Path) -> None:
    """Folders of a machine, and servers on it, mean nothing to a reader elsewhere."""
    assert not re.search(r"(?<![\w./])/(tmp|home|root|work|Users|opt|srv|var)/|localhost|127\.0\.0\.1", path.read_text())
