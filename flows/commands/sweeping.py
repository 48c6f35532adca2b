"""The command for the messages that no module's index holds: sweep."""

from __future__ import annotations

from typing import Annotated

import typer

from archive.engine.planning import Request
from archive.errors import InputError
from archive.model.window import Window, parse_instant
from flows.commands.archiving import DryRunOption, Options, run_and_show
from flows.console import ConfigOption, JsonOption, YesOption, errors_as_sentences, settings_of


def sweep(
    start: Annotated[
        str | None, typer.Option("--from", help="Begin of the window. \\[default: \\[source] earliest]", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End of the window, exclusive. \\[default: the cutoff]", show_default=False)
    ] = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find, archive and purge messages that no module's index holds, by scanning the whole table: see the price first.

    Example: dynalake sweep --dry-run
    """
    with errors_as_sentences():
        if (start is None) != (end is None):
            message = "give --from and --to together, or neither for all that may be archived"
            raise InputError(message)
        window = Window(parse_instant(start), parse_instant(end)) if start and end else None
        run_and_show(settings_of(config), Request("sweep", window), Options(yes, as_json, dry_run))
