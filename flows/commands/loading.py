"""The command that fills a source table: load."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from archive.aws import Clients
from archive.dynamo_read import described
from archive.errors import RefusedError
from archive.load import Target, count_items, read_items
from archive.load import load as load_items
from flows.console import ConfigOption, JsonOption, YesOption, agreed, console_for, errors_as_sentences, print_json, settings_of

_THREADS = 4


def load(
    file: Annotated[Path, typer.Argument(help="JSON Lines, or .gz of it: one plain item a line.", show_default=False)],
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Load plain items from a file into the source table, for trials and migrations. An item with the same key is replaced.

    Example: dynalake load messages.jsonl.gz --yes
    """
    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=as_json)
        source = settings.config().source
        clients = Clients(source.region, None, "archiver", _THREADS + 2)
        target = Target.of(described(clients.dynamodb, source.table))
        count = count_items(file, target)
        if not agreed(console, f"Write {count:,} items into table {source.table}?", yes=yes):
            message = "nothing was written: give --yes to load without being asked"
            raise RefusedError(message)
        began = datetime.now(UTC)
        with Progress(console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("loading", total=count)
            written = load_items(
                clients.dynamodb,
                target,
                read_items(file, target),
                threads=_THREADS,
                sleep=time.sleep,
                progress=lambda done: progress.update(bar, completed=done),
            )
        seconds = (datetime.now(UTC) - began).total_seconds()
        if as_json:
            print_json({"table": source.table, "items": written, "seconds": seconds})
        console.print(
            f"Done: {written:,} items written into table {source.table} in {seconds:,.1f} s. Left: nothing. Stopped because: done."
        )
