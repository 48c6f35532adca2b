"""What items and writes cost: AWS's own examples and rules, and what holds for any item."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.budget import (
    Budget,
    Cost,
    Index,
    Reason,
    Value,
    Warm,
    indexes_of,
    read_cost,
    reasons_of,
    reported,
    total,
    value_of,
    warm_of,
    write_cost,
)
from archive.model.config import Limits
from archive.model.cost import WriteRates
from archive.model.item_size import item_size
from tests.dynamo_items import Item, items, names, numbers, on_the_wire, respelled, values

BY_MODULE = Index("ByModule", ("moduleId", "timestamp"))
BY_STUDENT = Index("ByStudent", ("studentId", "timestamp"))
KEYS = frozenset({"conversationId", "timestamp", "moduleId"})
KEYS_BY_MODULE = Index("KeysByModule", ("moduleId", "timestamp"), KEYS)


def message(size: int, **attributes: dict[str, Any]) -> Item:
    """Return a message of exactly so many bytes."""
    item: Item = {"conversationId": {"S": "c"}, "timestamp": {"N": "1705276800123"}, **attributes}
    item["content"] = {"S": "x" * (size - item_size(item) - len("content"))}
    assert item_size(item) == size
    return item


def test_the_item_of_the_documentation() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: 23 bytes, names included."""
    assert item_size({"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}) == 23


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "é"}, 2),
        ({"S": "\U0001f600"}, 4),
        ({"B": b"\x00\xff"}, 2),
        ({"B": "AP8="}, 2),
        ({"B": ""}, 0),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "ab"}, {"NULL": True}]}, 3 + (1 + 2) + (1 + 1)),
        ({"M": {"key": {"S": "ab"}}}, 3 + (1 + 3 + 2)),
        ({"M": {"é": {"L": [{"L": []}]}}}, 3 + (1 + 2 + 3 + (1 + 3))),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["12", "0"]}, 3),
        ({"BS": [b"a", b"bc"]}, 3),
    ],
)
def test_the_rules_of_the_documentation(value: dict[str, Any], size: int) -> None:
    """CapacityUnitCalculations: UTF-8 bytes, raw bytes, one byte for NULL and BOOL, three for a list or map and one an element."""
    assert item_size({"name": value}) == 4 + size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("-0", 1),
        ("0.00", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("1" * 38, 20),
        ("0042", 2),
        ("100", 2),
        ("1010", 3),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1E-100", 2),
        ("1.5", 3),
        ("0.15", 2),
        ("1.200", 3),
        ("1.234", 4),
        ("3.14159", 5),
        ("100.5", 4),
        ("-42", 3),
        ("1705276800123", 8),
    ],
)
def test_numbers_as_dynamodb_was_measured_to_count_them(text: str, size: int) -> None:
    """A byte, one for each two digits on either side of the point, and one for a minus sign."""
    assert item_size({"n": {"N": text}}) == 1 + size


@given(numbers)
@settings(deadline=None)
def test_a_number_is_never_smaller_than_documented(text: str) -> None:
    """The documentation says about a byte and one for each two significant digits; no number takes more than 22."""
    digits = "".join(map(str, Decimal(text).as_tuple().digits)).strip("0")
    assert 1 + (len(digits) + 1) // 2 <= item_size({"": {"N": text}}) <= 22


