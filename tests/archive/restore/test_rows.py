"""Finding wanted rows: whatever statistics let it skip, it finds what a plain look at every item finds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from archive.codec.values import Item, canonical
from archive.errors import InputError, LakeDamagedError
from archive.lake import parquet
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import Window, from_ms
from archive.restore.past import PastObjects
from archive.restore.rows import Found, SegmentRows
from archive.restore.wanted import Wanted, values_of
from archive.s3 import LostRaceError
from tests.builders import ORDER, START_MS, keyed, message, write_segment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALL = Wanted(CHAT_MESSAGES, None, {})


def between(first: int, end: int) -> Window:
    """Return a window in milliseconds from the segment's start."""
    return Window(from_ms(START_MS + first), from_ms(START_MS + end))


def by_hand(items: list[Item], wanted: Wanted) -> list[Item]:
    """Choose items as a person would who has only items."""
    attributes = {column.name: column.attribute for column in CHAT_MESSAGES.columns}
    found = []
    for item in items:
        moment = Decimal(item["timestamp"]["N"])
        if wanted.window and not wanted.window.start_ms <= moment < wanted.window.end_ms:
            continue
        numbers = {"N": Decimal, "S": str}
        values = {name: item.get(attributes[name]) for name in wanted.values}
        if all(
            value and any(tag in numbers and numbers[tag](inner) in wanted.values[name] for tag, inner in value.items())
            for name, value in values.items()
        ):
            found.append(item)
    return found


students = st.one_of(st.none(), st.integers(1, 2).map(str))
modules = st.one_of(st.none(), st.integers(1, 2))
filters = st.builds(
    lambda window, chosen: Wanted(CHAT_MESSAGES, window, chosen),
    st.one_of(st.none(), st.tuples(st.integers(0, 9), st.integers(1, 6)).map(lambda pair: between(pair[0], pair[0] + pair[1]))),
    st.fixed_dictionaries(
        {},
        optional={
            "module_id": st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple),
            "student_id": st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple),
            "conversation_id": st.lists(st.sampled_from(["c0", "c1", "c2", "nobody"]), min_size=1, max_size=2).map(tuple),
        },
    ),
)


@st.composite
def messages(draw: st.DrawFn) -> list[Item]:
    """Draw messages of one segment, some without a module, some without a student."""
    found = []
    for at in draw(st.lists(st.integers(0, 9), min_size=4, max_size=10, unique=True)):
        item = message(f"c{draw(st.integers(0, 2))}", at, draw(modules))
        student = draw(students)
        found.append(item if student is None else {**item, "studentId": {"N": student}})
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=messages(), wanted=filters, group=st.sampled_from([1, 2, 3, 100]))
def test_it_finds_what_a_plain_look_finds(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, items: list[Item], wanted: Wanted, group: int
) -> None:
    """By rows, by count and by modules, whatever the size of row groups."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", group)
    rows = SegmentRows(write_segment(tmp_path_factory.mktemp("rows") / "segment.parquet", items), "segment", ORDER)
    expected = by_hand(items, wanted)
    found = list(rows.items(rows.find(wanted)))
    assert sorted(map(canonical, found)) == sorted(map(canonical, expected))
    named = {int(item["moduleId"]["N"]) if "moduleId" in item else None for item in expected}
    assert rows.look(wanted, with_modules=True) == Found(len(expected), frozenset(named))
    assert rows.look(wanted, with_modules=False).rows == len(expected)
    rows.close()


def test_positions_choose_rows_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count rows in the file's order, as the purge's intent does."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 4)
    items = [message(f"c{number}", number) for number in range(10)]
    rows = SegmentRows(write_segment(tmp_path / "s.parquet", items), "segment", ORDER)
    in_order = [items[number] for number in range(10)]
    assert ORDER.keys(keyed(items)) == ORDER.keys(keyed(in_order))
    chosen = list(rows.items(rows.find(_ALL, [[1, 2], [3, 6], [9, 10]])))
    assert [item["conversationId"]["S"] for item in chosen] == ["c1", "c3", "c4", "c5", "c9"]
    late = Wanted(CHAT_MESSAGES, between(4, 100), {})
    assert [item["conversationId"]["S"] for item in rows.items(rows.find(late, [[1, 2], [3, 6]]))] == ["c4", "c5"]
    rows.close()


def test_another_file_is_damage(tmp_path: Path) -> None:
    """It says which object, and what to do."""
    path = tmp_path / "s.parquet"
    path.write_bytes(b"PAR1 no Parquet")
    with pytest.raises(LakeDamagedError, match="the-key"):
        SegmentRows(path, "the-key", ORDER)


@pytest.mark.parametrize(
    ("column", "texts", "values"),
    [
        ("module_id", ("5", "6"), (5, 6)),
        ("conversation_id", ("5",), ("5",)),
        ("cost_usd", ("0.5",), (Decimal("0.5"),)),
    ],
)
def test_values_are_read_as_their_column_holds_them(column: str, texts: tuple[str, ...], values: tuple[Any, ...]) -> None:
    """Numbers as numbers, texts as they are."""
    assert values_of(CHAT_MESSAGES, column, texts) == values


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("module_id", "five", "int64"),
        ("module_id", "5.5", "int64"),
        ("module_id", "99999999999999999999", "int64"),
        ("cost_usd", "1e40", "decimal"),
        ("sent_at", "5", "--from"),
        ("nothing", "5", "conversation_id"),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_an_input_error(column: str, text: str, says: str) -> None:
    """With the column's type, or the columns that there are."""
    with pytest.raises(InputError, match=says):
        values_of(CHAT_MESSAGES, column, (text,))


