"""What is learned of an attribute covers every value that was met, and only ever grows, within bounds."""

from __future__ import annotations

from functools import reduce
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.readers import reader_of
from archive.codec.shapes import ANYTHING, MOST_NAMES, UNKNOWN, Shape, joined, learned, shape_of
from archive.codec.values import encode_plain, to_plain
from archive.errors import ProofError
from tests.dynamo_items import Value, on_the_wire, values

S: Final = Shape("S")
N: Final = Shape("N")


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({"S": "x"}, S),
        ({"N": "1"}, N),
        ({"BOOL": True}, Shape("BOOL")),
        ({"NULL": True}, Shape("NULL")),
        ({"B": b"x"}, ANYTHING),
        ({"SS": ["x"]}, ANYTHING),
        ({"NS": ["1"]}, ANYTHING),
        ({"BS": [b"x"]}, ANYTHING),
        ({"L": []}, Shape("L", element=UNKNOWN)),
        ({"L": [{"S": "x"}, {"S": "y"}]}, Shape("L", element=S)),
        ({"L": [{"S": "x"}, {"N": "1"}]}, Shape("L", element=ANYTHING)),
        ({"M": {}}, Shape("M")),
        ({"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "x"}}}}}, Shape("M", {"a": N, "b": Shape("M", {"c": S})})),
        ({"M": {"$B": {"S": "x"}}}, ANYTHING),
        ({"M": {'q"': {"S": "x"}}}, ANYTHING),
        ({"M": {f"n{number}": {"S": "x"} for number in range(MOST_NAMES + 1)}}, ANYTHING),
    ],
)
def test_a_value_has_a_shape(value: Value, shape: Shape) -> None:
    """What cannot be parsed into a struct, or need not be, is read one by one."""
    assert shape_of(value) == shape


def test_a_map_learns_the_names_it_meets() -> None:
    """Each may be absent."""
    maps: list[Value] = [{"M": {"a": {"S": "x"}}}, {"M": {"b": {"N": "1"}}}, {"M": {}}]
    assert reduce(joined, map(shape_of, maps)) == Shape("M", {"a": S, "b": N})


def test_what_has_two_types_is_anything() -> None:
    """At its own place only: the rest of the map stays learned."""
    maps: list[Value] = [{"M": {"a": {"S": "x"}, "b": {"N": "1"}}}, {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}]
    assert reduce(joined, map(shape_of, maps)) == Shape("M", {"a": ANYTHING, "b": N})


def test_what_is_no_value_is_refused() -> None:
    """Learning sees values before anything else does."""
    with pytest.raises(ProofError):
        shape_of({"M": {"a": "b"}})


@settings(max_examples=200, deadline=None)
@given(st.lists(values, min_size=1, max_size=5))
def test_a_reader_reads_every_value_it_was_learned_from(drawn: list[Value]) -> None:
    """Parsed by the shape of all of them and made plain together, each is printed as the exact way prints it."""
    reader = reader_of(learned(UNKNOWN, drawn))
    wires = msgspec.json.decode(msgspec.json.encode([on_the_wire(value) for value in drawn]), type=list[reader.wire])  # type: ignore[name-defined]
    found = reader.plain([*wires, reader.nothing])
    assert found.pop() is msgspec.UNSET
    assert [encode_plain({"a": plain}) for plain in found] == [encode_plain({"a": to_plain(value)}) for value in drawn]


@settings(max_examples=200, deadline=None)
@given(st.lists(values, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_learning_makes_no_difference(drawn: list[Value], chance: object) -> None:
    """Joining is commutative, associative and idempotent, so that learning ends."""
    shuffled = [*drawn, *drawn]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert reduce(joined, map(shape_of, shuffled), UNKNOWN) == reduce(joined, map(shape_of, drawn), UNKNOWN)


def test_a_shape_that_grows_too_large_is_given_up() -> None:
    """Ten maps of sixty names are more than is worth a struct, and it is never learned again."""
    wide: Value = {"M": {f"n{number}": {"S": "x"} for number in range(60)}}
    assert learned(UNKNOWN, [wide]).tag == "M"
    deep: Value = {"M": {f"m{number}": wide for number in range(10)}}
    assert learned(UNKNOWN, [deep]) is ANYTHING
    assert learned(ANYTHING, [wide]) is ANYTHING
