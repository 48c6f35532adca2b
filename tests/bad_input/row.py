"""What a row of docs/errors.md is: something that is wrong, the command that meets it, what is said, and what is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from tests.integration.command import Outcome, invoke
from tests.integration.sites import Site

GAP: Final = "…"
"""Stands in a row for what differs from case to case: a name, a number, a path."""


class After(Enum):
    """What a command leaves behind; each is checked."""

    UNCHANGED = "as it was"
    NOT_MOVED = "no message moved"
    ARCHIVED = "archived, nothing removed"
    OTHERS = "the other segments went on"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class World:
    """A site with a table of a few messages, and how a command is started on it."""

    site: Site
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to set; an empty one is unset."""
    text: bytes | None = None
    """A settings file as it stands, instead of the site's settings."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What stands for `{name}` in a row's words."""

    @property
    def folder(self) -> Path:
        """A folder of this test's own."""
        return self.site.folder

    def having(self, **sections: Mapping[str, Any]) -> World:
        """Return the world with other settings in some sections."""
        return replace(self, site=self.site.with_settings(**sections))

    def run(self, *words: str) -> Outcome:
        """Run a command."""
        config = self.site.config()
        if self.text is not None:
            config.write_bytes(self.text)
        names = {"folder": str(self.folder), **self.names}
        arguments = [word.format(**names) for word in words]
        if "--config" not in words:
            arguments += ["--config", str(config)]
        return invoke(arguments, {**self.site.servers.environment(), **{name: value or None for name, value in self.environment.items()}})


Given = Callable[[World], World]
Meanwhile = Callable[[], AbstractContextManager[object]]


def as_it_is(world: World) -> World:
    """Change nothing."""
    return world


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `given` makes it wrong beforehand, `meanwhile` while the command runs."""

    what: str
    words: tuple[str, ...]
    said: str
    code: int
    given: Given = as_it_is
    meanwhile: Meanwhile = nullcontext
    after: After = After.UNCHANGED
    archived: bool = False
    """The messages are archived (and still in the table) before anything is made wrong."""

    @property
    def markdown(self) -> str:
        """The row as docs/errors.md shows it."""
        command = " ".join(self.words[:2] if self.words[0] == "table" else self.words[:1])
        cells = (self.what, f"`{command}`", self.said.replace("|", "\\|"), str(self.code), self.after.value)
        return f"| {' | '.join(cells)} |"

    def is_said_by(self, text: str) -> bool:
        """Say whether a text has what the row says, with anything in its gaps."""
        pattern = ".+?".join(map(re.escape, self.said.split(GAP)))
        return re.search(pattern, text) is not None


def table_of(rows: list[Row]) -> str:
    """Return a section's table as Markdown."""
    head = "| what is wrong | command | what is said | code | afterwards |\n|---|---|---|---|---|\n"
    return head + "".join(f"{row.markdown}\n" for row in rows)


def settings(**sections: Mapping[str, Any]) -> Given:
    """Return what puts these settings in."""
    return lambda world: world.having(**sections)


def variables(**environment: str) -> Given:
    """Return what sets these variables."""
    return lambda world: replace(world, environment={**world.environment, **environment})


def file(name: str, data: bytes) -> Given:
    """Return what writes a file into the world's folder."""

    def write(world: World) -> World:
        (world.folder / name).write_bytes(data)
        return world

    return write


def both(*givens: Given) -> Given:
    """Return what does one after the other."""

    def all_of(world: World) -> World:
        for given in givens:
            world = given(world)
        return world

    return all_of