@given(values.flatmap(lambda value: st.tuples(st.just(value), respelled(value))))
@settings(deadline=None)
def test_equal_values_have_one_size(spellings: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """However a number is written, and in whichever order a set or a map is."""
    value, other = spellings
    assert item_size({"a": value}) == item_size({"a": other}) == item_size({"a": on_the_wire(value)})


@given(st.dictionaries(names, values, max_size=4))
@settings(deadline=None)
def test_an_item_is_as_large_as_its_attributes(item: Item) -> None:
    """And nested into a map, or a list, by the documented overhead larger."""
    size = sum(item_size({name: value}) for name, value in item.items())
    assert item_size(item) == size
    assert item_size({"m": {"M": item}}) == 1 + 3 + size + len(item)
    in_a_list = {"l": {"L": list(item.values())}}
    assert item_size(in_a_list) == 1 + 3 + size + len(item) - sum(len(name.encode()) for name in item)


@pytest.mark.parametrize(("size", "units"), [(1_024, 1), (1_025, 2), (2_048, 2), (2_049, 3)])
def test_a_write_costs_its_kilobytes_in_the_table_and_in_each_index(size: int, units: int) -> None:
    """A delete of 2 KB with two full indexes costs two, and two in each."""
    item = message(size, moduleId={"N": "55"}, studentId={"N": "7"})
    cost = write_cost(item, None, [BY_MODULE, BY_STUDENT])
    places: dict[tuple[str, Value], float] = {("ByModule", Decimal(55)): units, ("ByStudent", Decimal(7)): units}
    assert cost == Cost("write", units, {"ByModule": units, "ByStudent": units}, places)
    assert cost.units == 3 * units
    assert cost.refused() == Cost("write", units)
    assert write_cost(None, item, [BY_MODULE, BY_STUDENT]) == cost


def test_an_item_without_an_indexs_key_is_not_in_it() -> None:
    """A sparse index costs nothing; neither does a write that finds nothing, but for one unit of the table."""
    assert write_cost(message(3_000, moduleId={"NULL": True}), None, [BY_MODULE]) == Cost("write", 3)
    assert write_cost(message(3_000, studentId={"N": "7"}), None, [BY_MODULE]) == Cost("write", 3)
    assert write_cost(None, None, [BY_MODULE]) == Cost("write", 1)


def test_an_index_counts_what_it_holds() -> None:
    """Keys only: one unit, however large the item is."""
    cost = write_cost(message(300_000, moduleId={"N": "55"}), None, [BY_MODULE, KEYS_BY_MODULE])
    assert cost.indexes == {"ByModule": 293, "KeysByModule": 1}


def test_a_mark_is_written_to_the_indexes_that_hold_it() -> None:
    """And to no index that does not; the larger image counts."""
    before = message(1_024, moduleId={"N": "55"})
    cost = write_cost(before, {**before, "ttl": {"N": "1705276800"}}, [BY_MODULE, KEYS_BY_MODULE])
    assert cost == Cost("write", 2, {"ByModule": 2}, {("ByModule", Decimal(55)): 2})


def test_a_changed_key_is_written_twice() -> None:
    """Deleted under the old value, put under the new one; put or deleted once, where the key appears or goes."""
    before, after = message(2_048, moduleId={"N": "1"}), message(3_072, moduleId={"N": "2"})
    both = write_cost(before, after, [BY_MODULE])
    assert both == Cost("write", 3, {"ByModule": 5}, {("ByModule", Decimal(1)): 2, ("ByModule", Decimal(2)): 3})
    assert write_cost(before, message(3_072), [BY_MODULE]).indexes == {"ByModule": 2}
    assert write_cost(message(3_072), before, [BY_MODULE]).indexes == {"ByModule": 2}


def test_a_local_index_uses_the_tables_units() -> None:
    """It has none of its own."""
    assert write_cost(message(2_000), None, [Index("Local", ("conversationId", "timestamp"), local=True)]) == Cost("write", 4)


@given(items(), items())
@settings(deadline=None, max_examples=50)
def test_what_a_write_costs_adds_up(before: Item, after: Item) -> None:
    """Each index's units are those of its values; the total of several costs is their sum; no write is free."""
    indexes = [BY_MODULE, BY_STUDENT, KEYS_BY_MODULE]
    found = [write_cost(before, after, indexes), write_cost(before, None, indexes), write_cost(None, after, indexes)]
    for cost in [*found, total("write", found)]:
        for index, units in cost.indexes.items():
            assert units == sum(amount for place, amount in cost.values.items() if place[0] == index) > 0
        assert cost.table >= 1
    assert total("write", found).units == sum(cost.units for cost in found)
    assert found[0].table == max(found[1].table, found[2].table)
    assert write_cost(before, before, indexes).indexes == {}


def test_equal_keys_are_one_partition() -> None:
    """Numbers by value, also a module of the settings; a text is no number."""
    assert {value_of({"N": "55"}), value_of({"N": "55.0"}), value_of({"N": "5.5E1"}), 55} == {55}
    assert len({value_of({"S": "55"}), value_of({"N": "55"}), value_of({"B": b"55"})}) == 3


ESTIMATE = Cost("write", 4, {"A": 4, "B": 4}, {("A", 1): 1, ("A", 2): 3, ("B", 1): 4})


def consumed(table: object, **indexes: object) -> dict[str, Any]:
    """Return a ConsumedCapacity."""
    return {
        "Table": {"CapacityUnits": table},
        "GlobalSecondaryIndexes": {name: {"CapacityUnits": units} for name, units in indexes.items()},
    }


def test_what_is_reported_replaces_the_estimate_and_scales_the_values() -> None:
    """One ConsumedCapacity, or one for each statement of a batch."""
    expected = Cost("write", 6, {"A": 8, "B": 2}, {("A", 1): 2, ("A", 2): 6, ("B", 1): 2})
    assert reported(ESTIMATE, consumed(6.0, A=8.0, B=2.0)) == expected
    assert reported(ESTIMATE, [consumed(3.0, A=8.0), consumed(3.0, B=2.0)]) == expected


@pytest.mark.parametrize("nonsense", [0, 0.0, None, "8", -1, float("nan"), float("inf")])
def test_nonsense_leaves_the_estimate(nonsense: object) -> None:
    """Some servers report no index, zero, or what is no number."""
    assert reported(ESTIMATE, consumed(nonsense, A=nonsense)) == ESTIMATE
    assert reported(ESTIMATE, {"CapacityUnits": nonsense, "GlobalSecondaryIndexes": nonsense}) == ESTIMATE


def test_nothing_reported_leaves_the_estimate() -> None:
    """None, an empty list, and a total that could be anybody's."""
    assert reported(ESTIMATE, None) == reported(ESTIMATE, []) == reported(ESTIMATE, {"CapacityUnits": 99.0}) == ESTIMATE


def test_a_total_counts_where_there_is_only_one_resource() -> None:
    """A Query of an index, or a read of the table."""
    assert reported(read_cost(128.5, "A", 7), {"CapacityUnits": 2.0}) == read_cost(2.0, "A", 7)
    assert reported(read_cost(128.5), {"CapacityUnits": 2.0}) == read_cost(2.0)


def test_an_index_that_nobody_estimated_counts() -> None:
    """One that was added since the table was described; and local ones count for the table."""
    local = {"LocalSecondaryIndexes": {"L": {"CapacityUnits": 2.0}}}
    assert reported(ESTIMATE, {**consumed(4.0, New=3.0), **local}).indexes == {"A": 4, "B": 4, "New": 3}
    assert reported(ESTIMATE, {**consumed(4.0), **local}).table == 6


ARN = "arn:aws:dynamodb:eu-central-1:123456789012:table/ChatMessages"


def test_reasons_are_read_from_an_error() -> None:
    """ThrottlingException spells them in lower case; an index is named by its ARN."""
    hot = {"reason": "IndexWriteKeyRangeThroughputExceeded", "resource": f"{ARN}/index/ProviderUsageIndex"}
    table = {"reason": "TableReadAccountLimitExceeded", "resource": ARN}
    expected = (Reason("write", "ProviderUsageIndex", key_range=True), Reason("read", None, key_range=False))
    assert reasons_of({"ThrottlingReasons": [hot, table], "Error": {"Code": "ProvisionedThroughputExceededException"}}) == expected
    assert reasons_of({"throttlingReasons": [hot, table]}) == expected


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"ThrottlingReasons": None},
        {"ThrottlingReasons": [{}]},
        {"ThrottlingReasons": [{"reason": "SomethingNew", "resource": ARN}]},
        {"ThrottlingReasons": [{"reason": "IndexWriteAccountLimitExceeded", "resource": ARN}]},
        {"Error": {"Code": "ThrottlingError"}},
    ],
)
def test_reasons_that_say_nothing_are_none(response: dict[str, Any]) -> None:
    """Then the table and all indexes of the request are slowed down."""
    assert reasons_of(response) == ()


