"""Putting messages into a table: only where the key is absent, whatever the protocol, and each fate is told right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from archive.codec.inserts import differing, insert_statement, lasting
from archive.codec.values import AttributeValue, Item, canonical
from archive.dynamo_insert import Fate, Inserter, Outcome, Priced, Terms, describe_target
from archive.errors import InputError, ServiceError, TransientServiceError
from archive.model.spec import CHAT_MESSAGES
from archive.restore.partiql import probe_inserts
from tests.governors import free_governor
from tests.servers import Server, create_chat_messages, drop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = 1_700_000_000
ALL_TYPES = frozenset({"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"})
_NUMBERS = count(1)


def item(number: int, **more: AttributeValue) -> Item:
    """Return an item with a key of its own."""
    return {"conversationId": {"S": f"c{number}"}, "timestamp": {"N": str(number)}, "moduleId": {"N": "5"}, **more}


def priced(inserter: Inserter, items: Iterable[Item]) -> list[Priced]:
    """Return items with their costs, as a restore hands them on."""
    return [(inserter.cost(one), one) for one in items]


class Table:
    """A table of a test's own, and what is put into it."""

    def __init__(self, client: DynamoDBClient, name: str, types: frozenset[str]) -> None:
        """Take a table that exists."""
        self.client, self.name, self.types = client, name, types
        self.slept: list[float] = []
        self.complete = True
        """Whether the server keeps a map's member that has no name."""

    def inserter(self, *, marks: bool = False) -> Inserter:
        """Return what puts into it, at any speed."""
        target = describe_target(self.client, self.name, CHAT_MESSAGES)
        return Inserter(self.client, target, free_governor(self.slept), Terms(NOW, self.types, marks))

    def insert(self, *items: Item, marks: bool = False) -> dict[str, Outcome]:
        """Put items; returns their outcomes by conversation."""
        inserter = self.inserter(marks=marks)
        outcomes = inserter.insert(priced(inserter, items))
        assert len(outcomes) == len(items)
        return {outcome.item["conversationId"]["S"]: outcome for outcome in outcomes}

    def put(self, *items: Item) -> None:
        """Store items beforehand."""
        for one in items:
            self.client.put_item(TableName=self.name, Item=one)

    def stored(self) -> list[bytes]:
        """Return the spelling of every item in the table, sorted."""
        found: list[Any] = self.client.scan(TableName=self.name, ConsistentRead=True)["Items"]
        return sorted(map(canonical, found))

    def expire_by(self, attribute: str) -> None:
        """Let the table expire items."""
        self.client.update_time_to_live(TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute})


