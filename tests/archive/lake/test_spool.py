"""The spool: private, bounded, split by segment, and gone at the end, or at the next start after a crash."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.errors import InputError, SpoolFullError
from archive.lake.order import FROM_SPOOL
from archive.lake.spool import Spool, private_folder
from archive.lake.sweep import sweep
from archive.model.layout import Layout, Layouts
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import midnight, to_ms
from tests.builders import LAYOUTS, ORDER, SEGMENT, message, rows, scratch, text

_HOUR = 3_600_000
_FORMS = [("day", "6h"), ("month", "month"), ("day", "15m")]
_MIXED = Layouts(tuple(Layout.parse(date(2024, month, 1), *form) for month, form in enumerate(_FORMS, 1)))
_TIMES = st.integers(to_ms(midnight(date(2023, 12, 30))), to_ms(midnight(date(2024, 4, 2)))) | st.builds(
    lambda day, hours, shift: to_ms(midnight(day)) + hours * _HOUR + shift,
    st.sampled_from([date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 29), date(2024, 3, 1)]),
    st.integers(0, 4).map(lambda quarter: quarter * 6),
    st.integers(-1, 1),
)

# Another process that makes a folder with something private in it, says which, and waits until it is ended.
_OTHER_RUN = """
import sys
from pathlib import Path
from archive.lake.spool import private_folder
with private_folder(Path(sys.argv[1])) as folder:
    (folder / "spool").write_text("private")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _other_run(parent: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [sys.executable, "-c", _OTHER_RUN, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def _spool(folder: Path, most_bytes: int = 2**30) -> Spool:
    return Spool(folder / "spool", ORDER, most_bytes)


def _held(spool: Spool) -> dict[str, Counter[bytes]]:
    return {
        segment.name: Counter(canonical(item) for table in sweep(ORDER, spool.runs(segment)) for item in items_of(CHAT_MESSAGES, table))
        for segment in spool.segments()
    }


def test_the_folder_is_its_owners_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    """Pupils' text lies in it: 0700, with files of 0600, whatever the umask."""
    before = os.umask(0)
    try:
        with private_folder(tmp_path / "new" / "spool") as folder, _spool(folder) as spool:
            spool.append_page(rows([message("a", 0)]), LAYOUTS, FROM_SPOOL)
            assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
            assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
            assert (folder / "spool").stat().st_size == spool.bytes > 0
    finally:
        os.umask(before)
    assert list((tmp_path / "new" / "spool").iterdir()) == []


def test_the_folder_goes_also_where_the_run_fails(tmp_path: Path) -> None:
    """An error is no reason to leave anything."""
    message_ = "failed"
    with pytest.raises(RuntimeError, match=message_), private_folder(tmp_path) as folder, _spool(folder):
        raise RuntimeError(message_)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_have_a_folder_each(tmp_path: Path) -> None:
    """Also two batches in one process: neither takes the other's for a crashed run's."""
    with private_folder(tmp_path) as one, private_folder(tmp_path) as other:
        assert one != other
        assert one.is_dir()
        assert other.is_dir()


def test_a_living_runs_folder_is_left_alone_and_a_crashed_runs_removed(tmp_path: Path) -> None:
    """Another process holds the lock while it lives, and loses it however it dies."""
    with _other_run(tmp_path) as (process, theirs):
        with private_folder(tmp_path):
            assert (theirs / "spool").read_text() == "private"
        process.kill()
        process.wait()
        assert theirs.exists()
        with private_folder(tmp_path) as ours:
            assert list(tmp_path.iterdir()) == [ours]


def test_a_folder_that_crashed_before_its_lock_is_removed(tmp_path: Path) -> None:
    """A run can die between any two calls."""
    (tmp_path / "run-dead").mkdir()
    with private_folder(tmp_path) as ours:
        assert list(tmp_path.iterdir()) == [ours]


def test_what_is_not_a_runs_is_left_alone(tmp_path: Path) -> None:
    """Somebody may keep other things there."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "run-notes").write_text("a file")
    with private_folder(tmp_path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes", "run-notes"]


def test_folders_are_not_lost_where_many_runs_start_at_once(tmp_path: Path) -> None:
    """A folder that is made but not locked yet is not taken for a crashed run's."""

    def run(_: int) -> bool:
        with private_folder(tmp_path) as folder:
            (folder / "spool").touch()
            return (folder / "spool").exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(80)))


