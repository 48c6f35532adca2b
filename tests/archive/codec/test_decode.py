"""Pages of DynamoDB's JSON become rows and items again: exactly, with one row for equal items, and never silently fewer."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.decode import PageDecoder
from archive.codec.fit import row_schema, spool_schema
from archive.codec.items import items_of
from archive.codec.lines import parse_line
from archive.codec.values import canonical
from archive.errors import DynalakeError, ProofError
from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec
from tests.dynamo_items import Item, Value, item_meaning, items, page, respelled, scalars, wire_item

KEY: Item = {"conversationId": {"S": "c"}, "timestamp": {"N": "1705276800000"}}
MARK = "expiresAt"
REAL_MESSAGES = 28_305
PAGE = 583


def decoded(item: Item, mark: str | None = None) -> dict[str, Any]:
    """Return the one row of a page with one item."""
    rows = PageDecoder(CHAT_MESSAGES, mark).query_page(page([item])).rows()
    [row] = rows.to_pylist()
    return dict(row)


@settings(max_examples=250, deadline=None)
@given(st.lists(items(), max_size=4), st.booleans())
def test_items_come_back_equal_from_rows(drawn: list[Item], ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis names it
    """Page, rows, items: attribute by attribute, type by type, by our spelling and by an independent comparison."""
    rows = PageDecoder(CHAT_MESSAGES).query_page(page(drawn, ascii_only=ascii_only)).rows()
    assert rows.schema == spool_schema(CHAT_MESSAGES)
    rows.validate(full=True)
    restored = items_of(CHAT_MESSAGES, rows)
    assert [canonical(item) for item in restored] == [canonical(item) for item in drawn]
    assert [item_meaning(item) for item in restored] == [item_meaning(item) for item in drawn]


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_equal_items_give_equal_rows(data: st.DataObject) -> None:
    """Whatever the order of attributes and set members, and however numbers are spelled: or a proof would fail for nothing."""
    item = data.draw(items())
    other = data.draw(respelled({"M": item}))["M"]
    decoder = PageDecoder(CHAT_MESSAGES, MARK)
    assert decoder.query_page(page([item])).rows().equals(decoder.query_page(page([other])).rows())


@settings(max_examples=250, deadline=None)
@given(st.lists(items(), max_size=4))
def test_every_way_of_decoding_gives_the_same_rows(drawn: list[Item]) -> None:
    """New shapes (slow), learned shapes (fast), items at hand, and BatchGetItem's answers."""
    body = page(drawn)
    decoder = PageDecoder(CHAT_MESSAGES, MARK)
    slow = decoder.query_page(body).rows()
    batch = json.dumps({"Responses": {"T": list(map(wire_item, drawn))}, "UnprocessedKeys": {}}).encode()
    assert decoder.query_page(body).rows().equals(slow)
    assert PageDecoder(CHAT_MESSAGES, MARK).rows(drawn).equals(slow)
    assert PageDecoder(CHAT_MESSAGES, MARK).rows(list(map(wire_item, drawn))).equals(slow)
    assert decoder.batch_page(batch, "T").rows.equals(slow)


_FEW = st.sampled_from(["a", "b", 'q"', "$B", "é"])
_ALIKE = st.recursive(
    scalars,
    lambda members: st.one_of(
        st.dictionaries(_FEW, members, max_size=4).map(lambda inner: {"M": inner}),
        st.lists(members, max_size=3).map(lambda inner: {"L": inner}),
    ),
    max_leaves=10,
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.lists(st.dictionaries(st.sampled_from(["a", "meta", "moduleId", MARK]), _ALIKE), max_size=4), min_size=2, max_size=5))
def test_what_was_learned_before_makes_no_difference(pages: list[list[Item]]) -> None:
    """Attributes that come and go, and whose values change their shape from page to page: the rows are those of the slow, exact way."""
    decoder = PageDecoder(CHAT_MESSAGES, MARK)
    for drawn in [*pages, *pages]:
        whole = [{**KEY, **item} for item in drawn]
        assert decoder.query_page(page(whole)).rows().equals(PageDecoder(CHAT_MESSAGES, MARK).rows(whole))


