"""The lake's record: read as it was written, refused when it is another's, damage when it cannot be read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import LakeDamagedError, RefusedError
from archive.model.lake_record import LakeRecord
from archive.model.layout import Layout
from archive.model.receipt import Owner
from archive.model.spec import CHAT_MESSAGES, ColumnType
from tests.builders import OWNER

_RECORD = LakeRecord.new(OWNER, Layout.parse(date(2015, 1, 1), "day", "6h"), CHAT_MESSAGES)


@given(st.frozensets(st.text(), max_size=4), st.none() | st.frozensets(st.sampled_from(["S", "N", "BS"])))
def test_a_record_is_read_as_it_was_written(attributes: frozenset[str], types: frozenset[str] | None) -> None:
    """Attribute names may be anything; types may be none tried, or none that work."""
    record = replace(_RECORD, attributes=attributes, partiql_types=types).with_layout("month", "month", date(2024, 3, 10))
    assert LakeRecord.from_json(record.to_json(), "k") == record


def _without(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(_RECORD.to_json())
    del values[name]
    return values


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        *(_without(name) for name in ("owner", "layouts", "columns", "attributes", "partiql_types", "spec_version")),
        {**_without("owner"), "owner": {"table_arn": "a"}},
        {**_without("layouts"), "layouts": []},
        {**_without("layouts"), "layouts": [{"from": "2015-01-01", "partition": "week", "segment": "day"}]},
        {**_without("layouts"), "layouts": [{"from": "soon", "partition": "day", "segment": "day"}]},
        {**_without("layouts"), "layouts": [{"from": "2015-01-01", "partition": "day", "segment": 6}]},
        {**_without("attributes"), "attributes": None},
    ],
)
def test_what_is_no_record_is_damage(values: object) -> None:
    """The message names the key; a layout that makes no sense is damage too, not a wrong setting."""
    with pytest.raises(LakeDamagedError, match=r"lake/archive\.json is not a readable lake record"):
        LakeRecord.from_json(json.dumps(values).encode(), "lake/archive.json")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_damage(data: bytes) -> None:
    """Half a file, or another one."""
    with pytest.raises(LakeDamagedError):
        LakeRecord.from_json(data, "k")


@pytest.mark.parametrize("owner", [Owner("arn:other", OWNER.table_id), Owner(OWNER.table_arn, "table-2")])
def test_another_tables_lake_is_refused(owner: Owner) -> None:
    """Also a table that was deleted and made again under its old name."""
    with pytest.raises(RefusedError, match="belongs to"):
        _RECORD.require(owner, CHAT_MESSAGES)


def test_a_lake_goes_to_another_table() -> None:
    """The former owner is remembered, once; what was tried of its PartiQL says nothing of the other's."""
    other = Owner("arn:other", "table-2")
    tried = replace(_RECORD, partiql_types=frozenset({"S"}))
    adopted = tried.adopted_by(other)
    assert adopted == replace(_RECORD, owner=other, former=(OWNER,))
    assert LakeRecord.from_json(adopted.to_json(), "k") == adopted
    assert adopted.adopted_by(OWNER).adopted_by(other) == adopted
    assert tried.adopted_by(OWNER) == tried
    with pytest.raises(RefusedError, match="belongs to"):
        adopted.require(OWNER, CHAT_MESSAGES)


def test_a_lake_of_a_later_version_is_refused() -> None:
    """Whatever else its record may have by then."""
    values = {**json.loads(_RECORD.to_json()), "spec_version": 2, "news": "yes"}
    with pytest.raises(RefusedError, match=r"k was written by a later version .*spec version 2, this one knows 1"):
        LakeRecord.from_json(json.dumps(values).encode(), "k")


def test_a_record_from_before_there_were_former_owners_is_read() -> None:
    """A lake that an older version began."""
    assert LakeRecord.from_json(json.dumps(_without("former_owners")).encode(), "k") == _RECORD


def test_other_columns_are_refused() -> None:
    """Rows of one lake have one schema."""
    first, *others = CHAT_MESSAGES.columns
    _RECORD.require(OWNER, CHAT_MESSAGES)
    for columns in ((first, *others[:-1]), (first, *others[:-1], replace(others[-1], type=ColumnType("string")))):
        with pytest.raises(RefusedError, match="columns"):
            _RECORD.require(OWNER, replace(CHAT_MESSAGES, columns=columns))
