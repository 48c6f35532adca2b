"""A whole purge under its governor, in virtual time, at a table that throttles as DynamoDB does, beside live writers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from archive.codec.values import Item
from archive.dynamo_write import PartiqlRemover, Remover, SingleRemover, Table
from archive.governor import Governor
from archive.model.budget import Budget, Warm, write_cost
from archive.model.spec import CHAT_MESSAGES
from archive.purge.partiql import ALL_TYPES
from archive.purge.segment import Purged, Purger
from tests.archive.fake_table import Capacity, VirtualClock
from tests.archive.purge.virtual import VirtualDynamo, live
from tests.archives import Archive
from tests.builders import NOW, message, place_in, policy, run_of, text
from tests.governors import INDEXES

MODULE, STUDENT, PROVIDER = (index.name for index in INDEXES)
SMALL, LARGE = text("x" * 100), text("x" * 1_500)  # one unit, and two


def chat(number: int, module: int, provider: str, student: int, **more: dict[str, str]) -> Item:
    """Return a message of the chat."""
    named = {"provider": {"S": provider}, "studentId": {"N": str(student)}}
    return message(f"c{number}", number, module, **named, **(more or LARGE))


class Scene:
    """A segment that is archived, a table in virtual time that holds its messages, and what purges them."""

    def __init__(self, archive: Archive, items: list[Item], budget: Budget) -> None:
        """Archive the items."""
        self.archive, self.all = archive, items
        self.clock = VirtualClock()
        self.dynamo = VirtualDynamo(self.clock, items)
        self.governor = Governor(budget, self.clock, self.clock.sleep)
        self._committed = archive.commit(*items)

    @property
    def table(self) -> Table:
        """The table as its writers know it."""
        return Table("ChatMessages", CHAT_MESSAGES, INDEXES)

    def purge(self, *, single: bool = False, requests: int = 1) -> Purged:
        """Purge all of it."""
        client = self.dynamo.client()
        alone = SingleRemover(client, self.table, self.governor)
        remover: Remover = alone if single else PartiqlRemover(client, self.table, self.governor, ALL_TYPES)
        place = place_in(self.archive.store, self.archive.folder)
        purger = Purger(place, policy(), remover, alone, lambda: frozenset(CHAT_MESSAGES.attributes), requests)
        return purger.purge(self.archive.proved(self._committed), ([run_of(self.all)], frozenset()), NOW)

    def ended(self, chosen: Callable[[Item], bool]) -> float:
        """Return how many seconds after the beginning the last of the chosen messages was removed."""
        return max(self.dynamo.gone_at(item) for item in self.all if chosen(item)) - 1_000


def mixed(rows: int) -> list[Item]:
    """Return messages of a few modules that have most of them, of two providers, and of many students, one of whom is busy."""
    dice = random.Random(7)  # noqa: S311 - no secret
    return [
        chat(
            number,
            min(int(dice.paretovariate(1.1)), 50),
            dice.choice(["openai", "openai", "anthropic"]),
            1 if dice.random() < 0.3 else dice.randrange(2, 10_000),
            **dice.choice([SMALL, LARGE]),
        )
        for number in range(rows)
    ]


@pytest.mark.parametrize(("single", "requests"), [(False, 1), (False, 4), (True, 1)])
def test_a_purge_throttles_no_live_writer(archive: Archive, single: bool, requests: int) -> None:  # noqa: FBT001 - a parameter of the test
    """The chat of a module, of a student and of a provider, each at nearly half of what its partition takes: none is throttled."""
    scene = Scene(archive, mixed(1_500 if single else 4_000), Budget())
    for values in ({"moduleId": {"N": "1"}}, {"studentId": {"N": "1"}}, {"provider": {"S": "openai"}}):
        live(scene.dynamo.table, scene.clock, write_cost(None, message("chat", 1, None, **values, **LARGE), INDEXES), 450)
    purged = scene.purge(single=single, requests=requests)
    assert purged.done == len(scene.all)
    assert scene.dynamo.items == {}
    assert scene.dynamo.table.throttles.total() == 0
    assert scene.dynamo.table.accepted["chat"] > 1_000
    assert scene.governor.figures().throttles == 0


def test_without_limits_for_partition_values_the_chat_is_throttled(archive: Archive) -> None:
    """The table has teeth: the same purge, held to the table's units alone."""
    scene = Scene(archive, mixed(4_000), Budget(partition_write=1e9))
    live(scene.dynamo.table, scene.clock, write_cost(None, chat(1, 1, "openai", 1), INDEXES), 450)
    scene.purge()
    assert scene.dynamo.table.throttles["chat"] > 0


