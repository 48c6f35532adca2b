"""Removing and marking: every message's fate, under both protocols, and never at the cost of an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from archive.codec.conditions import DELETE, Change, Target
from archive.codec.values import canonical
from archive.dynamo_write import Fate, Outcome, PartiqlRemover, Priced, Remover, SingleRemover, Table
from archive.errors import NotPermittedError, ServiceError, TransientServiceError
from archive.governor import Governor
from archive.model.budget import write_cost
from archive.model.spec import CHAT_MESSAGES
from archive.purge.partiql import ALL_TYPES, probe_types
from tests.dynamo_items import Item, wire_item
from tests.governors import INDEXES, free_governor
from tests.scripted import Answer, scripted
from tests.servers import Server, create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL = "expiresAt"
MARK = Change("mark", TTL, 1_800_000_000)
UNMARK = Change("unmark", TTL, 1_800_000_000)
MARKED = {TTL: {"N": "1800000000"}}
KNOWN = frozenset({"known", TTL})
KEY_TYPES = {"conversationId": "S", "timestamp": "N", "moduleId": "N"}
NAMES = ("conversationId", "timestamp")
_NUMBERS = count(1)
EVERYTHING: dict[str, Any] = {
    "content": {"S": 'a "quoted" é text'},
    "empty": {"S": ""},
    "costUsd": {"N": "0.00043100"},
    "digits": {"N": "12345678901234567890123456789012345678"},
    "raw": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "none": {"NULL": True},
    "tags": {"SS": ["b", "a"]},
    "numbers": {"NS": ["2", "1.5"]},
    "pieces": {"BS": [b"b", b"a"]},
    'odd "name".[0]': {"M": {"a": {"L": [{"N": "1"}, {"M": {"$B": {"S": "x"}}}]}}},
}


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the test's own, and a remover of each kind."""

    client: DynamoDBClient
    table: Table
    remover: Remover
    single: SingleRemover

    def put(self, number: int = 0, **attributes: dict[str, Any]) -> Item:
        """Store a message, and return it."""
        item = message(number, **attributes)
        self.client.put_item(TableName=self.table.name, Item=item)
        return item

    def stored(self, number: int = 0) -> Item | None:
        """Return what is stored under a message's key."""
        key = {name: message(number)[name] for name in NAMES}
        found: dict[str, Any] = {**self.client.get_item(TableName=self.table.name, Key=key, ConsistentRead=True)}
        return found.get("Item")

    def remove(self, item: Item, change: Change = DELETE) -> Outcome:
        """Remove one message, of which it is known that there are attributes `known` and the TTL."""
        target = Target(0, item, change)
        [outcome] = self.remover.remove([(self.table.cost(target), target)], KNOWN - ({TTL} if change is MARK else set()))
        return outcome


def message(number: int, **attributes: dict[str, Any]) -> Item:
    """Return a message."""
    return {"conversationId": {"S": f"c{number}"}, "timestamp": {"N": str(1_705_276_800_000 + number)}, **attributes}


def batch(*items: Item) -> list[Priced]:
    """Return items that are to be deleted, by number, with their costs."""
    return [(write_cost(item, None, INDEXES), Target(number, item, DELETE)) for number, item in enumerate(items)]


def _source(server: Server, make: Callable[[DynamoDBClient, Table], Remover]) -> Iterator[Source]:
    client = server.dynamodb()
    table = Table(create_chat_messages(client, f"Write{next(_NUMBERS)}"), CHAT_MESSAGES, indexes=INDEXES)
    yield Source(client, table, make(client, table), SingleRemover(client, table, free_governor()))
    drop(client, table.name)


def _single(client: DynamoDBClient, table: Table, governor: Governor | None = None) -> Remover:
    return SingleRemover(client, table, governor or free_governor())


def _partiql(client: DynamoDBClient, table: Table, governor: Governor | None = None) -> Remover:
    return PartiqlRemover(client, table, governor or free_governor(), ALL_TYPES)


@pytest.fixture(
    params=[("moto_server", _single), ("ministack_server", _single), ("ministack_server", _partiql)], ids=["moto", "ministack", "partiql"]
)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """A table on each server, with each protocol that it takes."""
    name, make = request.param
    yield from _source(request.getfixturevalue(name), make)


