"""Every alarm is judged by what is known, and by nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from archive.engine.alarms import Deployed, Judged, Place, combined, judge, places, with_zeros
from archive.model import rules
from archive.model.rules import RULES, Rule

INDEXES = ["I1", "I2"]
START = datetime(2024, 6, 1, tzinfo=UTC)


def one(rule: Rule, found: list[Judged], index: str | None = None) -> Judged:
    """Return one alarm of those judged."""
    (judged,) = [judged for judged in found if judged.rule is rule and judged.index == index]
    return judged


def test_rules_by_index_are_judged_for_each() -> None:
    """The others once."""
    found = list(places(INDEXES))
    assert len(found) == len(RULES) + 1
    assert [index for rule, index in found if rule is rules.READS] == INDEXES


def test_nothing_known_is_no_alarm() -> None:
    """And is not fine either."""
    assert {judged.state for judged in judge("T", INDEXES, {}, {}, {})} == {"not known here"}


@pytest.mark.parametrize(("value", "state"), [(26.0, "ok"), (26.1, "alarm")])
def test_a_reading_is_judged(value: float, state: str) -> None:
    """By the rule's threshold."""
    judged = one(rules.NIGHT, judge("T", [], {rules.NIGHT: value}, {}, {}))
    assert (judged.state, judged.value, judged.threshold, judged.deployed) == (state, value, 26, None)


def test_what_cloudwatch_measured_is_judged_with_patience() -> None:
    """Of each index its own."""
    measured: dict[Place, list[float]] = {
        (rules.READS, "I1"): [20_000.0, 20_000.0, 20_000.0],
        (rules.READS, "I2"): [20_000.0, 20_000.0, 1.0],
    }
    found = judge("T", INDEXES, {}, measured, {})
    assert (one(rules.READS, found, "I1").state, one(rules.READS, found, "I2").state) == ("alarm", "ok")
    assert one(rules.READS, found, "I2").value == 1.0


def test_a_threshold_that_was_deployed_goes_before_the_rules_own() -> None:
    """But not the night's: CloudWatch counts runs there, and not hours."""
    deployed = {"dynalake-T-changed": Deployed("OK", 30.0), "dynalake-T-night": Deployed("ALARM", 1.0)}
    found = judge("T", [], {rules.CHANGED: 20.0, rules.NIGHT: 2.0}, {}, deployed)
    assert (one(rules.CHANGED, found).state, one(rules.CHANGED, found).threshold) == ("ok", 30.0)
    assert (one(rules.NIGHT, found).state, one(rules.NIGHT, found).deployed) == ("ok", "ALARM")


@pytest.mark.parametrize(("state", "shown"), [("OK", "ok"), ("ALARM", "alarm"), ("INSUFFICIENT_DATA", "not known here")])
def test_what_only_cloudwatch_knows_is_its_state(state: str, shown: str) -> None:
    """Without a value."""
    judged = one(rules.LATENCY, judge("T", [], {}, {}, {"dynalake-T-latency": Deployed(state, 100.0)}))
    assert (judged.state, judged.value, judged.deployed) == (shown, None, state)


def test_our_own_units_are_taken_off() -> None:
    """Minute by minute; where we have none, nothing is."""
    minutes = [START + timedelta(minutes=minute) for minute in range(3)]
    everybody = [{minutes[2]: 9_000.0, minutes[0]: 8_000.0}, {minutes[1]: 50.0}]
    assert combined(everybody, [{minutes[0]: 7_900.0, minutes[1]: 10.0}]) == [100.0, 40.0, 9_000.0]
    assert combined([{}], [{minutes[0]: 1.0}]) == []


def test_an_alarm_is_plain_json() -> None:
    """With what it is, what it says and where it rings."""
    judged = one(rules.TTL, judge("T", [], {rules.TTL: 1.5}, {}, {}))
    assert judged.to_dict() == {
        "alarm": "ttl",
        "index": None,
        "title": "messages are about to expire unarchived",
        "state": "alarm",
        "value": 1.5,
        "sense": "below",
        "threshold": 2,
        "unit": "days ahead",
        "in_cloudwatch": None,
    }


def test_dynamodb_tells_no_zeros() -> None:
    """Where CloudWatch has something of the table, sums without a value are 0; percentiles and charges are not known."""
    asked = list(places(INDEXES))
    writes: Place = (rules.WRITES, None)
    found = with_zeros({writes: [7.0]}, asked)
    zeros = {(rules.USER_ERRORS, None), (rules.SYSTEM_ERRORS, None), (rules.READS, "I1"), (rules.READS, "I2")}
    assert found == {writes: [7.0], **{place: [0.0] for place in zeros}}
    assert with_zeros({}, asked) == {}
    assert with_zeros({(rules.LATENCY, None): [9.0]}, asked) == {(rules.LATENCY, None): [9.0]}
