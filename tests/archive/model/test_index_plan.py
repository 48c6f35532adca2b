"""Plans for indexes: what is missing, what forbids it, what a backfill writes and costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError, RefusedError
from archive.model.index_plan import IndexPlan, Throughput, plan_indexes, update_request
from archive.model.prices import US_EAST_1
from archive.model.wanted_table import key_schema, wanted_table
from tests.servers import chat_messages

WANTED: Final = wanted_table(chat_messages(), "expiresAt")
PROVISIONED: Final = {"BillingModeSummary": {"BillingMode": "PROVISIONED"}}


def table(*indexes: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of DescribeTable's answer
    """Return the wanted table with some of its indexes only."""
    made = [{**WANTED.indexes[number].definition, "IndexStatus": "ACTIVE"} for number in indexes]
    described = {**WANTED.definition(protected=True), "TableStatus": "ACTIVE", "GlobalSecondaryIndexes": made, **changes}
    used = {part["AttributeName"] for index in made for part in index["KeySchema"]} | set(WANTED.keys)
    definitions = [part for part in described["AttributeDefinitions"] if part["AttributeName"] in used]
    return {**described, "AttributeDefinitions": changes.get("AttributeDefinitions", definitions)}


def more(count: int) -> list[dict[str, Any]]:
    """Return indexes of somebody else."""
    return [{"IndexName": f"Other{number}", "KeySchema": key_schema(("conversationId", "timestamp"))} for number in range(count)]


def planned(described: dict[str, Any], *units: int | None) -> IndexPlan:
    """Plan it with the prices of us-east-1."""
    return plan_indexes(described, WANTED, Throughput(*units), US_EAST_1)


def test_two_indexes_of_a_million_messages_of_2_kb() -> None:
    """Two units a message and index at $0.625 a million; stored with 100 bytes an item, at $0.25 a GB."""
    plan = planned(table(0, ItemCount=10**6, TableSizeBytes=2048 * 10**6))
    assert [index.name for index in plan.missing] == ["StudentActivityIndex", "ProviderUsageIndex"]
    assert (plan.units, plan.dollars, plan.being_made) == (2 * 10**6, Decimal("1.25"), ())
    assert plan.dollars_month == Decimal(2148 * 10**6) * Decimal("0.25") / 2**30
    assert "at most 1,000,000 items" in plan.in_words()
    assert "about 4,000,000 units in all, or about $2.50 once; then about $1.00 a month" in plan.in_words()
    told = plan.to_dict()
    assert (told["write_units"], told["dollars_once"], told["dollars_a_month"]) == (4 * 10**6, "2.500000", "1.000240")


def test_indexes_of_an_infrequent_access_table_are_priced_as_its_class() -> None:
    """Their writes cost more than a Standard table's, and their storage less."""
    rare = {"TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"}}
    counted = {"ItemCount": 10**6, "TableSizeBytes": 2048 * 10**6}
    plain, priced = planned(table(0, **counted)), planned(table(0, **counted, **rare))
    assert plain.dollars is not None
    assert priced.dollars == plain.dollars * US_EAST_1.ia_write_million / US_EAST_1.write_million
    assert priced.dollars_month == Decimal(2148 * 10**6) * US_EAST_1.ia_table_gb_month / 2**30


@given(st.integers(0, 10**9), st.integers(0, 10**12))
def test_a_backfill_writes_at_least_a_unit_an_item(items: int, size: int) -> None:
    """And at least a unit for each KB, begun ones too; nothing for a table of nothing."""
    plan = planned(table(0, ItemCount=items, TableSizeBytes=size))
    assert plan.units >= items
    assert plan.units * 1024 >= (size if items else 0)
    assert bool(plan.units) == bool(items)


def test_a_unit_is_a_kb_that_is_begun() -> None:
    """Two items of half a byte more than 1 KB are written with two units each."""
    assert planned(table(0, ItemCount=2, TableSizeBytes=2_049)).units == 4
    assert planned(table(0, ItemCount=2, TableSizeBytes=2_048)).units == 2