@pytest.fixture(params=["partiql", "single", "single on moto"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """A table on MiniStack, by either protocol; and on moto, singly."""
    server: Server = request.getfixturevalue("moto_server" if "moto" in request.param else "ministack_server")
    client = server.dynamodb()
    name = create_chat_messages(client, f"Insert{next(_NUMBERS)}")
    made = Table(client, name, ALL_TYPES if request.param == "partiql" else frozenset())
    made.complete = "moto" not in request.param
    yield made
    drop(client, name)


@pytest.fixture
def by_partiql(ministack_server: Server) -> Iterator[Table]:
    """A table on MiniStack, by PartiQL."""
    client = ministack_server.dynamodb()
    name = create_chat_messages(client, f"Insert{next(_NUMBERS)}")
    yield Table(client, name, ALL_TYPES)
    drop(client, name)


_ODD: Item = {
    "empty": {"S": ""},
    "digits": {"N": "12345678901234567890123456789012345678"},
    "tiny": {"N": "1E-130"},
    "binary": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "nested": {"M": {"a": {"L": [{"NULL": True}, {"M": {}}]}, "": {"S": "x"}}},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "blobs": {"BS": [b"a", b""]},
    "it's": {"S": "quoted"},
    'say "x"': {"S": "quoted"},
    "back\\slash": {"S": "quoted"},
}


def test_absent_messages_arrive_exactly(table: Table) -> None:
    """All types, awkward names, more than a batch."""
    odd = _ODD if table.complete else {name: value for name, value in _ODD.items() if name != "nested"}
    items = [item(number, **(odd if number % 3 else {})) for number in range(60)]
    outcomes = table.insert(*items)
    assert {outcome.fate for outcome in outcomes.values()} == {Fate.RESTORED}
    assert table.stored() == sorted(map(canonical, items))


def test_what_is_there_is_left_alone_and_told_apart(table: Table) -> None:
    """Equal: present; anything else: a conflict that names what differs. Numbers and sets are compared by value."""
    same = item(1, n={"N": "1.50"}, s={"SS": ["b", "a"]})
    table.put(same, item(2, v={"S": "theirs"}, more={"S": "x"}))
    before = table.stored()
    outcomes = table.insert(item(1, n={"N": "1.5"}, s={"SS": ["a", "b"]}), item(2, v={"S": "ours"}), item(3))
    assert {name: (outcome.fate, outcome.differs) for name, outcome in outcomes.items()} == {
        "c1": (Fate.PRESENT, ()),
        "c2": (Fate.CONFLICT, ("more", "v")),
        "c3": (Fate.RESTORED, ()),
    }
    assert table.stored() == sorted([*before, canonical(item(3))])


def test_a_second_time_nothing_changes(table: Table) -> None:
    """Also by one inserter, which by then looks before it puts: a refused put costs more than a read."""
    items = [item(number) for number in range(30)]
    inserter = table.inserter()
    inserter.insert(priced(inserter, items))
    before = table.stored()
    for _ in range(3):
        assert {outcome.fate for outcome in inserter.insert(priced(inserter, items))} == {Fate.PRESENT}
    puts: list[str] = []
    table.client.meta.events.register("before-call.dynamodb", lambda model, **_: puts.append(model.name))
    inserter.insert(priced(inserter, items))
    assert puts == ["BatchGetItem"]
    new = [item(number) for number in range(30, 60)]
    assert {outcome.fate for outcome in inserter.insert(priced(inserter, new))} == {Fate.RESTORED}
    assert table.stored() == sorted([*before, *map(canonical, new)])


def test_a_ttl_that_has_passed_is_left_out_and_a_later_one_stays(table: Table) -> None:
    """With it, the message would vanish again at once; the table says which attribute that is."""
    table.expire_by("goesAt")
    past, future = {"N": str(NOW)}, {"N": str(NOW + 5_000_000_000)}
    table.insert(item(1, goesAt=past, expiresAt=past), item(2, goesAt=future), item(3, goesAt={"S": "1"}))
    expected = [item(1, expiresAt=past), item(2, goesAt=future), item(3, goesAt={"S": "1"})]
    assert table.stored() == sorted(map(canonical, expected))


def test_a_message_that_is_about_to_expire_is_kept(table: Table) -> None:
    """Its own TTL has passed, but DynamoDB has not come round to it: the TTL goes, the message stays."""
    table.expire_by("goesAt")
    soon: AttributeValue = {"N": str(NOW - 5)}
    table.put(item(1, goesAt=soon), item(2, goesAt={"N": str(NOW + 10**9)}), item(3, goesAt=soon, v={"S": "theirs"}))
    outcomes = table.insert(item(1, goesAt=soon), item(2), item(3, goesAt=soon))
    assert {name: outcome.fate for name, outcome in outcomes.items()} == {"c1": Fate.KEPT, "c2": Fate.CONFLICT, "c3": Fate.CONFLICT}
    assert canonical(item(1)) in table.stored()
    assert table.insert(item(1, goesAt=soon))["c1"].fate is Fate.PRESENT


def test_our_own_mark_is_taken_away_also_before_it_strikes(table: Table) -> None:
    """Where the table is purged by marking: what is there with our mark only is freed of it."""
    table.expire_by("goesAt")
    mark: AttributeValue = {"N": str(NOW + 10**9)}
    table.put(item(1, goesAt=mark), item(2, goesAt=mark, v={"S": "theirs"}))
    outcomes = table.insert(item(1), item(2), marks=True)
    assert {name: outcome.fate for name, outcome in outcomes.items()} == {"c1": Fate.KEPT, "c2": Fate.CONFLICT}
    assert table.stored() == sorted(map(canonical, [item(1), item(2, goesAt=mark, v={"S": "theirs"})]))


def test_a_mark_that_changes_at_that_moment_is_looked_at_again(table: Table) -> None:
    """The condition is the very TTL that was seen; the second look decides."""
    table.expire_by("goesAt")
    mark: AttributeValue = {"N": str(NOW + 10**9)}
    table.put(item(1, goesAt=mark))
    edits = [item(1, goesAt={"N": str(NOW + 10**9 + 1)}), item(1, v={"S": "edited"})]

    def edit(**_: object) -> None:
        if edits:
            change = edits.pop(0)
            table.put(change)

    table.client.meta.events.register("before-call.dynamodb.UpdateItem", edit)
    outcomes = table.insert(item(1), marks=True)
    assert (outcomes["c1"].fate, outcomes["c1"].differs) == (Fate.CONFLICT, ("v",))
    assert table.stored() == [canonical(item(1, v={"S": "edited"}))]


def test_a_message_that_vanishes_between_two_calls_is_put_after_all(by_partiql: Table) -> None:
    """The INSERT found it; the read that was to judge it did not."""
    table = by_partiql
    table.put(item(1, v={"S": "theirs"}))
    key = {name: item(1)[name] for name in ("conversationId", "timestamp")}
    gone: list[int] = []

    def remove(**_: object) -> None:
        if not gone:
            gone.append(1)
            table.client.delete_item(TableName=table.name, Key=key)

    table.client.meta.events.register("before-call.dynamodb.BatchGetItem", remove)
    assert table.insert(item(1))["c1"].fate is Fate.RESTORED
    assert table.stored() == [canonical(item(1))]


def _withhold(table: Table, chosen: Callable[[dict[str, Any]], bool], code: str) -> list[int]:
    """Answer some statements with an error of our own, without sending them; returns how many each call had, as they come."""
    sent: list[int] = []
    held: list[int] = []

    def before(params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401 - botocore takes the answer, its stubs do not know it
        statements = params["Statements"]
        sent.append(len(statements))
        held[:] = [position for position, statement in enumerate(statements) if chosen(statement)]
        return {**params, "Statements": [statement for position, statement in enumerate(statements) if position not in held]}

    def after(parsed: dict[str, Any], **_: object) -> None:
        for position in held:
            parsed["Responses"].insert(position, {"Error": {"Code": code}})

    table.client.meta.events.register("provide-client-params.dynamodb.BatchExecuteStatement", before)
    table.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", after)
    return sent


def test_throttled_statements_are_sent_again(by_partiql: Table) -> None:
    """They come inside a good answer, where botocore does not see them; the others are not sent twice."""
    table = by_partiql
    turns = iter([True, False] * 12)
    sent = _withhold(table, lambda _: next(turns, False), "ThrottlingError")
    items = [item(number) for number in range(24)]
    assert {outcome.fate for outcome in table.insert(*items).values()} == {Fate.RESTORED}
    assert sent == [24, 12]
    assert table.slept
    assert table.stored() == sorted(map(canonical, items))


def test_endless_throttling_is_an_error_that_can_be_retried(by_partiql: Table) -> None:
    """After some tries, each after a longer pause."""

    def after(parsed: dict[str, Any], **_: object) -> None:
        parsed["Responses"] = [{"Error": {"Code": "ProvisionedThroughputExceeded"}} for _ in parsed["Responses"]]

    by_partiql.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", after)
    with pytest.raises(TransientServiceError, match="write_units"):
        by_partiql.insert(item(1))
    assert by_partiql.slept == sorted(by_partiql.slept)
    assert len(by_partiql.slept) > 3


def test_a_statement_that_is_not_permitted_is_an_error(by_partiql: Table) -> None:
    """It names the permission."""

    def after(parsed: dict[str, Any], **_: object) -> None:
        parsed["Responses"] = [{"Error": {"Code": "AccessDenied"}} for _ in parsed["Responses"]]

    by_partiql.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", after)
    with pytest.raises(ServiceError, match="PartiQLInsert"):
        by_partiql.insert(item(1))


def test_a_message_that_the_table_does_not_take_is_refused_and_the_others_go_on(by_partiql: Table) -> None:
    """Its index key has another type here: the statement is refused, PutItem decides, and it is counted."""
    _withhold(by_partiql, lambda statement: {"S": "five"} in statement["Parameters"], "ValidationError")
    outcomes = by_partiql.insert(item(1), {**item(2), "moduleId": {"S": "five"}}, item(3))
    assert {name: outcome.fate for name, outcome in outcomes.items()} == {"c1": Fate.RESTORED, "c2": Fate.REFUSED, "c3": Fate.RESTORED}
    assert by_partiql.stored() == sorted(map(canonical, [item(1), item(3)]))


def test_a_lost_answer_is_found_to_be_our_own_put(by_partiql: Table) -> None:
    """The INSERT was executed and its answer lost: the second one is refused, and what is there is equal."""
    table = by_partiql
    inserter = table.inserter()
    statement = insert_statement(table.name, item(1))
    assert statement
    cost = inserter.cost(item(1))
    assert inserter.insert_once([(cost, item(1), statement)]) == [None]
    assert [outcome.fate for outcome in inserter.insert([(cost, item(1))])] == [Fate.PRESENT]


def test_the_probe_finds_that_partiql_inserts_every_type_and_leaves_nothing(by_partiql: Table) -> None:
    """On MiniStack, as in DynamoDB's documentation."""
    by_partiql.put(item(1))
    assert _probe(by_partiql) == ALL_TYPES
    assert by_partiql.stored() == [canonical(item(1))]


def test_a_server_whose_insert_overwrites_is_not_trusted(by_partiql: Table) -> None:
    """One INSERT of a key that is there answers without an error: then all messages go singly."""

    def after(parsed: dict[str, Any], **_: object) -> None:
        first = parsed["Responses"][0]
        first.pop("Error", None)

    by_partiql.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", after)
    assert _probe(by_partiql) == frozenset()


def test_a_type_that_comes_back_different_goes_singly(by_partiql: Table) -> None:
    """Such as one whose binary is stored as its base64 text."""

    def before(params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401 - as above
        for statement in params["Statements"]:
            statement["Parameters"] = [{"S": "AP8="} if value == {"B": b"\x00\xff"} else value for value in statement["Parameters"]]
        return params

    by_partiql.client.meta.events.register("provide-client-params.dynamodb.BatchExecuteStatement", before)
    assert _probe(by_partiql) == ALL_TYPES - {"B"}


def test_a_server_without_partiql_inserts_is_used_singly(moto_server: Server) -> None:
    """Moto answers 500; nothing of the probe is left."""
    client = moto_server.dynamodb()
    table = Table(client, create_chat_messages(client, f"Insert{next(_NUMBERS)}"), ALL_TYPES)
    assert _probe(table) == frozenset()
    assert table.stored() == []
    drop(client, table.name)


def _probe(table: Table) -> frozenset[str]:
    return probe_inserts(table.client, describe_target(table.client, table.name, CHAT_MESSAGES), free_governor(), "token")


def test_a_table_with_other_keys_is_refused(moto_server: Server) -> None:
    """It says which keys a restored message needs."""
    client = moto_server.dynamodb()
    name = f"Other{next(_NUMBERS)}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(InputError, match="conversationId, timestamp"):
        describe_target(client, name, CHAT_MESSAGES)
    with pytest.raises(InputError, match="does not exist"):
        describe_target(client, "Nowhere", CHAT_MESSAGES)


def test_statements_name_every_attribute_and_hold_no_value() -> None:
    """Values are parameters; a name that would have to be escaped, or too many of them, makes it none."""
    assert insert_statement("T", {"a": {"S": "x"}, "b c": {"N": "1"}}) == "INSERT INTO \"T\" VALUE {'a': ?, 'b c': ?}"
    for awkward in ("it's", 'say "x"', "back\\slash", "line\nbreak"):
        assert insert_statement("T", {awkward: {"S": "x"}}) is None
    assert insert_statement("T", {f"{'n' * 200}{number}": {"S": "x"} for number in range(40)}) is None
    assert insert_statement("T", {f"n{number}": {"S": "x"} for number in range(151)}) is None


def test_differences_are_by_value() -> None:
    """Named, in order; NULL is not absence."""
    one: Item = {"a": {"N": "1.0"}, "b": {"NULL": True}, "c": {"S": "1"}}
    assert differing(one, {"a": {"N": "1"}, "c": {"N": "1"}}) == ["b", "c"]
    assert lasting({"t": {"N": "5"}}, None, 10) == {"t": {"N": "5"}}
    assert lasting({"t": {"N": "10.0"}}, "t", 10) == {}
    assert lasting({"t": {"N": "10.5"}}, "t", 10) == {"t": {"N": "10.5"}}