@pytest.fixture
def s3() -> Iterator[S3Client]:
    """A versioned bucket `lake`."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        yield client


def test_a_stored_file_is_looked_into_by_its_parts(s3: S3Client, tmp_path: Path) -> None:
    """Of a large object, a look transfers the end and the deciding columns."""
    noise = Random(1)  # noqa: S311 - text that does not compress, the same each time
    items = [message(f"c{number % 3}", number, 1, content={"S": noise.randbytes(500).hex()}) for number in range(2_000)]
    path = write_segment(tmp_path / "s.parquet", items)
    stored = s3.put_object(Bucket="lake", Key="k", Body=path.read_bytes())
    past = PastObjects(s3, "lake")
    parts = past.open("k", stored["ETag"], path.stat().st_size)
    sizes: list[int] = []
    s3.meta.events.register("after-call.s3.GetObject", lambda parsed, **_: sizes.append(parsed["ContentLength"]))
    rows = SegmentRows(parts, "k", ORDER)
    assert rows.look(Wanted(CHAT_MESSAGES, None, {"conversation_id": ("c1",)}), with_modules=True) == Found(667, frozenset({1}))
    assert sum(sizes) < path.stat().st_size / 5
    local = SegmentRows(path, "k", ORDER)
    assert list(map(canonical, rows.sample(3))) == list(map(canonical, local.items(local.find(_ALL))))[:3]


def test_a_look_at_an_object_that_was_replaced_is_a_lost_race(s3: S3Client) -> None:
    """The parts would not belong together; also where it is gone."""
    old = s3.put_object(Bucket="lake", Key="k", Body=b"1" * 100)
    s3.put_object(Bucket="lake", Key="k", Body=b"2" * 100)
    with pytest.raises(LostRaceError):
        PastObjects(s3, "lake").open("k", old["ETag"], 100).read(5)
    with pytest.raises(LostRaceError):
        PastObjects(s3, "lake").open("gone", old["ETag"], 100).read(5)


def test_an_old_version_is_fetched_by_its_id(s3: S3Client, tmp_path: Path) -> None:
    """With the hash of its bytes; None where the bucket does not have it."""
    old = s3.put_object(Bucket="lake", Key="k", Body=b"old")
    s3.put_object(Bucket="lake", Key="k", Body=b"new")
    past = PastObjects(s3, "lake")
    assert past.fetch_version("k", old["VersionId"], tmp_path / "f") == hashlib.sha256(b"old").hexdigest()
    assert (tmp_path / "f").read_bytes() == b"old"
    s3.delete_object(Bucket="lake", Key="k", VersionId=old["VersionId"])
    assert past.fetch_version("k", old["VersionId"], tmp_path / "f") is None
    assert past.fetch_version("k", "null", tmp_path / "f") is None
