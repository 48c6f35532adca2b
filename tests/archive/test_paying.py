"""What reads, removals and puts take at the governor before they are sent, and what they settle when they are answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from archive.codec.conditions import DELETE, Change, Target
from archive.codec.decode import PageDecoder
from archive.dynamo_insert import Fate as Put
from archive.dynamo_insert import Inserter, Terms
from archive.dynamo_read import Reader
from archive.dynamo_write import Fate, PartiqlRemover, Remover, SingleRemover, Table
from archive.governor import Governor
from archive.model.budget import Budget, Cost, Warm, read_cost, total, write_cost
from archive.model.config import Source
from archive.model.receipt import Owner
from archive.model.spec import CHAT_MESSAGES
from archive.model.target_table import TargetTable
from archive.model.window import Window
from archive.purge.partiql import ALL_TYPES
from tests.archive.fake_table import VirtualClock
from tests.dynamo_items import Item, page, wire_item
from tests.governors import INDEXES
from tests.scripted import Answer, scripted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MODULE, STUDENT, PROVIDER = (index.name for index in INDEXES)
DAY = Window(datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 1, 16, tzinfo=UTC))
SOURCE = Source("ChatMessages", MODULE, None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES)
TABLE = Table("ChatMessages", CHAT_MESSAGES, INDEXES)
TARGET = TargetTable(
    "ChatMessages", Owner("arn", "id"), CHAT_MESSAGES, INDEXES, Warm(), {"conversationId": "S", "timestamp": "N"}, "expiresAt"
)
FULL_PAGE = 128.0
THROTTLED = {"Error": {"Code": "ThrottlingError"}}


def message(number: int, size: int = 1_500) -> Item:
    """Return a message of one module, student and provider."""
    return {
        "conversationId": {"S": f"c{number}"},
        "timestamp": {"N": str(DAY.start_ms + number)},
        "moduleId": {"N": "5"},
        "studentId": {"N": "9"},
        "provider": {"S": "openai"},
        "content": {"S": "x" * size},
    }


def slow_governor() -> tuple[Governor, VirtualClock]:
    """Return a governor under which a partition value may read or write one unit a second, and nothing else has a limit."""
    clock = VirtualClock()
    plenty = Warm(1e9, 1e9, {index.name: (1e9, 1e9) for index in INDEXES})
    budget = Budget(1e9, 1e9, partition_read=1.0, partition_write=1.0, burst_seconds=0.0, warm=plenty)
    return Governor(budget, clock, clock.sleep), clock


def taken_for(client: DynamoDBClient, governor: Governor, clock: VirtualClock, index: str, value: int) -> list[float]:
    """Return a list that notes, as each request is sent, what is taken of a partition value: at a unit a second, the seconds to wait."""
    noted: list[float] = []

    def note(**_: object) -> None:
        kinds = (read_cost(1.0, index, value), write_cost(None, message(0), INDEXES))
        noted.append(max(governor.ready_at(cost) for cost in kinds) - clock())

    client.meta.events.register("before-send.dynamodb", note)
    return noted


def answer(**body: Any) -> Answer:  # noqa: ANN401 - JSON
    """Return a good answer."""
    return Answer(json.dumps(body).encode())


def test_a_read_is_taken_for_a_full_page_and_then_for_what_the_last_one_of_its_module_took() -> None:
    """The answer corrects it; another module's first read is taken for a full page again."""
    governor, clock = slow_governor()
    answers = [Answer(page([], ConsumedCapacity={"CapacityUnits": units})) for units in (3.0, 2.0, 7.0)]
    with scripted(answers) as server:
        client = server.dynamodb(1)
        reader = Reader(client, SOURCE, governor)
        noted = taken_for(client, governor, clock, MODULE, 5)
        for module in (5, 5, 6):
            list(reader.pages(module, DAY, PageDecoder(CHAT_MESSAGES)))
    assert noted == pytest.approx([FULL_PAGE, 3.0, 2.0])
    assert clock() - 1_000 == pytest.approx(3.0)  # the second waited for what the first took; the third for nobody
    assert governor.figures().read_units == 12.0
    assert governor.ready_at(read_cost(1.0, MODULE, 6)) == clock() + 7.0