@settings(max_examples=150, deadline=None)
@given(st.lists(items(), max_size=3), st.lists(items(), max_size=3))
def test_a_page_is_decoded_alike_after_any_other(before: list[Item], drawn: list[Item]) -> None:
    """Also with awkward names and deep values."""
    decoder = PageDecoder(CHAT_MESSAGES, MARK)
    decoder.query_page(page(before)).rows()
    assert decoder.query_page(page(drawn)).rows().equals(PageDecoder(CHAT_MESSAGES, MARK).rows(drawn))


def test_nothing_of_a_page_is_kept() -> None:
    """A backlog has millions of pages. msgspec 0.22's encode_lines, for one, never lets go of an iterator that it was given."""
    body = page([{**KEY, "a": {"S": "x" * 1_000}, "b": {"M": {"text": {"S": "x" * 1_000}}}}] * 100)
    decoder = PageDecoder(CHAT_MESSAGES)
    tracemalloc.start()
    try:
        for _ in range(5):
            decoder.query_page(body).rows()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            decoder.query_page(body).rows()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < len(body)


def test_a_learned_page_is_decoded_at_once() -> None:
    """Once its names are known, a page fits the structs as a whole: else the fast way would never be taken, and nothing would tell."""
    decoder = PageDecoder(CHAT_MESSAGES)
    body = page([{**KEY, "metadata": {"M": {"rating": {"N": "5"}}}}])
    with pytest.raises(msgspec.ValidationError):
        decoder._page.decode(body)  # noqa: SLF001 - nothing public tells the two ways apart, which is the point of them
    decoder.query_page(body).rows()
    assert len(decoder._page.decode(body).items) == 1  # noqa: SLF001


@settings(max_examples=150, deadline=None)
@given(items())
def test_the_remainder_is_plain_json(item: Item) -> None:
    """An object of the attributes that no column holds as a whole, and null where there are none."""
    row = decoded(item)
    remainder = json.loads(row["remainder"], parse_float=Decimal, parse_int=Decimal) if row["remainder"] is not None else {}
    left = set(item) - set(CHAT_MESSAGES.attributes)
    assert left <= set(remainder) <= set(item)
    assert row["remainder"] is None or remainder
    whole = set(item) - set(remainder)
    assert all(row[CHAT_MESSAGES.column(name).name] is not None for name in whole)


def test_the_remainder_reads_as_documented() -> None:
    """$.metadata.rating, and tags for binary, sets and maps that look like a tag."""
    item: Item = {
        **KEY,
        "metadata": {"M": {"rating": {"N": "4.50"}, "tags": {"SS": ["b", "a"]}}},
        "raw": {"B": b"\x00"},
        "odd": {"M": {"$B": {"S": "x"}}},
        "moduleId": {"S": "fifty-five"},
        "none": {"NULL": True},
    }
    row = decoded(item)
    assert row["module_id"] is None
    assert row["remainder"] == (
        '{"metadata":{"rating":4.5,"tags":{"$SS":["a","b"]}},"moduleId":"fifty-five","none":null,'
        '"odd":{"$M":{"$B":"x"}},"raw":{"$B":"AA=="}}'
    )


def test_one_attribute_may_have_another_type_in_every_item() -> None:
    """What fits goes to the column, what does not to the remainder, item by item."""
    different: list[Value] = [{"N": "7"}, {"S": "7"}, {"NULL": True}, {"N": "7.5"}, {"N": "1E30"}, {"BOOL": True}, {"NS": ["7"]}]
    drawn = [{**KEY, "moduleId": value} for value in different]
    rows = PageDecoder(CHAT_MESSAGES).query_page(page(drawn)).rows()
    assert rows.column("module_id").to_pylist() == [7, None, None, None, None, None, None]
    assert rows.column("remainder").to_pylist()[1:4] == ['{"moduleId":"7"}', '{"moduleId":null}', '{"moduleId":7.5}']
    assert list(map(item_meaning, items_of(CHAT_MESSAGES, rows))) == list(map(item_meaning, drawn))


