"""Reading hot and cold as one while nothing else happens: what is found, and how little is read for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

import archive
from archive.both import Asked, cold
from archive.codec.values import AttributeValue, Item
from archive.errors import InputError, LakeDamagedError
from archive.model.window import Window, from_ms
from tests.archive.both.reading import archive as archive_all
from tests.archive.both.reading import in_order, of_module, purge, reading
from tests.archive.engine.workplace import DAY_MS, MONDAY_MS, TWO_DAYS, Workplace, message
from tests.integration.sites import create

_NUMBERS: Final[dict[str, AttributeValue]] = {"studentId": {"N": "7"}, "provider": {"S": "openai"}}
_SOME: Final = [message(f"c{number % 3}", number // 5 * DAY_MS + number, 1 + number % 2, "hello", **_NUMBERS) for number in range(10)]
_QUESTIONS: Final[dict[str, tuple[int | str, Callable[[Item], bool]]]] = {
    "module_id": (1, lambda item: item["moduleId"]["N"] == "1"),
    "student_id": (7, lambda item: "studentId" in item),
    "provider": ("openai", lambda item: "provider" in item),
    "conversation_id": ("c1", lambda item: item["conversationId"]["S"] == "c1"),
}


@pytest.fixture(params=["hot", "archived", "purged", "half"])
def filled(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    """Messages of two modules: in the table, in the lake, in both, or some here and some there."""
    place.put(*_SOME)
    if request.param == "archived":
        archive_all(place)
    elif request.param == "purged":
        purge(place)
    elif request.param == "half":
        place.with_policy(purge="delete").archive(window=Window(TWO_DAYS.start, from_ms(MONDAY_MS + DAY_MS)))
    return place


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("column", _QUESTIONS)
def test_every_question_is_answered_wherever_messages_are(filled: Workplace, column: str, newest_first: bool) -> None:  # noqa: FBT001
    """In order, each once, and nothing else; with a limit the head of it."""
    value, fits = _QUESTIONS[column]
    expected = in_order([item for item in _SOME if fits(item)])
    expected = expected[::-1] if newest_first else expected
    assert reading(filled, Asked(column, value, TWO_DAYS, newest_first)).items() == expected
    limited = reading(filled, Asked(column, value, newest_first=newest_first, limit=2)).items()
    assert limited == expected[:2]


def test_a_window_is_half_open_on_both_sides(filled: Workplace) -> None:
    """Its begin belongs to it, its end does not."""
    window = Window(from_ms(MONDAY_MS + 2), from_ms(MONDAY_MS + DAY_MS + 6))
    found = reading(filled, Asked("student_id", 7, window)).items()
    assert found == in_order(_SOME)[2:6]


def test_times_finer_than_a_millisecond_are_kept_apart(place: Workplace) -> None:
    """In the table, and in the lake."""
    some: list[Item] = [{**message("c", 0, 1), "timestamp": {"N": f"{MONDAY_MS}{fraction}"}} for fraction in ("", ".25", ".5")]
    place.put(*some)
    for _ in range(2):
        found = reading(place, of_module(1), page=1).items()
        assert sorted(item["timestamp"]["N"] for item in found) == sorted(item["timestamp"]["N"] for item in some)
        archive_all(place)


@pytest.mark.parametrize("newest_first", [False, True])
def test_messages_of_one_millisecond_on_two_pages_are_in_order(place: Workplace, newest_first: bool) -> None:  # noqa: FBT001
    """By their partition keys, which an index knows nothing of."""
    some = [message(conversation, at, 1) for conversation in ("a", "b", "c", "d") for at in (0, 1)]
    place.put(*some)
    asked = of_module(1, newest_first=newest_first)
    assert reading(place, asked, page=2).items() == (in_order(some)[::-1] if newest_first else in_order(some))


def test_an_index_that_holds_keys_alone_leads_to_whole_messages(place: Workplace) -> None:
    """They come from the base table by key."""
    table = f"{place.table}-keys"
    keys = {"conversationId": "S", "timestamp": "N", "moduleId": "N"}
    create(place.dynamodb, table, keys, "ModuleAnalyticsIndex", {"ProjectionType": "KEYS_ONLY"})
    place = place.with_source(table=table)
    place.put(*_SOME)
    assert reading(place, of_module(1), page=2).items() == in_order(_SOME)[::2]
    place.with_policy(purge="keep").archive(window=Window(TWO_DAYS.start, from_ms(MONDAY_MS + DAY_MS)))
    read = reading(place, of_module(1), page=2)
    assert read.items() == in_order(_SOME)[::2]
    assert read.count("BatchGetItem") == 3


def test_the_latest_few_take_one_request_while_they_are_in_the_table(place: Workplace) -> None:
    """One page of just so many messages and one more, a listing, and no segment."""
    place.put(*_SOME)
    read = reading(place, Asked("student_id", 7, newest_first=True, limit=3))
    assert read.items() == in_order(_SOME)[::-1][:3]
    assert (read.limits, read.count("Query"), read.count("GetObject")) == ([4], 1, 0)


def test_the_latest_few_take_one_segment_when_they_were_removed(place: Workplace) -> None:
    """The newest; of it, only as many rows as are asked for."""
    place.put(*_SOME)
    purge(place)
    read = reading(place, Asked("student_id", 7, newest_first=True, limit=3))
    assert read.items() == in_order(_SOME)[::-1][:3]
    assert read.count("Query") == 1
    assert read.messages.segments == 1


def test_older_segments_are_opened_only_when_they_are_needed(place: Workplace) -> None:
    """Six messages are on two days."""
    place.put(*_SOME)
    purge(place)
    read = reading(place, Asked("student_id", 7, newest_first=True, limit=6))
    assert len(read.items()) == 6
    assert read.messages.segments == 2


def test_what_nobody_reads_is_not_fetched(place: Workplace) -> None:
    """Whoever stops reading has read only so far, and leaves nothing on local disk."""
    place.put(*_SOME)
    purge(place)
    read = reading(place, Asked("student_id", 7))
    items = iter(read.messages)
    next(items)
    assert read.messages.segments == 1
    items.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(place.config.lake.spool_directory.iterdir()) == []


def test_rows_are_merged_from_small_parts(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is sorted at a time: a segment is in order of time for each module only."""
    monkeypatch.setattr(cold, "SORTED_BYTES", 1)
    monkeypatch.setattr(cold, "RUN_ROWS", 1)
    monkeypatch.setattr("archive.lake.lanes._AT_ONCE", 1)
    place.put(*_SOME)
    purge(place)
    assert reading(place, Asked("student_id", 7)).items() == in_order(_SOME)
    assert reading(place, Asked("student_id", 7, newest_first=True)).items() == in_order(_SOME)[::-1]


