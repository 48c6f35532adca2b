"""The governor against a table that throttles as DynamoDB does: nobody else is throttled, and nothing is wasted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from threading import Thread
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.governor import Governor
from archive.model.budget import Budget, Cost, Kind, Reason, Value, Warm, read_cost, reasons_of, total
from archive.spread import Spread
from tests.archive.fake_table import ARN, Capacity, FakeTable, Throttle, VirtualClock

MODULE, STUDENT, PROVIDER = "ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex"
BUDGET = Budget()
LINGER = 0.1
LIMITS = ("ProvisionedThroughputExceeded", "AccountLimitExceeded", "KeyRangeThroughputExceeded", "MaxOnDemandThroughputExceeded")
Message = tuple[Cost, str]


def write(units: float = 2.0, **values: Value) -> Cost:
    """Return the cost of a message in the indexes `module`, `student` and `provider`, where these are given."""
    names = {"module": MODULE, "student": STUDENT, "provider": PROVIDER}
    places = {(names[name], value): units for name, value in values.items()}
    return Cost("write", units, {index: units for index, _ in places}, places)


def governor_of(budget: Budget = BUDGET) -> tuple[Governor, VirtualClock]:
    """Return a governor in virtual time."""
    clock = VirtualClock()
    return Governor(budget, clock, clock.sleep), clock


class Purge:
    """Writes what a Spread gives, as the purge does: 25 a request, answered later, and again what was throttled."""

    def __init__(self, governor: Governor, table: FakeTable, clock: VirtualClock, latency: float = 0.02) -> None:
        """Take what it needs."""
        self.governor, self.table, self.clock, self.latency = governor, table, clock, latency
        self.done: dict[str, float] = {}
        self._again: list[Message] = []

    def run(self, cursors: Iterable[Iterable[Message]]) -> float:
        """Write everything; return the seconds it took."""
        began = self.clock()
        for batch in Spread(self.governor, cursors, linger_seconds=LINGER):
            self._send(batch)
        self.clock.sleep(self.latency)
        while self._again:
            message = self._again.pop()
            self.governor.take(message[0])
            self._send([message])
            self.clock.sleep(self.latency)
        return max(self.done.values()) - began

    def _send(self, batch: list[Message]) -> None:
        answers = [self.table.call("purge", cost) for cost, _ in batch]
        at = self.clock()
        self.done |= {name: at for (_, name), answer in zip(batch, answers, strict=True) if not isinstance(answer, Throttle)}
        self.clock.after(self.latency, lambda: self._answered(batch, answers))

    def _answered(self, batch: list[Message], answers: list[Mapping[str, Any] | Throttle]) -> None:
        done = [cost for (cost, _), answer in zip(batch, answers, strict=True) if not isinstance(answer, Throttle)]
        self.governor.settle(total("write", done), [answer for answer in answers if not isinstance(answer, Throttle)])
        for message, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Throttle):
                self.governor.throttled(message[0], reasons_of(answer.response))
                self._again.append(message)


def cut(messages: list[Message], lanes: int) -> list[Iterator[Message]]:
    """Return cursors over consecutive parts."""
    length = -(-len(messages) // lanes)
    return [iter(messages[first : first + length]) for first in range(0, len(messages), length)]


def segment(rows: int, seed: int = 1) -> list[Message]:
    """Return messages of a segment, sorted by module: a few modules have most, three providers have all, of millions of students."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    modules = sorted(int(dice.paretovariate(1.1)) for _ in range(rows))
    return [
        (
            write(
                float(dice.choice([1, 2, 2, 2, 3, 9])),
                module=module,
                student=dice.randrange(5_000_000),
                provider=dice.choices(["openai", "anthropic", "local"], [6, 3, 1])[0],
            ),
            str(number),
        )
        for number, module in enumerate(modules)
    ]


def chat(table: FakeTable, clock: VirtualClock, units: float) -> None:
    """Let live writers use so many units a second of the busiest module and the busiest provider."""
    student = iter(range(10**9))

    def send() -> None:
        table.call("chat", write(2.0, module=1, student=next(student), provider="openai"))

    clock.every(2.0 / units, send)


