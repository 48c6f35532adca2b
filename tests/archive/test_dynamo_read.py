"""Reading: windows, paging, discovery, batches by key, and what happens to answers on their way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from archive.codec.decode import PageDecoder
from archive.codec.items import items_of
from archive.codec.values import canonical
from archive.dynamo_read import ModuleStart, Reader
from archive.errors import InputError, RefusedError, ServiceError, TransientServiceError
from archive.governor import Figures
from archive.model.config import Source
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import Window, from_ms
from tests.dynamo_items import Item, page, wire_item
from tests.governors import free_governor
from tests.scripted import Answer, scripted
from tests.servers import Server, create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY = Window(datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 1, 16, tzinfo=UTC))
START, END = DAY.start_ms, DAY.end_ms
SOURCE = Source(
    table="ChatMessages",
    index="ModuleAnalyticsIndex",
    region=None,
    modules=None,
    earliest=datetime(2015, 1, 1, tzinfo=UTC),
    version_attribute=None,
    spec=CHAT_MESSAGES,
)
_NUMBERS = count(1)


def message(module: int, time: float | str, **attributes: dict[str, Any]) -> Item:
    """Return a message of a module."""
    return {
        "conversationId": {"S": f"c{module}"},
        "timestamp": {"N": str(time)},
        "moduleId": {"N": str(module)},
        "studentId": {"N": "1"},
        "provider": {"S": "openai"},
        **attributes,
    }


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the test's own."""

    client: DynamoDBClient
    name: str

    def put(self, *items: Item) -> None:
        """Store messages."""
        for item in items:
            self.client.put_item(TableName=self.name, Item=item)

    def reader(self, **settings: Any) -> Reader:  # noqa: ANN401 - any of Source's fields
        """Return a reader of this table."""
        return Reader(self.client, replace(SOURCE, table=self.name, **settings), free_governor())

    def modules(self, **settings: Any) -> list[ModuleStart]:  # noqa: ANN401 - as above
        """Return what discovery finds, by module."""
        reader = self.reader(**settings)
        return sorted(reader.modules(reader.facts()), key=lambda start: str(start.module))


def _table(server: Server) -> Iterator[Table]:
    client = server.dynamodb()
    name = create_chat_messages(client, f"Read{next(_NUMBERS)}")
    yield Table(client, name)
    drop(client, name)


