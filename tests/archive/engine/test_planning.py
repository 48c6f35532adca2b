"""Plans: which modules, from when to when, and how many messages are expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.engine.consumed import Consumed
from archive.engine.planning import Request, archive_end, make_plan
from archive.errors import InputError
from archive.governor import Figures
from archive.model.plan import Look, estimate
from archive.model.window import DAY, Window, iso, parse_instant
from tests.archive.engine.workplace import DAY_MS, NOW, TWO_DAYS, WEEK, Workplace, hooked, ignore, message

_A_LOOK = 50


@st.composite
def looks(draw: st.DrawFn) -> list[Look]:
    """Draw looks at consecutive parts of one window, as probes return them."""
    found: list[Look] = []
    start = draw(st.integers(0, 10**12))
    for _ in range(draw(st.integers(1, 5))):
        end = start + draw(st.integers(1, 10**9))
        complete = draw(st.booleans())
        rows = draw(st.integers(0, _A_LOOK))
        last = draw(st.integers(start, end - 1)) if rows else None
        found.append(Look(start, end, rows, last, complete))
        start = end
    return found


@given(looks())
def test_the_bounds_bracket_what_is_expected(found: list[Look]) -> None:
    """And nothing is below what was seen."""
    expected, low, high = estimate(found)
    assert sum(look.rows for look in found) <= low <= expected <= high


@given(looks())
def test_what_was_looked_at_to_its_end_is_counted(found: list[Look]) -> None:
    """The estimate is exact where every look reached the end of its part."""
    whole = [Look(look.start_ms, look.end_ms, look.rows, look.last_ms, complete=True) for look in found]
    seen = sum(look.rows for look in found)
    assert estimate(whole) == (seen, seen, seen)


@given(parts=st.integers(1, 5), every=st.integers(1, 10**6), rows=st.integers(1, 2000))
def test_evenly_spread_messages_lie_within_the_bounds(parts: int, every: int, rows: int) -> None:
    """However many there are, and however many parts are looked at, 50 messages a look."""
    length = every * rows
    found = []
    for part in range(parts):
        times = range(part * length, (part + 1) * length, every)
        seen = times[:_A_LOOK]
        found.append(Look(part * length, (part + 1) * length, len(seen), seen[-1], complete=len(seen) == len(times)))
    _, low, high = estimate(found)
    assert low <= parts * rows <= high


def test_a_page_without_messages_is_no_reason_to_divide_by_nothing() -> None:
    """A page may be empty and still not be the last one."""
    assert estimate([Look(0, 0, 0, None, complete=False), Look(0, 10, 0, None, complete=False)]) == (0, 0, 0)


def test_a_plan_names_modules_windows_and_rows(place: Workplace) -> None:
    """Each module begins with the partition of its oldest message, and all end with the cutoff."""
    place.put(message("a", 5, 1), message("b", 6, 1), message("c", 3 * DAY_MS, 2), message("d", 200 * DAY_MS, 3))
    plan = make_plan(place.session(), Request("nightly"), NOW, ignore)
    end = parse_instant("2024-03-03")
    assert [(module.module, iso(module.window.start), module.window.end, module.rows) for module in plan.modules] == [
        (1, "2024-01-15T00:00:00Z", end, 2),
        (2, "2024-01-18T00:00:00Z", end, 1),
    ]
    assert (plan.rows, plan.low, plan.high) == (3, 3, 3)
    assert plan.window == Window(parse_instant("2024-01-15"), end)
    assert plan.segments == (end - parse_instant("2024-01-15")) // DAY
    assert 1 <= plan.first_batch <= plan.segments


def test_exact_plans_count(place: Workplace) -> None:
    """A plan that looks only at 50 messages a time cannot know; with `exact` it counts."""
    crowd = [message("a", number, 1) for number in range(120)]
    for first in range(0, len(crowd), 25):
        requests = [{"PutRequest": {"Item": item}} for item in crowd[first : first + 25]]
        place.dynamodb.batch_write_item(RequestItems={place.table: requests})  # type: ignore[dict-item]
    about = make_plan(place.session(), Request("nightly"), NOW, ignore)
    exactly = make_plan(place.session(), Request("nightly", exact=True), NOW, ignore)
    assert about.low <= 120 <= about.high
    assert about.low < about.high
    assert (exactly.rows, exactly.low, exactly.high) == (120, 120, 120)


def test_planning_writes_nothing(place: Workplace) -> None:
    """Neither into the lake nor to the table."""
    place.put(message("a", 5, 1))
    called: list[str] = []
    session = place.session()
    with (
        hooked(session.clients.dynamodb, "before-call", lambda model, **_: called.append(model.name)),
        hooked(session.clients.s3, "before-call", lambda model, **_: called.append(model.name)),
    ):
        make_plan(session, Request("nightly"), NOW, ignore)
    assert set(called) <= {"Scan", "Query", "ListObjectsV2", "GetObject"}


def test_a_window_behind_the_cutoff_is_refused(place: Workplace) -> None:
    """The refusal says up to when a window may go."""
    window = Window(parse_instant("2024-03-01"), parse_instant("2024-03-04"))
    with pytest.raises(InputError, match="use --to 2024-03-03T00:00:00Z or earlier"):
        make_plan(place.session(), Request("backfill", window), NOW, ignore)


def test_a_window_may_end_at_the_cutoff(place: Workplace) -> None:
    """Half-open: the cutoff itself is not in it."""
    window = Window(parse_instant("2024-03-01"), parse_instant("2024-03-03"))
    assert make_plan(place.session(), Request("backfill", window, (1,)), NOW, ignore).window == window


def test_months_wait_until_they_are_over(place: Workplace) -> None:
    """A segment is first archived when its whole partition is before the cutoff."""
    session = place.with_lake(partition="month", segment="month").session()
    assert iso(archive_end(session, NOW)) == "2024-03-01T00:00:00Z"


def test_named_modules_and_a_window_are_not_looked_for(place: Workplace) -> None:
    """They cost no discovery, and also modules without messages are planned."""
    plan = make_plan(place.session(), Request("backfill", TWO_DAYS, (7, 8)), NOW, ignore)
    assert [module.module for module in plan.modules] == [7, 8]
    assert [module.window for module in plan.modules] == [TWO_DAYS, TWO_DAYS]


def test_only_the_modules_asked_for_are_planned(place: Workplace) -> None:
    """The other ones are left alone."""
    place.put(message("a", 1, 1), message("b", 2, 2), message("c", 3, 3))
    plan = make_plan(place.session(), Request("nightly", modules=(2,)), NOW, ignore)
    assert [module.module for module in plan.modules] == [2]


def test_a_table_that_empties_is_read_from_its_oldest_message_on(place: Workplace) -> None:
    """In mode delete, also what an earlier complete run has covered: what is there is late."""
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    place.put(message("b", 2, 1))
    plan = make_plan(place.session("run-2"), Request("nightly"), NOW + DAY, ignore)
    assert plan.window is not None
    assert iso(plan.window.start) == "2024-01-15T00:00:00Z"


@pytest.mark.parametrize(("purge", "days"), [("keep", 3), ("expire", 8)])
def test_a_table_that_does_not_empty_is_read_from_its_coverage_on(place: Workplace, purge: str, days: int) -> None:
    """Less the overlap, or in mode expire the grace: what a complete nightly run has covered is not read every night."""
    specification: Any = {"Enabled": True, "AttributeName": "expiresAt"}
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    place = place.with_policy(purge=purge)
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    later = NOW + 10 * DAY
    plan = make_plan(place.session("run-2"), Request("nightly"), later, ignore)
    assert plan.window == Window(parse_instant("2024-03-03") - timedelta(days=days), parse_instant("2024-03-13"))
    backfill = make_plan(place.session("run-3"), Request("backfill", WEEK), later, ignore)
    assert backfill.window == WEEK


def test_a_run_that_was_not_complete_covers_nothing(place: Workplace) -> None:
    """A backfill says nothing about what nightly runs have to read."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1))
    place.perform(Request("backfill", TWO_DAYS))
    plan = make_plan(place.session("run-2"), Request("nightly"), NOW, ignore)
    assert plan.window is not None
    assert iso(plan.window.start) == "2024-01-15T00:00:00Z"