def test_a_purge_throttles_no_live_writer() -> None:
    """Live chat on the very partitions that are purged gets everything it asks for, and so does the purge."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    chat(table, clock, 450)
    purge = Purge(governor, table, clock)
    purge.run(cut(segment(6_000), 8))
    assert table.throttles.total() == 0
    assert len(purge.done) == table.accepted["purge"] == 6_000
    assert table.accepted["chat"] > 500


def test_without_a_governor_the_chat_is_throttled() -> None:
    """The fake has teeth: the same purge, held to the table's units alone, throttles the chat."""
    governor, clock = governor_of(replace(BUDGET, partition_write=1e9))
    table = FakeTable(clock)
    chat(table, clock, 450)
    Purge(governor, table, clock).run(cut(segment(6_000), 8))
    assert table.throttles["chat"] > 50


def test_no_second_sees_more_than_the_budget_and_its_burst() -> None:
    """Table, indexes and partition values: in any second the rate, the burst, the linger, and one message more."""
    governor, clock = governor_of(replace(BUDGET, index_write=1_500))
    table = FakeTable(clock)
    messages = segment(6_000)
    Purge(governor, table, clock).run(cut(messages, 8))
    seconds = 1 + BUDGET.burst_seconds + LINGER
    largest = max(cost.table for cost, _ in messages)
    assert table.busiest("purge") <= 2_000 * seconds + largest
    for name in (MODULE, STUDENT, PROVIDER):
        assert table.busiest("purge", name) <= 1_500 * seconds + largest
    for who, index, value in table.log:
        if value is not None:
            assert table.busiest(who, index, value) <= 500 * seconds + largest


@pytest.mark.parametrize("lanes", [1, 8])
def test_all_of_the_budget_is_used_where_nothing_is_hot(lanes: int) -> None:
    """At least nine tenths of it, over the whole run."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    messages = [(write(2.0, module=number % 97, student=number), str(number)) for number in range(8_000)]
    seconds = Purge(governor, table, clock).run(cut(messages, lanes))
    assert table.total("purge") == 16_000
    assert seconds <= 16_000 / 2_000 / 0.9


def test_the_busiest_partition_decides_how_long_it_takes() -> None:
    """Three providers: the largest one's units, at its rate, are what the purge waits for, and little more."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    messages = segment(6_000)
    seconds = Purge(governor, table, clock).run(cut(messages, 8))
    assert seconds <= table.total("purge", PROVIDER, "openai") / 500 / 0.9