@pytest.fixture(params=["moto_server", "dynalite_server"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """An empty table on moto and on dynalite in turn."""
    yield from _table(request.getfixturevalue(request.param))


@pytest.fixture
def dynalite(dynalite_server: Server) -> Iterator[Table]:
    """An empty table on dynalite."""
    yield from _table(dynalite_server)


@pytest.fixture
def ministack(ministack_server: Server) -> Iterator[Table]:
    """An empty table on MiniStack."""
    yield from _table(ministack_server)


def read(table: Table, window: Window = DAY, *, limit: int | None = None, module: int = 5) -> list[Item]:
    """Return a module's messages, page by page."""
    pages = table.reader().pages(module, window, PageDecoder(CHAT_MESSAGES), limit=limit)
    return [item for found in pages for item in items_of(CHAT_MESSAGES, found.rows)]


def test_a_window_is_half_open(table: Table) -> None:
    """What was sent exactly at its end is in the next one, and a fraction before it is still in."""
    times: list[float | str] = [START - 1, f"{START - 1}.5", START, f"{START}.25", END - 1, f"{END - 1}.75", END, f"{END}.5", END + 1]
    table.put(*(message(5, time) for time in times), message(6, START))
    assert [item["timestamp"]["N"] for item in read(table)] == [str(time) for time in times[2:6]]
    after = read(table, Window(DAY.end, from_ms(END + 2)))
    assert [item["timestamp"]["N"] for item in after] == [str(time) for time in times[6:]]


def test_counting_and_reading_agree(table: Table) -> None:
    """Also on a message in the last fraction of a millisecond before the end."""
    table.put(*(message(5, time) for time in (START, END - 1, f"{END - 1}.75", END)))
    assert table.reader().count(5, DAY) == len(read(table)) == 3
    assert table.reader().count(7, DAY) == 0


def test_pages_of_a_limited_size_go_on_where_the_last_one_ended(table: Table) -> None:
    """Nothing twice, nothing left out, in order of time; a page whose only message is at the end is an empty one."""
    table.put(*(message(5, time) for time in (*range(START, START + 7), END)))
    assert [int(item["timestamp"]["N"]) for item in read(table, limit=3)] == list(range(START, START + 7))
    assert [int(item["timestamp"]["N"]) for item in read(table, limit=1)] == list(range(START, START + 7))


def test_pages_of_one_megabyte_are_all_read(dynalite: Table) -> None:
    """Every item of several pages is there once, equal to what was put."""
    put = [message(5, START + number, content={"S": f"{number:03d}" * 33_000}) for number in range(30)]
    dynalite.put(*put)
    pages = list(dynalite.reader().pages(5, DAY, PageDecoder(CHAT_MESSAGES)))
    assert len(pages) >= 3
    assert pages[-1].complete
    found = [item for found in pages for item in items_of(CHAT_MESSAGES, found.rows)]
    assert list(map(canonical, found)) == list(map(canonical, put))


def test_reading_charges_what_the_server_says(dynalite: Table) -> None:
    """Read units, and one request a page."""
    dynalite.put(*(message(5, START + number, content={"S": "x" * 3_990}) for number in range(3)))
    reader = dynalite.reader()
    list(reader.pages(5, DAY, PageDecoder(CHAT_MESSAGES)))
    figures = reader.governor.figures()
    assert (figures.read_units, figures.read_requests) == (1.5, 1)


def test_only_some_attributes_are_read(table: Table) -> None:
    """As for a purge that asks which messages are there."""
    table.put(message(5, START, content={"S": "secret"}))
    keys = ("conversationId", "timestamp", "moduleId")
    [found] = table.reader().pages(5, DAY, PageDecoder(CHAT_MESSAGES), only=keys)
    assert items_of(CHAT_MESSAGES, found.rows) == [{name: message(5, START)[name] for name in keys}]


def test_a_probe_looks_at_a_few_messages(table: Table) -> None:
    """It says how far they reach, and whether that was all."""
    table.put(*(message(5, START + number) for number in range(5)))
    reader = table.reader()
    few = reader.probe(5, DAY, PageDecoder(CHAT_MESSAGES), 3)
    assert (few.rows, few.last_ms, few.complete) == (3, START + 2, False)
    every = reader.probe(5, DAY, PageDecoder(CHAT_MESSAGES), 9)
    assert (every.rows, every.last_ms, every.complete) == (5, START + 4, True)
    none = reader.probe(7, DAY, PageDecoder(CHAT_MESSAGES), 9)
    assert (none.rows, none.last_ms, none.complete) == (0, None, True)


def test_discovery_finds_every_module_once(table: Table) -> None:
    """With its oldest message, in whatever order the index has them."""
    for module in (*range(1, 23), -4, 10**15):
        table.put(*(message(module, START + module % 7 + number) for number in range(3)))
    assert table.modules() == [
        ModuleStart(module, START + module % 7, junk=False) for module in sorted((*range(1, 23), -4, 10**15), key=str)
    ]


def test_discovery_of_an_empty_index_finds_nothing(table: Table) -> None:
    """No module, and no error."""
    assert table.modules() == []


def test_a_module_that_is_no_whole_number_is_found_and_read(table: Table) -> None:
    """The index's key is a Number: any."""
    table.put({**message(5, START), "moduleId": {"N": "5.5"}})
    [start] = table.modules()
    [found] = table.reader().pages(start.module, DAY, PageDecoder(CHAT_MESSAGES))
    assert (str(start.module), found.rows.num_rows) == ("5.5", 1)


def test_junk_before_the_earliest_time_is_told_apart(table: Table) -> None:
    """A module's oldest message is its oldest one that is not junk; there may be none."""
    table.put(message(1, 0), message(1, START), message(2, -5), message(3, START + 9))
    assert table.modules() == [ModuleStart(1, START, junk=True), ModuleStart(2, None, junk=True), ModuleStart(3, START + 9, junk=False)]


def test_junk_beyond_the_year_9999_is_its_last_millisecond(table: Table) -> None:
    """A time that no calendar has must not break the search for modules."""
    table.put(message(1, "1E20"))
    assert table.modules() == [ModuleStart(1, 253_402_300_799_999, junk=False)]


def test_named_modules_are_not_searched_for(table: Table) -> None:
    """Those that are named, in their order, also one without messages; no others."""
    table.put(message(5, START), message(6, START), message(5, 0))
    reader = table.reader(modules=(6, 5, 4))
    assert reader.modules(reader.facts()) == [
        ModuleStart(6, START, junk=False),
        ModuleStart(5, START, junk=False),
        ModuleStart(4, None, junk=False),
    ]


@pytest.mark.parametrize("messages", [3, 120])
def test_a_server_that_jumps_too_far_is_refused(ministack: Table, messages: int) -> None:
    """MiniStack finds one module only, without an error: also where its first hundred messages are all of that module."""
    for module in (1, 2, 3):
        ministack.put(*(message(module, START + number) for number in range(messages)))
    with pytest.raises(RefusedError, match=r"missed modules .* name them in \[source\] modules"):
        ministack.modules()
    assert len(ministack.modules(modules=(1, 2, 3))) == 3


def test_a_server_that_does_not_jump_is_refused(moto_server: Server) -> None:
    """A made-up start key that leads into the same module again would never end."""
    for table in _table(moto_server):
        table.put(message(1, START), message(1, START + 1))
        real = {"ExclusiveStartKey": {name: message(1, START)[name] for name in ("conversationId", "timestamp", "moduleId")}}

        def do_not_jump(params: dict[str, Any], real: dict[str, Any] = real, **_: object) -> None:
            params.update(real if "ExclusiveStartKey" in params else {})

        table.client.meta.events.register("before-parameter-build.dynamodb.Scan", do_not_jump)
        with pytest.raises(RefusedError, match=r"cannot be searched .* name them in \[source\] modules"):
            table.modules()


def test_messages_are_read_by_key(table: Table) -> None:
    """More than one call takes; those that are gone are left out."""
    put = [message(5, START + number, tags={"SS": ["a", "b"]}) for number in range(130)]
    table.put(*put)
    keys = [{name: item[name] for name in ("conversationId", "timestamp")} for item in [*put, message(5, START + 200)]]
    found = table.reader().messages(iter(keys), PageDecoder(CHAT_MESSAGES))
    assert sorted(map(canonical, items_of(CHAT_MESSAGES, found))) == sorted(map(canonical, put))
    assert table.reader().messages([], PageDecoder(CHAT_MESSAGES)).num_rows == 0


def test_messages_of_no_module_are_found_by_scanning_the_table(dynalite: Table) -> None:
    """Which no index holds; each once, whatever the number of parts."""
    sparse = {"conversationId": {"S": "c0"}, "timestamp": {"N": str(START)}}
    without = [{**sparse, "conversationId": {"S": f"s{number}"}} for number in range(9)]
    late = {**sparse, "timestamp": {"N": str(END)}}
    dynalite.put(*without, late, message(5, START))
    reader = dynalite.reader()
    for parts in (1, 3):
        pages = [found for part in range(parts) for found in reader.unindexed_pages(DAY, (part, parts), PageDecoder(CHAT_MESSAGES))]
        found = [item for page_ in pages for item in items_of(CHAT_MESSAGES, page_.rows)]
        assert sorted(map(canonical, found)) == sorted(map(canonical, without))


def test_the_stock_parser_never_sees_the_items(table: Table) -> None:
    """What botocore hands on has no items in it; two readers of one client still get them."""
    table.put(message(5, START))
    seen: list[dict[str, Any]] = []
    for operation in ("Query", "BatchGetItem", "Scan"):
        table.client.meta.events.register(f"after-call.dynamodb.{operation}", lambda parsed, **_: seen.append(parsed))
    table.reader()
    assert len(read(table)) == 1
    key = {name: message(5, START)[name] for name in ("conversationId", "timestamp")}
    assert table.reader().messages([key], PageDecoder(CHAT_MESSAGES)).num_rows == 1
    assert len(table.modules()) == 1
    assert len(seen) >= 5
    assert not any("Items" in parsed or "Responses" in parsed for parsed in seen)


def test_an_error_is_parsed_by_botocore(table: Table) -> None:
    """Only good answers are taken away from the stock parser, so that errors keep their code."""
    Reader(table.client, SOURCE, free_governor())
    with pytest.raises(ClientError) as caught:
        table.client.query(TableName="Nowhere", KeyConditionExpression="a = :a", ExpressionAttributeValues={":a": {"S": "x"}})
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(InputError, match="table Nowhere does not exist"):
        Reader(table.client, replace(SOURCE, table="Nowhere"), free_governor()).facts()


def test_the_table_is_described(table: Table) -> None:
    """What the plan and the ownership of a lake rest on."""
    facts = table.reader().facts()
    assert facts.arn.endswith(f":table/{table.name}")
    assert facts.table_id
    assert (facts.projection, facts.indexes, facts.replicas) == ("ALL", 3, 0)
    assert (facts.key_types["conversationId"], facts.key_types["timestamp"], facts.key_types["moduleId"]) == ("S", "N", "N")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"index": "Nothing"}, r"has no index Nothing \(it has: ModuleAnalyticsIndex, ProviderUsageIndex, StudentActivityIndex\)"),
        ({"index": "ProviderUsageIndex"}, r"index ProviderUsageIndex has the keys \(provider, timestamp\)"),
        ({"spec": replace(CHAT_MESSAGES, partition_key="messageId")}, "table Read.* has the keys"),
    ],
)
def test_a_table_that_is_not_as_the_settings_say_is_refused(table: Table, settings: dict[str, Any], sentence: str) -> None:
    """Before anything is read."""
    with pytest.raises(InputError, match=sentence):
        table.reader(**settings).facts()


