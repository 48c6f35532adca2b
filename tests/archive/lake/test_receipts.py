"""Receipts in S3: upwards in generation only, mended where they are behind, and listed beside their objects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archive.errors import LakeDamagedError, TransientServiceError
from archive.lake.parquet import Contents
from archive.lake.receipts import Receipts, Seen
from archive.model.layout import Layout, Layouts, Segment
from archive.model.receipt import Owner, Receipt, StoredObject, object_metadata
from archive.model.window import Window, midnight
from archive.s3 import Listed, Store
from tests.answering import s3_error
from tests.builders import KEYS, NOW, OWNER, SEGMENT, START_MS, new_bucket
from tests.servers import Server

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_CONTENTS = Contents(1, 1, START_MS, START_MS, 1, OWNER.table_id)
_DAYS = Layouts((Layout.parse(date(2015, 1, 1), "day", "day"),))
_MONTHS = Layouts((Layout.parse(date(2015, 1, 1), "month", "day"),))


@pytest.fixture
def store(moto_server: Server) -> Store:
    """A bucket of the test's own."""
    client = moto_server.s3()
    return Store(client, new_bucket(client))


@pytest.fixture
def receipts(store: Store) -> Receipts:
    """The receipts in it."""
    return Receipts(store, KEYS, OWNER)


def _receipt(receipts: Receipts, generation: int) -> Receipt:
    return receipts.of(SEGMENT, _stored(generation), _CONTENTS)


def _stored(generation: int) -> StoredObject:
    metadata = object_metadata(generation, None, f"run-{generation}", NOW)
    return StoredObject(KEYS.message(SEGMENT), 1, "ab", '"e"', None, metadata)


def test_a_receipt_names_the_table_that_its_segment_came_from(store: Store) -> None:
    """In a lake that another table has adopted, both tables' segments lie; a third one's are damage."""
    new = Owner("arn:new", "table-2")
    receipts = Receipts(store, KEYS, new, (OWNER,))
    for owner in (OWNER, new):
        receipt = receipts.of(SEGMENT, _stored(1), replace(_CONTENTS, source=owner.table_id))
        assert (receipt.source_table, receipt.source_table_id) == (owner.table_arn, owner.table_id)
    with pytest.raises(LakeDamagedError, match="another table"):
        receipts.of(SEGMENT, _stored(1), replace(_CONTENTS, source="table-3"))


@pytest.mark.parametrize("is_new", [True, False])
def test_a_receipt_is_saved_and_loaded(is_new: bool, receipts: Receipts) -> None:  # noqa: FBT001 - pytest gives it
    """Whether or not the guess that it is new was right."""
    assert receipts.load(SEGMENT) is None
    receipts.save(SEGMENT, _receipt(receipts, 1), is_new=is_new)
    assert receipts.load(SEGMENT) == _receipt(receipts, 1)


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(("there", "late", "stays"), [(2, 1, 2), (1, 2, 2), (2, 2, 2)])
def test_a_later_generation_stays(there: int, late: int, stays: int, is_new: bool, receipts: Receipts) -> None:  # noqa: FBT001
    """Whoever writes last."""
    receipts.save(SEGMENT, _receipt(receipts, there), is_new=True)
    receipts.save(SEGMENT, _receipt(receipts, late), is_new=is_new)
    assert receipts.load(SEGMENT) == _receipt(receipts, stays)


@pytest.mark.parametrize("theirs", [1, 3])
def test_a_race_for_a_receipt_ends_with_the_later_generation(theirs: int, store: Store, receipts: Receipts, moto_server: Server) -> None:
    """The loser looks again."""
    receipts.save(SEGMENT, _receipt(receipts, 0), is_new=True)
    others = Receipts(Store(moto_server.s3(), store.bucket), KEYS, OWNER)
    raced: list[int] = []

    def interfere(**_: object) -> None:
        if not raced:
            raced.append(theirs)
            others.save(SEGMENT, _receipt(receipts, theirs), is_new=False)

    store._client.meta.events.register("before-call.s3.PutObject", interfere)  # noqa: SLF001 - the hook that a real race has
    receipts.save(SEGMENT, _receipt(receipts, 2), is_new=False)
    assert receipts.load(SEGMENT) == _receipt(receipts, max(theirs, 2))