@pytest.fixture
def partiql(ministack_server: Server) -> Iterator[Source]:
    """A table on MiniStack, and PartiQL."""
    yield from _source(ministack_server, _partiql)


def test_what_is_still_what_was_archived_is_removed(source: Source) -> None:
    """Of any type; and its image comes back."""
    item = source.put(**EVERYTHING)
    outcome = source.remove(item)
    assert outcome.fate is Fate.DONE
    assert outcome.image is not None
    assert canonical(outcome.image) == canonical(item)
    assert source.stored() is None


def test_a_map_may_have_an_empty_name(partiql: Source) -> None:
    """Moto cannot answer one."""
    assert partiql.remove(partiql.put(metadata={"M": {"": {"S": ""}}})).fate is Fate.DONE


@pytest.mark.parametrize("name", [*EVERYTHING, "gone", "added", "retyped"])
def test_what_was_changed_stays(source: Source, name: str) -> None:
    """In any attribute; an attribute that is gone, one that came and is known, one of another type."""
    changes: dict[str, dict[str, Any]] = {
        "content": {"content": {"S": 'a "quoted" e text'}},
        "empty": {"empty": {"S": " "}},
        "costUsd": {"costUsd": {"N": "0.000432"}},
        "digits": {"digits": {"N": "12345678901234567890123456789012345679"}},
        "raw": {"raw": {"B": b"\x00\xfe"}},
        "flag": {"flag": {"BOOL": True}},
        "none": {"none": {"BOOL": True}},
        "tags": {"tags": {"SS": ["b", "a", "c"]}},
        "numbers": {"numbers": {"NS": ["2", "1.6"]}},
        "pieces": {"pieces": {"BS": [b"b"]}},
        'odd "name".[0]': {'odd "name".[0]': {"M": {"a": {"L": [{"N": "1"}]}}}},
        "gone": {},
        "added": {"known": {"NULL": True}},
        "retyped": {"flag": {"S": "false"}},
    }
    archived = message(0, **EVERYTHING)
    there = {**EVERYTHING, **changes[name]}
    if name == "gone":
        del there["flag"]  # to moto, an absent attribute equals NULL
    stored = source.put(**there)
    outcome = source.remove(archived)
    assert outcome.fate is Fate.CHANGED
    assert canonical(outcome.image or {}) == canonical(stored)
    assert canonical(source.stored() or {}) == canonical(stored)


def test_what_is_gone_is_missing(source: Source) -> None:
    """So a removal may be repeated, and nothing is counted twice."""
    item = source.put(content={"S": "x"})
    assert source.remove(item).fate is Fate.DONE
    assert source.remove(item) == Outcome(Target(0, item, DELETE), Fate.MISSING)


def test_an_attribute_that_nobody_knew_is_a_surprise(source: Source) -> None:
    """The message is removed, and the image has what must not be lost."""
    stored = source.put(content={"S": "x"}, unheard={"S": "of"})
    outcome = source.remove(message(0, content={"S": "x"}))
    assert outcome.fate is Fate.SURPRISE
    assert outcome.image == stored
    assert source.stored() is None


def test_a_removed_image_is_put_back_only_where_its_key_is_absent(source: Source) -> None:
    """What was written in between is newer."""
    item = message(0, **EVERYTHING)
    assert source.single.put_back(item)
    assert canonical(source.stored() or {}) == canonical(item)
    assert not source.single.put_back(message(0, content={"S": "older"}))
    assert canonical(source.stored() or {}) == canonical(item)


def test_a_mark_sets_the_ttl_alone(source: Source) -> None:
    """Under the condition of a removal."""
    item = source.put(content={"S": "x"})
    assert source.remove(item, MARK).fate is Fate.DONE
    assert source.stored() == {**item, **MARKED}


def test_a_mark_makes_no_message(source: Source) -> None:
    """An update of an absent key would create one."""
    assert source.remove(message(0, content={"S": "x"}), MARK).fate is Fate.MISSING
    assert source.remove(message(0), MARK).fate is Fate.MISSING
    assert source.stored() is None


