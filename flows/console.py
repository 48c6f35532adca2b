"""What all commands share: the console, the settings, consent, and how an error becomes one sentence and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from archive.errors import DynalakeError
from archive.model.plan import Plan
from archive.model.window import Window, parse_instant
from archive.restore.wanted import ALL_TIME
from flows import reporter
from flows.logs import set_up
from flows.settings import Settings, load_settings
from flows.show import show_plan
from flows.signals import INTERRUPTED

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file. \\[default: DYNALAKE_CONFIG, else dynalake.toml]", show_default=False),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one machine-readable JSON object on standard output, and nothing else there.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Agree beforehand to what would be asked.")]
FromOption = Annotated[
    str, typer.Option("--from", help="Begin of the window: a date (midnight UTC) or an ISO time with a zone.", show_default=False)
]
ToOption = Annotated[str, typer.Option("--to", help="End of the window, exclusive: a date or an ISO time with a zone.", show_default=False)]
AnyFromOption = Annotated[
    str | None, typer.Option("--from", help="Begin of the window: a date or an ISO time with a zone.", show_default=False)
]
AnyToOption = Annotated[str | None, typer.Option("--to", help="End of the window, exclusive.", show_default=False)]
ModuleOption = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", help="Only this module; may be given several times. \\[default: all]", show_default=False),
]


def window_of(start: str | None, end: str | None) -> Window | None:
    """Return the window between two instants as people write them, open where one is missing; None where both are."""
    if start is None and end is None:
        return None
    return Window(parse_instant(start) if start else ALL_TIME.start, parse_instant(end) if end else ALL_TIME.end)


def settings_of(config: Path | None) -> Settings:
    """Read the settings for a command, and set the log up as they say."""
    settings = load_settings(config, os.environ)
    set_up(settings.run.log)
    return settings


def console_for(*, as_json: bool) -> Console:
    """Return where people's text goes: standard error where standard output is for a program."""
    return Console(stderr=as_json, soft_wrap=True)


def print_json(values: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    """Print one JSON object on standard output."""
    sys.stdout.write(json.dumps(values, indent=1, default=str) + "\n")


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """End a command with one sentence and the error's exit code instead of a traceback."""
    try:
        yield
    except DynalakeError as error:
        Console(stderr=True, soft_wrap=True).print(f"Error: {error}", style="red", highlight=False, markup=False)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("Interrupted; nothing is lost: run the same command again.", style="red")
        raise typer.Exit(INTERRUPTED) from error


def agreed(console: Console, question: str, *, yes: bool, alone: str = "") -> bool:
    """Say whether somebody agrees: beforehand, or when asked. `alone` is what this does, to be said where nobody can be asked."""
    if yes:
        return True
    if sys.stdin.isatty():
        return typer.confirm(question, err=console.stderr)
    if alone:
        console.print(f"There is no terminal to ask on, and this {alone}: give --yes.", style="yellow", highlight=False, markup=False)
    return False


@contextmanager
def reporting_to(console: Console, *, yes: bool, quiet_plan: bool = False) -> Iterator[None]:
    """Show a run on the console, and ask for consent there before anything is removed."""

    def ask(plan: Plan) -> bool:
        if not quiet_plan:
            show_plan(console, plan)
        verb = "delete" if plan.purge == "delete" else "mark to expire"
        question = f"Archive about {plan.rows:,} messages and {verb} what is proved to be in the lake?"
        return agreed(console, question, yes=yes or not plan.removes, alone="run removes messages")

    shown = reporter.ConsoleReporter(console, ask)
    try:
        with reporter.reporting(shown):
            yield
    finally:
        shown.close()
