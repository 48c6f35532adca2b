"""The segment's file: the same messages give the same bytes, and what is not such a file is damage."""

from __future__ import annotations

import json
import random
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.fit import row_schema
from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import LakeDamagedError
from archive.lake import parquet
from archive.lake.order import FROM_FILE, FROM_LAKE, Order
from archive.lake.parquet import Contents, SegmentFile, SegmentWriter, sha256_of
from archive.lake.sweep import Run, sweep
from archive.model.spec import CHAT_MESSAGES
from tests.builders import ORDER, OWNER, START_MS, keyed, message, near_messages, run_of, scratch, text, write_segment

_MANY = [message(f"c{number % 7}", number, number % 3, **text("ä" * (number % 40))) for number in range(200)]


def _write(path: Path, tables: list[pa.Table]) -> bytes:
    with SegmentWriter(path, CHAT_MESSAGES, OWNER.table_id) as writer:
        for table in tables:
            writer.write(table)
    return path.read_bytes()


def _limit(patch: pytest.MonkeyPatch, rows: int, size: int) -> None:
    patch.setattr(parquet, "ROWS_A_GROUP", rows)
    patch.setattr(parquet, "BYTES_A_GROUP", size)


def _groups(path: Path) -> list[int]:
    metadata = pq.read_metadata(path)
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


@given(
    st.lists(near_messages(), min_size=1, max_size=20, unique_by=lambda item: (str(item["conversationId"]), str(item["timestamp"]))),
    st.lists(st.integers(1, 5), min_size=20, max_size=20),
    st.sampled_from([(10_000, 2**24), (3, 2**24), (10_000, 300), (10_000, 1), (4, 400)]),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_the_same_rows_give_the_same_bytes(found: list[Item], cuts: list[int], limits: tuple[int, int], chance: random.Random) -> None:
    """In any order of arrival, in any runs and chunks, whatever the row groups' limits."""
    with pytest.MonkeyPatch.context() as patch, scratch() as folder:
        _limit(patch, *limits)
        whole = keyed(found)
        expected = _write(folder / "whole", [whole])
        pieces, first = [], 0
        for cut in cuts:
            pieces.append(whole.slice(first, cut))
            first += cut
        assert _write(folder / "pieces", pieces) == expected
        shuffled = chance.sample(found, len(found))
        runs = [run_of(shuffled[at : at + cuts[0]]) for at in range(0, len(shuffled), cuts[0])]
        assert _write(folder / "runs", list(sweep(ORDER, runs))) == expected


def test_pages_do_not_follow_chunks(tmp_path: Path) -> None:
    """Values of more than a page (1 MB): where pages end depends on the rows alone."""
    chance = random.Random(7)  # noqa: S311 - text that does not compress
    whole = keyed(message("c", at, **text(f"{chance.getrandbits(8000):x}")) for at in range(3000))
    assert _write(tmp_path / "whole", [whole]) == _write(tmp_path / "cut", [whole.slice(at, 700) for at in range(0, 3000, 700)])
    assert _groups(tmp_path / "whole") == [3000]


def test_nothing_of_the_run_is_in_the_file(tmp_path: Path) -> None:
    """Neither its name nor a mark: only rows, the table and the spec."""
    marked = ORDER.sort(ORDER.keyed(keyed(_MANY[:3]).select(ORDER.values).append_column("_mark", pa.array([1, 2, 3])), FROM_LAKE))
    assert _write(tmp_path / "a", [marked]) == _write(tmp_path / "another-name", [keyed(_MANY[:3])])


@pytest.mark.parametrize(("rows", "size", "expected"), [(60, 2**24, [60, 60, 60, 20]), (200, 2**24, [200]), (10_000, 1, [1] * 200)])
def test_row_groups_end_at_their_limits(rows: int, size: int, expected: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At so many rows or so many bytes, whatever comes first; a row larger than the limit is a group of its own."""
    _limit(monkeypatch, rows, size)
    assert _groups(write_segment(tmp_path / "f", _MANY)) == expected


def test_a_row_larger_than_a_group_may_come_last_in_a_chunk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The next chunk begins a new group."""
    _limit(monkeypatch, 10_000, 1000)
    sizes = [10, 2000, 10, 10, 2000]
    found = [keyed([message("c", at, **text("x" * size))]) for at, size in enumerate(sizes)]
    _write(tmp_path / "f", found)
    assert _groups(tmp_path / "f") == [1, 1, 2, 1]


def test_the_footer_says_what_the_file_holds(tmp_path: Path) -> None:
    """Counts, times, the owner, and which attribute became which column of which type."""
    path = write_segment(tmp_path / "f", _MANY)
    file = SegmentFile(path, ORDER)
    assert file.contents == Contents(200, 1, START_MS, START_MS + 199, 1, OWNER.table_id)
    file.close()
    about = json.loads(pq.read_metadata(path).metadata[b"dynalake"])
    assert about["columns"]["cost_usd"] == ["costUsd", "decimal(18,9)"]
    assert set(about) == {"spec_version", "source", "first_ms", "last_ms", "columns"}


def test_rows_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group by group, in order, as items that equal those that went in."""
    _limit(monkeypatch, 30, 2**24)
    file = SegmentFile(write_segment(tmp_path / "f", _MANY), ORDER)
    groups = list(file.groups())
    assert [group.schema for group in groups] == [row_schema(CHAT_MESSAGES)] * 7
    back = [canonical(item) for group in groups for item in items_of(CHAT_MESSAGES, group)]
    assert back == [canonical(item) for item in items_of(CHAT_MESSAGES, keyed(_MANY))]
    file.close()


def test_runs_and_key_runs_have_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A purge reads keys alone, of the very same rows."""
    _limit(monkeypatch, 3, 2**24)
    file = SegmentFile(write_segment(tmp_path / "f", [message("a", at / 4, None) for at in range(8)]), ORDER)

    def places(run: Run) -> list[Any]:
        table = run.load()
        assert table.num_rows == run.rows
        return [ORDER.sort_key(table, at) for at in range(run.rows)]

    whole, keys = file.runs(FROM_FILE), file.key_runs(FROM_FILE)
    assert [places(run) for run in whole] == [places(run) for run in keys]
    assert [run.first for run in whole] == [run.first for run in keys] == [places(run)[0] for run in whole]
    assert "content" not in keys[0].load().schema.names
    file.close()


def test_the_file_serves_the_three_questions(tmp_path: Path) -> None:
    """Page index and statistics but on large texts, bloom filters, zstd, dictionaries, and milliseconds that say so."""
    metadata = pq.read_metadata(write_segment(tmp_path / "f", _MANY))
    group = metadata.row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    for name, column in columns.items():
        large = name in ("content", "remainder")
        assert column.compression == "ZSTD"
        assert column.has_offset_index
        assert column.is_stats_set is not large
        assert column.has_column_index is not large
        assert column.has_dictionary_page is not large
    assert [name for name, column in columns.items() if column.bloom_filter_length] == ["conversation_id", "student_id"]
    assert str(metadata.schema.column(1).logical_type).startswith("Timestamp(isAdjustedToUTC=false, timeUnit=milliseconds")


def test_bloom_filters_exclude_what_is_not_there(tmp_path: Path) -> None:
    """A reader that asks for one conversation skips the row groups without it, and no other."""
    path = write_segment(tmp_path / "f", _MANY)

    def excluded(conversation: str) -> Any:  # noqa: ANN401 - DuckDB's answer
        query = "SELECT bloom_filter_excludes FROM parquet_bloom_probe(?, 'conversation_id', ?)"
        return duckdb.execute(query, [str(path), conversation]).fetchall()

    assert [excluded(f"c{number}") for number in range(7)] == [[(False,)]] * 7
    assert excluded("nobody") == [(True,)]


def test_a_table_without_bloom_columns_has_no_filters(tmp_path: Path) -> None:
    """They are asked for by the spec."""
    with SegmentWriter(tmp_path / "f", replace(CHAT_MESSAGES, bloom_columns=()), OWNER.table_id) as writer:
        writer.write(keyed(_MANY))
    group = pq.read_metadata(tmp_path / "f").row_group(0)
    assert not any(group.column(number).bloom_filter_length for number in range(group.num_columns))


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds pupils' text as the spool does."""
    assert stat.S_IMODE(write_segment(tmp_path / "f", _MANY).stat().st_mode) == 0o600


def test_a_file_given_up_is_no_segment(tmp_path: Path) -> None:
    """Where writing fails, what is there cannot be taken for a whole one."""
    message_ = "failed"
    with suppress(RuntimeError), SegmentWriter(tmp_path / "f", CHAT_MESSAGES, "t") as writer:
        writer.write(keyed(_MANY))
        raise RuntimeError(message_)
    with pytest.raises(LakeDamagedError):
        SegmentFile(tmp_path / "f", ORDER)


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -9])
def test_a_truncated_file_is_damage(keep: int, tmp_path: Path) -> None:
    """At any length."""
    path = write_segment(tmp_path / "f", _MANY)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LakeDamagedError, match="not readable Parquet"):
        SegmentFile(path, ORDER)