def _scripted_read(answers: list[Answer], attempts: int = 3) -> tuple[list[Item], Figures, list[dict[str, Any]]]:
    with scripted(answers) as server:
        reader = Reader(server.dynamodb(attempts), SOURCE, free_governor())
        pages = list(reader.pages(5, DAY, PageDecoder(CHAT_MESSAGES)))
    return [item for found in pages for item in items_of(CHAT_MESSAGES, found.rows)], reader.governor.figures(), server.requests


MESSAGE = message(5, START)
GOOD = Answer(page([MESSAGE], ConsumedCapacity={"CapacityUnits": 0.5}))
BUSY = Answer(b'{"__type": "com.amazonaws#InternalServerError", "Items": [], "Count": 0}', 500)


@pytest.mark.parametrize(("limit", "asked"), [(None, 2), (1, 1)])
def test_the_next_page_is_under_way_while_one_is_used(limit: int | None, asked: int) -> None:
    """Whoever closes the iterator waits for it, so that nothing runs on. Who asks for a few messages only looks, and pays for no more."""
    more = Answer(page([MESSAGE], LastEvaluatedKey=wire_item(MESSAGE), ConsumedCapacity={"CapacityUnits": 0.5}))
    with scripted([more] * asked) as server:
        reader = Reader(server.dynamodb(1), SOURCE, free_governor())
        with closing(reader.pages(5, DAY, PageDecoder(CHAT_MESSAGES), limit=limit)) as pages:
            assert not next(pages).complete
        assert [request.get("ExclusiveStartKey") for request in server.requests] == [None, wire_item(MESSAGE)][:asked]
    assert reader.governor.figures().read_requests == asked  # also the one whose answer nobody wanted any more


