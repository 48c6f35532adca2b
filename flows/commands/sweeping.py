"""The command for the messages that no module's index holds: sweep."""

from __future__ import annotations

from typing import Annotated

import typer

from archive.model.window import parse_instant
from flows.commands.archiving import DryRunOption, Options, run_and_show
from flows.console import ConfigOption, JsonOption, YesOption, errors_as_sentences
from flows.forms import SweepForm


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
        form = SweepForm(start=parse_instant(start) if start else None, end=parse_instant(end) if end else None, dry_run=dry_run)
        run_and_show(form, config, Options(yes, as_json))
