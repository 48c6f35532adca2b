"""What must still hold for a message to be removed, as an expression and as PartiQL."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archive.codec.conditions import DELETE, MOST_CHARACTERS, MOST_COMPARISONS, MOST_EXPRESSION, Change, Target, expression, statement
from archive.model.spec import CHAT_MESSAGES
from tests.dynamo_items import Item, items, names

KEY: Item = {"conversationId": {"S": "c"}, "timestamp": {"N": "5"}}
ITEM: Item = {**KEY, "role": {"S": "student"}, 'say "hi"': {"NULL": True}}
KNOWN = frozenset({"role", "provider", 'a"b', "conversationId"})
MARK = Change("mark", "expiresAt", 1_800_000_000)
UNMARK = Change("unmark", "expiresAt", 1_800_000_000)


def target(change: Change, item: Item = ITEM) -> Target:
    """Return a target for the item."""
    return Target(0, item, change)


def test_a_delete_compares_every_value_and_every_known_name() -> None:
    """The key exists, each archived attribute is equal, and each other known name is missing."""
    built = expression(CHAT_MESSAGES, target(DELETE), KNOWN)
    assert built is not None
    assert built.condition == (
        "attribute_exists(#k) AND #a0 = :a0 AND #a1 = :a1 AND attribute_not_exists(#n0) AND attribute_not_exists(#n1)"
    )
    assert built.names == {"#k": "conversationId", "#a0": "role", "#a1": 'say "hi"', "#n0": 'a"b', "#n1": "provider"}
    assert built.values == {":a0": {"S": "student"}, ":a1": {"NULL": True}}
    assert built.update == ""


def test_a_mark_sets_the_ttl_where_there_is_none() -> None:
    """Under the same condition, and only if the TTL attribute is missing."""
    built = expression(CHAT_MESSAGES, target(MARK), {"provider"})
    assert built is not None
    assert built.condition == (
        "attribute_exists(#k) AND #a0 = :a0 AND #a1 = :a1 AND attribute_not_exists(#n0) AND attribute_not_exists(#n1)"
    )
    assert built.update == "SET #ttl = :ttl"
    assert built.names == {
        "#k": "conversationId",
        "#a0": "role",
        "#a1": 'say "hi"',
        "#n0": "expiresAt",
        "#n1": "provider",
        "#ttl": "expiresAt",
    }
    assert built.values == {":a0": {"S": "student"}, ":a1": {"NULL": True}, ":ttl": {"N": "1800000000"}}


def test_an_unmark_compares_the_mark_alone() -> None:
    """For the message was changed since: all that matters is that the TTL is the one we set."""
    built = expression(CHAT_MESSAGES, target(UNMARK), KNOWN)
    assert built is not None
    assert built.condition == "attribute_exists(#k) AND #a0 = :a0"
    assert built.update == "REMOVE #ttl"
    assert built.names == {"#k": "conversationId", "#a0": "expiresAt", "#ttl": "expiresAt"}
    assert built.values == {":a0": {"N": "1800000000"}}


def test_a_delete_in_partiql() -> None:
    """Names are quoted, with double quotes doubled; values are parameters, in the order of the text."""
    assert statement("T", CHAT_MESSAGES, target(DELETE), KNOWN) == (
        (
            'DELETE FROM "T" WHERE "conversationId"=? AND "timestamp"=? AND "role"=? AND "say ""hi"""=?'
            ' AND "a""b" IS MISSING AND "provider" IS MISSING RETURNING ALL OLD *'
        ),
        [{"S": "c"}, {"N": "5"}, {"S": "student"}, {"NULL": True}],
    )


def test_a_mark_in_partiql() -> None:
    """The new TTL is the first parameter."""
    assert statement("T", CHAT_MESSAGES, target(MARK), {"provider"}) == (
        (
            'UPDATE "T" SET "expiresAt"=? WHERE "conversationId"=? AND "timestamp"=? AND "role"=? AND "say ""hi"""=?'
            ' AND "expiresAt" IS MISSING AND "provider" IS MISSING RETURNING ALL OLD *'
        ),
        [{"N": "1800000000"}, {"S": "c"}, {"N": "5"}, {"S": "student"}, {"NULL": True}],
    )


def test_an_unmark_in_partiql() -> None:
    """The mark alone is compared."""
    assert statement("T", CHAT_MESSAGES, target(UNMARK), KNOWN) == (
        'UPDATE "T" REMOVE "expiresAt" WHERE "conversationId"=? AND "timestamp"=? AND "expiresAt"=? RETURNING ALL OLD *',
        [{"S": "c"}, {"N": "5"}, {"N": "1800000000"}],
    )


CHANGES = st.sampled_from([DELETE, MARK])