def test_a_hot_module_does_not_delay_the_others() -> None:
    """The others are done as soon as the table's units, less the hot module's, allow."""
    governor, clock = governor_of()
    table = FakeTable(clock)
    hot = [(write(2.0, module=0, student=number), f"hot {number}") for number in range(3_000)]
    others = [(write(2.0, module=1 + number // 100, student=number), f"other {number}") for number in range(3_000)]
    began = clock()
    purge = Purge(governor, table, clock)
    purge.run([iter(hot), *cut(others, 7)])
    last = max(at for name, at in purge.done.items() if name.startswith("other")) - began
    assert last <= 6_000 / (2_000 - 500) / 0.9
    assert max(purge.done.values()) - began <= (6_000 / 500 + last) / 0.9


def test_a_hot_module_is_passed_over_in_its_own_cursor() -> None:
    """With one cursor, items behind a busy one are looked at: a mixed part does not fall to the hot module's pace at once."""
    governor, clock = governor_of()
    names = [f"{'hot' if number % 4 else 'cold'} {number}" for number in range(400)]
    messages = [(write(100.0, module=0 if name.startswith("hot") else name), name) for name in names]
    given = [name for batch in Spread(governor, [messages]) for _, name in batch]
    assert sorted(given) == sorted(names)
    middle = given[: len(given) // 4]
    assert sum(name.startswith("cold") for name in middle) > len(middle) / 4
    assert governor.figures().waited_seconds == pytest.approx(clock() - 1_000)


def test_throttles_slow_it_down_to_what_the_table_takes_and_it_recovers() -> None:
    """A table that takes a quarter of the budget: soon few writes are refused; when it takes all, all of it is used again."""
    governor, clock = governor_of()
    table = FakeTable(clock, Capacity(table=500.0))
    purge = Purge(governor, table, clock)
    messages = [(write(2.0, student=number), str(number)) for number in range(8_000)]
    purge.run(cut(messages, 8))
    assert len(purge.done) == 8_000
    assert table.throttles["purge"] < 8_000 * 0.05
    assert governor.allowed("write") < 1_500
    table.capacity = Capacity()
    clock.sleep(130)
    assert governor.allowed("write") == 2_000
    assert governor.figures().throttles == table.throttles["purge"]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("index", [None, MODULE])
def test_only_what_a_reason_names_is_slowed_down(index: str | None, kind: Kind, limit: str) -> None:
    """All sixteen reasons: the table, the index, or for a range of keys the index's values in the request."""
    governor, _ = governor_of()
    budget, partition = BUDGET.rate(kind), BUDGET.partition(kind)
    resource = ARN if index is None else f"{ARN}/index/{index}"
    reason = f"{'Index' if index else 'Table'}{kind.capitalize()}{limit}"
    reasons = reasons_of({"ThrottlingReasons": [{"reason": reason, "resource": resource}]})
    cost = replace(write(2.0, module=7, student=8), kind=kind)
    governor.throttled(cost, reasons)
    of_values = index is not None and limit.startswith("KeyRange")
    assert governor.allowed(kind) == (budget / 2 if index is None else budget)
    assert governor.allowed(kind, MODULE) == (budget / 2 if index and not of_values else budget)
    assert governor.allowed(kind, STUDENT) == budget
    assert governor.allowed(kind, MODULE, 7) == (partition / 2 if of_values else partition)
    assert governor.allowed(kind, MODULE, 6) == governor.allowed(kind, STUDENT, 8) == partition
    other: Kind = "write" if kind == "read" else "read"
    assert governor.allowed(other) == BUDGET.rate(other)


@pytest.mark.parametrize("reasons", [(), (Reason("read", None, key_range=False),)])
def test_without_a_reason_the_table_and_its_indexes_are_slowed_down(reasons: tuple[Reason, ...]) -> None:
    """Also where the only reason is about something that the request did not do. The values are left alone."""
    governor, _ = governor_of()
    governor.throttled(write(2.0, module=7, student=8), reasons)
    assert [governor.allowed("write", index) for index in (None, MODULE, STUDENT, PROVIDER)] == [1_000, 1_000, 1_000, 2_000]
    assert governor.allowed("write", MODULE, 7) == 500


def test_throttles_of_one_moment_are_one() -> None:
    """Their requests were under way already; a second later it counts again, and never down to nothing."""
    governor, clock = governor_of()
    for _ in range(10):
        governor.throttled(write())
    assert governor.allowed("write") == 1_000
    clock.sleep(1)
    governor.throttled(write())
    assert governor.allowed("write") == 500
    for _ in range(20):
        clock.sleep(1)
        governor.throttled(write())
    assert governor.allowed("write") == 2_000 / 64


def test_quiet_lets_a_rate_recover_step_by_step() -> None:
    """Not in the first seconds, then gradually, then wholly, and not beyond."""
    governor, clock = governor_of()
    governor.throttled(write())
    rates = []
    for _ in range(14):
        clock.sleep(5)
        rates.append(governor.allowed("write"))
    assert rates[0] == 1_000
    assert rates == sorted(rates)
    assert all(later - earlier <= 100 for earlier, later in pairwise(rates))
    assert rates[-1] == 2_000


def use(governor: Governor, clock: VirtualClock, seconds: float, cost: Cost) -> float:
    """Take one cost after another for so long; return the units a second."""
    began, taken = clock(), 0.0
    while clock() < began + seconds:
        governor.take(cost)
        taken += cost.table
    return taken / (clock() - began)


def test_the_ramp_begins_at_what_the_table_was_used_to_and_doubles_in_half_an_hour() -> None:
    """Each half hour of full use at most doubles it, until the budget is reached, which is never passed."""
    governor, clock = governor_of(Budget(table_write=3_000, warm=Warm(write=500)))
    cost = Cost("write", 100.0)
    minutes = [use(governor, clock, 60, cost) for _ in range(120)]
    assert minutes[0] == pytest.approx(500, rel=0.3)
    assert governor.allowed("write") == 3_000
    for number in range(30, 120):
        assert minutes[number] <= 2.01 * minutes[number - 30]
        assert minutes[number] <= 3_000 * 1.05
    assert minutes[29] == pytest.approx(1_000, rel=0.05)
    assert minutes[89] == pytest.approx(3_000, rel=0.05)


def test_a_ramp_does_not_climb_while_nothing_is_done() -> None:
    """What DynamoDB is used to grows by use: hours of reading first do not let the writes begin faster."""
    governor, clock = governor_of(Budget(table_write=3_000, warm=Warm(write=500)))
    clock.sleep(7_200)
    assert governor.allowed("write") == 500


def test_an_index_has_a_ramp_of_its_own() -> None:
    """A new index is not used to what the table is used to."""
    governor, _ = governor_of(Budget(warm=Warm(40_000, 40_000, {MODULE: (100.0, 300.0)})))
    assert governor.allowed("write", MODULE) == 300
    assert governor.allowed("read", MODULE) == 100
    assert governor.allowed("write", STUDENT) == governor.allowed("write") == 2_000


def test_workers_share_the_budget_equally() -> None:
    """Four of them together are as slow as one alone, also in each partition, and also if they share in two steps."""
    clock = VirtualClock()
    table = FakeTable(clock)
    part = Budget(warm=Warm(write=1_000)).share(2).share(2)
    governors = [Governor(part, clock, clock.sleep) for _ in range(4)]
    assert [sum(governor.allowed(*what) for governor in governors) for what in (("write",), ("read",))] == [1_000, 4_000]
    governors = [Governor(BUDGET.share(4), clock, clock.sleep) for _ in range(4)]
    cost = write(2.0, provider="openai")

    def worker(governor: Governor) -> Callable[[], None]:
        def again() -> None:
            while not governor.try_take(cost):
                table.call("purge", cost)
            clock.after(0.01, again)

        return again

    for governor in governors:
        worker(governor)()
    clock.sleep(20)
    assert table.busiest("purge", PROVIDER, "openai") <= 500 * (1 + BUDGET.burst_seconds) + 4 * 2.0
    assert table.total("purge") == pytest.approx(500 * 20, rel=0.05)


def test_what_was_reported_replaces_what_was_estimated() -> None:
    """A provider's index costs three times as much as estimated: its budget is kept nevertheless, for its values too."""
    governor, clock = governor_of()
    table = FakeTable(clock, factors={PROVIDER: 3.0})
    messages = [(write(2.0, student=number, provider="openai"), str(number)) for number in range(3_000)]
    seconds = Purge(governor, table, clock).run(cut(messages, 4))
    assert table.total("purge", PROVIDER, "openai") == 18_000
    assert seconds >= 18_000 / 500 * 0.9
    assert governor.figures().write_units == 3_000 * (2 + 2 + 6)


def test_what_was_not_used_is_given_back() -> None:
    """A read that was taken for a whole page and found nothing costs half a unit; the next one need not wait."""
    governor, _ = governor_of()
    page = read_cost(128.5, MODULE, 7)
    for _ in range(20):
        assert governor.take(page) == 0
        governor.settle(
            page, {"CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.0}, "GlobalSecondaryIndexes": {MODULE: {"CapacityUnits": 0.5}}}
        )
    assert governor.figures().read_units == 10
    assert governor.figures().read_requests == 20


def test_what_a_refused_write_did_not_cost_is_given_back() -> None:
    """A condition that does not hold costs the table's units, and the indexes nothing: the next one for that provider may begin."""
    governor, clock = governor_of()
    cost = write(400.0, provider="openai")
    governor.take(cost)
    assert governor.ready_at(cost) > clock()
    governor.settle(cost, known=cost.refused())
    assert governor.ready_at(cost) == clock()
    assert governor.figures().write_units == 400


def test_without_a_report_the_estimate_stays() -> None:
    """Thirty pages for one module, of which DynamoDB says nothing, take as long as their units do."""
    governor, clock = governor_of()
    page = read_cost(150.0, MODULE, 7)
    for _ in range(31):
        governor.take(page)
        governor.settle(page)
    assert clock() - 1_000 == pytest.approx(30 * 150 / 1_500 - BUDGET.burst_seconds)
    assert governor.figures().waited_seconds == pytest.approx(clock() - 1_000)
    assert governor.figures().read_units == 31 * 150


def test_a_request_larger_than_any_burst_is_let_through() -> None:
    """An item of 400 KB, at a worker's hundredth of the budget: it begins at once, and is paid for by what comes after it."""
    governor, _ = governor_of(BUDGET.share(100))
    large = write(400.0, provider="openai")
    assert governor.take(large) == 0
    assert governor.take(write(1.0, provider="openai")) == pytest.approx(400 / 5 - BUDGET.burst_seconds)


def test_an_item_is_only_held_up_by_its_own_buckets() -> None:
    """Reads do not wait for writes, one module not for another, and an index that is read not for the table."""
    governor, clock = governor_of()
    governor.take(write(400.0, module=1))
    governor.take(read_cost(40_000))
    assert governor.ready_at(read_cost(1.0)) > clock()
    assert governor.ready_at(write(1.0, module=1)) > clock()
    assert governor.ready_at(write(1.0, module=2)) == governor.ready_at(read_cost(1.0, MODULE, 1)) == clock()
    assert governor.try_take(write(1.0, module=1), within=0.5) > 0.5
    assert governor.ready_at(write(1.0, module=1)) == clock() + 400 / 500 - BUDGET.burst_seconds
    assert governor.try_take(write(1.0, module=1), within=0.6) == pytest.approx(0.55)
    assert governor.ready_at(write(1.0, module=1)) == pytest.approx(clock() + 401 / 500 - BUDGET.burst_seconds)


def test_idle_partition_values_are_forgotten() -> None:
    """Forty thousand students leave no trace; one that was slowed down is remembered until it has recovered."""
    governor, clock = governor_of()
    slow = write(1.0, student=-1)
    most = 0
    for student in range(40_000):
        if student % 10_000 == 0:
            governor.throttled(slow, [Reason("write", STUDENT, key_range=True)])
        cost = write(2.0, student=student)
        governor.take(cost)
        governor.settle(cost)
        most = max(most, governor.tracked)
    assert 1_000 < most < 10_000
    assert governor.allowed("write", STUDENT, -1) < 500
    clock.sleep(200)
    assert governor.allowed("write", STUDENT, -1) == 500


def test_even_values_that_are_slowed_down_are_not_remembered_without_end() -> None:
    """Eighty thousand of them at one moment: the oldest go."""
    governor, _ = governor_of()
    for student in range(80_000):
        governor.throttled(write(1.0, student=student), [Reason("write", STUDENT, key_range=True)])
    assert governor.tracked <= 2 * 32_768
    assert governor.allowed("write", STUDENT, 79_999) == 250


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40), st.floats(0, 0.3)), max_size=80), st.integers(1, 8))
@settings(deadline=None)
def test_no_resource_is_overdrawn_whatever_is_taken(requests: list[tuple[int, int, float]], workers: int) -> None:
    """At any time, each bucket let through its rate since then, its burst, and one request more."""
    budget = Budget(table_write=100, partition_write=40).share(workers)
    governor, clock = governor_of(budget)
    began: list[tuple[float, int, float]] = []
    for module, units, gap in requests:
        clock.sleep(gap)
        governor.take(write(float(units), module=module))
        began.append((clock(), module, units))
    for rate, several in [(100, range(4)), *((40, [module]) for module in range(4))]:
        ours = [(at, units) for at, module, units in began if module in several]
        for first, (start, _) in enumerate(ours):
            # The last request is the one more.
            for last in range(first + 1, len(ours)):
                spent = sum(units for _, units in ours[first:last])
                allowed = rate / workers * (ours[last][0] - start + budget.burst_seconds)
                assert spent <= allowed + 1e-3


def test_no_two_threads_are_admitted_at_once() -> None:
    """Whoever reads the clock, to judge by it, is alone until it has reserved."""
    inside, overlaps = 0, 0

    def clock() -> float:
        nonlocal inside, overlaps
        inside += 1
        overlaps += inside > 1
        sleep(0.0005)  # lets the other threads run
        inside -= 1
        return 1.0

    governor = Governor(BUDGET, clock, sleep)
    cost = write(1.0, module=1)

    def work() -> None:
        for _ in range(5):
            governor.try_take(cost)
            governor.ready_at(cost)
            governor.settle(cost)
            governor.throttled(cost)
            governor.allowed("write")

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == 0


def test_threads_together_keep_the_budget() -> None:
    """Eight threads take and settle at once: the figures are exact, and no time is saved by it."""
    governor, clock = governor_of()
    cost = write(10.0, provider="openai")

    def work() -> None:
        for _ in range(100):
            governor.take(cost)
            governor.settle(cost, known=cost)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = governor.figures()
    assert (figures.write_units, figures.write_requests) == (800 * 20, 800)
    assert clock() - 1_000 >= 8_000 / 500 - BUDGET.burst_seconds - 0.1
