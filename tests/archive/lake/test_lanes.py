"""Reading chosen rows of a file from several places: each once, with its position, and no more than is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import LakeDamagedError
from archive.lake.lanes import LANES, cut, rows_at
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


def test_several_places_are_read_in_turn(tmp_path: Path) -> None:
    """Of one open file, as a purge does."""
    file = file_of(tmp_path, [700, 300])
    lanes = [rows_at(file, part) for part in cut(np.arange(1_000))]
    found: list[int] = []
    while lanes:
        for lane in list(lanes):
            some = next(lane, None)
            if some is None:
                lanes.remove(lane)
            else:
                found += some[1].column("row").to_pylist()
    assert sorted(found) == list(range(1_000))
    assert found.index(875) < found.index(124), "the last place is not read after the first one, but beside it"


@given(st.integers(0, 5_000))
def test_positions_are_cut_into_consecutive_parts(rows: int) -> None:
    """All of them, at most eight, of about equal length; and no more than there are requests to make of them."""
    parts = cut(np.arange(rows))
    assert np.concatenate([np.zeros(0, np.int64), *parts]).tolist() == list(range(rows))
    assert len(parts) == min(LANES, -(-rows // 25))
    assert max(map(len, parts), default=0) - min(map(len, parts), default=0) <= 1


def test_a_file_that_is_damaged_behind_its_footer_is_said_to_be(tmp_path: Path) -> None:
    """In the words of every other error about a damaged segment."""
    path = write_segment(tmp_path / "s.parquet", [message(f"c{number}", number) for number in range(300)])
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(data)
    file = SegmentFile(path, ORDER)
    with pytest.raises(LakeDamagedError, match="restore its last version"):
        list(file.rows_at(np.arange(300)))