def test_the_indexes_of_a_described_table() -> None:
    """All projections; keys in their order, whatever order they are described in."""
    keys = [{"AttributeName": "timestamp", "KeyType": "RANGE"}, {"AttributeName": "moduleId", "KeyType": "HASH"}]
    table = {
        "KeySchema": [{"AttributeName": "conversationId", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {"IndexName": "All", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}, "WarmThroughput": {"WriteUnitsPerSecond": 9}},
            {"IndexName": "Keys", "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}},
            {"IndexName": "Some", "KeySchema": keys, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["role"]}},
        ],
        "LocalSecondaryIndexes": [{"IndexName": "Local", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}],
        "WarmThroughput": {"ReadUnitsPerSecond": 50_000, "WriteUnitsPerSecond": 7_000, "Status": "ACTIVE"},
    }
    by = ("moduleId", "timestamp")
    assert indexes_of(table) == (
        Index("All", by),
        Index("Keys", by, KEYS),
        Index("Some", by, KEYS | {"role"}),
        Index("Local", by, local=True),
    )
    assert warm_of(table) == Warm(50_000, 7_000, {"All": (12_000, 9), "Keys": (12_000, 4_000), "Some": (12_000, 4_000)})
    assert indexes_of({}) == ()
    assert warm_of({}) == Warm(12_000, 4_000)


@pytest.mark.parametrize("wrong", [{"table_read": 0}, {"partition_write": -1}, {"index_read": float("nan")}, {"workers": 0}])
def test_a_budget_of_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """With it, nothing could ever be done."""
    with pytest.raises(InputError):
        Budget(**wrong)


def test_an_index_has_the_tables_budget_unless_it_has_its_own() -> None:
    """And a worker has its part of each."""
    budget = Budget(table_write=2_000, index_read=1_000)
    assert (budget.rate("write", "A"), budget.rate("read", "A"), budget.rate("read")) == (2_000, 1_000, 4_000)
    part = replace(budget, workers=4)
    assert (part.rate("write"), part.rate("read", "A"), part.partition("write"), part.partition("read")) == (500, 250, 125, 375)
    assert (part.start("write"), part.start("read", "A")) == (1_000, 3_000)


def test_a_budget_is_what_the_settings_leave_to_one_of_those_that_share_them() -> None:
    """Table, indexes, partition values and the ramp's begin: a quarter of each, where four share them."""
    limits = Limits(400, 200, 1, 1, 1, 100, None, 40, 20, 4)
    budget = Budget.of(limits, Warm(1_000, 2_000, {"I": (4_000, 8_000)}))
    assert [budget.rate("read"), budget.rate("write"), budget.rate("read", "I"), budget.rate("write", "I")] == [100, 50, 25, 50]
    assert (budget.partition("read"), budget.partition("write")) == (10, 5)
    assert [budget.start(*what) for what in (("read",), ("write",), ("write", "I"))] == [250, 500, 2_000]
    assert budget.write_rates() == WriteRates(50, 50, 5)
