"""Arbitrary DynamoDB items for property tests, their other spellings, their form on the wire, and what makes two of them equal."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from archive.model.spec import CHAT_MESSAGES

Value = dict[str, Any]
Item = dict[str, Value]

FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999
_AWKWARD: Final = [
    "remainder",
    "dt",
    "sent_at",
    "_mark",
    "$B",
    "$M",
    "$SS",
    "$",
    'say "hi"',
    "back\\slash",
    "a.b",
    "a[0]",
    "a b",
    "tab\t",
    "line\nbreak",
    "nul\x00",
    "\u2028",
    "\u00e9",
    "e\u0301",
    "\U0001f600",
    "c0",
    "r0",
    "Items",
    "timestamp ",
    "N",
    "__proto__",
    "0",
]
_TEXTS: Final = [
    "",
    " ",
    '"',
    "\\",
    "\\u0041",
    "\x00\x1f\x7f",
    "\u2028\u2029",
    "\U0001f468\u200d\U0001f469",
    "null",
    "1",
    "\ufeff",
    "</script>",
]
_NUMBERS: Final = [
    "0",
    "-0",
    "0.0",
    "1.0",
    "1E3",
    "007",
    "1e-130",
    "-1E-130",
    "9" * 38,
    "-" + "9" * 38,
    "0." + "9" * 38,
    "9.9999999999999999999999999999999999999E+125",
    "-9.9999999999999999999999999999999999999E+125",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "9007199254740993",
    "0.1",
    "1705276800000.5",
    "999999999.999999999",
    "999999999.9999999999",
    "1000000000",
]


def _spelled(sign: str, coefficient: int, adjusted: int) -> str:
    digits = str(coefficient)
    return f"{sign}{digits}E{adjusted - len(digits) + 1:+d}"


texts = st.one_of(st.sampled_from(_TEXTS), st.text(max_size=20))
numbers = st.one_of(
    st.sampled_from(_NUMBERS),
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, places=9).map(str),
    st.builds(_spelled, st.sampled_from(["", "-"]), st.integers(1, 10**38 - 1), st.integers(-93, 125)),
    st.builds(_spelled, st.sampled_from(["", "-"]), st.integers(1, 9), st.integers(-130, 125)),
)
binary = st.binary(max_size=12)
names = st.one_of(st.sampled_from(_AWKWARD), st.text(min_size=1, max_size=8))
_member_names = st.one_of(names, st.just(""))


def _sets(tag: str, members: st.SearchStrategy[Any], by: Callable[[Any], object]) -> st.SearchStrategy[Value]:
    return st.lists(members, min_size=1, max_size=4, unique_by=by).map(lambda inner: {tag: inner})


scalars: st.SearchStrategy[Value] = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    binary.map(lambda data: {"B": data}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    _sets("SS", texts, str),
    _sets("NS", numbers, Decimal),
    _sets("BS", binary, bytes),
)


def _nested(members: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    tags = st.sampled_from(["$B", "$M", "$SS", "$NS", "$BS", "$L", "B", "M"])
    return st.one_of(
        st.lists(members, max_size=3).map(lambda inner: {"L": inner}),
        st.dictionaries(_member_names, members, max_size=3).map(lambda inner: {"M": inner}),
        st.dictionaries(tags, members, min_size=1, max_size=1).map(lambda inner: {"M": inner}),
    )


def buried(value: Value, levels: int) -> Value:
    """Return a value inside so many lists and maps."""
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"$M" if level % 4 else "$B": value}}
    return value


values = st.one_of(scalars, st.recursive(scalars, _nested, max_leaves=8), st.builds(buried, scalars, st.just(31)))
times = st.one_of(
    st.integers(FIRST_MS, LAST_MS).map(str),
    st.integers(1_700_000_000_000, 1_700_000_000_500).map(str),
    st.sampled_from(["1705276800000.5", "-0.25", "1.7052768E12", "0", "-0", str(LAST_MS), str(FIRST_MS)]),
)
_declared = [name for name in CHAT_MESSAGES.attributes if name not in ("conversationId", "timestamp")]


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Draw a message: its keys, some declared attributes with any value at all, and some that nobody declared."""
    item: Item = {"conversationId": {"S": draw(texts.filter(bool))}, "timestamp": {"N": draw(times)}}
    for name in draw(st.lists(st.sampled_from(_declared), unique=True, max_size=5)):
        item[name] = draw(values)
    item |= draw(st.dictionaries(names, values, max_size=4))
    return dict(draw(st.permutations(list(item.items()))))


def meaning(value: Value) -> object:
    """Return what DynamoDB compares: numbers by value, sets and maps without order, types strictly."""
    [(tag, inner)] = value.items()
    if tag == "N":
        return tag, Decimal(inner)
    if tag == "NS":
        return tag, frozenset(map(Decimal, inner))
    if tag in ("SS", "BS"):
        return tag, frozenset(inner)
    if tag == "L":
        return tag, tuple(map(meaning, inner))
    if tag == "M":
        return tag, frozenset((name, meaning(member)) for name, member in inner.items())
    return tag, inner


def item_meaning(item: Item) -> object:
    """Return what makes two items equal to DynamoDB."""
    return meaning({"M": item})


def _number_spellings(text: str) -> list[str]:
    number = Decimal(text)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, (*digits, 0), exponent - 1))
    plain = [f"{number:f}", f"{longer:f}", f"00{number:f}".replace("00-", "-00")] if abs(number.adjusted()) < 45 else []
    return [text, str(longer), f"{number:E}", *plain, *(["-0", "0E10"] if not number else [])]


def respelled(value: Value) -> st.SearchStrategy[Value]:
    """Draw an equal value: another spelling of each number, another order of sets and of maps."""
    [(tag, inner)] = value.items()
    if tag == "N":
        return st.sampled_from(_number_spellings(inner)).map(lambda text: {"N": text})
    if tag == "NS":
        each = [st.sampled_from(_number_spellings(text)) for text in inner]
        return st.tuples(*each).flatmap(lambda texts: st.permutations(list(texts))).map(lambda texts: {"NS": texts})
    if tag in ("SS", "BS"):
        return st.permutations(inner).map(lambda members: {tag: members})
    if tag == "L":
        return st.tuples(*map(respelled, inner)).map(lambda members: {"L": list(members)})
    if tag == "M":
        pairs = [respelled(member).map(lambda member, name=name: (name, member)) for name, member in inner.items()]  # type: ignore[misc]
        return st.tuples(*pairs).flatmap(lambda found: st.permutations(list(found))).map(lambda found: {"M": dict(found)})
    return st.just(value)


def on_the_wire(value: Value) -> Value:
    """Return a value as DynamoDB's JSON has it: binary is base64 text."""
    [(tag, inner)] = value.items()
    if tag == "B":
        return {"B": b64encode(inner).decode()}
    if tag == "BS":
        return {"BS": [b64encode(member).decode() for member in inner]}
    if tag == "L":
        return {"L": list(map(on_the_wire, inner))}
    if tag == "M":
        return {"M": {name: on_the_wire(member) for name, member in inner.items()}}
    return value


def wire_item(item: Item) -> Item:
    """Return a whole item as DynamoDB's JSON has it."""
    return {name: on_the_wire(value) for name, value in item.items()}


def page(page_items: Sequence[Item], *, ascii_only: bool = False, **more: object) -> bytes:
    """Return the body of a Query's answer that holds these items."""
    answer = {"Items": list(map(wire_item, page_items)), "Count": len(page_items), "ScannedCount": len(page_items), **more}
    return json.dumps(answer, ensure_ascii=ascii_only).encode()
