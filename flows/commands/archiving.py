"""The commands that move messages: plan, nightly, backfill, purge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from archive.engine.planning import Request
from archive.engine.run import RunResult
from archive.model.window import parse_instant
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
from flows.forms import BackfillForm, NightlyForm, PurgeForm, RunForm, modules_of, whole_or_none
from flows.notify import tell_end
from flows.operate import Catalogue, execute_directly, perform, plan_only
from flows.report.nightly import leave_report
from flows.settings import Settings
from flows.show import last_line, show_plan


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be performed: agreed to beforehand, shown as JSON."""

    yes: bool = False
    as_json: bool = False


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
        window = whole_or_none(parse_instant(start) if start else None, parse_instant(end) if end else None)
        request = Request("backfill" if window else "nightly", window, modules_of(settings, tuple(module or ())), exact)
        _plan_only(settings, request, as_json=as_json)


def _plan_only(settings: Settings, request: Request, *, as_json: bool) -> None:
    """Make a plan and show it."""
    console = console_for(as_json=as_json)
    with reporting_to(console, yes=False):
        made = plan_only(settings.config(), request, datetime.now(UTC))
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
        run_and_show(NightlyForm(dry_run=dry_run), config, Options(yes, as_json))


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
    with errors_as_sentences():
        form = BackfillForm(start=parse_instant(start), end=parse_instant(end), modules=tuple(module or ()), dry_run=dry_run)
        run_and_show(form, config, Options(yes, as_json))


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
    with errors_as_sentences():
        form = PurgeForm(start=parse_instant(start), end=parse_instant(end), modules=tuple(module or ()), dry_run=dry_run)
        run_and_show(form, config, Options(yes, as_json))


def run_and_show(form: RunForm, config: Path | None, options: Options) -> None:
    """Run what a form asks for, print the last line, and raise the error the run ended with. A dry run ends with the plan."""
    settings = settings_of(config)
    request = form.asked(settings)
    if form.dry_run:
        _plan_only(settings, request, as_json=options.as_json)
        return
    console = console_for(as_json=options.as_json)
    with reporting_to(console, yes=options.yes):
        if settings.run.prefect:
            console.print(f"Starting Prefect for {request.command}; without a running server this takes 10 to 15 seconds.", style="dim")
            run = _as_flow(form, config)
        else:
            run = _directly(settings, form)
    if options.as_json:
        print_json({**run.record.values, "left": run.left})
    console.print(last_line(run), highlight=False, markup=False)
    if run.error is not None:
        raise run.error


def _as_flow(form: RunForm, config: Path | None) -> RunResult:
    from flows.archive_flows import run_flow  # noqa: PLC0415 - importing Prefect takes seconds, and not every command needs it

    return run_flow(form, config)[1]


def _directly(settings: Settings, form: RunForm) -> RunResult:
    """Run it in this process, and tell people how it ended, as a flow's hooks do."""
    what = f"{form.command}{form}"
    catalogue = Catalogue(settings.athena.database, settings.athena.table)
    try:
        _, run = perform(settings.config(), catalogue, form.asked(settings), datetime.now(UTC), execute_directly)
    except Exception as error:
        tell_end(settings, what, error)
        raise
    leave_report(settings, run)
    tell_end(settings, what, run.error)
    return run