def test_reading_the_table_takes_nothing_of_an_index() -> None:
    """BatchGetItem, as after a merge that found two versions."""
    governor, clock = slow_governor()
    body = {"Responses": {"ChatMessages": []}, "UnprocessedKeys": {}, "ConsumedCapacity": [{"CapacityUnits": 5.0}]}
    with scripted([answer(**body)]) as server:
        Reader(server.dynamodb(1), SOURCE, governor).messages(
            [{"conversationId": {"S": "c"}, "timestamp": {"N": "1"}}], PageDecoder(CHAT_MESSAGES)
        )
    assert governor.figures().read_units == 5.0
    assert governor.tracked == 0
    assert governor.ready_at(read_cost(1.0, MODULE, 5)) == clock()


@pytest.mark.parametrize(
    ("change", "units"),
    [
        (DELETE, 8.0),
        (Change("mark", "expiresAt", 1_800_000_000), 8.0),
        (Change("unmark", "expiresAt", 1_800_000_000), 8.0),
    ],
)
def test_a_removal_costs_the_table_and_each_index_that_holds_the_message(change: Change, units: float) -> None:
    """Two units each for 1.5 KB; at the module, the student and the provider as well."""
    cost = TABLE.cost(Target(0, message(0), change))
    assert cost.units == units
    assert cost.values == {(MODULE, 5): 2.0, (STUDENT, 9): 2.0, (PROVIDER, "openai"): 2.0}


def test_a_mark_is_paid_for_by_the_larger_image() -> None:
    """A message as large as one unit allows is larger with its mark, in the table and in each index."""
    item = message(0, size=945)
    changes = (DELETE, *(Change(kind, "expiresAt", 1_800_000_000) for kind in ("mark", "unmark")))
    costs = [TABLE.cost(Target(0, item, change)) for change in changes]
    assert [cost.table for cost in costs] == [1.0, 2.0, 2.0]
    assert [sorted(cost.indexes.values()) for cost in costs] == [[1.0] * 3, [2.0] * 3, [2.0] * 3]


def test_a_batch_settles_what_its_statements_did() -> None:
    """One was removed, one was changed, one is gone: the last two cost the table's units alone. What DynamoDB reports prevails."""
    batch = [(write_cost(message(number), None, INDEXES), Target(number, message(number), DELETE)) for number in range(3)]
    refusal = {"Error": {"Code": "ConditionalCheckFailed", "Item": wire_item(message(1, 10))}}
    body = {"Responses": [{"Item": wire_item(message(0))}, refusal, {}]}
    consumed = [{"Table": {"CapacityUnits": 6.0}, "GlobalSecondaryIndexes": {PROVIDER: {"CapacityUnits": 3.0}}}]
    for more, index_units, provider_units in (({}, 6.0, 2.0), ({"ConsumedCapacity": consumed}, 7.0, 3.0)):
        governor, clock = slow_governor()
        governor.take(total("write", (cost for cost, _ in batch)))
        with scripted([answer(**body, **more)]) as server:
            outcomes = PartiqlRemover(server.dynamodb(1), TABLE, governor, ALL_TYPES).remove(batch, frozenset())
        assert [outcome.fate for outcome in outcomes] == [Fate.DONE, Fate.CHANGED, Fate.MISSING]
        assert governor.figures().write_units == 6.0 + index_units
        assert governor.ready_at(Cost("write", values={(PROVIDER, "openai"): 1.0})) == pytest.approx(clock() + provider_units)