def test_a_file_that_is_no_parquet_is_damage(tmp_path: Path) -> None:
    """And so is one that is not there."""
    (tmp_path / "f").write_text("not Parquet, but long enough for a footer")
    for name in ("f", "absent"):
        with pytest.raises(LakeDamagedError):
            SegmentFile(tmp_path / name, ORDER)


@pytest.mark.parametrize("about", [None, "{", "[]", "{}", '{"first_ms":null,"last_ms":1,"spec_version":1,"source":"t"}'])
def test_foreign_parquet_is_damage(about: str | None, tmp_path: Path) -> None:
    """Parquet without our footer, or with one that is not ours."""
    with pq.ParquetWriter(tmp_path / "f", row_schema(CHAT_MESSAGES)) as writer:
        writer.write_table(keyed(_MANY).select(ORDER.values))
        if about is not None:
            writer.add_key_value_metadata({"dynalake": about})
    with pytest.raises(LakeDamagedError, match="not readable Parquet"):
        SegmentFile(tmp_path / "f", ORDER)


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    """The message says that columns cannot be changed."""
    path = write_segment(tmp_path / "f", _MANY)
    fewer = Order(replace(CHAT_MESSAGES, columns=CHAT_MESSAGES.columns[:-1]))
    with pytest.raises(LakeDamagedError, match="other columns"):
        SegmentFile(path, fewer)


def test_damaged_pages_are_damage(tmp_path: Path) -> None:
    """A footer may be whole where the rows are not."""
    path = write_segment(tmp_path / "f", _MANY)
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)
    file = SegmentFile(path, ORDER)
    with pytest.raises(LakeDamagedError, match="cannot be read"):
        list(file.groups())
    file.close()


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    """SHA-256, in hex, also of more than one block."""
    (tmp_path / "f").write_bytes(b"a" * (2**20 + 1))
    assert sha256_of(tmp_path / "f") == "4a3f0c0c213adea174f9a3d4c13177315b588bdb2e9c1012d3d0bf0453ca0f6a"
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_of(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