def test_a_member_that_a_learned_map_did_not_have_is_kept() -> None:
    """On the first page that has it, however deep: the fast way must not fit."""
    decoder = PageDecoder(CHAT_MESSAGES)
    for inner in ({"a": {"N": "1"}}, {"a": {"N": "1"}, "b": {"S": "new"}}):
        item = {**KEY, "meta": {"M": {"deep": {"L": [{"M": inner}]}}}}
        assert decoder.query_page(page([item])).rows().equals(PageDecoder(CHAT_MESSAGES).rows([item]))


def test_more_names_than_are_learned_come_back() -> None:
    """A hundred names a page: those beyond the learned ones are read the slow way, and nothing is left out."""
    decoder = PageDecoder(CHAT_MESSAGES)
    for first in range(0, 300, 100):
        drawn: list[Item] = [{**KEY, f"name{number}": {"N": str(number)}} for number in range(first, first + 100)]
        assert list(map(item_meaning, items_of(CHAT_MESSAGES, decoder.query_page(page(drawn)).rows()))) == list(map(item_meaning, drawn))
    assert decoder.seen == {f"name{number}" for number in range(300)}


AWKWARD = TableSpec(
    "p",
    "t",
    "m",
    (
        Column("p", "p", ColumnType("string")),
        Column("t", "t", ColumnType("timestamp")),
        Column("m", "m", ColumnType("string")),
        Column('say "hi"', "said", ColumnType("string")),
        Column("back\\slash", "slashed", ColumnType("int64")),
        Column("\x00", "nothing", ColumnType("boolean")),
        Column("é.[0]", "accented", ColumnType("decimal", 5, 2)),
    ),
)


def test_declared_attributes_may_have_awkward_names() -> None:
    """Also those that a struct cannot name its fields by."""
    item: Item = {
        "p": {"S": "x"},
        "t": {"N": "5"},
        "m": {"S": "y"},
        'say "hi"': {"S": "hi"},
        "back\\slash": {"N": "3"},
        "\x00": {"BOOL": False},
        "é.[0]": {"N": "1.25"},
    }
    decoder = PageDecoder(AWKWARD)
    for _ in range(2):
        rows = decoder.query_page(page([item, {"p": {"S": "x"}, "t": {"N": "6"}}])).rows()
        assert rows.column("said").to_pylist() == ["hi", None]
        assert rows.column("slashed").to_pylist() == [3, None]
        assert rows.column("nothing").to_pylist() == [False, None]
        assert rows.column("accented").to_pylist() == [Decimal("1.25"), None]
        assert rows.column("remainder").to_pylist() == [None, None]
        assert items_of(AWKWARD, rows)[0] == item


def test_a_whole_number_mark_goes_to_the_marks() -> None:
    """The TTL that Dynalake set is no part of the message; however it is spelled."""
    for text in ("1800000000", "1.8E9", "1800000000.0"):
        row = decoded({**KEY, MARK: {"N": text}}, MARK)
        assert (row["_mark"], row["remainder"]) == (1_800_000_000, None)


@pytest.mark.parametrize("value", [{"N": "1.5"}, {"N": "-1"}, {"N": "9" * 38}, {"S": "1800000000"}, {"NULL": True}, {"BOOL": True}])
def test_any_other_value_of_the_mark_is_part_of_the_message(value: Value) -> None:
    """It cannot be ours, and must not get lost."""
    item: Item = {**KEY, MARK: value}
    decoder = PageDecoder(CHAT_MESSAGES, MARK)
    for _ in range(2):
        rows = decoder.query_page(page([item])).rows()
        assert rows.column("_mark").to_pylist() == [None]
        assert item_meaning(items_of(CHAT_MESSAGES, rows)[0]) == item_meaning(item)


def test_without_a_mark_every_attribute_is_part_of_the_message() -> None:
    """In the modes delete and keep, a TTL is the message's own."""
    row = decoded({**KEY, MARK: {"N": "1800000000"}})
    assert (row["_mark"], row["remainder"]) == (None, f'{{"{MARK}":1800000000}}')


