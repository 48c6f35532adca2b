"""One attribute value as plain JSON: readable where plain is unambiguous, exact always, one spelling for equal values."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.values import canonical, canonical_number, decode_plain, encode_plain, from_plain, from_wire, to_plain
from archive.errors import ProofError
from tests.dynamo_items import Value, buried, item_meaning, items, meaning, numbers, on_the_wire, respelled, values

READABLE = [
    ({"S": 'it\'s "x"'}, '"it\'s \\"x\\""'),
    ({"S": ""}, '""'),
    ({"S": "line\nbreak \u2028 \U0001f600"}, '"line\\nbreak \u2028 \U0001f600"'),
    ({"N": "1.50"}, "1.5"),
    ({"N": "9" * 38}, "9" * 38),
    ({"N": "123456789012345678"}, "123456789012345678"),
    ({"N": "1E-130"}, "1E-130"),
    ({"BOOL": False}, "false"),
    ({"NULL": True}, "null"),
    ({"M": {}}, "{}"),
    ({"M": {"rating": {"N": "5"}, "$B": {"S": "x"}}}, '{"$B":"x","rating":5}'),
    ({"M": {"": {"S": "x"}}}, '{"":"x"}'),
    ({"L": [{"N": "1"}, {"S": "1"}]}, '[1,"1"]'),
    ({"B": b"\x00\xff"}, '{"$B":"AP8="}'),
    ({"B": b""}, '{"$B":""}'),
    ({"SS": ["b", "a"]}, '{"$SS":["a","b"]}'),
    ({"NS": ["10", "9.0"]}, '{"$NS":[9,10]}'),
    ({"BS": [b"b", b"a"]}, '{"$BS":["YQ==","Yg=="]}'),
    ({"M": {"$B": {"S": "AP8="}}}, '{"$M":{"$B":"AP8="}}'),
    ({"M": {"$M": {"M": {"$M": {"N": "1"}}}}}, '{"$M":{"$M":{"$M":{"$M":1}}}}'),
    ({"M": {"$other": {"S": "x"}}}, '{"$other":"x"}'),
]


@pytest.mark.parametrize(("value", "text"), READABLE, ids=[text for _, text in READABLE])
def test_plain_json_is_tagged_only_where_it_would_be_ambiguous(value: Value, text: str) -> None:
    """What an analyst reads with json_extract_scalar."""
    assert encode_plain({"a": to_plain(value)}).decode() == f'{{"a":{text}}}'


@settings(max_examples=300, deadline=None)
@given(values)
def test_a_value_comes_back_equal(value: Value) -> None:
    """Type by type, digit by digit."""
    text = encode_plain({"a": to_plain(value)}).decode()
    assert meaning(decode_plain(text)["a"]) == meaning(value)


@settings(max_examples=200, deadline=None)
@given(values)
def test_plain_json_is_json_for_other_readers_too(value: Value) -> None:
    """Python's own parser, which is none of the codec's, reads it to the same value with Decimals for numbers."""
    text = encode_plain({"a": to_plain(value)})
    plain = json.loads(text, parse_int=Decimal, parse_float=Decimal)
    assert meaning(from_plain(plain["a"])) == meaning(value)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_equal_values_have_one_spelling(data: st.DataObject) -> None:
    """Whatever the order of attributes, members and sets, and however numbers are spelled."""
    item = data.draw(items())
    other = data.draw(respelled({"M": item}))["M"]
    assert canonical(other) == canonical(item)


@settings(max_examples=300, deadline=None)
@given(items(), items())
def test_different_items_have_different_spellings(first: dict[str, Value], second: dict[str, Value]) -> None:
    """Two spellings are equal exactly if the items are, by an independent comparison."""
    assert (canonical(first) == canonical(second)) == (item_meaning(first) == item_meaning(second))


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_different_values_have_different_spellings(first: Value, second: Value) -> None:
    """The same, for values next to one another."""
    assert (canonical({"a": first}) == canonical({"a": second})) == (meaning(first) == meaning(second))


LOOKALIKES: list[Value] = [
    {"B": b"\x00"},
    {"M": {"$B": {"S": "AA=="}}},
    {"M": {"$M": {"M": {"$B": {"S": "AA=="}}}}},
    {"SS": ["a"]},
    {"L": [{"S": "a"}]},
    {"M": {"$SS": {"L": [{"S": "a"}]}}},
    {"NS": ["1"]},
    {"SS": ["1"]},
    {"L": [{"N": "1"}]},
    {"BS": [b"\x00"]},
    {"S": "1"},
    {"N": "1"},
    {"BOOL": True},
    {"S": "true"},
    {"NULL": True},
    {"S": "null"},
    {"S": ""},
    {"M": {}},
    {"L": []},
]


def test_values_that_look_alike_stay_apart() -> None:
    """Every pair of them has two spellings."""
    assert len({canonical({"a": value}) for value in LOOKALIKES}) == len(LOOKALIKES)


@settings(max_examples=300, deadline=None)
@given(numbers)
def test_a_canonical_number_keeps_the_value(text: str) -> None:
    """It is a JSON number, equal to what it was made from, and its own canonical form."""
    spelled = canonical_number(text)
    assert Decimal(spelled) == Decimal(text)
    assert json.loads(spelled, parse_int=Decimal, parse_float=Decimal) == Decimal(text)
    assert canonical_number(spelled) == spelled


SPELLINGS = [
    ("-0", "0"),
    ("0E10", "0"),
    ("-0.000", "0"),
    ("1.0", "1"),
    ("+5", "5"),
    ("007", "7"),
    ("1E3", "1000"),
    ("100", "100"),
    ("1" + "0" * 37, "1" + "0" * 37),
    ("1" + "0" * 38, "1E+38"),
    ("0.0000001", "0.0000001"),
    ("0.00000001", "1E-8"),
    ("-12.50", "-12.5"),
    ("123E-1", "12.3"),
    ("12345E-40", "1.2345E-36"),
    ("9.9999999999999999999999999999999999999E+125", "9.9999999999999999999999999999999999999E+125"),
]


@pytest.mark.parametrize(("text", "spelled"), SPELLINGS)
def test_a_number_has_one_spelling(text: str, spelled: str) -> None:
    """Readable near zero, with an exponent far from it."""
    assert canonical_number(text) == spelled


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "-sNaN", "1.2.3", "0x1F", "1E99999999999999999999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """With our error, not the decimal module's."""
    with pytest.raises(ProofError, match="attribute of type N"):
        canonical_number(text)


