"""Runs the commands that put messages back, on a site, and keeps how they ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore
import typer
from botocore.session import Session
from typer.testing import CliRunner

from flows.commands.restoring import holds, release, restore
from tests.integration.sites import Site

_APP = typer.Typer(pretty_exceptions_enable=False)
for _command in (restore, holds, release):
    _APP.command()(_command)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and the operations it asked for, in order."""

    code: int
    stdout: str
    stderr: str
    operations: list[str]

    def json(self) -> Any:  # noqa: ANN401 - whatever it printed
        """Return what `--json` printed."""
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)


class KilledError(BaseException):
    """What a test throws in the middle of a command, as a kill would: nothing of ours catches it."""


@contextmanager
def hooked(event: str, hook: Callable[..., Any]) -> Iterator[None]:
    """Let a hook hear of an event of every client that is made meanwhile."""

    def initialize(session: Session) -> None:
        session.register(event, hook)

    botocore.register_initializer(initialize)
    try:
        yield
    finally:
        botocore.unregister_initializer(initialize)


def run(site: Site, *arguments: str) -> Ended:
    """Run one of the commands; there is no terminal."""
    operations: list[str] = []
    with hooked("before-call", lambda model, **_: operations.append(model.name)):
        result = CliRunner().invoke(_APP, [*arguments, "--config", str(site.config())], env=site.servers.environment())
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr, operations)
