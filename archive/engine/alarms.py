"""Judges every rule by what a status and CloudWatch say: the alarms, with their states, values and thresholds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from archive.model.rules import DYNAMODB, RULES, Rule, alarm_name

State = Literal["ok", "alarm", "not known here"]
Place = tuple[Rule, str | None]
"""A rule, and the index that it judges (None: the table)."""
_STATES: Final[Mapping[str, State]] = {"OK": "ok", "ALARM": "alarm"}


@dataclass(frozen=True, slots=True)
class Deployed:
    """An alarm as CloudWatch has it: its state (OK, ALARM, INSUFFICIENT_DATA) and its threshold."""

    state: str
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One alarm. `state` is by our own judgement where there is a value, else CloudWatch's; `deployed` is CloudWatch's alone."""

    rule: Rule
    index: str | None
    state: State
    value: float | None
    threshold: float
    deployed: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "alarm": self.rule.name,
            "index": self.index,
            "title": self.rule.title,
            "state": self.state,
            "value": self.value,
            "sense": self.rule.sense,
            "threshold": self.threshold,
            "unit": self.rule.unit,
            "in_cloudwatch": self.deployed,
        }


def places(indexes: Sequence[str]) -> Iterator[Place]:
    """Yield every rule, those by index once for each."""
    for rule in RULES:
        yield from ((rule, index) for index in indexes) if rule.by_index else ((rule, None),)


def combined(series: Sequence[Mapping[datetime, float]], less: Sequence[Mapping[datetime, float]]) -> list[float]:
    """Return, oldest first, the sum of the series less the others, at every time at which one of the first has a value."""
    times = sorted({at for values in series for at in values})
    return [sum(values.get(at, 0.0) for values in series) - sum(values.get(at, 0.0) for values in less) for at in times]


def with_zeros(measured: Mapping[Place, list[float]], asked: Sequence[Place]) -> dict[Place, list[float]]:
    """Add a zero for every sum of DynamoDB's that has no value, if CloudWatch has any of the table's: it is told nothing of zeros."""
    sums = [place for place in asked if {(series.namespace, series.statistic) for series in place[0].series} == {(DYNAMODB, "Sum")}]
    return {**{place: [0.0] for place in sums}, **measured} if any(place in measured for place in sums) else dict(measured)


def judge(
    table: str,
    indexes: Sequence[str],
    readings: Mapping[Rule, float | None],
    measured: Mapping[Place, Sequence[float]],
    deployed: Mapping[str, Deployed],
) -> list[Judged]:
    """Judge every rule: by the status's reading if it has one, else by what CloudWatch measured (oldest first).

    A threshold that was deployed goes before the rule's own. `deployed` are CloudWatch's alarms by name.
    """
    return [
        _judged(place, readings.get(place[0]), measured.get(place, ()), deployed.get(alarm_name(table, *place)))
        for place in places(indexes)
    ]


def _judged(place: Place, reading: float | None, measured: Sequence[float], deployed: Deployed | None) -> Judged:
    rule, index = place
    threshold = rule.threshold
    if deployed is not None and deployed.threshold is not None and not rule.counts_periods:
        threshold = deployed.threshold
    value: float | None = None
    state: State = _STATES.get(deployed.state, "not known here") if deployed else "not known here"
    if reading is not None:
        value = reading
        state = "alarm" if rule.breached(reading, threshold) else "ok"
    elif measured:
        value = measured[-1]
        state = "alarm" if rule.rings(list(measured), threshold) else "ok"
    return Judged(rule, index, state, value, threshold, deployed.state if deployed else None)
