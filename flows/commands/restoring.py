"""The commands that put messages back, and keep them there: restore, holds, release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from archive.aws import Clients
from archive.errors import InputError, RefusedError
from archive.lake.holds import Holds
from archive.model.config import Config
from archive.model.hold import Hold
from archive.model.window import iso, parse_instant
from archive.restore.opening import open_lake
from archive.restore.plan import Request, RestorePlan
from archive.restore.wanted import Wanted, values_of
from flows.commands.archiving import DryRunOption, Options
from flows.console import (
    AnyFromOption,
    AnyToOption,
    ConfigOption,
    JsonOption,
    ModuleOption,
    YesOption,
    agreed,
    console_for,
    errors_as_sentences,
    print_json,
    settings_of,
    window_of,
)
from flows.forms import held_until
from flows.memory import keep_little
from flows.restore import carry_out, last_line, prepare

_MOST_SEGMENTS: Final = 20
_STUDENT_COLUMN: Final = "student_id"


def restore(
    module: ModuleOption = None,
    student: Annotated[
        list[str] | None, typer.Option("--student", "-s", help="Only this student; may be given several times.", show_default=False)
    ] = None,
    conversation: Annotated[
        list[str] | None, typer.Option("--conversation", help="Only this conversation; may be given several times.", show_default=False)
    ] = None,
    start: AnyFromOption = None,
    end: AnyToOption = None,
    run: Annotated[str | None, typer.Option("--run", help="Undo this run's purge.", show_default=False)] = None,
    into_table: Annotated[
        str | None, typer.Option("--into-table", help="Put them into this table. \\[default: the source table]", show_default=False)
    ] = None,
    into_file: Annotated[
        Path | None, typer.Option("--into-file", help="Write them to this file (.gz: compressed) for `dynalake load`.", show_default=False)
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Until when runs leave them in the source table. \\[default: in 7 days]", show_default=False),
    ] = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put archived messages back where their keys are absent; what is there with other values is reported, never overwritten.

    Example: dynalake restore --module 123 --from 2024-01-01 --to 2024-02-01 --yes
    """
    with errors_as_sentences():
        now = datetime.now(UTC)
        settings = settings_of(config).config()
        spec = settings.source.spec
        chosen = ((spec.module_column, module), (_STUDENT_COLUMN, student), (spec.partition_column, conversation))
        values = {column: values_of(spec, column, tuple(texts)) for column, texts in chosen if texts}
        if into_table is not None and into_file is not None:
            message = "give --into-table or --into-file, not both"
            raise InputError(message)
        if until is not None and (into_table is not None or into_file is not None):
            message = "--until says how long the source table's messages are held; it cannot be given with --into-table or --into-file"
            raise InputError(message)
        end_of_hold = held_until(parse_instant(until) if until else None, now)
        request = Request(Wanted(spec, window_of(start, end), values), end_of_hold, run, into_table, into_file)
        _restore(settings, request, now, Options(yes, as_json), dry_run=dry_run)