def test_junk_is_reported_and_left(place: Workplace) -> None:
    """Messages before `earliest` are no reason to plan from 1970 on."""
    place.put(message("a", -20_000 * DAY_MS, 1), message("b", 5, 1), message("c", -20_000 * DAY_MS, 2))
    plan = make_plan(place.session(), Request("nightly"), NOW, ignore)
    assert [(module.module, iso(module.window.start), module.junk) for module in plan.modules] == [(1, "2024-01-15T00:00:00Z", True)]
    assert any("module 1 has messages before [source] earliest" in warning for warning in plan.warnings)


def test_an_empty_table_is_an_empty_plan(place: Workplace) -> None:
    """There is no window then, and nothing to pay."""
    plan = make_plan(place.session(), Request("nightly"), NOW, ignore)
    assert (plan.window, plan.modules, plan.rows, plan.segments, plan.cost.write_units) == (None, (), 0, 0, 0)


def test_nothing_is_planned_before_messages_are_old_enough(place: Workplace) -> None:
    """A table that begins after the cutoff has an empty plan."""
    place = place.with_source(earliest=parse_instant("2024-05-01"))
    place.put(message("a", 120 * DAY_MS, 1))
    assert make_plan(place.session(), Request("nightly"), NOW, ignore).window is None


def test_a_purge_that_cannot_keep_up_is_said_beforehand(place: Workplace) -> None:
    """At a hundredth of a write unit a second, a day's inflow takes longer than a day."""
    place.put(*(message("a", number, 1) for number in range(30)))
    place.put(*(message("b", number, 1) for number in range(30)))
    slowed = replace(place, config=replace(place.config, limits=replace(place.config.limits, write_units=0.001)))
    plan = make_plan(slowed.session(), Request("backfill", TWO_DAYS), NOW, ignore)
    assert any("purging takes longer than messages come in" in warning for warning in plan.warnings)
    keeping = make_plan(slowed.with_policy(purge="keep").session(), Request("backfill", TWO_DAYS), NOW, ignore)
    assert keeping.warnings == ()


