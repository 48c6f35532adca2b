"""The command for a table that was restored from a backup: adopt."""

from __future__ import annotations

from archive.engine.adopting import adoption
from archive.errors import RefusedError
from archive.model.receipt import Owner
from flows.commands.archiving import DryRunOption
from flows.console import ConfigOption, YesOption, agreed, console_for, errors_as_sentences, settings_of


def adopt(config: ConfigOption = None, yes: YesOption = False, dry_run: DryRunOption = False) -> None:
    """Give the lake to the table of the settings: one that was restored from a backup of the lake's table.

    Only `archive.json` is changed. Runs of the other table are refused from then on.
    Example: dynalake adopt
    """
    with errors_as_sentences():
        wanted = adoption(settings_of(config).config(), read_only=dry_run)
        console = console_for(as_json=False)
        if not wanted.needed:
            console.print(f"Done: nothing, the lake is that of {_named(wanted.table)} already. Left: nothing. Stopped because: done.")
            return
        change = f"the lake goes from {_named(wanted.record.owner)} to {_named(wanted.table)}"
        console.print(change, highlight=False, markup=False)
        if dry_run:
            return
        if not agreed(console, "Does the second hold the messages of the first, from a backup?", yes=yes):
            message = "nothing was changed: nobody agreed; look at both tables above, then give --yes"
            raise RefusedError(message)
        wanted.adopt()
        left = "purge what came back with the backup, see docs/runbooks.md"
        console.print(f"Done: {change}. Left: {left}. Stopped because: done.", highlight=False, markup=False, soft_wrap=True)


def _named(table: Owner) -> str:
    return f"{table.table_arn} ({table.table_id})"