@pytest.mark.parametrize(
    "there", [{"content": {"S": "y"}}, {"content": {"S": "x"}, "known": {"S": "z"}}, {"content": {"S": "x"}, TTL: {"N": "9"}}]
)
def test_a_changed_message_is_not_marked(source: Source, there: dict[str, Any]) -> None:
    """Nor is one that has a TTL already."""
    stored = source.put(**there)
    assert source.remove(message(0, content={"S": "x"}), MARK).fate is Fate.CHANGED
    assert source.stored() == stored


def test_an_unseen_attribute_is_a_surprise_to_a_mark_too(source: Source) -> None:
    """The image says so; the message has the mark until it is taken away again."""
    stored = source.put(content={"S": "x"}, unheard={"S": "of"})
    assert source.remove(message(0, content={"S": "x"}), MARK).fate is Fate.SURPRISE
    assert source.remove(message(0), UNMARK).fate is Fate.DONE
    assert source.stored() == stored


def test_an_unmark_takes_only_our_mark_away(source: Source) -> None:
    """Whatever else was changed; another TTL stays, and so does a message without one."""
    changed = source.put(content={"S": "changed"}, expiresAt=MARKED[TTL])
    assert source.remove(message(0, content={"S": "x"}), UNMARK).fate is Fate.DONE
    assert source.stored() == {name: value for name, value in changed.items() if name != TTL}
    assert source.remove(message(0, content={"S": "x"}), UNMARK).fate is Fate.CHANGED
    other = source.put(content={"S": "x"}, expiresAt={"N": "9"})
    assert source.remove(message(0, content={"S": "x"}), UNMARK).fate is Fate.CHANGED
    assert source.stored() == other
    assert source.remove(message(1), UNMARK).fate is Fate.MISSING
    assert source.stored(1) is None


def test_a_message_that_no_condition_holds_is_left_alone(source: Source) -> None:
    """More attributes than DynamoDB compares in one request: refused, without an error that would stop the rest."""
    item = source.put(0, **{f"a{number}": {"N": "1"} for number in range(200)})
    assert source.remove(item).fate is Fate.REFUSED
    assert source.stored() == item


def test_each_statement_has_its_own_fate(partiql: Source) -> None:
    """In batches of 25, all in flight at the server at once."""
    archived = [message(number, content={"S": "x"}) for number in range(60)]
    for number in range(60):
        if number % 4 == 0:
            partiql.put(number, content={"S": "x"})
        elif number % 4 == 1:
            partiql.put(number, content={"S": "y"})
        elif number % 4 == 2:
            partiql.put(number, content={"S": "x"}, unheard={"S": "of"})
    calls: list[int] = []
    partiql.client.meta.events.register(
        "before-parameter-build.dynamodb.BatchExecuteStatement", lambda params, **_: calls.append(len(params["Statements"]))
    )
    outcomes = partiql.remover.remove(batch(*archived), KNOWN)
    fates = [Fate.DONE, Fate.CHANGED, Fate.SURPRISE, Fate.MISSING]
    assert {outcome.target.position: outcome.fate for outcome in outcomes} == {number: fates[number % 4] for number in range(60)}
    assert len(outcomes) == 60
    assert calls == [25, 25, 10]


def _singly(client: DynamoDBClient) -> list[str]:
    """Return a list to which the calls that are made singly are added."""
    calls: list[str] = []
    for operation in ("DeleteItem", "UpdateItem"):
        client.meta.events.register(f"before-call.dynamodb.{operation}", lambda model, **_: calls.append(model.name))
    return calls


def test_what_does_not_fit_in_a_statement_goes_singly(partiql: Source) -> None:
    """A long name makes a statement too long; the rest still goes in a batch."""
    long = "n" * 9_000
    items = [partiql.put(0, content={"S": "x"}), partiql.put(1, **{long: {"S": "x"}}), partiql.put(2, content={"S": "x"})]
    calls = _singly(partiql.client)
    outcomes = partiql.remover.remove(batch(*items), frozenset())
    assert {outcome.target.position: outcome.fate for outcome in outcomes} == dict.fromkeys(range(3), Fate.DONE)
    assert calls == ["DeleteItem"]


