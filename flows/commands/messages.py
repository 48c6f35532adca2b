"""The command that reads messages from the table and the lake together: messages."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from archive.both import Asked, Messages
from archive.both import messages as messages_of
from archive.codec.values import Item, canonical
from archive.errors import InputError
from archive.model.config import Config
from archive.restore.takers import IntoFile
from archive.restore.wanted import ALL_TIME, values_of
from flows.console import AnyFromOption, AnyToOption, ConfigOption, console_for, errors_as_sentences, settings_of, window_of

_STUDENT_COLUMN: Final = "student_id"
_PROVIDER_COLUMN: Final = "provider"
_AT_ONCE: Final = 100  # messages that are written at a time


def messages(
    module: Annotated[str | None, typer.Option("--module", "-m", help="The messages of this module.", show_default=False)] = None,
    student: Annotated[str | None, typer.Option("--student", "-s", help="The messages of this student.", show_default=False)] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="The messages of this provider.", show_default=False)] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="The messages of this conversation.", show_default=False)
    ] = None,
    start: AnyFromOption = None,
    end: AnyToOption = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Begin with the newest message.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="End after so many messages; no more is read than they need.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write (.gz: compressed). \\[default: standard output]", show_default=False),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Read messages from the table and the lake together: each once, in order of time, whatever runs do meanwhile. Writes nothing.

    They come as JSON Lines, one message a line, as `dynalake load` takes them.
    Example: dynalake messages --student 4711 --newest-first --limit 10
    """
    with errors_as_sentences():
        began = time.monotonic()
        settings = settings_of(config).config()
        spec = settings.source.spec
        columns = {
            spec.module_column: module,
            _STUDENT_COLUMN: student,
            _PROVIDER_COLUMN: provider,
            spec.partition_column: conversation,
        }
        chosen = [(column, text) for column, text in columns.items() if text is not None]
        if len(chosen) != 1:
            message = "give one of --module, --student, --provider and --conversation"
            raise InputError(message)
        ((column, text),) = chosen
        (value,) = values_of(spec, column, (text,))
        window = window_of(start, end) or ALL_TIME
        _read(settings, Asked(column, value, window, newest_first, limit), output, began)


def _read(config: Config, asked: Asked, output: Path | None, began: float) -> None:
    console = console_for(as_json=True)
    found = messages_of(config, asked)
    if not found.lake_is_there:
        lake = f"s3://{config.lake.bucket}/{config.lake.prefix}"
        console.print(f"warning: there is no lake at {lake}; all is from the table", style="yellow", highlight=False, markup=False)
    if output is None:
        complete = _print(found)
    else:
        with (
            console.status("reading") as shown,
            IntoFile(output, lambda _: shown.update(f"{found.counts.total:,} messages"), "--output") as file,
        ):
            file.take([iter(found)])
        complete = True
    _tell(console, found, asked, time.monotonic() - began, complete=complete)


def _print(found: Messages) -> bool:
    """Print messages as they come; say whether somebody read them to the end."""
    out = typer.get_binary_stream("stdout")
    try:
        for lines in _lines(iter(found)):
            out.write(lines)
            out.flush()
    except BrokenPipeError:  # `| head` has seen enough
        with suppress(OSError):  # what is still in a buffer goes nowhere, instead of failing once more at the end of the process
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _lines(items: Iterator[Item]) -> Iterator[bytes]:
    while some := list(islice(items, _AT_ONCE)):
        yield b"".join(canonical(item) + b"\n" for item in some)


def _tell(console: Console, found: Messages, asked: Asked, seconds: float, *, complete: bool) -> None:
    """Say what was done, and why it stopped."""
    counts = found.counts
    why = "done"
    if not complete:
        why = "nobody reads any further"
    elif counts.total == asked.limit:
        why = "the limit was reached"
    console.print(
        f"Done: {counts.total:,} messages ({counts.hot:,} from the table, {counts.cold:,} from the lake, {counts.both:,} from both); "
        f"{seconds:,.1f} s. Left: nothing. Stopped because: {why}.",
        highlight=False,
    )
