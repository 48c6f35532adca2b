"""The order of rows: total, the same in Arrow and in Python, and exact about keys that do not fit their columns."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.values import Item
from archive.lake.order import EXACT, FROM_LAKE, FROM_SPOOL, ORIGIN
from tests.builders import ORDER, START_MS, keyed, message, near_messages, rows, text

_LISTS = st.lists(near_messages(), min_size=1, max_size=12)


def _key(item: Item) -> tuple[str, str]:
    return item["conversationId"]["S"], item["timestamp"]["N"]


@given(_LISTS)
@settings(deadline=None)
def test_arrow_sorts_as_python_compares(found: list[Item]) -> None:
    """`sort_key` is the place that `sort` gives: texts by code point, nulls first."""
    table = keyed(found)
    places = [ORDER.sort_key(table, position) for position in range(table.num_rows)]
    assert places == sorted(places)


@given(_LISTS, st.booleans())
@settings(deadline=None)
def test_the_order_of_time_is_the_same_in_both_directions(found: list[Item], descending: bool) -> None:  # noqa: FBT001
    """Whatever the module; bounds lie where they do in Python's own order, and the lake's row of a key comes first either way."""
    order = replace(ORDER, by_time=True, descending=descending)
    table = order.sort(pa.concat_tables([keyed(found), keyed(found, FROM_LAKE)]))
    plain = replace(ORDER, by_time=True)
    places = [plain.sort_key(table, position) for position in range(table.num_rows)]
    assert places == sorted(places, reverse=descending)
    assert [place[1] for place in places] == sorted(table.column("sent_at").cast(pa.int64()).to_pylist(), reverse=descending)
    for position, place in enumerate(places):
        assert order.lower_bound(table, order.sort_key(table, position)) == places.index(place)
    assert order.repeats(table)[np.flatnonzero(table.column(ORIGIN).to_numpy() == FROM_SPOOL)].all()


@given(_LISTS)
@settings(deadline=None)
def test_the_lower_bound_is_the_first_place_not_before(found: list[Item]) -> None:
    """Also between rows, and behind the last one."""
    table = keyed(found)
    places = [ORDER.sort_key(table, position) for position in range(table.num_rows)]
    for place in [*places, (True, 10**12), (False, 0)]:
        assert ORDER.lower_bound(table, place) == sum(one < place for one in places)


@given(near_messages(), near_messages())
@settings(deadline=None, max_examples=300)
def test_keys_are_equal_exactly_where_the_items_keys_are(one: Item, other: Item) -> None:
    """Whatever else is in the items; equal keys have equal digests, under any module."""
    left, right = keyed([one]), keyed([other])
    same = _key(one) == _key(other)
    assert (ORDER.keys(left) == ORDER.keys(right)) is same
    assert (ORDER.digests(left)[0] == ORDER.digests(right)[0]) == same


def test_digests_are_the_same_alone_and_in_company() -> None:
    """A chunk in which no key needs exact text gives the digests that a chunk with such keys gives."""
    plain, fine = message("a", 1), message("a", 1.5)
    together = ORDER.digests(keyed([plain, fine]))
    alone = [ORDER.digests(keyed([one]))[0] for one in (plain, fine)]
    assert sorted(together.tolist()) == sorted(int(one) for one in alone)


def test_only_keys_that_do_not_fit_have_an_exact_text() -> None:
    """An attribute that merely mentions a key's name, or holds one deeper down, is none."""
    table = ORDER.keyed(
        rows(
            [
                message("a", 0, note={"S": '"timestamp":5'}, meta={"M": {"timestamp": {"N": "5"}}}),
                message("a", 0.5),
                {**message("a", 0), "conversationId": {"B": b"a"}},
            ]
        ),
        FROM_SPOOL,
    )
    assert table.column(EXACT).to_pylist() == [None, f'{{"timestamp":{START_MS}.5}}', '{"conversationId":{"$B":"YQ=="}}']


def test_equal_keys_are_in_the_order_of_their_origins() -> None:
    """The stored row comes first: it is the one that stays."""
    spooled, stored = (ORDER.keyed(rows([message("a", 0, **text(str(origin)))]), origin) for origin in (FROM_SPOOL, FROM_LAKE))
    table = ORDER.sort(pa.concat_tables([spooled, stored]))
    assert table.column(ORIGIN).to_pylist() == [FROM_LAKE, FROM_SPOOL]


def test_a_sorted_table_is_returned_as_it_is() -> None:
    """The proof relies on it to see whether rows are in order."""
    table = keyed([message("a", 1), message("b", 1)])
    assert ORDER.sort(table) is table
    assert ORDER.sort(table.take([1, 0])) is not table


@given(_LISTS)
@settings(deadline=None)
def test_repeats_are_rows_with_the_place_of_the_row_before(found: list[Item]) -> None:
    """Nulls are equal to nulls here, and to nothing else."""
    table = keyed(found)
    places = [ORDER.sort_key(table, position) for position in range(table.num_rows)]
    assert ORDER.repeats(table).tolist() == [False] + [one == before for before, one in pairwise(places)]


_FULL = message(
    "a", 0, 7, messageId={"S": "m"}, studentId={"N": "5"}, provider={"S": "p"}, model={"S": "m"}, role={"S": "r"}, content={"S": "c"},
    inputTokens={"N": "1"}, outputTokens={"N": "2"}, costUsd={"N": "0.5"}, latencyMs={"N": "3"}, finishReason={"S": "f"},
    schemaVersion={"N": "1"}, extra={"S": "x"},
)  # fmt: skip


@pytest.mark.parametrize("name", [*ORDER.spec.attributes, "extra"])
def test_rows_differ_where_one_value_does(name: str) -> None:
    """In any column or in the remainder; missing is not empty, and two missing values are equal."""
    table = keyed([_FULL])
    others = [{**_FULL, name: {"S": "2023"} if "S" in _FULL[name] else {"N": str(START_MS + 1)}}]
    if name not in ("conversationId", "timestamp"):
        others += [{**_FULL, name: {"S": ""}}, {key: value for key, value in _FULL.items() if key != name}]
    for other in others:
        assert ORDER.differ(table, keyed([other])).tolist() == [True], other
    assert ORDER.differ(keyed([others[-1]]), keyed([others[-1]])).tolist() == [False]


def test_a_mark_is_no_difference() -> None:
    """The TTL mark is ours: rows are compared without it."""
    marked = ORDER.keyed(rows([{**message("a", 0), "expiresAt": {"N": "5"}}], "expiresAt"), FROM_SPOOL)
    assert ORDER.differ(marked, keyed([message("a", 0)])).tolist() == [False]


def test_no_rows_are_no_trouble() -> None:
    """An empty table has no keys, no repeats and no digests."""
    table = keyed([message("a", 0)]).slice(0, 0)
    assert ORDER.keys(table) == []
    assert len(ORDER.repeats(table)) == len(ORDER.digests(table)) == 0
    assert ORDER.digests(table).dtype == np.uint64