def test_a_marked_and_an_unmarked_message_have_one_row() -> None:
    """So that a mark is no change."""
    plain = PageDecoder(CHAT_MESSAGES, MARK).query_page(page([KEY])).rows()
    marked = PageDecoder(CHAT_MESSAGES, MARK).query_page(page([{**KEY, MARK: {"N": "1800000000"}}])).rows()
    names = row_schema(CHAT_MESSAGES).names
    assert marked.select(names).equals(plain.select(names))


@pytest.mark.parametrize("time", [None, {"S": "1705276800000"}, {"N": "253402300800000"}, {"N": "-62135596800001"}, {"N": "1E100"}])
def test_a_row_without_a_time_is_refused(time: Value | None) -> None:
    """It would be in no segment; the years 1 to 9999 are what Athena knows."""
    item = {"conversationId": {"S": "c"}, **({"timestamp": time} if time else {})}
    with pytest.raises(ProofError, match="time key"):
        PageDecoder(CHAT_MESSAGES).query_page(page([item])).rows()
    with pytest.raises(ProofError, match="time key"):
        PageDecoder(CHAT_MESSAGES).rows([item])


@pytest.mark.parametrize(
    ("text", "milliseconds", "remainder"),
    [
        ("1705276800000", 1705276800000, None),
        ("1705276800000.0", 1705276800000, None),
        ("1705276800000.999", 1705276800000, '{"timestamp":1705276800000.999}'),
        ("-0.5", -1, '{"timestamp":-0.5}'),
        ("253402300799999", 253402300799999, None),
        ("253402300799999.5", 253402300799999, '{"timestamp":253402300799999.5}'),
        ("-62135596800000", -62135596800000, None),
    ],
)
def test_a_time_is_floored_to_the_millisecond(text: str, milliseconds: int, remainder: str | None) -> None:
    """The exact value is then in the remainder."""
    rows = PageDecoder(CHAT_MESSAGES).query_page(page([{**KEY, "timestamp": {"N": text}}])).rows()
    assert rows.column("sent_at").cast(pa.int64()).to_pylist() == [milliseconds]
    assert rows.column("remainder").to_pylist() == [remainder]


def test_a_page_says_where_to_go_on_and_what_it_cost() -> None:
    """The key is as the client takes it: bytes, not base64."""
    more: dict[str, Any] = {
        "LastEvaluatedKey": {"b": {"B": "AP8="}, "t": {"N": "1"}},
        "ConsumedCapacity": {"TableName": "T", "CapacityUnits": 128.5},
    }
    found = PageDecoder(CHAT_MESSAGES).query_page(page([KEY], **more))
    assert found.last_key == {"b": {"B": b"\x00\xff"}, "t": {"N": "1"}}
    assert found.units == 128.5
    found = PageDecoder(CHAT_MESSAGES).query_page(page([]))
    assert (found.rows().num_rows, found.last_key, found.units) == (0, None, None)


def test_a_batch_says_what_was_left_undone() -> None:
    """Keys as the client takes them, and the units of all tables."""
    keys = [{"b": {"B": "AP8="}}]
    answer = {
        "Responses": {"T": []},
        "UnprocessedKeys": {"T": {"Keys": keys, "ConsistentRead": True}},
        "ConsumedCapacity": [{"CapacityUnits": 2}],
    }
    found = PageDecoder(CHAT_MESSAGES).batch_page(json.dumps(answer).encode(), "T")
    assert found.unprocessed == [{"b": {"B": b"\x00\xff"}}]
    assert found.units == 2.0


