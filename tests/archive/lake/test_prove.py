"""The proof refuses every file that is not what its inputs make, whatever was done to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.codec.fit import row_schema
from archive.codec.values import AttributeValue, Item
from archive.errors import ProofError
from archive.lake import order as order_module
from archive.lake import parquet
from archive.lake.order import FROM_LAKE, FROM_TABLE
from archive.lake.parquet import SegmentWriter, sha256_of
from archive.lake.prove import Inputs, ProvedFile, prove
from archive.model.spec import CHAT_MESSAGES
from tests.builders import ORDER, OWNER, SEGMENT, START_MS, keyed, message, runs_of, text, write_segment

_DAY_MS = 86_400_000
_STORED = message("stored", 10, 1, **text("as it was"), note={"S": "kept"})
_FULL = message(
    "full", 20, 2, messageId={"S": "m"}, studentId={"N": "5"}, provider={"S": "p"}, model={"S": "m"}, role={"S": "r"}, content={"S": "c"},
    inputTokens={"N": "1"}, outputTokens={"N": "2"}, costUsd={"N": "0.5"}, latencyMs={"N": "3"}, finishReason={"S": "f"},
    schemaVersion={"N": "1"}, extra={"M": {"deep": {"N": "1"}}},
)  # fmt: skip
_FINE = [message("fine", 30.5, None), message("fine", 30.25, None), message("fine", 30, "text")]
_OLD, _READ, _NOW = (message("edited", 40, 1, **text(what)) for what in ("old", "read", "now"))
_MOVED_OLD, _MOVED_READ, _MOVED_NOW = (message("moved", 50, module, **text("same")) for module in (1, 2, 3))
_LATE = message("late", 60, 3)
_MOVED_KEY = ("moved", START_MS + 50, None)

RIGHT = [_STORED, _FULL, *_FINE, _NOW, _MOVED_NOW, _LATE]


def _inputs(winners: Sequence[Item] = (_NOW, _MOVED_NOW), moved: frozenset[tuple[str, int, None]] = frozenset({_MOVED_KEY})) -> Inputs:
    return Inputs(
        runs_of([_STORED, _OLD, _MOVED_OLD], FROM_LAKE),
        runs_of([_FULL, *_FINE, _READ, _MOVED_READ, _LATE, _STORED]),
        runs_of(winners, FROM_TABLE),
        moved,
    )


def _prove(path: Path, inputs: Inputs | None = None) -> ProvedFile:
    return prove(ORDER, SEGMENT, path, inputs or _inputs())


def _without(*gone: Item) -> list[Item]:
    return [item for item in RIGHT if item not in gone]


def test_the_right_file_is_proved(tmp_path: Path) -> None:
    """And what comes back says which bytes were."""
    path = write_segment(tmp_path / "f", RIGHT)
    proved = _prove(path)
    assert (proved.segment, proved.path, proved.bytes) == (SEGMENT, path, path.stat().st_size)
    assert proved.sha256 == sha256_of(path)
    assert proved.contents.rows == len(RIGHT)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_right_file_is_proved_in_any_row_groups(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal keys are compared across them."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", rows)
    assert _prove(write_segment(tmp_path / "f", RIGHT)).contents.row_groups == -(-len(RIGHT) // rows)


def test_digests_that_collide_are_no_second_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where digests are equal, keys are compared."""
    monkeypatch.setattr(order_module, "hash", lambda _: 7, raising=False)
    _prove(write_segment(tmp_path / "f", RIGHT))


@pytest.mark.parametrize("gone", RIGHT, ids=lambda item: str(item["conversationId"]["S"]))
def test_a_row_that_is_missing_is_found(gone: Item, tmp_path: Path) -> None:
    """Stored, read, decided or moved: each of them."""
    with pytest.raises(ProofError, match="missing"):
        _prove(write_segment(tmp_path / "f", _without(gone)))


@pytest.mark.parametrize("twice", RIGHT, ids=lambda item: str(item["conversationId"]["S"]))
@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_row_that_stands_twice_is_found(twice: Item, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a row group, and in two."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", rows)
    with pytest.raises(ProofError, match="twice"):
        _prove(write_segment(tmp_path / "f", [*RIGHT, twice]))


_CHANGES: list[tuple[str, AttributeValue | None]] = [
    *[(name, {"S": "other"}) for name in ("messageId", "provider", "model", "role", "content", "finishReason")],
    *[(name, {"N": "7"}) for name in ("studentId", "inputTokens", "outputTokens", "costUsd", "latencyMs", "schemaVersion")],
    *[(name, None) for name in _FULL if name not in ("conversationId", "timestamp", "moduleId")],
    ("content", {"S": ""}),
    ("content", {"NULL": True}),
    ("costUsd", {"N": "0.500000001"}),
    ("inputTokens", {"S": "1"}),
    ("extra", {"M": {"deep": {"N": "2"}}}),
    ("extra", {"M": {"deep": {"S": "1"}}}),
    ("extra", {"M": {}}),
    ("more", {"S": ""}),
]


