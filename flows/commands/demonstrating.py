"""The command that shows the main job on an embedded table and lake: demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.console import console_for, errors_as_sentences
from flows.demo.play import play


def demo(
    messages: Annotated[
        Path | None,
        typer.Option(
            "--messages", help="Take whole modules of this file's messages (at most 5,000) instead of made-up ones.", show_default=False
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=200, max=5_000, help="How many messages to make up.")] = 3_000,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Copy the lake's objects to this folder at the end.", show_default=False)
    ] = None,
) -> None:
    """Show the main job: a table and a lake in this process (moto), plan, nightly, status and three questions. Needs no account.

    Example: dynalake demo
    """
    with errors_as_sentences():
        play(console_for(as_json=False), messages, count, keep)