def test_a_server_error_is_retried_and_the_good_answer_read_once() -> None:
    """Its body is not taken for a page."""
    found, ours, requests = _scripted_read([BUSY, GOOD])
    assert found == [MESSAGE]
    assert (ours.read_units, ours.read_requests, len(requests)) == (0.5, 1, 2)


def test_an_answer_with_a_wrong_checksum_is_retried() -> None:
    """By botocore, which looks at the bytes that came, not at what is left for its parser."""
    found, _, requests = _scripted_read([Answer(page([]), right=False), GOOD])
    assert found == [MESSAGE]
    assert len(requests) == 2


def test_an_error_that_stays_is_ours() -> None:
    """One that may pass, and one that will not."""
    with pytest.raises(TransientServiceError, match="dynamodb:Query on table ChatMessages failed for now"):
        _scripted_read([BUSY], attempts=1)
    with pytest.raises(ServiceError, match="dynamodb:Query on table ChatMessages is not permitted"):
        _scripted_read([Answer(b'{"__type": "com.amazonaws#AccessDeniedException"}', 400)])


def test_an_empty_page_may_have_a_next_one() -> None:
    """It goes on from where DynamoDB says, with binary as the client takes it."""
    last = {"conversationId": {"B": "AP8="}, "timestamp": {"N": "1"}, "moduleId": {"N": "5"}}
    found, _, requests = _scripted_read([Answer(page([], LastEvaluatedKey=last)), GOOD])
    assert found == [MESSAGE]
    assert "ExclusiveStartKey" not in requests[0]
    assert requests[1]["ExclusiveStartKey"] == last


