"""The commands that move messages: plan, nightly, backfill, purge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from archive.engine.planning import Request, make_plan
from archive.engine.run import RunResult
from archive.engine.session import Session
from archive.errors import InputError
from archive.model.config import Module
from archive.model.plan import Command, Plan
from archive.model.window import Window, parse_instant
from flows.console import (
    ConfigOption,
    FromOption,
    JsonOption,
    ModuleOption,
    ToOption,
    YesOption,
    console_for,
    errors_as_sentences,
    print_json,
    reporting_to,
    settings_of,
)
from flows.operate import Catalogue, execute_directly, perform, run_id
from flows.report.nightly import leave_report
from flows.settings import Settings
from flows.show import last_line, show_plan


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be performed: agreed to beforehand, shown as JSON, or only planned."""

    yes: bool = False
    as_json: bool = False
    dry_run: bool = False


DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the plan and end; every call that could change anything is refused.")]


def plan(
    config: ConfigOption = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Begin of the window. \\[default: the oldest message]", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End of the window, exclusive. \\[default: the cutoff]", show_default=False)
    ] = None,
    module: ModuleOption = None,
    exact: Annotated[bool, typer.Option("--exact", help="Count instead of estimating; costs as much as reading everything.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do, and what it would cost. Writes nothing.

    Example: dynalake plan --from 2024-01-01 --to 2024-02-01 --module 123
    """
    with errors_as_sentences():
        settings = settings_of(config)
        if (start is None) != (end is None):
            message = "give --from and --to together, or neither for all that may be archived"
            raise InputError(message)
        window = Window(parse_instant(start), parse_instant(end)) if start and end else None
        request = Request("backfill" if window else "nightly", window, modules_of(settings, module), exact)
        _plan_only(settings, request, as_json=as_json)


def _plan_only(settings: Settings, request: Request, *, as_json: bool) -> None:
    """Make and show a plan through clients that refuse every call that could change anything."""
    console = console_for(as_json=as_json)
    now = datetime.now(UTC)
    session = Session(settings.config(), run_id(request.command, now), read_only=True)
    made = make_plan(session, request, now, lambda text: console.print(text, style="dim"))
    if as_json:
        print_json(made.to_dict())
    else:
        show_plan(console, made)


def nightly(
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Archive everything before the cutoff, prove it, and purge it as the policy says.

    Example: dynalake nightly --yes
    """
    with errors_as_sentences():
        settings = settings_of(config)
        request = Request("nightly")
        run_and_show(settings, request, Options(yes, as_json, dry_run))


def backfill(
    start: FromOption,
    end: ToOption,
    module: ModuleOption = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Archive a window, of some modules or all: also a part of a segment, by merging.

    Example: dynalake backfill --from 2024-01-01 --to 2024-02-01 --module 123 --yes
    """
    _windowed("backfill", (start, end, module), config, Options(yes, as_json, dry_run))


def purge(
    start: FromOption,
    end: ToOption,
    module: ModuleOption = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove from the table what is proved to be in the lake already, without archiving anything.

    Example: dynalake purge --from 2024-01-01 --to 2024-02-01 --yes
    """
    _windowed("purge", (start, end, module), config, Options(yes, as_json, dry_run))


def _windowed(command: Command, what: tuple[str, str, list[str] | None], config: Path | None, options: Options) -> None:
    with errors_as_sentences():
        settings = settings_of(config)
        start, end, names = what
        window = Window(parse_instant(start), parse_instant(end))
        modules = modules_of(settings, names)
        if command == "purge" and settings.policy.purge == "keep":
            message = '[policy] purge is "keep": set it to "delete" or "expire" before you purge'
            raise InputError(message)

        run_and_show(settings, Request(command, window, modules), options)


def _flow_of(settings: Settings, request: Request) -> Callable[[], tuple[Plan, RunResult]]:
    """Return what runs a request: its Prefect flow, or the engine itself, as `[run] prefect` says."""
    if not settings.run.prefect:
        catalogue = Catalogue(settings.athena.database, settings.athena.table)
        return lambda: _directly(settings, catalogue, request)
    from flows.archive_flows import run_flow  # noqa: PLC0415 - importing Prefect takes seconds, and not every command needs it

    return lambda: run_flow(settings, request)


def _directly(settings: Settings, catalogue: Catalogue, request: Request) -> tuple[Plan, RunResult]:
    made, run = perform(settings.config(), catalogue, request, datetime.now(UTC), execute_directly)
    leave_report(settings, run)
    return made, run


def run_and_show(settings: Settings, request: Request, options: Options) -> None:
    """Run a request, print the last line, and raise the error the run ended with. A dry run ends with the plan."""
    if options.dry_run:
        _plan_only(settings, request, as_json=options.as_json)
        return
    console = console_for(as_json=options.as_json)
    with reporting_to(console, yes=options.yes):
        if settings.run.prefect:
            console.print(f"Starting Prefect for {request.command}; without a running server this takes 10 to 15 seconds.", style="dim")
        _, run = _flow_of(settings, request)()
    if options.as_json:
        print_json({**run.record.values, "left": run.left})
    console.print(last_line(run), highlight=False, markup=False)
    if run.error is not None:
        raise run.error


def modules_of(settings: Settings, names: list[str] | None) -> tuple[Module, ...] | None:
    """Return modules as the index has them: numbers where the spec's module column is one."""
    if not names:
        return None
    spec = settings.source.spec()
    if spec.column(spec.module_key).type.kind == "string":
        return tuple(names)
    try:
        return tuple(int(name) for name in names)
    except ValueError as error:
        message = f"--module takes whole numbers here ({spec.module_key} is a number)"
        raise InputError(message) from error
