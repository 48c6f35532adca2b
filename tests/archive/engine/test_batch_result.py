"""What a batch tells of itself: figures that add up, and how long each stage took."""

from __future__ import annotations

import pytest

from archive.engine.batch_result import BatchResult, timed
from archive.engine.planning import Request
from tests.archive.engine.workplace import Workplace, message


def test_figures_of_batches_add_up() -> None:
    """Counts and seconds alike."""
    total = BatchResult(read=1, reading_seconds=0.5)
    total.add(BatchResult(read=2, reading_seconds=0.25, storing_seconds=1.0))
    assert (total.read, total.reading_seconds, total.storing_seconds, total.purging_seconds) == (3, 0.75, 1.0, 0.0)


def test_a_stage_that_fails_took_its_time_too() -> None:
    """And each time that a stage is gone through, it grows."""
    result = BatchResult()
    with timed(result, "storing_seconds"):
        pass
    once = result.storing_seconds
    with pytest.raises(ValueError, match="in the middle"), timed(result, "storing_seconds"):
        raise ValueError("in the middle")  # noqa: EM101, TRY003 - the test's own
    assert result.storing_seconds > once > 0.0


def test_a_runs_record_tells_the_seconds_of_its_stages(place: Workplace) -> None:
    """What was done took time; what was not, none. With one segment at a time, no stage takes longer than the run."""
    place.put(message("a", 1, 1), message("b", 2, 2))
    _, kept = place.with_policy(purge="keep").perform(Request("nightly"))
    _, purged = place.perform(Request("nightly"))
    stages = ("reading_seconds", "storing_seconds", "purging_seconds")
    assert [kept.record.values[stage] > 0 for stage in stages] == [True, True, False]
    assert [purged.record.values[stage] > 0 for stage in stages] == [True, True, True]