@settings(max_examples=150, deadline=None)
@given(items(), st.frozensets(names, max_size=5), CHANGES)
def test_an_expression_says_all_that_is_known(item: Item, known: frozenset[str], change: Change) -> None:
    """Every archived attribute that is no key is compared; every other known name, and the TTL to be set, must be missing."""
    built = expression(CHAT_MESSAGES, target(change, item), known)
    assert built is not None
    compared = dict(re.findall(r"(#a\d+) = (:a\d+)", built.condition))
    missing = [built.names[name] for name in re.findall(r"attribute_not_exists\((#n\d+)\)", built.condition)]
    assert {built.names[name]: built.values[value] for name, value in compared.items()} == {
        name: value for name, value in item.items() if name not in KEY
    }
    assert set(missing) == (known - set(item)) | ({"expiresAt"} if change is MARK else set())
    assert built.condition.startswith("attribute_exists(#k)")
    assert set(built.names) == set(re.findall(r"#\w+", built.condition + built.update))
    assert set(built.values) == set(re.findall(r":\w+", built.condition + built.update))


@settings(max_examples=150, deadline=None)
@given(items(), st.frozensets(names, max_size=5), CHANGES)
def test_a_statement_says_all_that_is_known(item: Item, known: frozenset[str], change: Change) -> None:
    """The same, in PartiQL: as many parameters as question marks outside of names, and one for every attribute."""
    built = statement("T", CHAT_MESSAGES, target(change, item), known)
    assert built is not None
    text, parameters = built
    quoted = re.compile(r'"((?:[^"]|"")*)"(=\?| IS MISSING)', re.DOTALL)
    where = text[text.index(" WHERE ") :]
    said = [(name.replace('""', '"'), kind) for name, kind in quoted.findall(where)]
    assert [name for name, kind in said if kind == "=?"][:2] == ["conversationId", "timestamp"]
    values = parameters[1:] if change is MARK else parameters
    assert dict(zip([name for name, kind in said if kind == "=?"], values, strict=True)) == item
    assert {name for name, kind in said if kind == " IS MISSING"} == (known - set(item)) | ({"expiresAt"} if change is MARK else set())


def many(number: int, prefix: str = "a") -> Item:
    """Return an item with so many attributes beside its key."""
    return {**KEY, **{f"{prefix}{position:04d}": {"N": "1"} for position in range(number)}}


def test_missing_names_are_left_out_last() -> None:
    """Where an expression is full, what was archived is still compared in full; unknown attributes show in the image."""
    known = [f"known{number:04d}" for number in range(500)]
    built = expression(CHAT_MESSAGES, target(DELETE, many(50)), known)
    assert built is not None
    assert built.condition.count(" = ") == 50
    assert 0 < built.condition.count("attribute_not_exists") < 500
    assert len(built.condition) <= MOST_EXPRESSION
    assert len(built.condition) + len(" AND attribute_not_exists(#n000)") > MOST_EXPRESSION or (
        built.condition.count("#") == MOST_COMPARISONS
    )
    assert set(built.names) == set(re.findall(r"#\w+", built.condition))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_an_expression_keeps_dynamodbs_limits(archived: int, known: int) -> None:
    """At most 4,096 bytes and 300 operators, however they are counted; or there is none."""
    built = expression(CHAT_MESSAGES, target(DELETE, many(archived)), many(known, "k"))
    if built is None:
        assert archived >= MOST_COMPARISONS
    else:
        comparisons = built.condition.count(" AND ") + 1
        assert len(built.condition.encode()) <= 4_096
        assert 2 * comparisons - 1 <= 300
        assert built.condition.count(" = ") == archived


def test_a_message_whose_values_do_not_fit_has_no_expression() -> None:
    """A part of them would not do."""
    assert expression(CHAT_MESSAGES, target(DELETE, many(MOST_COMPARISONS - 1)), ()) is not None
    assert expression(CHAT_MESSAGES, target(DELETE, many(MOST_COMPARISONS)), ()) is None


def test_a_statement_has_at_most_8192_characters() -> None:
    """One more, and the message goes singly."""
    length = len(statement("T", CHAT_MESSAGES, target(DELETE, KEY), ["x"])[0])  # type: ignore[index]
    fits = "x" * (MOST_CHARACTERS - length + 1)
    assert statement("T", CHAT_MESSAGES, target(DELETE, KEY), [fits]) is not None
    assert statement("T", CHAT_MESSAGES, target(DELETE, KEY), [fits + "x"]) is None


@pytest.mark.parametrize("known", [0, 50])
def test_a_statement_has_a_limited_number_of_comparisons(known: int) -> None:
    """Those of the key and of missing names among them."""
    most = MOST_COMPARISONS - 2 - known
    missing = many(known, "k").keys() - KEY.keys()
    assert statement("T", CHAT_MESSAGES, target(DELETE, many(most)), missing) is not None
    assert statement("T", CHAT_MESSAGES, target(DELETE, many(most + 1)), missing) is None


@settings(max_examples=100, deadline=None)
@given(items(), st.frozensets(names, max_size=3))
def test_no_name_breaks_out_of_its_quotes(item: Item, known: frozenset[str]) -> None:
    """With every quoted name taken away, the statement is always the same few words."""
    built = statement('T"', CHAT_MESSAGES, target(DELETE, item), known)
    assume(built is not None)
    assert built is not None
    bare = re.sub(r'"(?:[^"]|"")*"', "@", built[0], flags=re.DOTALL)
    assert re.fullmatch(r"DELETE FROM @ WHERE @=\?( AND @=\?)*( AND @ IS MISSING)* RETURNING ALL OLD \*", bare)
