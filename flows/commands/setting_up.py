"""The command that sets up what is not made by a run: setup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import boto3
import typer

from archive.errors import InputError
from athena import Access
from flows.commands.asking import catalog_of
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.settings import Settings

if TYPE_CHECKING:
    from athena.setup import SetUp


def setup(
    what: Annotated[str, typer.Argument(help="athena: the Glue database, tables and views.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make what analysts ask: database, tables and views. Repeat it after an update; what is right is left alone.

    Nightly runs only widen the tables' range of dates. At an emulator no views are made: DuckDB answers them from their SQL.
    Example: dynalake setup athena
    """
    with errors_as_sentences():
        if what != "athena":
            message = f"there is nothing called {what!r} to set up; write dynalake setup athena"
            raise InputError(message)
        done = set_up_athena(settings_of(config))
        if as_json:
            print_json({"changes": done.changes, "left_out": done.left_out})
        else:
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
