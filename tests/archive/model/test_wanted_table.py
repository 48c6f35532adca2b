"""Which table the settings want."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from archive.errors import InputError
from archive.model.config import Source
from archive.model.spec import CHAT_MESSAGES, Column, ColumnType, TableSpec
from archive.model.wanted_table import WantedTable, wanted_table
from tests.servers import chat_messages


def source_of(*columns: tuple[str, str], keys: tuple[str, str, str] = ("room", "at", "course"), index: str = "ByCourse") -> Source:
    """Return a source with these (attribute, type) columns."""
    made = tuple(Column(name, name.lower(), ColumnType.parse(kind)) for name, kind in columns)
    return replace(chat_messages("Notes"), index=index, spec=TableSpec(*keys, made))


PLAIN: Final = (("room", "string"), ("at", "timestamp"), ("course", "string"))


def shape(wanted: WantedTable) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return the indexes' keys, and the types of all keys."""
    return {index.name: index.keys for index in wanted.indexes}, dict(wanted.types)


def test_another_table_has_the_index_by_module_only() -> None:
    """Under its own names and types; the module's index is the one that is needed."""
    wanted = wanted_table(source_of(*PLAIN), "gone")
    assert shape(wanted) == ({"ByCourse": ("course", "at")}, {"room": "S", "at": "N", "course": "S"})
    assert (wanted.name, wanted.keys, wanted.ttl) == ("Notes", ("room", "at"), "gone")
    assert [index.needed for index in wanted.indexes] == [True]


def test_a_column_of_chat_messages_brings_its_index() -> None:
    """With the type that its column has."""
    wanted = wanted_table(source_of(*PLAIN, ("studentId", "string"), ("provider", "string")), "gone")
    indexes, types = shape(wanted)
    assert indexes == {"ByCourse": ("course", "at"), "StudentActivityIndex": ("studentId", "at"), "ProviderUsageIndex": ("provider", "at")}
    assert types == {"room": "S", "at": "N", "course": "S", "studentId": "S", "provider": "S"}
    assert [index.needed for index in wanted.indexes] == [True, False, False]


def test_no_attribute_is_indexed_twice_in_the_same_way() -> None:
    """A module that is a student or a provider has its index already, under the name that the settings give."""
    by_student = wanted_table(replace(chat_messages(), spec=replace(CHAT_MESSAGES, module_key="studentId"), index="ByStudent"), "t")
    assert shape(by_student)[0] == {"ByStudent": ("studentId", "timestamp"), "ProviderUsageIndex": ("provider", "timestamp")}
    taken = wanted_table(replace(chat_messages(), index="StudentActivityIndex"), "t")
    assert shape(taken)[0] == {"StudentActivityIndex": ("moduleId", "timestamp"), "ProviderUsageIndex": ("provider", "timestamp")}


@pytest.mark.parametrize(("kind", "type_"), [("int64", "N"), ("decimal(18,2)", "N"), ("timestamp", "N"), ("string", "S")])
def test_a_key_has_its_columns_type(kind: str, type_: str) -> None:
    """Texts are texts, everything else is a number."""
    assert wanted_table(source_of(*PLAIN[:2], ("course", kind)), "t").types["course"] == type_


def test_no_key_is_a_boolean() -> None:
    """DynamoDB has no such keys."""
    with pytest.raises(InputError, match="the key course has a column of type boolean"):
        wanted_table(source_of(*PLAIN[:2], ("course", "boolean")), "t")
