"""Lines of plain JSON become items exactly, and what DynamoDB would refuse is refused without showing content."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.codec.lines import key_of, parse_line
from archive.codec.values import canonical_number
from archive.errors import InputError

PRIMARY = {"conversationId": "S", "timestamp": "N"}
INDEXED = {"moduleId": "N", "provider": "S"}
START = '{"conversationId": "c", "timestamp": 1'


def parsed(rest: str) -> dict[str, object]:
    """Return the attributes of a line beside its keys."""
    item = parse_line(f"{START}, {rest}}}".encode(), PRIMARY, INDEXED)
    return {name: value for name, value in item.items() if name not in PRIMARY}


def test_each_json_type_has_its_attribute_type() -> None:
    """Null, booleans, numbers, texts, lists and maps."""
    found = parsed('"a": null, "b": true, "n": 12, "s": "", "l": [1, "x"], "m": {"k": false}, "e": {}')
    assert found == {
        "a": {"NULL": True},
        "b": {"BOOL": True},
        "n": {"N": "12"},
        "s": {"S": ""},
        "l": {"L": [{"N": "1"}, {"S": "x"}]},
        "m": {"M": {"k": {"BOOL": False}}},
        "e": {"M": {}},
    }


def test_tags_say_what_plain_json_cannot() -> None:
    """Binary, the three kinds of sets, and a map that looks like a tag."""
    found = parsed('"b": {"$B": "AAE="}, "s": {"$SS": ["x"]}, "n": {"$NS": [1.5]}, "t": {"$BS": ["AA=="]}, "m": {"$M": {"$B": 7}}')
    assert found == {
        "b": {"B": b"\x00\x01"},
        "s": {"SS": ["x"]},
        "n": {"NS": ["1.5"]},
        "t": {"BS": [b"\x00"]},
        "m": {"M": {"$B": {"N": "7"}}},
    }


@given(st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: len(number.as_tuple().digits) <= 38))
def test_numbers_keep_their_value(number: Decimal) -> None:
    """Any number that DynamoDB can hold arrives with every digit; others are refused, never rounded."""
    fits = not number or -130 <= number.adjusted() <= 125
    if fits:
        assert parsed(f'"n": {number}') == {"n": {"N": canonical_number(str(number))}}
    else:
        with pytest.raises(InputError, match="out of DynamoDB's range"):
            parsed(f'"n": {number}')


@pytest.mark.parametrize(
    ("text", "digits"), [("0.1", "0.1"), ("9007199254740993", "9007199254740993"), ("1e3", "1000"), ("-0", "0"), ("1" + "0" * 40, "1E+40")]
)
def test_no_number_passes_through_a_float(text: str, digits: str) -> None:
    """2^53 + 1 is the first whole number that a float loses."""
    assert parsed(f'"n": {text}') == {"n": {"N": digits}}


@pytest.mark.parametrize("size", [38, 39])
def test_a_number_has_at_most_38_digits(size: int) -> None:
    """The 39th would be refused by DynamoDB in the middle of a load."""
    text = "1" * size
    if size == 38:
        assert parsed(f'"n": {text}') == {"n": {"N": text}}
    else:
        with pytest.raises(InputError, match="more than 38 digits"):
            parsed(f'"n": {text}')


BAD = [
    ("[1]", "is JSON, but not an object"),
    ("secret", "is not a JSON object"),
    ('{"a": "secret"', "is not a JSON object"),
    ("[" * 100_000, "is not a JSON object"),
    ('{"timestamp": 1}', "has no conversationId, a key of the table; add it"),
    ('{"conversationId": 5, "timestamp": 1}', "has a conversationId of the wrong type; .* it must be a text"),
    ('{"conversationId": "secret", "timestamp": "1"}', "has a timestamp of the wrong type; .* it must be a number"),
    ('{"conversationId": "", "timestamp": 1}', "has an empty conversationId"),
    (START + ', "moduleId": "secret"}', "has a moduleId of the wrong type"),
    (START + ', "provider": ""}', "has an empty provider"),
    (START + ', "a": "secret", "a": 2}', "has an object with the same name twice"),
    (START + ', "a": {"b": 1, "b": 2}}', "has an object with the same name twice"),
    (START + ', "a": NaN}', "has NaN or Infinity"),
    (START + ', "a": -Infinity}', "has NaN or Infinity"),
    (START + ', "a": 1E126}', "out of DynamoDB's range"),
    (START + ', "a": 1E-131}', "out of DynamoDB's range"),
    (START + ', "a": 1E99999999999999999999}', "out of DynamoDB's range"),
    (START + ', "": 1}', "has an attribute without a name"),
    (START + ', "a": {"$B": "secret*AB"}}', r"has a with a \$B that does not hold what it says"),
    (START + ', "a": {"$B": 5}}', r"has a with a \$B"),
    (START + ', "a": {"$SS": []}}', r"has a with a \$SS"),
    (START + ', "a": {"$SS": ["x", "x"]}}', r"has a with a \$SS"),
    (START + ', "a": {"$SS": "secret"}}', r"has a with a \$SS"),
    (START + ', "a": {"$NS": ["1"]}}', r"has a with a \$NS"),
    (START + ', "a": {"$NS": [1, 1.0]}}', r"has a with a \$NS"),
    (START + ', "a": {"$BS": ["*"]}}', r"has a with a \$BS"),
    (START + ', "a": {"$M": {"$B": {"$NS": [true]}}}}', r"has a with a \$NS"),
    (START + ', "a": {"$M": 5}}', r"has a with a \$M"),
    (START + ', "a": [{"b": {"$NS": [true]}}]}', r"has a with a \$NS"),
    (START + ', "a": "secret \\ud800"}', "is not a JSON object"),
    (START + ', "a": ' + "[" * 33 + "]" * 33 + "}", "has a nested more than 32 levels deep"),
    (START + ', "a": ' + '{"b": ' * 33 + "1" + "}" * 33 + "}", "has a nested more than 32 levels deep"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD, ids=[line[-40:] for line, _ in BAD])
def test_what_dynamodb_would_refuse_is_refused_here(line: str, sentence: str) -> None:
    """The sentence says what to do, and shows no value."""
    with pytest.raises(InputError, match=sentence) as caught:
        parse_line(line.encode(), PRIMARY, INDEXED)
    assert "secret" not in str(caught.value)


def test_a_line_that_is_not_utf8_is_refused() -> None:
    """A file in another encoding must not load as other characters."""
    with pytest.raises(InputError, match="in UTF-8"):
        parse_line(f'{START}, "a": "caf\xe9"}}'.encode("latin-1"), PRIMARY, INDEXED)


def test_thirty_two_levels_are_allowed() -> None:
    """DynamoDB's own limit."""
    assert parsed('"a": ' + "[" * 32 + "]" * 32)


def test_a_byte_order_mark_is_no_content() -> None:
    """Some editors write one at the start of a file."""
    assert parse_line(b"\xef\xbb\xbf" + START.encode() + b"}", PRIMARY, INDEXED)["timestamp"] == {"N": "1"}


def test_an_escaped_emoji_is_a_text() -> None:
    """Two halves of a character that belong together are fine."""
    assert parsed(f'"a": {json.dumps("😀")}') == {"a": {"S": "😀"}}


def test_keys_are_equal_by_value() -> None:
    """1 and 1.0 are one sort key to DynamoDB."""
    first, second = ({"conversationId": {"S": "c"}, "timestamp": {"N": text}} for text in ("1", "1.0"))
    assert key_of(first, PRIMARY) == key_of(second, PRIMARY)


def test_an_item_that_dynamodb_would_not_take_is_refused() -> None:
    """Of more than 400 KB, counted as DynamoDB counts: the largest that it takes is taken."""
    room = 400 * 1024 - len("conversationId") - 1 - len("timestamp") - 2 - len("b")
    assert parsed(f'"b": "{"x" * room}"')
    with pytest.raises(InputError, match="409,601 bytes"):
        parsed(f'"b": "{"x" * (room + 1)}"')