def holds(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the holds that keep restored messages in the table, with their state. Writes nothing.

    Example: dynalake holds
    """
    with errors_as_sentences():
        now = datetime.now(UTC)
        found = _holds(settings_of(config).config()).all()
        if as_json:
            print_json([_hold_values(hold, now) for hold in found])
            return
        console = console_for(as_json=False)
        for hold in found:
            modules = "all modules" if hold.modules is None else f"modules {', '.join(map(str, hold.modules))}"
            line = f"{hold.run}: {_state(hold, now)}, {modules}, {hold.window}, until {iso(hold.until)} ({hold.reason})"
            console.print(line, highlight=False, markup=False)
        active = sum(1 for hold in found if hold.is_active(now))
        console.print(f"Done: {active:,} active holds of {len(found):,}. Left: nothing. Stopped because: done.", highlight=False)


def release(
    hold: Annotated[str, typer.Argument(help="The hold, as `dynalake holds` shows it.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a hold: from now on, runs archive and purge its messages again.

    Example: dynalake release 20240601T030000.000000Z-restore
    """
    with errors_as_sentences():
        now = datetime.now(UTC)
        released = _holds(settings_of(config).config()).release(hold, now)
        if as_json:
            print_json(_hold_values(released, now))
        console_for(as_json=as_json).print(
            f"Done: hold {released.run} ended. Left: nothing. Stopped because: done.", highlight=False, markup=False
        )


def _restore(config: Config, request: Request, now: datetime, options: Options, *, dry_run: bool) -> None:
    keep_little()
    console = console_for(as_json=options.as_json)
    console.print("Looking which segments hold such messages.", style="dim")
    prepared = prepare(config, request, now, read_only=dry_run)
    plan = prepared.plan
    show_plan(console, plan)
    if dry_run or not plan.parts:
        if options.as_json:
            print_json(plan.to_dict())
        why = "the lake holds no such message" if not plan.parts else "this is a dry run"
        console.print(f"Done: nothing was restored. Left: {plan.rows:,} messages. Stopped because: {why}.", highlight=False)
        return
    if not _may_begin(console, plan, yes=options.yes):
        message = "nothing was done: the plan was not agreed to"
        raise RefusedError(message)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("messages"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("restored", total=plan.rows or None)
        result, values = carry_out(prepared, lambda more: progress.advance(bar, more))
    if options.as_json:
        print_json({**values, "left": result.left})
    for alarm in result.failed:
        console.print(f"alarm: {alarm}", style="red", highlight=False, markup=False)
    console.print(last_line(plan, result, values["seconds"]), highlight=False, markup=False)
    if result.error is not None:
        raise result.error


def show_plan(console: Console, plan: RestorePlan) -> None:
    """Print what a restore will do, how large it is, what it costs, and what will be held."""
    table = Table(title=f"Plan: restore {plan.request.what}, into {plan.into}", title_justify="left")
    table.add_column("segment")
    table.add_column("messages", justify="right")
    for part in plan.parts[:_MOST_SEGMENTS]:
        table.add_row(part.segment.name, f"{part.rows:,}")
    if len(plan.parts) > _MOST_SEGMENTS:
        rest = plan.parts[_MOST_SEGMENTS:]
        table.add_row(f"and {len(rest)} more", f"{sum(part.rows for part in rest):,}")
    console.print(table)
    text = f"{'At most ' if plan.request.undo else ''}{plan.rows:,} messages in {len(plan.parts):,} segments."
    if plan.target is not None:
        text += (
            f" Putting them costs about {plan.total_units:,} write units (the table and {len(plan.target.indexes)} indexes), "
            f"${float(plan.dollars):,.4f}, and takes {plan.seconds / 60:,.1f} minutes under [limits]."
        )
    console.print(text, highlight=False, markup=False)
    if plan.hold is not None:
        held = "all modules" if plan.hold.modules is None else f"modules {', '.join(map(str, plan.hold.modules))}"
        console.print(
            f"Runs will leave {held} in {plan.hold.window} alone until {iso(plan.hold.until)} (`dynalake release` ends that).",
            highlight=False,
        )
    for warning in plan.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)


def _may_begin(console: Console, plan: RestorePlan, *, yes: bool) -> bool:
    """Ask before a table is written to, or a file replaced."""
    replaces = plan.request.file is not None and plan.request.file.exists()
    what = f"replaces {plan.request.file}" if replaces else f"writes into {plan.into}"
    needless = plan.target is None and not replaces
    return agreed(console, f"Restore about {plan.rows:,} messages? This {what}.", yes=yes or needless, alone=what)


def _holds(config: Config) -> Holds:
    lake = open_lake(Clients(config.source.region, config.roles.archiver, "archiver", 4), config)
    return Holds(lake.store, lake.keys)


def _state(hold: Hold, now: datetime) -> str:
    if hold.is_active(now):
        return "active"
    return "ended" if hold.released is None else f"released {iso(hold.released)}"


def _hold_values(hold: Hold, now: datetime) -> dict[str, object]:
    return {
        "hold": hold.run,
        "modules": None if hold.modules is None else [module if isinstance(module, int | str) else str(module) for module in hold.modules],
        "window_start": iso(hold.window.start),
        "window_end": iso(hold.window.end),
        "until": iso(hold.until),
        "state": _state(hold, now),
        "reason": hold.reason,
        "at": iso(hold.at),
    }