def test_a_spool_directory_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path) -> None:
    """It is a setting."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match="spool_directory"), private_folder(file):
        pass


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    """The batch is cut shorter; nothing is half written."""
    page = rows([message("a", 0, **text("x" * 1000))])
    with _spool(tmp_path, 3000) as spool:
        spool.append_page(page, LAYOUTS, FROM_SPOOL)
        held = spool.bytes
        assert held > 1500
        with pytest.raises(SpoolFullError, match="3,000 bytes do not hold segment 20240115T0000Z-20240116T0000Z"):
            spool.append_page(page, LAYOUTS, FROM_SPOOL)
        assert spool.bytes == held
        assert sum(sum(part.values()) for part in _held(spool).values()) == spool.rows[SEGMENT]


def test_a_disk_that_is_full_is_a_full_spool(tmp_path: Path) -> None:
    """The operating system's refusal is told as ours."""
    with _spool(tmp_path) as spool:
        read_only = os.open(tmp_path / "spool", os.O_RDONLY)
        os.dup2(read_only, spool._descriptor)  # noqa: SLF001 - no disk can be filled in a test
        os.close(read_only)
        with pytest.raises(SpoolFullError, match="the local disk failed"):
            spool.append_page(rows([message("a", 0)]), LAYOUTS, FROM_SPOOL)
        assert spool.segments() == []


@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), _TIMES), max_size=12), max_size=4))
@settings(deadline=None, max_examples=60)
def test_pages_are_split_by_segment(pages: list[list[tuple[str, int]]]) -> None:
    """In any order of times, right at boundaries, under any layout; every row comes back as it was."""
    expected: dict[str, Counter[bytes]] = {}
    with scratch() as folder, _spool(folder) as spool:
        for page in pages:
            found = [message(conversation, str(at)) for conversation, at in page]
            spool.append_page(rows(found), _MIXED, FROM_SPOOL)
            for (_, at), item in zip(page, found, strict=True):
                expected.setdefault(_MIXED.segment_of(at).name, Counter())[canonical(item)] += 1
        assert _held(spool) == expected
        assert {segment.name: count for segment, count in spool.rows.items()} == {name: part.total() for name, part in expected.items()}
        assert spool.segments() == sorted(spool.segments())


def test_rows_between_two_milliseconds_go_to_their_own_segment(tmp_path: Path) -> None:
    """A time just before midnight is floored, not rounded, and stays on its day."""
    with _spool(tmp_path) as spool:
        spool.append_page(rows([message("a", 24 * _HOUR - 0.5), message("a", 24 * _HOUR)]), LAYOUTS, FROM_SPOOL)
        assert [segment.dt for segment in spool.segments()] == [date(2024, 1, 15), date(2024, 1, 16)]
        assert list(spool.rows.values()) == [1, 1]


def test_threads_may_share_a_spool(tmp_path: Path) -> None:
    """Pages that are appended at once do not mix."""
    items: list[list[Item]] = [[message(f"c{page}", at, **text(str(page) * at)) for at in range(20)] for page in range(24)]
    with _spool(tmp_path) as spool:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda page: spool.append_page(rows(page), LAYOUTS, FROM_SPOOL), items))
        assert _held(spool) == {SEGMENT.name: Counter(canonical(item) for page in items for item in page)}


def test_runs_keep_marks_and_are_sorted(tmp_path: Path) -> None:
    """The TTL mark is needed until the purge."""
    marked = [{**message("a", at), "expiresAt": {"N": str(at)}} for at in (2, 0, 1)]
    with _spool(tmp_path) as spool:
        spool.append(SEGMENT, pa.Table.from_batches([rows(marked, "expiresAt")]), FROM_SPOOL)
        (run,) = spool.runs(SEGMENT)
        assert run.load().column("_mark").to_pylist() == [0, 1, 2]
        assert run.first == ORDER.sort_key(run.load(), 0)
        assert run.rows == 3


def test_an_unknown_segment_has_no_runs(tmp_path: Path) -> None:
    """Nothing was read for it."""
    with _spool(tmp_path) as spool:
        assert spool.runs(SEGMENT) == []
