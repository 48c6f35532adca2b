"""The commands that set the source table up and look at it: table create, add-indexes and check."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from archive.aws import Clients
from archive.dynamo_table import SourceTable
from archive.errors import RefusedError
from archive.model.described_table import Differences, differences, wrong_keys
from archive.model.index_plan import Throughput
from archive.model.prices import prices_of
from archive.model.table_check import judge
from archive.model.wanted_table import RECOVERY_DAYS, wanted_table
from flows.commands.checking import show_findings
from flows.console import ConfigOption, JsonOption, YesOption, agreed, console_for, errors_as_sentences, print_json, settings_of
from flows.settings import Settings

table = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
_CONNECTIONS = 2

UnitsOption = Annotated[int | None, typer.Option(help="... and write units a second.", show_default=False)]


@table.callback()
def about() -> None:
    """Set the source table up: create it, add its indexes, and look at what is missing of it.

    Example: dynalake table check
    """


@table.command()
def create(config: ConfigOption = None, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Create the table of the settings: three indexes, on demand, TTL, 35 days of point-in-time recovery, deletion protection.

    May be repeated: what is right at a table that is there is left alone, what is off is switched on where you agree, and
    what differs otherwise is said and not changed.
    Example: dynalake table create
    """
    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=as_json)
        source = _source(settings)
        made = not source.is_there()
        if made:
            console.print(f"Creating table {source.name} ...", highlight=False)
            source.create(protected=True)
        else:
            source.wait(lambda state: _say(console, state))
        described = source.look()
        if wrong := wrong_keys(described.table, source.wanted):
            message = f"nothing was changed: table {source.name} is there already, and {wrong}"
            raise RefusedError(message)
        found = differences(described, source.wanted)
        if not made:
            _require_consent(console, source, found, yes=yes)
        for step in found.steps:
            source.switch_on(step)
        _conclude(console, source, found, made=made, as_json=as_json)


def _require_consent(console: Console, source: SourceTable, found: Differences, *, yes: bool) -> None:
    """Say what could be switched on at a table that was there, and ask."""
    if not found.steps:
        return
    _say(console, f"Table {source.name} is there already.")
    for step in found.steps:
        _say(console, f"- {step.text}")
    if not agreed(console, "Switch that on?", yes=yes):
        message = (
            f"nothing was changed: table {source.name} is there already, and {found.steps[0].text}; give --yes to switch on what is off"
        )
        raise RefusedError(message)


def _conclude(console: Console, source: SourceTable, found: Differences, *, made: bool, as_json: bool) -> None:
    """Tell what was done, and what differs; raises RefusedError where that is wrong."""
    if as_json:
        switched = [step.kind for step in found.steps]
        print_json({"table": source.name, "created": made, "switched_on": switched, "wrong": list(found.wrong), "notes": list(found.notes)})
    for text in (*found.wrong, *found.notes):
        console.print(f"not changed: {text}", style="yellow", highlight=False, markup=False)
    if found.wrong:
        message = f"table {source.name} is not as the settings say ({len(found.wrong)} differences); the first: {found.wrong[0]}"
        raise RefusedError(message)
    names = ", ".join(index.name for index in source.wanted.indexes)
    done = (
        f"table {source.name} created with {names}, on demand, TTL on {source.wanted.ttl}, {RECOVERY_DAYS} days of point-in-time recovery; "
        "deletion protection is on, so it can be deleted only after that is switched off"
        if made
        else f"table {source.name}: {len(found.steps)} of 3 switched on, the rest is as it was"
    )
    _say(console, f"Done: {done}. Left: nothing. Stopped because: done.")


@table.command()
def add_indexes(
    config: ConfigOption = None,
    read_units: Annotated[
        int | None, typer.Option(help="Read units a second of a new index, if the table is provisioned ...", show_default=False)
    ] = None,
    write_units: UnitsOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add the indexes that the table lacks, one at a time, and wait for each backfill. The table answers meanwhile.

    A backfill may take hours. Killed, it goes on by itself; run the same command again to wait for it and to add the rest.
    Example: dynalake table add-indexes --yes
    """
    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=as_json)
        source, throughput = _source(settings), Throughput(read_units, write_units)
        prices = prices_of(source.client.meta.region_name, settings.config().prices)
        plan = source.plan(throughput, prices)
        if plan.missing:
            _say(console, f"To be added to table {source.name}: {plan.in_words()}.")
            if not agreed(console, "Add them, one after the other?", yes=yes):
                message = f"no index was added to table {source.name}: give --yes to add them without being asked"
                raise RefusedError(message)
        added = source.add_indexes(throughput, prices, lambda state: _say(console, state))
        if as_json:
            print_json({"table": source.name, "added": added, "waited_for": list(plan.being_made), "plan": plan.to_dict()})
        done = f"{len(added)} indexes added to table {source.name}, all are ACTIVE"
        _say(console, f"Done: {done}. Left: nothing. Stopped because: done.")


@table.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at the table: keys, indexes, ItemCounts, TTL, recovery, backups, protection, replicas. Changes nothing.

    Ends with exit code 3 where Dynalake could not do what the settings say.
    Example: dynalake table check
    """
    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=as_json)
        source = _source(settings, read_only=True)
        show_findings(console, judge(source.look(), source.wanted, settings.config().policy), as_json=as_json)


def _source(settings: Settings, *, read_only: bool = False) -> SourceTable:
    """Return the table of the settings, with the caller's own credentials: no role of a run may change a table."""
    config = settings.config()
    clients = Clients(config.source.region, None, "archiver", _CONNECTIONS, read_only=read_only)
    return SourceTable(clients.dynamodb, wanted_table(config.source, config.policy.ttl_attribute), time.sleep)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)