def test_types_that_partiql_does_not_compare_go_singly(partiql: Source) -> None:
    """Those with a set, where sets failed the probe."""
    remover = PartiqlRemover(partiql.client, partiql.table, free_governor(), ALL_TYPES - {"SS"})
    items = [partiql.put(0, content={"S": "x"}), partiql.put(1, tags={"SS": ["a"]})]
    calls = _singly(partiql.client)
    outcomes = remover.remove(batch(*items), frozenset())
    assert {outcome.target.position: outcome.fate for outcome in outcomes} == {0: Fate.DONE, 1: Fate.DONE}
    assert calls == ["DeleteItem"]
    assert remover.execute_one(Target(0, items[1], DELETE), frozenset()) is None


def test_throttled_statements_are_tried_again(partiql: Source) -> None:
    """A 200 answer may have throttled some of its statements: those alone are sent again, after a pause."""
    items = [partiql.put(number, content={"S": "x"}) for number in range(10)]
    held: list[int] = []

    def hold_back(params: dict[str, Any], **_: object) -> None:
        held.append(len(params["Statements"]) - 4 if len(params["Statements"]) > 4 else 0)
        params["Statements"] = params["Statements"][: len(params["Statements"]) - held[-1]]

    def throttled(parsed: dict[str, Any], **_: object) -> None:
        parsed["Responses"] += [{"Error": {"Code": "ProvisionedThroughputExceeded"}}] * held[-1]

    partiql.client.meta.events.register("before-parameter-build.dynamodb.BatchExecuteStatement", hold_back)
    partiql.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", throttled)
    naps: list[float] = []
    remover = PartiqlRemover(partiql.client, partiql.table, free_governor(naps), ALL_TYPES)
    outcomes = remover.remove(batch(*items), frozenset())
    assert sorted(outcome.target.position for outcome in outcomes) == list(range(10))
    assert {outcome.fate for outcome in outcomes} == {Fate.DONE}
    assert held == [6, 2, 0]
    assert [nap for nap in naps if nap >= 0.05] == [0.05, 0.1]


def _answer(*responses: dict[str, Any]) -> Answer:
    return Answer(json.dumps({"Responses": list(responses)}).encode())


THROTTLED = {"Error": {"Code": "ThrottlingError", "Message": "slow down"}}
TABLE = Table("T", CHAT_MESSAGES, indexes=INDEXES)


def test_statements_that_stay_throttled_are_an_error() -> None:
    """It may pass."""
    with scripted([_answer(THROTTLED)] * 8) as server, pytest.raises(TransientServiceError, match="stays throttled"):
        PartiqlRemover(server.dynamodb(1), TABLE, free_governor(), ALL_TYPES).remove(batch(message(0)), frozenset())


def test_a_refused_statement_is_an_error() -> None:
    """One that DynamoDB does not understand is not tried again."""
    refusal = {"Error": {"Code": "ValidationError", "Message": "secret"}}
    with scripted([_answer(refusal)]) as server, pytest.raises(ServiceError, match=r"refused \(ValidationError\)") as caught:
        PartiqlRemover(server.dynamodb(1), TABLE, free_governor(), ALL_TYPES).remove(batch(message(0)), frozenset())
    assert "secret" not in str(caught.value)


def test_who_may_not_use_partiql_is_told_so() -> None:
    """By a statement's own error; and the probe does not take it for a type that does not compare."""
    denied = _answer({"Error": {"Code": "AccessDenied", "Message": "secret"}})
    put = Answer(b"{}")
    with scripted([denied]) as server, pytest.raises(NotPermittedError, match="PartiQLDelete"):
        PartiqlRemover(server.dynamodb(1), TABLE, free_governor(), ALL_TYPES).remove(batch(message(0)), frozenset())
    with scripted([*[put] * len(ALL_TYPES), denied, *[put] * len(ALL_TYPES)]) as server, pytest.raises(NotPermittedError):
        probe_types(server.dynamodb(1), TABLE, KEY_TYPES, free_governor(), "token")


DENIED = Answer(b'{"__type": "com.amazonaws#AccessDeniedException"}', 400)