def test_all_that_the_busiest_partition_may_take_is_used(archive: Archive) -> None:
    """Two thirds of the messages are one provider's: its units, at its rate, are what the purge waits for."""
    scene = Scene(archive, mixed(4_000), Budget())
    scene.purge()
    busiest = max(scene.dynamo.table.total("purge", *place) for place in ((MODULE, 1), (STUDENT, 1), (PROVIDER, "openai")))
    assert scene.ended(lambda _: True) <= busiest / 500 / 0.9


def test_a_hot_module_does_not_delay_the_others(archive: Archive) -> None:
    """Sorted by module, the hot one comes first in the file: the others are done long before it, and it loses nothing by that."""
    hot = [chat(number, 0, f"p{number % 10}", number) for number in range(2_000)]
    others = [chat(2_000 + number, 1 + number // 100, f"p{number % 10}", 2_000 + number) for number in range(2_000)]
    scene = Scene(archive, [*hot, *others], Budget())
    scene.purge()
    assert scene.ended(lambda item: item["moduleId"] != {"N": "0"}) <= 4_000 / (2_000 - 500) / 0.8
    assert scene.ended(lambda item: item["moduleId"] == {"N": "0"}) <= 4_000 / 500 / 0.9


def test_a_throttle_slows_the_purge_down_and_it_recovers(archive: Archive) -> None:
    """For a second the table takes nothing: then it goes on at half its rate, and two minutes later at all of it."""
    items = [chat(number, number % 97, f"p{number % 50}", number, **SMALL) for number in range(8_000)]
    scene = Scene(archive, items, Budget(table_write=50.0, index_write=50.0))
    table = scene.dynamo.table
    scene.clock.after(10, lambda: setattr(table, "capacity", Capacity(table=0.01)))
    scene.clock.after(11, lambda: setattr(table, "capacity", Capacity()))
    assert scene.purge().done == 8_000
    assert scene.governor.figures().throttles == table.throttles["purge"] > 0

    def rate(begin: float, end: float) -> float:
        return sum(units for at, units in table.log["purge", None, None] if begin <= at - 1_000 < end) / (end - begin)

    assert rate(2, 9) == pytest.approx(50, rel=0.1)
    assert rate(12, 16) <= 27
    assert rate(140, 150) == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("single", [False, True])
def test_a_refused_removal_costs_its_provider_nothing(archive: Archive, single: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Half of the messages were edited: their conditions fail, and of the indexes' units only the others' are paid for."""
    items = [chat(number, number % 7, "openai", number) for number in range(200)]
    scene = Scene(archive, items, Budget())
    for item in items[::2]:
        scene.dynamo.edit(item)
    purged = scene.purge(single=single)
    assert (purged.done, purged.changed) == (100, 100)
    assert scene.governor.figures().write_units == 200 * 2 + 100 * 6


def test_the_ramp_begins_at_what_the_table_was_used_to(archive: Archive) -> None:
    """A table that was used to 100 units a second takes no more in the first seconds, whatever the limits allow."""
    items = [chat(number, number % 97, f"p{number % 50}", number, **SMALL) for number in range(1_000)]
    scene = Scene(archive, items, Budget(warm=Warm(write=100.0)))
    scene.purge()
    assert scene.ended(lambda _: True) >= 1_000 / 100 * 0.9
