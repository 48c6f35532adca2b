"""The command that draws the archive for people: report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from archive.engine.session import Session
from archive.errors import InputError
from flows.commands.asking import teller
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.files import require_place, write_page
from flows.operate import run_id
from flows.settings_sections import MOST_MONTHS

_DEFAULT = Path("dynalake-report.html")


def report(
    config: ConfigOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; one that is there is replaced.")] = _DEFAULT,
    months: Annotated[
        int | None,
        typer.Option(
            "--months",
            help="So many months of messages, back from the newest archived. \\[default: \\[report] months]",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the archive as one HTML page: messages, dollars, modules, coverage, backlog, runs, drift. Changes nothing in AWS.

    The page needs no network. The table is asked as by `dynalake status`; the lake's records,
    which are small, are read whole. Of its messages three questions read the months shown, the
    newest first, without contents, and each no more than parts of objects of report.most_bytes:
    10 GB by default, so that Athena, at $5 a TB, asks at most $0.15.
    With --json the figures are printed as well.
    Example: dynalake report --output archive.html --months 3
    """
    from flows.report.making import made  # noqa: PLC0415 - plots and a grammar of SQL, which other commands need not load
    from flows.report.page import page_of  # noqa: PLC0415

    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=True)
        if months is not None and not 1 <= months <= MOST_MONTHS:
            message = f"--months must be from 1 to {MOST_MONTHS}, not {months}"
            raise InputError(message)
        require_place(output)
        now = datetime.now(UTC)
        session = Session(settings.config(), run_id("nightly", now), read_only=True)
        with console.status("asking") as shown:
            figures = made(settings, session, now, teller(console, shown.update), months)
            page = page_of(figures)
        size = write_page(output, page)
        if as_json:
            print_json({"page": str(output), "page_bytes": size, **figures.to_dict()})
        else:
            console_for(as_json=False).print(f"Wrote {output} ({size:,} bytes): open it in a browser.", highlight=False, markup=False)