WRONG = [
    {"X": "1"},
    {},
    {"S": "a", "N": "1"},
    {"S": 1},
    {"N": 1},
    {"S": None},
    {"BOOL": "true"},
    {"B": "not base64!"},
    {"B": "AA"},
    {"BS": ["*"]},
    {"NS": ["x"]},
    {"SS": [1]},
    {"SS": "ab"},
    {"L": {"S": "a"}},
    {"L": ["a"]},
    {"M": [{"S": "a"}]},
    {"M": {"a": "b"}},
]


@pytest.mark.parametrize("value", WRONG, ids=[str(value) for value in WRONG])
def test_what_is_no_attribute_value_is_refused(value: Value) -> None:
    """A damaged answer stops the page with our error, and the error shows no content."""
    with pytest.raises(ProofError, match="nothing was archived from this page"):
        to_plain(value)


@settings(max_examples=100, deadline=None)
@given(values)
def test_the_wire_form_and_the_clients_form_are_one(value: Value) -> None:
    """Base64 text and bytes of the same binary have one spelling."""
    assert canonical({"a": on_the_wire(value)}) == canonical({"a": value})


def test_a_key_from_the_wire_is_as_the_client_takes_it() -> None:
    """Else botocore would encode binary twice, and paging would start somewhere else."""
    assert from_wire({"p": {"B": "AP8="}, "t": {"N": "1"}}) == {"p": {"B": b"\x00\xff"}, "t": {"N": "1"}}


def test_thirty_two_levels_come_back() -> None:
    """DynamoDB's own limit."""
    value = buried({"B": b"x"}, 31)
    assert decode_plain(encode_plain({"a": to_plain(value)}).decode())["a"] == value