@pytest.mark.parametrize(("name", "value"), _CHANGES)
def test_one_value_that_differs_is_found(name: str, value: AttributeValue | None, tmp_path: Path) -> None:
    """In any column and in the remainder; a missing value is not an empty one."""
    changed = {key: kept for key, kept in _FULL.items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(ProofError, match="differs"):
        _prove(write_segment(tmp_path / "f", [*_without(_FULL), changed]))


@pytest.mark.parametrize(("name", "value"), _CHANGES)
def test_one_value_that_differs_is_found_where_nothing_is_merged(name: str, value: AttributeValue | None, tmp_path: Path) -> None:
    """The common case, in which rows are compared as they lie: a new segment, and no word of the base table."""
    changed = {key: kept for key, kept in _FULL.items() if key != name} | ({} if value is None else {name: value})
    inputs = Inputs([], runs_of([_FULL, *_FINE, _LATE]), [], frozenset())
    with pytest.raises(ProofError, match="differs"):
        _prove(write_segment(tmp_path / "f", [changed, *_FINE, _LATE]), inputs)


@pytest.mark.parametrize("stored", [[], [_LATE]])
def test_a_key_that_was_read_twice_may_stand_once_only(stored: list[Item], tmp_path: Path) -> None:
    """A file that has all that was read, twice as it was read, is still wrong."""
    inputs = Inputs(runs_of(stored, FROM_LAKE), runs_of([_FULL, _FULL, _LATE]), [], frozenset())
    with pytest.raises(ProofError, match="twice"):
        _prove(write_segment(tmp_path / "f", [_FULL, _FULL, _LATE, *stored]), inputs)


def test_a_null_text_and_an_empty_one_are_not_the_same(tmp_path: Path) -> None:
    """Neither way."""
    empty, none = message("a", 0, **text("")), message("a", 0)
    for before, after in ((empty, none), (none, empty)):
        with pytest.raises(ProofError, match="differs"):
            _prove(write_segment(tmp_path / "f", [after]), Inputs([], runs_of([before]), [], frozenset()))


def test_the_loss_of_a_stored_rows_remainder_is_found(tmp_path: Path) -> None:
    """What no column holds is compared too."""
    bare = {name: value for name, value in _STORED.items() if name != "note"}
    with pytest.raises(ProofError, match="differs"):
        _prove(write_segment(tmp_path / "f", [*_without(_STORED), bare]))


@pytest.mark.parametrize("other", [_OLD, _READ])
def test_a_version_that_the_table_overruled_is_found(other: Item, tmp_path: Path) -> None:
    """Neither the stored one nor the one that was read may stand in the winner's place."""
    with pytest.raises(ProofError, match="base table"):
        _prove(write_segment(tmp_path / "f", [*_without(_NOW), other]))


def test_a_version_from_nowhere_is_found(tmp_path: Path) -> None:
    """Without the table's word, a stored row's value stays, and rows that were read must agree."""
    with pytest.raises(ProofError, match="differs from what was stored"):
        _prove(write_segment(tmp_path / "f", RIGHT), _inputs(winners=(_MOVED_NOW,)))


@pytest.mark.parametrize(
    "foreign", [message("nobody", 15, 1), message("full", 20, 9), message("fine", 30.75, None), message("full", 21, 2)]
)
def test_a_row_that_was_neither_stored_nor_read_is_found(foreign: Item, tmp_path: Path) -> None:
    """Another key, another module, or a time that differs by less than a millisecond."""
    with pytest.raises(ProofError, match="neither stored nor read"):
        _prove(write_segment(tmp_path / "f", [*RIGHT, foreign]))


@pytest.mark.parametrize("at", [-1, _DAY_MS, 40 * _DAY_MS])
def test_a_row_of_another_segment_is_found(at: int, tmp_path: Path) -> None:
    """Also where it was read so: it would be stored where nobody looks for it."""
    astray = message("astray", at, 1)
    inputs = Inputs([], runs_of([astray, _LATE]), [], frozenset())
    with pytest.raises(ProofError, match="outside the segment"):
        _prove(write_segment(tmp_path / "f", [astray, _LATE]), inputs)


@pytest.mark.parametrize("at", [0, _DAY_MS - 1, _DAY_MS - 0.5])
def test_the_segments_ends_belong_to_it_as_they_should(at: float, tmp_path: Path) -> None:
    """Its first instant, its last millisecond, and what is between that and midnight."""
    item = message("edge", at)
    _prove(write_segment(tmp_path / "f", [item]), Inputs([], runs_of([item]), [], frozenset()))


@pytest.mark.parametrize("instead", [[], [_MOVED_OLD], [_MOVED_READ]])
def test_a_moved_message_that_is_lost_is_found(instead: list[Item], tmp_path: Path) -> None:
    """Its winner must be there; a row that lost does not do."""
    with pytest.raises(ProofError, match="missing"):
        _prove(write_segment(tmp_path / "f", [*_without(_MOVED_NOW), *instead]))


@pytest.mark.parametrize("beside", [_MOVED_OLD, _MOVED_READ])
@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_key_under_two_modules_is_found(beside: Item, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake has one row a key; the two stand far apart in the order."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", rows)
    with pytest.raises(ProofError, match="two modules"):
        _prove(write_segment(tmp_path / "f", [*RIGHT, beside]))


def test_a_key_under_two_modules_is_found_where_there_is_no_other(tmp_path: Path) -> None:
    """Its digest is the first of all, and the last."""
    inputs = Inputs(runs_of([_MOVED_OLD], FROM_LAKE), [], runs_of([_MOVED_NOW], FROM_TABLE), frozenset({_MOVED_KEY}))
    with pytest.raises(ProofError, match="two modules"):
        _prove(write_segment(tmp_path / "f", [_MOVED_OLD, _MOVED_NOW]), inputs)


def test_a_row_may_leave_its_module_only_where_the_table_decided(tmp_path: Path) -> None:
    """Saying that a key moved is not enough: a row of the table must stand for it."""
    moved = frozenset({_MOVED_KEY})
    inputs = Inputs(runs_of([_MOVED_OLD, _LATE], FROM_LAKE), runs_of([_MOVED_READ]), [], moved)
    with pytest.raises(ProofError, match="changed its module is missing"):
        _prove(write_segment(tmp_path / "f", [_MOVED_READ, _LATE]), inputs)


def test_a_key_that_did_not_move_may_not_change_its_module(tmp_path: Path) -> None:
    """Even if the row is there under another one."""
    with pytest.raises(ProofError, match="missing"):
        _prove(write_segment(tmp_path / "f", RIGHT), _inputs(moved=frozenset()))


def _reordered(table: pa.Table) -> pa.Table:
    return table.take([*range(1, table.num_rows), 0])


def _write_raw(path: Path, tables: Sequence[pa.Table]) -> None:
    with SegmentWriter(path, CHAT_MESSAGES, OWNER.table_id) as writer:
        for table in tables:
            writer.write(table)


@pytest.mark.parametrize("rows", [1, 3, 10_000])
def test_rows_out_of_order_are_found(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next merge, and the purge's positions, rely on the order."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", rows)
    _write_raw(tmp_path / "f", [_reordered(keyed(RIGHT))])
    with pytest.raises(ProofError, match="not in order"):
        _prove(tmp_path / "f")


def test_two_rows_that_changed_places_between_row_groups_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row group is in order; the last row of one and the first of the next are not."""
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 2)
    rows = keyed(RIGHT)
    _write_raw(tmp_path / "f", [rows.take([0, 2, 1, *range(3, rows.num_rows)])])
    with pytest.raises(ProofError, match="not in order"):
        _prove(tmp_path / "f")


@pytest.mark.parametrize(("name", "value"), [("first_ms", START_MS), ("last_ms", START_MS + _DAY_MS - 1), ("first_ms", START_MS + 11)])
def test_a_footer_that_tells_other_times_is_found(name: str, value: int, tmp_path: Path) -> None:
    """A receipt, and its reader, take the footer's word."""
    about = json.loads(pq.read_metadata(write_segment(tmp_path / "right", RIGHT)).metadata[b"dynalake"])
    with pq.ParquetWriter(tmp_path / "f", row_schema(CHAT_MESSAGES), store_schema=False) as writer:
        writer.write_table(keyed(RIGHT).select(ORDER.values))
        writer.add_key_value_metadata({"dynalake": json.dumps({**about, name: value})})
    with pytest.raises(ProofError, match="footer"):
        _prove(tmp_path / "f")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    _write_raw(path, [])


@pytest.mark.parametrize("damage", [_truncate, _empty])
def test_a_file_that_cannot_be_read_back_is_no_proof(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """What the disk did to it is found before anything is stored."""
    damage(write_segment(tmp_path / "f", RIGHT))
    with pytest.raises(ProofError, match="cannot be read back"):
        _prove(tmp_path / "f")


def test_nothing_is_not_a_segment(tmp_path: Path) -> None:
    """A file with rows, of inputs without any, has come from nowhere."""
    with pytest.raises(ProofError, match="neither stored nor read"):
        _prove(write_segment(tmp_path / "f", [_LATE]), Inputs([], [], [], frozenset()))


def test_the_message_names_the_segment_and_no_content(tmp_path: Path) -> None:
    """It is logged."""
    with pytest.raises(ProofError) as caught:
        _prove(write_segment(tmp_path / "f", _without(_FULL)))
    assert SEGMENT.name in str(caught.value)
    assert "full" not in str(caught.value).replace(SEGMENT.name, "")