def test_a_table_that_tells_no_counts_is_planned() -> None:
    """As one of nothing."""
    assert planned(table(0, ItemCount=None)).units == 0


def test_what_is_being_made_is_named() -> None:
    """And no throughput is asked for where nothing is missing."""
    described = table(0, 1, 2, TableStatus="UPDATING", **PROVISIONED)
    described["GlobalSecondaryIndexes"][1]["IndexStatus"] = "CREATING"
    plan = planned(described)
    assert (plan.missing, plan.being_made, plan.dollars) == ((), ("StudentActivityIndex",), None)
    assert plan.to_dict()["dollars_once"] is None


@pytest.mark.parametrize(
    ("described", "units", "error", "said"),
    [
        (table(0, TableStatus="UPDATING"), (), RefusedError, "is UPDATING, and only an ACTIVE table can get an index"),
        (table(0, TableStatus="CREATING"), (), RefusedError, "is CREATING"),
        (table(0, KeySchema=key_schema(("a", "timestamp"))), (), RefusedError, "cannot get its indexes: the table's keys are"),
        (
            table(0, GlobalSecondaryIndexes=[{"IndexName": "ProviderUsageIndex", "KeySchema": key_schema(("model", "timestamp"))}]),
            (),
            RefusedError,
            r"index ProviderUsageIndex has the keys \(model, timestamp\), not \(provider, timestamp\).* delete it",
        ),
        (
            table(0, AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("studentId", "conversationId")]
                  + [{"AttributeName": n, "AttributeType": "N"} for n in ("timestamp", "moduleId")]),
            (),
            RefusedError,
            "index StudentActivityIndex needs studentId of type N, and the table has it as a key of type S",
        ),
        (table(GlobalSecondaryIndexes=more(18)), (), RefusedError, "has 18 indexes, and 3 more would be 21; DynamoDB's quota is 20"),
        (table(0, **PROVISIONED), (), InputError, "is provisioned, .* give --read-units and --write-units"),
        (table(0, **PROVISIONED), (5,), InputError, "give --read-units and --write-units"),
        (table(0, **PROVISIONED), (5, 0), InputError, "from 1 to 40,000"),
        (table(0, **PROVISIONED), (40_001, 5), InputError, "from 1 to 40,000"),
        (table(0), (5, 5), InputError, "is paid for on demand, .* leave --read-units and --write-units out"),
    ],
)  # fmt: skip
def test_what_forbids_it_is_said(described: dict[str, Any], units: tuple[int, ...], error: type[Exception], said: str) -> None:
    """Before anything is asked for."""
    with pytest.raises(error, match=said):
        planned(described, *units)


def test_the_quota_itself_is_allowed() -> None:
    """20 indexes, and a table that has them all already is not counted."""
    assert len(planned(table(GlobalSecondaryIndexes=more(17))).missing) == 3
    full = table(0, 1, 2)
    full["GlobalSecondaryIndexes"] += more(17)
    assert planned(full).missing == ()
    assert planned(table(0, **PROVISIONED), 40_000, 1).units == 0


def test_update_table_is_told_the_types_of_the_keys_that_it_needs() -> None:
    """All that it has, as it has them, and the new index's; units only where the table has some."""
    request = update_request(table(0), WANTED.indexes[1], WANTED, Throughput())
    types = {part["AttributeName"]: part["AttributeType"] for part in request["AttributeDefinitions"]}
    assert types == {"conversationId": "S", "timestamp": "N", "moduleId": "N", "studentId": "N"}
    assert request["GlobalSecondaryIndexUpdates"] == [{"Create": WANTED.indexes[1].definition}]
    (made,) = update_request(table(0, **PROVISIONED), WANTED.indexes[1], WANTED, Throughput(5, 7))["GlobalSecondaryIndexUpdates"]
    assert made["Create"]["ProvisionedThroughput"] == {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}
    binary = [{"AttributeName": "conversationId", "AttributeType": "B"}, {"AttributeName": "timestamp", "AttributeType": "N"}]
    kept = update_request(table(AttributeDefinitions=binary), WANTED.indexes[0], WANTED, Throughput())
    assert kept["AttributeDefinitions"][0] == binary[0]
