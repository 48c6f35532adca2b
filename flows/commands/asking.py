"""The commands that look: query and status."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer

from archive.engine.session import Session
from archive.engine.status import status_of
from archive.errors import AttentionError, InputError
from archive.model.keys import LakeKeys
from athena import AthenaConfig, Catalog
from athena import query as ask
from athena.query import Engine
from athena.render import Format, render
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.operate import run_id
from flows.settings import Settings
from flows.show import show_status


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in Athena's SQL.", show_default=False)],
    config: ConfigOption = None,
    engine: Annotated[str, typer.Option(help="auto, athena or duckdb; auto means DuckDB where S3 is an emulator, else Athena.")] = "auto",
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; needed for parquet.", show_default=False)] = None,
) -> None:
    """Ask the lake a question in Athena's SQL: in Athena, or in DuckDB over the same objects.

    Example: dynalake query "SELECT module_id, count(*) AS messages FROM messages WHERE dt >= DATE '2024-01-01' GROUP BY 1"
    """
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
        session = boto3.Session(region_name=settings.source.region)
        data = render(ask(sql, catalog_of(settings), engine=chosen, session=session), shape)
        if output is None:
            sys.stdout.write(data.decode())
        else:
            try:
                output.write_bytes(data)
            except OSError as error:
                message = f"the file {output} cannot be written ({error.strerror}); make room, or name another with --output"
                raise InputError(message) from error


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is archived, what waits, and what needs attention (then it ends with exit code 9). Writes nothing.

    Example: dynalake status --json
    """
    with errors_as_sentences():
        settings = settings_of(config)
        now = datetime.now(UTC)
        found = status_of(Session(settings.config(), run_id("nightly", now), read_only=True), now)
        if as_json:
            print_json(found.to_dict())
        else:
            show_status(console_for(as_json=False), found)
        if sentences := found.attention():
            more = f" (and {len(sentences) - 1:,} more)" if len(sentences) > 1 else ""
            message = f"this needs attention: {sentences[0]}{more}"
            raise AttentionError(message)


def catalog_of(settings: Settings) -> Catalog:
    """Return the lake's tables as SQL sees them."""
    section = settings.athena
    config = AthenaConfig(section.database, section.table, section.workgroup, section.output)
    root = LakeKeys.below(settings.lake.prefix).prefix.rstrip("/")
    return Catalog(f"s3://{settings.lake.bucket}/{root}", settings.source.spec(), config)
