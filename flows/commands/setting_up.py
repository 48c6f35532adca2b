"""The command that sets up what is not made by a run: setup."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import boto3
import typer
from rich.console import Console

from archive.aws import translated
from archive.errors import InputError, RefusedError
from athena import Access
from flows.commands.archiving import Options
from flows.commands.asking import catalog_of
from flows.console import ConfigOption, JsonOption, YesOption, agreed, console_for, errors_as_sentences, print_json, settings_of
from flows.settings import Settings
from flows.show_stack import changes_as_json, show_changes, show_outputs
from flows.stack import Stack, template
from flows.stack_inputs import given, merged, named, ours, require_free

if TYPE_CHECKING:
    from athena.setup import SetUp

_STACK: Final = "dynalake"


def setup(
    what: Annotated[
        str, typer.Argument(help="stack: bucket, database, workgroup and roles, by CloudFormation. athena: the tables and views.")
    ] = "stack",
    config: ConfigOption = None,
    stack: Annotated[str, typer.Option("--stack", help="The stack's name; its roles' names begin with it.")] = _STACK,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE for the template; may be given several times.", show_default=False),
    ] = None,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and end; the change set is removed again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make what runs and analysts need in the account. Repeat it after an update; what is right is left alone.

    The stack's changes are shown first, and made if you agree. What a parameter was is kept until you give another value.
    Nightly runs only widen the tables' range of dates. At an emulator no views are made: DuckDB answers them from their SQL.
    Example: dynalake setup stack --parameter TransitionClass=GLACIER_IR --dry-run
    """
    with errors_as_sentences():
        if what == "stack":
            wanted = _Wanted(named(stack), given(parameter or ()), Options(yes, as_json), dry_run)
            _set_up_stack(settings_of(config), wanted)
        elif what != "athena":
            message = f"there is nothing called {what!r} to set up; write dynalake setup stack, or dynalake setup athena"
            raise InputError(message)
        elif stack != _STACK or parameter or dry_run:
            message = "--stack, --parameter and --dry-run are for dynalake setup stack; leave them out"
            raise InputError(message)
        else:
            _show_athena(set_up_athena(settings_of(config)), as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which stack is to be set up, with which parameters besides the settings', and how."""

    name: str
    parameters: dict[str, str]
    options: Options
    dry_run: bool


def _set_up_stack(settings: Settings, wanted: _Wanted) -> None:
    options = wanted.options
    console = console_for(as_json=options.as_json)
    said = ours(settings)
    session = boto3.Session(region_name=settings.source.region)
    with translated("loading credentials", "the default credentials"):
        client = session.client("cloudformation")
    stack = Stack(client, wanted.name, time.sleep, lambda line: console.print(line, style="dim", highlight=False, markup=False))
    text = template()
    there = stack.find()
    parameters = merged(stack.parameters(text), there, said, wanted.parameters)
    require_free(session, there, parameters)
    proposal = stack.propose(text, parameters, datetime.now(UTC))
    state, outputs = "unchanged", there.outputs if there else {}
    if not proposal.is_nothing:
        consent = False
        try:
            show_changes(console, wanted.name, proposal)
            question = f"Make these {len(proposal.changes)} changes to stack {wanted.name}?"
            consent = not wanted.dry_run and agreed(console, question, yes=options.yes, alone="changes the account")
        finally:
            if not consent:
                stack.discard(proposal)
        if not consent and not wanted.dry_run:
            message = "nothing was done: the changes were not agreed to"
            raise RefusedError(message)
        state = "proposed"
        if consent:
            state, outputs = "updated" if there else "created", stack.carry_out(proposal)
    if options.as_json:
        print_json({"stack": wanted.name, "state": state, "changes": changes_as_json(proposal), "outputs": dict(outputs)})
    _tell(console, settings, state, outputs)


def _tell(console: Console, settings: Settings, state: str, outputs: Mapping[str, str]) -> None:
    """Print what is to be done next, and the last line."""
    if state != "proposed":
        show_outputs(console, settings, outputs)
    done = {
        "created": "the stack was made",
        "updated": "the stack was changed",
        "unchanged": "the stack is as the settings say",
        "proposed": "nothing was changed",
    }[state]
    left = "carry it out without --dry-run" if state == "proposed" else "the tables and views (dynalake setup athena)"
    why = "this is a dry run" if state == "proposed" else "done"
    console.print(f"Done: {done}. Left: {left}. Stopped because: {why}.", highlight=False, markup=False)


def _show_athena(done: SetUp, *, as_json: bool) -> None:
    if as_json:
        print_json({"changes": done.changes, "left_out": done.left_out})
        return
    console = console_for(as_json=False)
    for change in done.changes or ("everything is there already",):
        console.print(change, highlight=False, markup=False)
    for reason in done.left_out:
        console.print(f"not made: {reason}", style="yellow", highlight=False, markup=False)


def set_up_athena(settings: Settings) -> SetUp:
    """Make the Glue database, the tables and, where Athena is no emulator's, the views."""
    from athena.setup import SetUp  # noqa: PLC0415 - a grammar of SQL, which runs that archive need not load

    access = Access(session=boto3.Session(region_name=settings.source.region))
    return SetUp.of(settings.config(), catalog_of(settings), access, datetime.now(UTC).date())