@pytest.mark.parametrize("found", [None, 1])
def test_a_missing_or_older_receipt_is_mended(found: int | None, receipts: Receipts) -> None:
    """From the object itself."""
    old = None if found is None else _receipt(receipts, found)
    if old is not None:
        receipts.save(SEGMENT, old, is_new=True)
    receipts.mend(SEGMENT, _receipt(receipts, 2), old)
    assert receipts.load(SEGMENT) == _receipt(receipts, 2)


def test_a_receipt_that_says_what_is_not_so_is_mended(receipts: Receipts) -> None:
    """Of the same generation, and of the same bytes."""
    true = _receipt(receipts, 2)
    lie = replace(true, rows=true.rows + 1)
    receipts.save(SEGMENT, lie, is_new=True)
    receipts.mend(SEGMENT, true, lie)
    assert receipts.load(SEGMENT) == true


def test_a_receipt_that_others_write_again_and_again_is_an_error(store: Store, receipts: Receipts) -> None:
    """It may pass."""

    def lose(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return s3_error(request, "PreconditionFailed", 412)

    store._client.meta.events.register("before-send.s3.PutObject", lose)  # type: ignore[arg-type]  # noqa: SLF001 - it may answer
    with pytest.raises(TransientServiceError, match="again and again"):
        receipts.save(SEGMENT, _receipt(receipts, 2), is_new=True)


def test_a_receipt_that_is_true_costs_nothing_to_mend(store: Store, receipts: Receipts) -> None:
    """No request is made."""
    before = store.requests
    receipts.mend(SEGMENT, _receipt(receipts, 2), _receipt(receipts, 2))
    assert store.requests == before


def test_another_tables_segment_has_no_receipt_here(receipts: Receipts) -> None:
    """Its rows are not this table's."""
    with pytest.raises(LakeDamagedError, match="another table"):
        receipts.of(SEGMENT, _stored(1), replace(_CONTENTS, source="table-2"))


def _fill(store: Store, layouts: Layouts, first: date, days: int) -> list[Segment]:
    segments = list(layouts.segments(Window(midnight(first), midnight(first + timedelta(days=days)))))
    for segment in segments:
        store.put(KEYS.message(segment), b"m", None)
        store.put(KEYS.receipt(segment), b"r", None)
    return segments


@pytest.mark.parametrize("layouts", [_DAYS, _MONTHS])
def test_a_listing_has_every_segment_of_the_window(layouts: Layouts, store: Store, receipts: Receipts) -> None:
    """From the window's first partition, which may begin before it, to its end, which no segment behind passes."""
    segments = _fill(store, layouts, date(2024, 1, 28), 8)
    window = Window(datetime(2024, 1, 30, 6, tzinfo=UTC), datetime(2024, 2, 2, 12, tzinfo=UTC))
    listing = receipts.listing(window)
    assert [segment for segment in segments if segment.window.intersect(window)] == [
        segment for segment in listing if segment.window.intersect(window)
    ]
    assert set(listing) <= set(segments)
    assert all(segment.window.start < window.end for segment in listing)
    assert list(listing) == sorted(listing)
    assert all(seen.message is not None and seen.receipt is not None for seen in listing.values())


def test_a_listing_shows_what_lacks_its_other_half(store: Store, receipts: Receipts) -> None:
    """And passes over what is neither."""
    today, tomorrow = _DAYS.segments(Window(midnight(date(2024, 1, 15)), midnight(date(2024, 1, 17))))
    store.put(KEYS.message(today), b"m", None)
    store.put(KEYS.receipt(tomorrow), b"r", None)
    store.put(KEYS.folder("messages") + "dt=2024-01-15/notes.txt", b"n", None)
    listing = receipts.listing(Window(today.window.start, tomorrow.window.end))
    assert list(listing) == [today, tomorrow]
    assert listing[today].receipt is None
    assert listing[tomorrow].message is None
    assert all(seen.disagree for seen in listing.values())


@pytest.mark.parametrize(("seconds", "disagree"), [(-1, True), (0, False), (1, False)])
def test_a_receipt_older_than_its_object_disagrees(seconds: int, disagree: bool) -> None:  # noqa: FBT001 - pytest gives it
    """The object was replaced since."""
    message = Listed("m", 1, "e", NOW)
    assert Seen(message, Listed("r", 1, "e", NOW + timedelta(seconds=seconds))).disagree is disagree
