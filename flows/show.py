"""Shows plans, runs and the status to people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from archive.engine.run import RunResult
from archive.engine.status import Status
from archive.model.plan import Plan
from archive.model.window import iso

_MOST_MODULES = 20
_MOST_RANGES = 10


def show_plan(console: Console, plan: Plan) -> None:
    """Print what a run will do, how large it is, and what it costs."""
    if plan.window is None or not plan.modules:
        console.print("Plan: nothing to do; no module has messages before the cutoff.")
        return
    table = Table(title=f"Plan: {plan.command}, {plan.window}, purge = {plan.purge}", title_justify="left")
    table.add_column("module")
    table.add_column("from")
    table.add_column("messages", justify="right")
    table.add_column("between", justify="right")
    for module in sorted(plan.modules, key=lambda part: -part.rows)[:_MOST_MODULES]:
        between = "exact" if module.low == module.high else f"{module.low:,} and {module.high:,}"
        table.add_row(
            "(none)" if module.module is None else str(module.module), f"{module.window.start:%Y-%m-%d}", f"{module.rows:,}", between
        )
    if len(plan.modules) > _MOST_MODULES:
        rest = sorted(plan.modules, key=lambda part: -part.rows)[_MOST_MODULES:]
        table.add_row(f"and {len(rest)} more", "", f"{sum(part.rows for part in rest):,}", "")
    console.print(table)
    cost = plan.cost
    hours = "never ends" if plan.rate.hours is None else f"takes {float(plan.rate.hours):.2f} h for a day's inflow"
    console.print(
        f"About {plan.rows:,} messages ({plan.low:,} to {plan.high:,}) of {plan.item_bytes:,} bytes, "
        f"in up to {min(plan.segments, plan.high):,} segments. "
        f"Planning read {plan.reads:,.1f} units.",
        highlight=False,
    )
    for warning in plan.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)
    console.print(
        f"It needs {float(cost.read_units):,.1f} read units and {cost.write_units:,} write units: ${float(cost.once):,.4f} once; "
        f"then {_money(cost.saved_month)} a month {'less' if cost.saved_month >= 0 else 'more'}."
        + ("" if plan.purge == "keep" else f" Purging {hours}."),
        highlight=False,
    )


def _money(dollars: Decimal) -> str:
    return f"${abs(float(dollars)):,.4f}"


def last_line(run: RunResult) -> str:
    """Return what was done, what is left, and why it stopped."""
    result, purged, values = run.result, run.result.purged, run.record.values
    mode = {"delete": "removed", "expire": "marked to expire", "keep": "removed"}[str(values["purge"])]
    stored = f"{result.added:,} added and {result.replaced:,} replaced in {result.stored:,} stored segments ({result.stored_bytes:,} bytes)"
    units = f"{values['read_units']:,.1f} read and {values['write_units']:,.1f} write units, ${values['dollars']:,.4f}"
    planned = (
        f"planned: {values['predicted_messages']:,} messages, {values['predicted_read_units']:,.1f} and "
        f"{values['predicted_write_units']:,.1f} units, ${values['predicted_dollars']:,.4f}"
    )
    requests = f"{values['dynamodb_requests']:,} DynamoDB and {values['s3_requests']:,} S3 requests"
    done = f"{result.read:,} messages read, {stored}, {purged.done:,} {mode}; {units} ({planned}), {requests}, {values['seconds']:,.1f} s"
    return f"Done: {done}. Left: {run.left}. Stopped because: {run.why}."


def show_status(console: Console, status: Status) -> None:
    """Print the state of a table and its lake, and last what needs attention."""
    for line in _of_the_lake(status):
        console.print(line, highlight=False, markup=False)
    table = Table(title="Modules with messages, oldest first", title_justify="left")
    for name in ("module", "oldest message", "age in days", "overdue"):
        table.add_column(name)
    for module in status.backlog[:_MOST_MODULES]:
        table.add_row(str(module.module), module.oldest, str(module.age_days), "yes" if module.overdue else "no")
    if len(status.backlog) > _MOST_MODULES:
        table.add_row(f"and {len(status.backlog) - _MOST_MODULES} more", "", "", "")
    console.print(table)
    for line in _of_the_table(status):
        console.print(line, highlight=False, markup=False)
    for sentence in status.attention():
        console.print(f"attention: {sentence}", style="yellow", highlight=False, markup=False)


def _of_the_lake(status: Status) -> Iterator[str]:
    yield f"The table has about {status.items:,} items (hours old). Messages before {status.archive_end} may be archived."
    if not status.segments:
        yield "The lake is empty."
    else:
        yield (
            f"The lake has {status.segments:,} segments ({status.bytes:,} bytes); "
            f"complete through: {status.complete_through or 'no nightly run has finished yet'}."
        )
    for what, parts in (("archived", status.archived), ("purged", status.purged), ("archived, not purged", status.not_purged)):
        if parts:
            shown = ", ".join(f"{part.window} ({part.segments:,} segments)" for part in parts[:_MOST_RANGES])
            yield f"{what}: {shown}{f', and {len(parts) - _MOST_RANGES:,} more' if len(parts) > _MOST_RANGES else ''}."


def _of_the_table(status: Status) -> Iterator[str]:
    if status.unindexed_hint:
        yield f"About {status.unindexed_hint:,} items seem to be in no module's index (counts are hours old): `dynalake sweep` finds them."
    if status.junk:
        yield f"{status.junk:,} modules have messages before [source] earliest (times in seconds?); they stay where they are."
    if status.future:
        yield f"{status.future:,} modules have messages in the future (times in microseconds?); they stay where they are."
    if status.quarantined:
        yield f"{status.quarantined:,} messages are in quarantine: refused again and again, unchanged; they stay in the table."
    for hold in status.holds:
        yield f"Hold {hold.run} leaves {hold.window} alone until {iso(hold.until)}."
    if status.stop_sign is not None:
        yield f"The stop sign is up ({status.stop_sign}); `dynalake resume` takes it down."
    if status.ttl_ahead_days is not None:
        yield f"The archiver is ahead of the messages' TTL by {status.ttl_ahead_days:,.1f} days."
    if status.last_run:
        run = status.last_run
        yield (
            f"Last run: {run['command']} at {run['ended_at']}: {run['messages_added']:,} added, {run['messages_removed']:,} removed; "
            f"stopped because: {run['why_stopped']}."
        )