def test_without_units_a_read_is_charged_by_its_bytes() -> None:
    """A server that does not tell must not make reading free."""
    body = page([message(5, START, content={"S": "x" * 81_920})])
    _, ours, _ = _scripted_read([Answer(body)])
    assert ours.read_units == len(body) / 8_192


def _batch(found: list[Item], undone: list[Item]) -> Answer:
    left = {"ChatMessages": {"Keys": undone, "ConsistentRead": True}} if undone else {}
    return Answer(json.dumps({"Responses": {"ChatMessages": list(map(wire_item, found))}, "UnprocessedKeys": left}).encode())


def _key(number: int) -> Item:
    return {"conversationId": {"S": "c5"}, "timestamp": {"N": str(START + number)}}


def test_keys_left_undone_are_asked_for_again() -> None:
    """Consistently, and after a pause; progress starts the count of tries anew."""
    items = [message(5, START + number) for number in range(30)]
    keys = [_key(number) for number in range(30)]
    answers = [_batch([items[number]], keys[number + 1 :]) for number in range(30)]
    naps: list[float] = []
    with scripted(answers) as server:
        found = Reader(server.dynamodb(1), SOURCE, free_governor(naps)).messages(keys, PageDecoder(CHAT_MESSAGES))
    assert items_of(CHAT_MESSAGES, found) == items
    assert [len(request["RequestItems"]["ChatMessages"]["Keys"]) for request in server.requests] == list(range(30, 0, -1))
    assert all(request["RequestItems"]["ChatMessages"]["ConsistentRead"] is True for request in server.requests)
    assert [nap for nap in naps if nap >= 0.05] == [0.05] * 29


def test_keys_that_stay_undone_are_an_error() -> None:
    """It may pass: the run can be started again."""
    with scripted([_batch([], [_key(0)])] * 9) as server, pytest.raises(TransientServiceError, match="keeps leaving keys undone"):
        Reader(server.dynamodb(1), SOURCE, free_governor()).messages([_key(0)], PageDecoder(CHAT_MESSAGES))
