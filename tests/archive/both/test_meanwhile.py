"""What runs and users do while messages are read: each message is yielded once, in order, as it was at the start or later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archive.both import Asked
from archive.codec.values import Item
from tests.archive.both.reading import Reading, archive, in_order, of_module, place_of, purge, reading
from tests.archive.engine.workplace import DAY_MS, TWO_DAYS, Workplace, message
from tests.interleaving.user import Key, User, key_of

_SOME: Final = [message(f"c{number % 2}", number // 4 * DAY_MS + number, 1, f"first {number}") for number in range(8)]
"""Four messages on each of two days."""
_BUCKETS: Final = count(1)


def test_what_is_removed_between_two_pages_comes_from_the_lake(place: Workplace) -> None:
    """The lake is listed after the page that no longer has it."""
    place.put(*_SOME)
    read = reading(place, of_module(1), page=2)
    read.before["Query"] = [lambda: None, lambda: purge(place)]
    assert read.items() == in_order(_SOME)


def test_what_is_removed_after_the_first_listing_comes_from_the_lake(place: Workplace) -> None:
    """The lake is listed again for each part of the window that the table was asked for since."""
    place.put(*_SOME)
    read = reading(place, of_module(1), page=1)
    read.before["Query"] = [*[lambda: None] * 5, lambda: purge(place)]
    assert read.items() == in_order(_SOME)
    assert read.count("ListObjectsV2") > 2


def test_what_is_removed_before_the_lake_is_listed_was_read_already(place: Workplace) -> None:
    """And is yielded once, from both."""
    place.put(*_SOME)
    read = reading(place, of_module(1))
    read.before["ListObjectsV2"] = [lambda: purge(place)]
    assert read.items() == in_order(_SOME)
    assert (read.messages.counts.both, read.messages.counts.total) == (8, 8)


def test_a_segment_that_is_replaced_while_it_is_read_is_read_again(place: Workplace) -> None:
    """The later version has all of it."""
    place.put(*_SOME)
    archive(place)
    late = message("c9", 3, 1, "late")

    def replace() -> None:
        place.put(late)
        purge(place)

    read = reading(place, of_module(1))
    read.before["GetObject"] = [replace]
    assert [item for item in read.items() if item != late] == in_order(_SOME)


def test_an_edited_message_is_as_the_table_says(place: Workplace) -> None:
    """The base table is asked about it."""
    place.put(*_SOME)
    archive(place)
    edited = {**_SOME[2], "content": {"S": "second"}}
    place.put(edited)
    read = reading(place, of_module(1))
    assert read.items() == in_order([edited if item == _SOME[2] else item for item in _SOME])
    assert (read.messages.counts.decided, read.count("BatchGetItem")) == (1, 1)


def test_a_message_that_is_edited_after_it_was_read_is_as_the_table_says(place: Workplace) -> None:
    """The lake has its first version, the page the second, the table the third."""
    place.put(*_SOME)
    archive(place)
    second, third = ({**_SOME[2], "content": {"S": text}} for text in ("second", "third"))
    place.put(second)
    read = reading(place, of_module(1))
    read.before["ListObjectsV2"] = [lambda: place.put(third)]
    assert read.items()[2] == third


def test_an_edited_message_that_is_removed_before_the_table_is_asked_is_as_the_lake_has_it_by_then(place: Workplace) -> None:
    """Not as the lake had it when it was read."""
    place.put(*_SOME)
    archive(place)
    edited = {**_SOME[2], "content": {"S": "second"}}
    place.put(edited)
    read = reading(place, of_module(1))
    read.before["BatchGetItem"] = [lambda: purge(place)]
    assert read.items()[2] == edited
    assert place.items() == []


def test_a_message_that_is_replaced_and_removed_after_it_was_read_is_as_it_was_removed(place: Workplace) -> None:
    """The lake had its first version when it was read, the page the second; the third was archived and removed."""
    place.put(*_SOME)
    archive(place)
    second, third = ({**_SOME[2], "content": {"S": text}} for text in ("second", "third"))
    place.put(second)

    def replace_and_remove() -> None:
        place.put(third)
        purge(place)

    read = reading(place, of_module(1))
    read.before["BatchGetItem"] = [replace_and_remove]
    assert read.items()[2] == third


def test_a_message_that_leaves_its_module_meanwhile_is_as_the_index_showed_it(place: Workplace) -> None:
    """What was asked for are messages of that module."""
    place.put(*_SOME)
    archive(place)
    edited = {**_SOME[2], "content": {"S": "second"}}
    place.put(edited)
    read = reading(place, of_module(1))
    read.before["BatchGetItem"] = [lambda: place.put({**edited, "moduleId": {"N": "2"}})]
    assert read.items()[2] == edited


def test_our_own_mark_is_no_part_of_a_message(place: Workplace) -> None:
    """In mode expire, a marked message equals the archived one."""
    place = place.with_policy(purge="expire")
    place.put(*_SOME)
    archive(place)
    place.put({**_SOME[0], "expiresAt": {"N": "1900000000"}})
    read = reading(place, of_module(1))
    assert read.items() == in_order(_SOME)
    assert read.messages.counts.decided == 0


@dataclass
class _World:
    """A table and a lake that are changed while they are read. `history` is what each message was, from the start of the reading on."""

    place: Workplace
    user: User
    original: list[Item]
    purged: dict[Key, Item] = field(default_factory=dict)
    versions: Iterator[int] = field(default_factory=lambda: count(2))

    def purge(self) -> None:
        """Archive and remove everything."""
        before = self.place.items()
        purge(self.place)
        self.purged.update((key_of(item), item) for item in before)

    def archive(self) -> None:
        """Archive everything."""
        archive(self.place)

    def edit(self) -> None:
        """Change each other message that is in the table."""
        for item in self.place.items()[::2]:
            self.user.edit(item, content={"S": f"version {next(self.versions)}"})

    def late(self) -> None:
        """Write a late message on each day."""
        number = next(self.versions)
        self.user.put(*(message(f"late-{number}", day * DAY_MS + 3, 1) for day in (0, 1)))

    def restore(self) -> None:
        """Put back what was removed."""
        there = {key_of(item) for item in self.place.items()}
        self.place.put(*(item for key, item in self.purged.items() if key not in there))

    def nothing(self) -> None:
        """Let time pass."""


_ACTS: Final = ("purge", "archive", "edit", "late", "restore", "nothing", "nothing")
_plans = st.fixed_dictionaries(
    {},
    optional={
        "Query": st.lists(st.sampled_from(_ACTS), max_size=6),
        "ListObjectsV2": st.lists(st.sampled_from(_ACTS), max_size=6),
        "GetObject": st.lists(st.sampled_from(_ACTS), max_size=6),
        "BatchGetItem": st.lists(st.sampled_from(_ACTS), max_size=2),
    },
)


def _emptied(place: Workplace) -> Workplace:
    for item in place.items():
        place.dynamodb.delete_item(TableName=place.table, Key={name: item[name] for name in ("conversationId", "timestamp")})
    bucket = f"both-{next(_BUCKETS)}"
    place.s3.create_bucket(Bucket=bucket)
    place.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return place.with_lake(bucket=bucket)


def _judge(world: _World, found: list[Item], read: Reading, *, newest_first: bool) -> None:
    """Each once, in order, as it was at the start or later; nothing that never was."""
    places = [place_of(item) for item in found]
    assert places == sorted(places, reverse=newest_first), "not in order of time"
    assert max(Counter(map(key_of, found)).values()) == 1, "a message came twice"
    assert {key_of(item) for item in world.original} <= {key_of(item) for item in found}, "a message is missing"
    for item in found:
        assert item in world.user.history[key_of(item)], "a message is as it never was since the start"
    assert read.messages.counts.total == len(found)


def _explore(place: Workplace, examples: int, *, fixed: bool) -> None:
    @settings(
        max_examples=examples,
        derandomize=fixed,
        database=None,
        deadline=None,
        phases=[Phase.generate] if fixed else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(st.sampled_from(_ACTS), max_size=3),
        _plans,
        st.sampled_from([1, 2, 3, None]),
        st.booleans(),
        st.sampled_from([None, None, 8]),
    )
    def explore(before: list[str], plan: dict[str, list[str]], page: int | None, newest_first: bool, limit: int | None) -> None:  # noqa: FBT001
        here = _emptied(place)
        world = _World(here, User(here.dynamodb, here.table), list(_SOME))
        world.user.put(*_SOME)
        acts: dict[str, Callable[[], None]] = {name: getattr(world, name) for name in set(_ACTS) - {"late"}}
        for name in before:
            acts.get(name, world.nothing)()
        world.user.history = {key: history[-1:] for key, history in world.user.history.items()}
        read = reading(here, of_module(1, newest_first=newest_first), page=page)
        read.before = {event: [getattr(world, name) for name in names] for event, names in plan.items()}
        found = read.items()
        _judge(world, found, read, newest_first=newest_first)
        if limit is not None:
            first = reading(here, of_module(1, newest_first=newest_first, limit=limit), page=page).items()
            everything = reading(here, of_module(1, newest_first=newest_first)).items()
            assert first == everything[:limit]

    explore()


def test_some_readings(place: Workplace) -> None:
    """A few that are the same each time."""
    _explore(place, 15, fixed=True)


@pytest.mark.prove
def test_many_readings(place: Workplace) -> None:
    """More of them, different each time."""
    _explore(place, 40, fixed=False)


def test_a_conversation_is_read_from_the_table_itself(place: Workplace) -> None:
    """Consistently, and from the lake."""
    place.put(*_SOME)
    archive(place)
    place.put({**_SOME[2], "content": {"S": "second"}})
    found = reading(place, Asked("conversation_id", "c0", TWO_DAYS)).items()
    assert [item["content"]["S"] for item in found] == ["first 0", "second", "first 4", "first 6"]
