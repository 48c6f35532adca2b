"""Shows people what a stack's change set would change, and what to write into the settings afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from flows.settings import Settings
from flows.stack import Proposal

_STYLES: Final = {
    "add": "green",
    "import": "green",
    "change": "",
    "may change": "",
    "may replace": "yellow",
    "replace": "red",
    "remove": "red",
}
_ROLES: Final = {"archiver": "ArchiverRoleArn", "purger": "PurgerRoleArn", "restorer": "RestorerRoleArn"}


def show_changes(console: Console, name: str, proposal: Proposal) -> None:
    """Print a change set as a table, what is replaced or removed last, where it is seen."""
    table = Table(title=f"Stack {name}: what would change", title_justify="left")
    for heading in ("action", "resource", "type", "what of it"):
        table.add_column(heading)
    actions = list(_STYLES)
    for change in sorted(proposal.changes, key=lambda change: (actions.index(change.action), change.name)):
        style = _STYLES[change.action]
        action = f"{change.action}{' (AWS keeps the old one)' if change.kept and change.action in ('remove', 'replace') else ''}"
        table.add_row(action, change.name, change.kind, ", ".join(change.properties) or change.id, style=style)
    console.print(table if proposal.changes else f"Stack {name}: no resource would change; outputs, or what is kept, would.")


def changes_as_json(proposal: Proposal) -> list[dict[str, Any]]:
    """Return a change set for a program."""
    return [
        {
            "action": change.action,
            "resource": change.name,
            "type": change.kind,
            "id": change.id,
            "properties": list(change.properties),
            "kept": change.kept,
        }
        for change in proposal.changes
    ]


def show_outputs(console: Console, settings: Settings, outputs: Mapping[str, str]) -> None:
    """Print what dynalake.toml takes of the stack, where it does not have it yet: roles, the topic, and the figures that alarms need."""
    lines: list[str] = []
    roles = {role: outputs[output] for role, output in _ROLES.items() if output in outputs}
    if any(getattr(settings.roles, role) != arn for role, arn in roles.items()):
        lines += ["[roles]", *(f'{role} = "{arn}"' for role, arn in roles.items()), ""]
    topic = outputs.get("TopicArn")
    if topic and not settings.watch.metrics:
        lines += ["[watch]", "metrics = true  # else alarms ring for want of figures", ""]
    if topic and settings.notify.sns_topic is None:
        lines += ["[notify]", f'sns_topic = "{topic}"', ""]
    if lines:
        console.print("\n".join(["Put this into the settings file:", "", *lines]), highlight=False, markup=False)
    if analyst := outputs.get("AnalystRoleArn"):
        console.print(f"Analysts assume {analyst}.", highlight=False, markup=False)
    if settings.athena.output is not None:
        console.print("warning: [athena] output is not used by the stack's workgroup; leave it out", style="yellow", markup=False)
