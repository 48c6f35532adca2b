"""Reading chosen rows of a file from several places: each once, with its position, and no more than is asked for."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import LakeDamagedError
from archive.lake.lanes import LANES, Lane, lanes, rows_at
from archive.lake.parquet import SegmentFile
from tests.builders import ORDER, message, scratch, write_segment


def file_of(folder: Path, groups: list[int]) -> pq.ParquetFile:
    """Write a file whose rows are their own positions, in row groups of these lengths."""
    path = folder / "rows.parquet"
    rows = pa.table({"row": pa.array(range(sum(groups)), pa.int64())})
    with pq.ParquetWriter(path, rows.schema) as writer:
        first = 0
        for length in groups:
            writer.write_table(rows.slice(first, length))
            first += length
    return pq.ParquetFile(path)


@given(st.lists(st.integers(1, 350), min_size=1, max_size=5), st.data())
@settings(deadline=None, max_examples=40)
def test_exactly_the_rows_at_these_positions_come_in_their_order(groups: list[int], data: st.DataObject) -> None:
    """Whatever the row groups are; and with them their positions."""
    wanted = sorted(data.draw(st.sets(st.integers(0, sum(groups) - 1))))
    with scratch() as folder:
        found = list(rows_at(file_of(folder, groups), np.array(wanted, np.int64)))
    assert [position for positions, _ in found for position in positions.tolist()] == wanted
    assert [row for _, rows in found for row in rows.column("row").to_pylist()] == wanted


def in_turn(found: list[Lane]) -> list[int]:
    """Take from one lane after the other; return the rows as they come."""
    rows: list[int] = []
    while found:
        for lane in list(found):
            some = next(lane, None)
            if some is None:
                found.remove(lane)
            else:
                assert some[0].tolist() == some[1].column("row").to_pylist()
                rows += some[0].tolist()
    return rows


@given(st.lists(st.integers(1, 350), min_size=1, max_size=20), st.data())
@settings(deadline=None, max_examples=60)
def test_every_row_is_in_one_lane(groups: list[int], data: st.DataObject) -> None:
    """Whatever the row groups are and which rows are wanted; no more lanes than requests of 25 need, rounded up in each row group."""
    wanted = sorted(data.draw(st.sets(st.integers(0, sum(groups) - 1)) | st.just(set(range(sum(groups))))))
    with scratch() as folder:
        found = lanes(file_of(folder, groups), np.array(wanted, np.int64))
        assert len(found) < min(LANES, -(-len(wanted) // 25)) + len(groups)
        assert sorted(in_turn(found)) == wanted


@pytest.mark.parametrize("groups", [[1_000], [700, 300], [250] * 4, [100] * 10], ids=["one group", "two", "four", "ten"])
def test_several_places_are_read_in_turn(tmp_path: Path, groups: list[int]) -> None:
    """Of one open file, as a purge does: at least one in each quarter of it."""
    found = lanes(file_of(tmp_path, groups), np.arange(1_000))
    assert 4 <= len(found) <= LANES + 1
    first_of_each = [next(lane)[0].tolist()[0] for lane in found]
    assert {row * 4 // 1_000 for row in first_of_each} == {0, 1, 2, 3}


def test_a_row_group_is_decoded_once_for_all_its_lanes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first of them is taken from, and not before."""
    file = file_of(tmp_path, [1_000])
    decoded: list[int] = []
    read = file.read_row_group

    def counted(number: int, *, use_threads: bool) -> pa.Table:
        decoded.append(number)
        return read(number, use_threads=use_threads)

    monkeypatch.setattr(file, "read_row_group", counted)
    found = lanes(file, np.arange(1_000))
    assert decoded == []
    assert sorted(in_turn(found)) == list(range(1_000))
    assert decoded == [0]


def test_a_file_that_is_damaged_behind_its_footer_is_said_to_be(tmp_path: Path) -> None:
    """In the words of every other error about a damaged segment."""
    path = write_segment(tmp_path / "s.parquet", [message(f"c{number}", number) for number in range(300)])
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(data)
    file = SegmentFile(path, ORDER)
    with pytest.raises(LakeDamagedError, match="restore its last version"):
        list(chain.from_iterable(file.lanes(np.arange(300))))
