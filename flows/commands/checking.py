"""The command that tries everything a run needs: check."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from archive.engine.checking import check as check_all
from archive.engine.session import Session
from archive.errors import DynalakeError, RefusedError
from archive.model.finding import Finding
from athena.register import stored_table
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.operate import run_id
from flows.settings import Settings

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Try credentials, table, index, lake, Glue and every permission, without touching a message.

    Writes a probe object and, where messages are purged by PartiQL, ten probe items that are removed again.
    Example: dynalake check
    """
    with errors_as_sentences():
        settings = settings_of(config)
        console = console_for(as_json=as_json)
        session = Session(settings.config(), run_id("nightly", datetime.now(UTC)))
        findings = [*check_all(session), _glue(session, settings)]
        show_findings(console, findings, as_json=as_json)


def show_findings(console: Console, findings: list[Finding], *, as_json: bool) -> None:
    """Print what was found; raises RefusedError where a check failed."""
    if as_json:
        print_json({"checks": [{"what": found.what, "verdict": found.verdict, "text": found.text} for found in findings]})
    else:
        table = Table("check", "verdict", "finding")
        for found in findings:
            table.add_row(found.what, f"[{_STYLES[found.verdict]}]{found.verdict}[/]", escape(found.text))
        console.print(table)
    failed = [found for found in findings if found.verdict == "failed"]
    if failed:
        message = f"{len(failed)} of {len(findings)} checks failed; the first: {failed[0].what}: {failed[0].text}"
        raise RefusedError(message)
    console.print(f"Done: {len(findings)} checks. Left: nothing. Stopped because: done.")


def _glue(session: Session, settings: Settings) -> Finding:
    name = f"{settings.athena.database}.{settings.athena.table}"
    try:
        there = stored_table(session.clients.glue, settings.athena.database, settings.athena.table)
    except DynalakeError as error:
        return Finding(f"Glue: table {name}", "failed", str(error))
    return Finding(f"Glue: table {name}", "ok", "is there" if there else "is not there yet; run `dynalake setup athena` once")