def test_a_night_after_a_pause_says_how_long_it_was_and_how_much_there_is(place: Workplace) -> None:
    """Messages, hours and dollars; a night after a night says nothing."""
    place = place.with_policy(purge="keep")
    place.put(message("a", 1, 1))
    place.perform(Request("nightly"))
    place.put(message("b", 48 * DAY_MS, 1))
    for days, says in ((1, []), (5, ["5 days since the last complete night: about 1 messages, "])):
        told: list[str] = []
        make_plan(place.session(), Request("nightly"), NOW + days * DAY, told.append)
        assert [text[: len(says[0])] for text in told if says and "night" in text] == says
        assert bool(says) == any("last complete night" in text for text in told)


def test_an_index_of_keys_is_priced_as_what_it_is(place: Workplace) -> None:
    """Two units for the item and one for each entry, where three full indexes are eight; and each item is fetched, for a whole unit."""
    place.put(message("a", 1, 1), message("b", 2, 1))
    session = place.session()
    session.facts = replace(session.facts, items=2, bytes=4_096)
    keys = tuple(replace(part, projection="KEYS_ONLY", entry_bytes=120) for part in session.facts.parts)
    assert len(keys) == 3
    session.facts = replace(session.facts, projection="KEYS_ONLY", parts=keys)
    plan = make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore)
    assert (plan.rows, plan.item_bytes, plan.cost.write_units) == (2, 2_048, 2 * (2 + 3))
    assert plan.cost.read_units == Decimal("0.5") + 2


def test_a_removal_that_is_paid_in_several_regions_is_said_beforehand(place: Workplace) -> None:
    """The units of a run are those of one region, for these are what it can measure."""
    place.put(message("a", 1, 1))
    for purge, says in (("delete", True), ("keep", False)):
        session = place.with_policy(purge=purge).session()
        session.facts = replace(session.facts, replicas=2)
        warnings = make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore).warnings
        assert any("2 replicas: each removal is paid in each region" in warning for warning in warnings) == says


def test_a_plan_is_priced_by_the_tables_region_and_the_settings(place: Workplace) -> None:
    """The region that the settings name, else that of the table's ARN, and its class; what the settings say goes before either."""
    place.put(message("a", 1, 1))
    session = place.session()
    session.facts = replace(session.facts, arn="arn:aws:dynamodb:eu-west-1:123456789012:table/t")
    session.config = replace(session.config, source=replace(session.config.source, region=None))
    plan = make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore)
    assert (plan.to_dict()["prices_of"], plan.cost.purging) == ("eu-west-1", plan.cost.write_units * Decimal("0.705") / 10**6)
    session.facts = replace(session.facts, infrequent=True)
    rare = make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore)
    assert rare.cost.purging == plan.cost.write_units * Decimal("0.885") / 10**6
    session.facts = replace(session.facts, infrequent=False)
    session.config = replace(session.config, prices=(("write_million", Decimal(1_000_000)),))
    assert make_plan(session, Request("backfill", TWO_DAYS), NOW, ignore).cost.purging == plan.cost.write_units
    session.config = replace(session.config, limits=replace(session.config.limits, max_dollars=1.0))
    assert session.cap(0, {"elsewhere": Consumed(Figures(write_units=2.0))}) == "the cap of $1.00 is reached ([limits] max_dollars)"
