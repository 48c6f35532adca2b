"""The command line: `dynalake`."""

from __future__ import annotations

import typer

from flows.commands.adopting import adopt
from flows.commands.archiving import backfill, nightly, plan, purge
from flows.commands.asking import query, status, views
from flows.commands.checking import check
from flows.commands.demonstrating import demo
from flows.commands.doctoring import doctor
from flows.commands.loading import load
from flows.commands.messages import messages
from flows.commands.pricing import costs
from flows.commands.reporting import report
from flows.commands.restoring import holds, release, restore
from flows.commands.serving import serve
from flows.commands.setting_up import setup
from flows.commands.stopping import resume, stop
from flows.commands.sweeping import sweep
from flows.commands.tabling import table

_EPILOG = (
    "Exit codes: 0 done; 1 unexpected failure; 2 wrong input; 3 refused, because a promise could not be kept; 4 a proof failed; "
    "5 AWS refused or failed a call; 6 the spool is full; 7 stopped; 8 a cap was reached; "
    "9 `status` or `doctor` found what needs attention; "
    "130 interrupted. "
    "RISKS: with purge = delete or expire, nightly, backfill and purge remove messages from the table, "
    "after they are proved to be in the lake."
)

app = typer.Typer(
    name="dynalake",
    help="Moves old messages out of a DynamoDB table into a data lake, and proves that they arrived before it removes them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo,
    load,
    check,
    plan,
    costs,
    nightly,
    backfill,
    purge,
    sweep,
    serve,
    query,
    messages,
    views,
    setup,
    status,
    doctor,
    report,
    stop,
    resume,
    restore,
    holds,
    release,
    adopt,
):
    app.command()(command)
app.add_typer(table, name="table")


def main() -> None:
    """Run the command line."""
    app()