BAD_BODIES = [
    b"",
    b"{}",
    b"[]",
    b'{"Items": []}',
    b'{"Items": [], "Count": 1}',
    b'{"Items": {}, "Count": 0}',
    b'{"Items": [5], "Count": 1}',
    b'{"Items": [{"a": "b"}], "Count": 1}',
    b'{"Items": [{"a": {"S": "\xff"}}], "Count": 1}',
    b'{"Items": [{"a": {"S": "\\ud800"}}], "Count": 1}',
    b'{"Items": ' + b"[" * 100_000,
    b'{"Items": [{"a": {"L": ' + b"[" * 100_000,
    b"<html>busy</html>",
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=[repr(body[:40]) for body in BAD_BODIES])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    """Above all it is not taken for a page without messages."""
    with pytest.raises(ProofError, match="nothing was archived"):
        PageDecoder(CHAT_MESSAGES).query_page(body).rows()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Responses": []}', b'{"Responses": {"T": {}}}', b'{"Responses": {"T": [5]}}'])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    """Above all its messages are not taken for gone."""
    with pytest.raises(ProofError, match="nothing was archived"):
        PageDecoder(CHAT_MESSAGES).batch_page(body, "T")


def test_a_batch_of_another_table_is_refused() -> None:
    """Else its messages would be taken for gone."""
    with pytest.raises(ProofError):
        PageDecoder(CHAT_MESSAGES).batch_page(b'{"Responses": {"U": []}}', "T")


RICH: list[Item] = [
    {
        **KEY,
        "moduleId": {"N": "55"},
        "costUsd": {"N": "0.000431"},
        "all": {"M": {"b": {"B": b"xyz"}, "s": {"SS": ["a", "b"]}, "n": {"NS": ["1", "2"]}, "l": {"L": [{"NULL": True}, {"BOOL": True}]}}},
    },
    {**KEY, "content": {"S": "é\n"}, "bs": {"BS": [b"q"]}},
]


@pytest.mark.parametrize("learned", [False, True])
def test_a_damaged_byte_is_refused_or_is_another_page(learned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Every byte of a page, replaced by others or left out: our own error, or as many rows as there were; never a crash."""
    body = page(RICH, LastEvaluatedKey=wire_item(KEY), ConsumedCapacity={"CapacityUnits": 1.5})
    known = PageDecoder(CHAT_MESSAGES, MARK)
    known.query_page(body).rows()
    refused = 0
    for position in range(len(body)):
        for replacement in (b"", b"\x00", b'"', b"S", b"N", b"M", b"L", b"9", b"}", b"\xff", b"\\"):
            damaged = body[:position] + replacement + body[position + 1 :]
            decoder = known if learned else PageDecoder(CHAT_MESSAGES, MARK)
            try:
                rows = decoder.query_page(damaged).rows()
            except DynalakeError:
                refused += 1
            else:
                assert rows.num_rows == len(RICH)
    assert refused > len(body)


@settings(max_examples=100, deadline=None)
@given(st.lists(items(), min_size=1, max_size=2), st.data())
def test_damage_to_any_page_raises_no_foreign_error(drawn: list[Item], data: st.DataObject) -> None:
    """A piece of it overwritten, or the page cut short."""
    body = page(drawn)
    start = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:start] + data.draw(st.binary(max_size=3)) + data.draw(st.sampled_from([body[start + 1 :], body[start + 3 :], b""]))
    try:
        rows = PageDecoder(CHAT_MESSAGES, MARK).query_page(damaged).rows()
    except DynalakeError:
        return
    assert rows.num_rows == len(drawn)


def test_all_real_messages_come_back(real_messages: Path) -> None:
    """Every one of them, equal to the last digit, page by page, on the learned way."""
    with gzip.open(real_messages) as lines:
        real = [parse_line(line, {"conversationId": "S", "timestamp": "N"}, {}) for line in lines]
    decoder = PageDecoder(CHAT_MESSAGES)
    restored: list[Item] = []
    for first in range(0, len(real), PAGE):
        restored += items_of(CHAT_MESSAGES, decoder.query_page(page(real[first : first + PAGE])).rows())
    assert len(restored) == REAL_MESSAGES
    assert [canonical(item) for item in restored] == [canonical(item) for item in real]
    assert all(item_meaning(one) == item_meaning(other) for one, other in zip(restored, real, strict=True))
