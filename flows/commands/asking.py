"""The commands that look: query, views and status."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console

from archive.engine.session import Session
from archive.engine.status import status_of
from archive.errors import AttentionError, InputError
from archive.model.keys import LakeKeys
from athena import Access, Advice, Answered, Catalog, Event, Progress
from athena import query as ask
from athena.query import Engine
from athena.render import Format, render
from flows.alarms import look_at_alarms, show_alarms
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.files import writing
from flows.operate import run_id
from flows.settings import Settings
from flows.show import show_status


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in Athena's SQL.", show_default=False)],
    config: ConfigOption = None,
    engine: Annotated[str, typer.Option(help="auto, athena or duckdb; auto means DuckDB where S3 is an emulator, else Athena.")] = "auto",
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            help="Value for the next ? in WHERE: 205, 0.5, true, null, 2024-01-31, 2024-01-31T12:00, or a text; text:205 is one too.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; needed for parquet.", show_default=False)] = None,
) -> None:
    """Ask the lake a question in Athena's SQL: in Athena, or in DuckDB over the same objects.

    What to know of the answer, and what it cost, is said on standard error. Ctrl-C cancels a question in Athena too.
    Example: dynalake query "SELECT day, messages FROM modules_daily WHERE module_id = ? AND dt >= ?" -p 205 -p 2024-01-01
    """
    from athena.parameters import parse_parameter  # noqa: PLC0415 - a grammar of SQL, which runs that archive need not load

    with errors_as_sentences():
        settings = settings_of(config)
        if engine not in ("auto", "athena", "duckdb"):
            message = f"--engine {engine!r} is not known; use auto, athena or duckdb"
            raise InputError(message)
        if form not in ("table", "csv", "json", "parquet"):
            message = f"--format {form!r} is not known; use table, csv, json or parquet"
            raise InputError(message)
        if form == "parquet" and output is None:
            message = "--format parquet needs --output FILE"
            raise InputError(message)
        chosen: Engine = engine  # type: ignore[assignment] # checked above
        shape: Format = form  # type: ignore[assignment]
        values = [parse_parameter(text) for text in param or ()]
        console = Console(stderr=True, soft_wrap=True)
        with console.status("asking") as shown:
            session = boto3.Session(region_name=settings.source.region)
            access = Access(session=session, told=teller(console, shown.update))
            data = render(ask(sql, catalog_of(settings), parameters=values, engine=chosen, access=access), shape)
        if output is None:
            sys.stdout.write(data.decode())
        else:
            with writing(output):
                output.write_bytes(data)


def views(
    name: Annotated[str | None, typer.Argument(help="View or table to show: its columns, and a view's SQL.", show_default=False)] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tables and views that can be asked, or show one of them. Asks nobody.

    Example: dynalake views modules_daily
    """
    from flows.show_views import show_relation, show_views, views_as_json  # noqa: PLC0415 - a grammar of SQL

    with errors_as_sentences():
        catalog = catalog_of(settings_of(config))
        if name is not None and name not in catalog.relations:
            raise InputError(catalog.no_table(name))
        if as_json:
            print_json(views_as_json(catalog, name))
        elif name is None:
            show_views(console_for(as_json=False), catalog)
        else:
            show_relation(console_for(as_json=False), catalog, name)


def status(
    config: ConfigOption = None,
    with_alarms: Annotated[bool, typer.Option("--alarms", help="Judge every alarm too, by the lake and by CloudWatch.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is archived, what waits, and what needs attention (then it ends with exit code 9). Writes nothing.

    Example: dynalake status --json
    """
    with errors_as_sentences():
        settings = settings_of(config)
        now = datetime.now(UTC)
        session = Session(settings.config(), run_id("nightly", now), read_only=True)
        found = status_of(session, now)
        alarms = look_at_alarms(session, found, now) if with_alarms else None
        if as_json:
            print_json({**found.to_dict(), **(alarms.to_dict() if alarms else {})})
        else:
            show_status(console_for(as_json=False), found)
            if alarms:
                show_alarms(console_for(as_json=False), alarms)
        if sentences := (*found.attention(), *(alarms.sentences() if alarms else ())):
            more = f" (and {len(sentences) - 1:,} more)" if len(sentences) > 1 else ""
            message = f"this needs attention: {sentences[0]}{more}"
            raise AttentionError(message)


def catalog_of(settings: Settings) -> Catalog:
    """Return the lake's tables and views as SQL sees them."""
    root = LakeKeys.below(settings.lake.prefix).prefix.rstrip("/")
    return Catalog(f"s3://{settings.lake.bucket}/{root}", settings.source.spec(), settings.athena_config())


def teller(console: Console, update: Callable[[str], None]) -> Callable[[Event], None]:
    """Return what tells on standard error what there is to say of a question, and shows how it goes."""

    def tell(event: Event) -> None:
        match event:
            case Advice(text):
                console.print(f"warning: {text}", style="yellow", highlight=False, markup=False)
            case Progress(state, scanned):
                update(f"Athena: {state.lower()}, {scanned / 10**6:,.1f} MB read")
            case Answered(reused=True):
                console.print("Athena gave the answer that it had given before; nothing was read.", highlight=False)
            case Answered(scanned, dollars, seconds):
                console.print(f"Athena read {scanned / 10**6:,.1f} MB (${dollars:,.6f}) in {seconds:,.1f} s.", highlight=False)

    return tell
