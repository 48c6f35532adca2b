"""Looks at every alarm, in the lake and in CloudWatch, and shows them. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from archive import cloudwatch
from archive.cloudwatch import Asked
from archive.engine.alarms import Deployed, Judged, Place, combined, judge, places, with_zeros
from archive.engine.attention import readings
from archive.engine.session import Session
from archive.engine.status import Status
from archive.errors import DynalakeError, TransientServiceError
from archive.model.rules import BILLING

_LATE: Final = 3  # periods that CloudWatch may lag behind
_BILLING_REGION: Final = "us-east-1"
"""The only region that has AWS's metrics of charges, and only where the account has switched them on."""
_STYLES: Final = {"ok": "green", "alarm": "red", "not known here": "dim"}


@dataclass(frozen=True, slots=True)
class Alarms:
    """Every alarm, and what could not be looked at, a sentence each."""

    judged: tuple[Judged, ...]
    unseen: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each alarm that rings."""
        for one in self.judged:
            if one.state == "alarm":
                yield f"alarm {one.rule.name}{f' of {one.index}' if one.index else ''}: {one.rule.title} ({_shown(one)})"

    def to_dict(self) -> dict[str, Any]:
        """Return them for `--json`."""
        return {"alarms": [one.to_dict() for one in self.judged], "not_looked_at": list(self.unseen)}


def look_at_alarms(session: Session, status: Status, now: datetime) -> Alarms:
    """Judge every alarm by the status and by CloudWatch, as far as that lets itself be asked."""
    table = session.config.source.table
    indexes = [index.name for index in session.facts.written if not index.local]
    known = readings(status)
    # Of hours without a night CloudWatch has no value: only the run records do.
    wanted = [(rule, index) for rule, index in places(indexes) if rule.series and known.get(rule) is None and not rule.counts_periods]
    billed = [place for place in wanted if place[0].series[0].namespace == BILLING]
    measured: dict[Place, list[float]] = {}
    deployed: dict[str, Deployed] = {}
    unseen: list[str] = []
    looks: tuple[Callable[[], None], ...] = (
        lambda: deployed.update(_deployed(session, table)),
        lambda: measured.update(_measured(session, [place for place in wanted if place not in billed], now)),
        lambda: measured.update(_measured(session, billed, now, _BILLING_REGION)),
    )
    for look in looks:
        try:
            look()
        except TransientServiceError as error:
            unseen.append(str(error))
            break  # whoever does not answer now will not answer the next question either
        except DynalakeError as error:
            unseen.append(str(error))
    judged = judge(table, indexes, known, with_zeros(measured, wanted), deployed)
    return Alarms(tuple(judged), tuple(dict.fromkeys(unseen)))


def _deployed(session: Session, table: str) -> dict[str, Deployed]:
    found = cloudwatch.alarms(session.clients.impatient("cloudwatch"), f"dynalake-{table}-")
    return {name: Deployed(state, threshold) for name, (state, threshold) in found.items()}


def _measured(session: Session, some: list[Place], now: datetime, region: str | None = None) -> dict[Place, list[float]]:
    """Return the last values of every place that has some, oldest first."""
    client = session.clients.impatient("cloudwatch", region)
    table = session.config.source.table
    found: dict[Place, list[float]] = {}
    for period in sorted({rule.period for rule, _ in some}):
        alike = [place for place in some if place[0].period == period]
        asked = [Asked(series, table, index, period) for rule, index in alike for series in (*rule.series, *rule.less)]
        start = now - timedelta(seconds=period * (max(rule.periods for rule, _ in alike) + _LATE))
        values = iter(cloudwatch.read(client, asked, start, now))
        for place in alike:
            rule, _ = place
            series, less = list(islice(values, len(rule.series))), list(islice(values, len(rule.less)))
            if last := combined(series, less)[-rule.periods :]:
                found[place] = last
    return found


def show_alarms(console: Console, alarms: Alarms) -> None:
    """Print every alarm with its state, value and threshold."""
    table = Table(title="Alarms", title_justify="left")
    for name in ("alarm", "state", "value and threshold", "in CloudWatch"):
        table.add_column(name)
    for one in alarms.judged:
        name = f"{one.rule.name} {one.index}" if one.index else one.rule.name
        table.add_row(name, f"[{_STYLES[one.state]}]{one.state}[/]", _shown(one), one.deployed or "not there")
    console.print(table)
    for sentence in alarms.unseen:
        console.print(f"not looked at: {sentence}", style="dim", highlight=False, markup=False)


def _shown(one: Judged) -> str:
    value = "not known" if one.value is None else f"{one.value:,.1f}"
    return f"{value}; rings {one.rule.sense} {one.threshold:,.0f} {one.rule.unit}"
