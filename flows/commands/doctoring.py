"""The command that looks for what is wrong, and says what to do: doctor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from archive.engine.session import Session
from archive.errors import AttentionError
from flows.commands.asking import catalog_of
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json, settings_of
from flows.doctor.findings import Finding, bill, findings, parts_by_cost
from flows.doctor.seen import DAYS, Seen
from flows.operate import run_id


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look for what is slow, throttled or dear, and say what to do (it ends with exit code 9 if there is something). Changes nothing.

    Reads the table, CloudWatch, the lake and Athena's last questions, and goes on without what it may not see.
    Example: dynalake doctor
    """
    from flows.doctor.look import look  # noqa: PLC0415 - a grammar of SQL, which runs that archive need not load

    with errors_as_sentences():
        settings = settings_of(config)
        now = datetime.now(UTC)
        session = Session(settings.config(), run_id("nightly", now), read_only=True)
        seen = look(session, catalog_of(settings), now)
        found = findings(seen)
        if as_json:
            print_json(_as_json(seen, found))
        else:
            _show(console_for(as_json=False), seen, found)
        if found:
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            message = f"this needs attention: {found[0].text}{more}"
            raise AttentionError(message)


def _as_json(seen: Seen, found: list[Finding]) -> dict[str, Any]:
    return {
        "findings": [finding.to_dict() for finding in found],
        "dollars_a_month": str(round(bill(seen), 2)),
        "consumption_known": seen.parts[0].traffic is not None,
        "parts": [
            {"index": part.index, "items": part.items, "bytes": part.bytes, "dollars_a_month": str(round(part.month(seen.prices), 2))}
            for part in parts_by_cost(seen)
        ],
        "consumers": [
            {"kind": one.kind, "name": one.name, "messages": one.messages, "share": round(one.share, 4)} for one in seen.consumers
        ],
        "not_looked_at": seen.unseen,
    }


def _show(console: Console, seen: Seen, found: list[Finding]) -> None:
    known = seen.parts[0].traffic is not None
    table = Table(
        title=f"${bill(seen):,.2f} a month, at prices of {seen.prices.region}" + ("" if known else " (storage alone)"), title_justify="left"
    )
    for name in ("what", "items", "GB", "storage", f"reads in {DAYS} days", f"writes in {DAYS} days"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for part in parts_by_cost(seen):
        units = (f"${part.reading(seen.prices):,.2f}", f"${part.writing(seen.prices):,.2f}") if known else ("not known", "not known")
        table.add_row(part.name, f"{part.items:,}", f"{part.bytes / 2**30:,.2f}", f"${part.storage(seen.prices):,.2f}", *units)
    console.print(table)
    if seen.consumers:
        consumers = Table(title=f"Most messages of {seen.month:%Y-%m}, in the lake", title_justify="left")
        for name in ("what", "", "messages", "share"):
            consumers.add_column(name)
        for one in seen.consumers:
            consumers.add_row(one.kind, one.name, f"{one.messages:,}", f"{100 * one.share:,.1f} %")
        console.print(consumers)
    for what, why in (seen.unseen or {}).items():
        console.print(f"not looked at: {what} ({why})", style="dim", highlight=False, markup=False)
    for finding in found:
        cost = "" if finding.month is None else f" [${finding.month:,.2f} a month]"
        console.print(f"{finding.symptom}: {finding.text}{cost}", style="yellow", highlight=False, markup=False)
        console.print(f"  {finding.todo}", highlight=False, markup=False)
    console.print(f"Done: {len(found):,} findings. Left: nothing. Stopped because: done.", highlight=False)