@pytest.mark.parametrize("second", [[_answer({"Error": {"Code": "ValidationError"}})], [_answer(THROTTLED), DENIED]])
@pytest.mark.parametrize("surprise", [True, False])
def test_an_error_does_not_hide_a_surprise(second: list[Answer], surprise: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The removed image is nowhere else: it comes back although other statements failed; without one the error is raised."""
    image = message(0, unheard={"S": "of"}) if surprise else message(0)
    answers = [_answer({"Item": wire_item(image)}, json.loads(second[0].body)["Responses"][0]), *second[1:]]
    with scripted(answers) as server:
        remover = PartiqlRemover(server.dynamodb(1), TABLE, free_governor(), ALL_TYPES)
        targets = batch(message(0), message(1))
        if surprise:
            assert [(outcome.fate, outcome.image) for outcome in remover.remove(targets, frozenset())] == [(Fate.SURPRISE, image)]
        else:
            with pytest.raises(ServiceError):
                remover.remove(targets, frozenset())


@pytest.mark.parametrize("times", [2, 8])
def test_a_message_in_a_transaction_is_tried_again(times: int) -> None:
    """It is somebody else's transaction, and ends: botocore does not try again."""
    busy = Answer(b'{"__type": "com.amazonaws#TransactionConflictException"}', 400)
    removed = Answer(json.dumps({"Attributes": wire_item(message(0))}).encode())
    naps: list[float] = []
    with scripted([busy] * times + [removed] * (times < 8)) as server:
        remover = SingleRemover(server.dynamodb(1), TABLE, free_governor(naps))
        if times == 8:
            with pytest.raises(TransientServiceError, match="TransactionConflictException"):
                remover.remove(batch(message(0)), frozenset())
        else:
            [outcome] = remover.remove(batch(message(0)), frozenset())
            assert outcome.fate is Fate.DONE
    assert [nap for nap in naps if nap >= 0.05][:2] == [0.05, 0.1]


def test_an_error_of_a_single_call_does_not_hide_a_surprise() -> None:
    """The same for DeleteItem."""
    image = message(0, unheard={"S": "of"})
    with scripted([Answer(json.dumps({"Attributes": wire_item(image)}).encode()), DENIED]) as server:
        remover = SingleRemover(server.dynamodb(1), TABLE, free_governor())
        outcomes = remover.remove(batch(message(0), message(1)), frozenset())
    assert [(outcome.fate, outcome.image) for outcome in outcomes] == [(Fate.SURPRISE, image)]


def test_a_refusal_of_an_unchanged_message_is_tried_singly() -> None:
    """PartiQL may not compare some value as DeleteItem does; where that refuses it too, the message is left alone."""
    item = message(0, content={"S": "x"})
    refusal = _answer({"Error": {"Code": "ConditionalCheckFailed", "Item": wire_item(item)}})
    failed = json.dumps({"__type": "com.amazonaws#ConditionalCheckFailedException", "Item": wire_item(item)}).encode()
    deleted = json.dumps({"Attributes": wire_item(item)}).encode()
    for answer, fate in ((Answer(deleted), Fate.DONE), (Answer(failed, 400), Fate.REFUSED)):
        with scripted([refusal, answer]) as server:
            outcomes = PartiqlRemover(server.dynamodb(1), TABLE, free_governor(), ALL_TYPES).remove(batch(item), frozenset())
        assert [outcome.fate for outcome in outcomes] == [fate]
        assert server.requests[1]["TableName"] == "T"


def test_removals_are_charged_for_every_index(source: Source) -> None:
    """What the server says, or else the price of a write in the table and in each index; a refused one too."""
    ours = free_governor()
    single = SingleRemover(source.client, source.table, ours)
    item = source.put(moduleId={"N": "5"}, studentId={"N": "1"}, provider={"S": "openai"}, content={"S": "x" * 1_700})
    changed = {**item, "content": {"S": "y"}}
    single.remove(batch(changed, item), frozenset())
    assert ours.figures().write_requests == 2
    assert ours.figures().write_units >= 2


@pytest.mark.parametrize("protocol", ["single", "partiql"])
def test_what_a_removal_consumed_is_asked_for_and_believed(protocol: str) -> None:
    """More than was taken for it: an index that nobody told us of, perhaps."""
    item = message(0)
    consumed = {"TableName": "T", "CapacityUnits": 50.0, "Table": {"CapacityUnits": 50.0}}
    body = {"Attributes": wire_item(item), "ConsumedCapacity": consumed}
    if protocol == "partiql":
        body = {"Responses": [{"Item": wire_item(item)}], "ConsumedCapacity": [consumed]}
    ours = free_governor()
    with scripted([Answer(json.dumps(body).encode())]) as server:
        remover = (_partiql if protocol == "partiql" else _single)(server.dynamodb(1), TABLE, ours)
        assert [outcome.fate for outcome in remover.remove(batch(item), frozenset())] == [Fate.DONE]
        assert server.requests[0]["ReturnConsumedCapacity"] == "INDEXES"
    assert ours.figures().write_units == 50.0


def test_the_probe_finds_the_types_that_are_compared(partiql: Source) -> None:
    """All of them on MiniStack; and it leaves no item behind."""
    assert probe_types(partiql.client, partiql.table, KEY_TYPES, free_governor(), "token") == ALL_TYPES
    assert partiql.client.scan(TableName=partiql.table.name)["Count"] == 0


def test_the_probe_finds_the_types_that_are_not_compared(partiql: Source) -> None:
    """A server whose PartiQL refuses maps and takes any set for equal: neither is trusted, and no item is left behind."""
    held: list[dict[str, Any]] = []

    def remember(params: dict[str, Any], **_: object) -> None:
        held.append(params["Statements"][0]["Parameters"][2])

    def misjudge(parsed: dict[str, Any], **_: object) -> None:
        [response] = parsed["Responses"]
        if "M" in held[-1] and "Error" not in response:
            parsed["Responses"] = [{"Error": {"Code": "ConditionalCheckFailed", "Item": response["Item"]}}]
        if "NS" in held[-1] and "Error" in response:
            parsed["Responses"] = [{"Item": response["Error"]["Item"]}]
        if "B" in held[-1]:
            parsed["Responses"] = [{"Error": {"Code": "ValidationError"}}]

    partiql.client.meta.events.register("before-parameter-build.dynamodb.BatchExecuteStatement", remember)
    partiql.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", misjudge)
    assert probe_types(partiql.client, partiql.table, KEY_TYPES, free_governor(), "token") == ALL_TYPES - {"M", "NS", "B"}
    assert partiql.client.scan(TableName=partiql.table.name)["Count"] == 0


def test_the_probe_touches_no_item_of_anybody(partiql: Source) -> None:
    """Not even one that has a key of its own by accident."""
    item: Item = {"conversationId": {"S": "dynalake-probe-token-0"}, "timestamp": {"N": "0"}, "content": {"S": "mine"}}
    partiql.client.put_item(TableName=partiql.table.name, Item=item)
    assert probe_types(partiql.client, partiql.table, KEY_TYPES, free_governor(), "token") == ALL_TYPES - {"S"}
    assert partiql.client.scan(TableName=partiql.table.name)["Items"] == [item]


def test_a_probe_that_cannot_write_cleans_up(partiql: Source) -> None:
    """Items that were put before the one that failed are removed again."""
    puts: list[str] = []

    def spoil(params: dict[str, Any], **_: object) -> None:
        puts.append("")
        if len(puts) == 4:
            params["TableName"] = "Nowhere"

    partiql.client.meta.events.register("before-parameter-build.dynamodb.PutItem", spoil)
    with pytest.raises(Exception, match="does not exist"):
        probe_types(partiql.client, partiql.table, KEY_TYPES, free_governor(), "token")
    assert partiql.client.scan(TableName=partiql.table.name)["Count"] == 0


@pytest.mark.parametrize("kind", ["N", "B"])
def test_the_probe_makes_keys_of_any_type(ministack_server: Server, kind: str) -> None:
    """A partition key may be a number or binary."""
    client = ministack_server.dynamodb()
    name = f"Probe{next(_NUMBERS)}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "conversationId", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "conversationId", "AttributeType": kind},  # type: ignore[typeddict-item]
            {"AttributeName": "timestamp", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    types = {"conversationId": kind, "timestamp": "N"}
    assert probe_types(client, Table(name, CHAT_MESSAGES, ()), types, free_governor(), "token") == ALL_TYPES
    assert client.scan(TableName=name)["Count"] == 0
    drop(client, name)