def test_a_limit_of_nothing_is_refused() -> None:
    """And so is less."""
    with pytest.raises(InputError, match="the limit must be at least 1, not 0"):
        Asked("module_id", 1, limit=0)


@pytest.mark.parametrize("column", ["model", "nothing"])
def test_without_an_index_there_is_no_way(place: Workplace, column: str) -> None:
    """The sentence names the keys that an index would need."""
    with pytest.raises(InputError, match=r"has no index with the keys \((model|nothing), timestamp\)"):
        reading(place, Asked(column, "gpt"))


def test_a_segment_that_is_gone_is_damage(place: Workplace) -> None:
    """Its messages may be nowhere else."""
    place.put(*_SOME)
    purge(place)
    place.s3.delete_object(Bucket=place.bucket, Key=place.keys("messages")[0])
    with pytest.raises(LakeDamagedError, match="is gone although there is a receipt for it"):
        reading(place, Asked("student_id", 7)).items()


def test_it_is_a_public_part_of_the_package(place: Workplace) -> None:
    """`archive.messages(config, archive.Asked(...))`."""
    place.put(*_SOME)
    assert list(archive.messages(place.config, archive.Asked("module_id", 1))) == in_order(_SOME)[::2]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        archive.nothing  # noqa: B018 - asking is enough