def test_a_throttled_statement_is_heard_of_and_taken_again() -> None:
    """An error in an answer of status 200 has no reasons: the table and its indexes are slowed down."""
    governor, clock = slow_governor()
    batch = [(write_cost(message(number), None, INDEXES), Target(number, message(number), DELETE)) for number in range(2)]
    removed = [{"Item": wire_item(message(number))} for number in range(2)]
    with scripted([answer(Responses=[removed[0], THROTTLED]), answer(Responses=[removed[1]])]) as server:
        client = server.dynamodb(1)
        noted = taken_for(client, governor, clock, MODULE, 5)
        PartiqlRemover(client, TABLE, governor, ALL_TYPES).remove(batch, frozenset())
    assert governor.figures().throttles == 1
    assert [governor.allowed("write", index) for index in (None, MODULE)] == [5e8, 5e8]
    assert noted[1] == pytest.approx(2.0)  # that of the one statement which is sent again
    assert governor.figures().write_units == 16.0


@pytest.mark.parametrize("protocol", ["single", "partiql"])
def test_a_throttled_call_is_heard_of_with_its_reasons(protocol: str) -> None:
    """Botocore tries again by itself."""
    governor, _ = slow_governor()
    reason = {"reason": "IndexWriteKeyRangeThroughputExceeded", "resource": f"arn:aws:dynamodb:eu:1:table/ChatMessages/index/{PROVIDER}"}
    refusal = {"__type": "com.amazonaws#ProvisionedThroughputExceededException", "ThrottlingReasons": [reason]}
    image = wire_item(message(0))
    with scripted([Answer(json.dumps(refusal).encode(), 400), answer(Attributes=image, Responses=[{"Item": image}])]) as server:
        client, target = server.dynamodb(2), Target(0, message(0), DELETE)
        single = SingleRemover(client, TABLE, governor)
        remover: Remover = single if protocol == "single" else PartiqlRemover(client, TABLE, governor, ALL_TYPES)
        [outcome] = remover.remove([(TABLE.cost(target), target)], frozenset())
    assert outcome.fate is Fate.DONE
    assert governor.allowed("write", PROVIDER, "openai") == 0.5
    assert governor.allowed("write", PROVIDER) == 1e9


def test_a_message_that_cannot_be_removed_gives_back_what_it_took() -> None:
    """Its condition does not fit in a request, so none is made."""
    governor, clock = slow_governor()
    item = {**message(0), **{f"attribute{number}": {"N": "1"} for number in range(200)}}
    target = Target(0, item, DELETE)
    with scripted([]) as server:
        assert SingleRemover(server.dynamodb(1), TABLE, governor).remove_one(target, frozenset()).fate is Fate.REFUSED
    assert governor.ready_at(TABLE.cost(target)) == clock()
    assert governor.figures().write_units == 0


def test_an_insert_settles_what_was_put_and_what_was_there() -> None:
    """What is there costs the table's units, and the read that looks at it."""
    governor, clock = slow_governor()
    there = {"Error": {"Code": "DuplicateItem"}}
    found = {"Responses": {"ChatMessages": [wire_item(message(1))]}, "ConsumedCapacity": [{"CapacityUnits": 1.0}]}
    with scripted([answer(Responses=[{}, there]), answer(**found)]) as server:
        inserter = Inserter(server.dynamodb(1), TARGET, governor, Terms(0, ALL_TYPES))
        outcomes = inserter.insert([(inserter.cost(message(number)), message(number)) for number in range(2)])
    assert {outcome.fate for outcome in outcomes} == {Put.RESTORED, Put.PRESENT}
    assert (governor.figures().write_units, governor.figures().read_units) == (8.0 + 2.0, 1.0)
    assert clock() == 1_000


def test_what_is_found_before_it_is_put_gives_back_what_was_taken_for_it() -> None:
    """An inserter that looks first, because most of the last batch was there."""
    governor, clock = slow_governor()
    found = {"Responses": {"ChatMessages": [wire_item(message(0))]}}
    with scripted([answer(Responses=[{"Error": {"Code": "DuplicateItem"}}]), answer(**found), answer(**found)]) as server:
        inserter = Inserter(server.dynamodb(1), TARGET, governor, Terms(0, ALL_TYPES))
        cost = inserter.cost(message(0))
        for _ in range(2):
            governor.take(cost)
            inserter.insert([(cost, message(0))])
    assert governor.ready_at(cost) == pytest.approx(clock())
    assert governor.figures().write_units == 2.0
