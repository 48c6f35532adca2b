"""All writes of restore: the restorer's role needs what this file calls, and nothing else of DynamoDB.

A message is put only where its key is absent, and nothing is ever overwritten. Two protocols: PartiQL INSERT in batches of
25, and single conditional PutItems. Every call may be repeated: what is there already is found equal, and counted so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import THROTTLES, error_code, translated
from archive.codec.conditions import key_of
from archive.codec.inserts import differing, has_passed, insert_statement, lasting
from archive.codec.values import AttributeValue, Item, canonical
from archive.errors import ServiceError, TransientServiceError
from archive.model.cost import write_units
from archive.model.item_size import item_size
from archive.model.spec import TableSpec
from archive.model.target_table import TargetTable, target_of
from archive.pace import Pace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

A_BATCH: Final = 25
"""Statements that one BatchExecuteStatement takes."""
_A_BATCH_GET: Final = 100
_BATCH_BYTES: Final = 4 * 2**20
_TRIES: Final = 8
_READ_BLOCK: Final = 4096
THERE: Final = frozenset({"DuplicateItem", "DuplicateItemException", "ConditionalCheckFailed", "ConditionalCheckFailedException"})
"""Codes that say that a key is there."""
_INVALID: Final = frozenset({"ValidationError", "ValidationException", "ItemCollectionSizeLimitExceeded"})


class Fate(Enum):
    """What became of one message."""

    RESTORED = "restored"
    """Its key was absent, and it was put."""
    PRESENT = "present"
    """It was there already, value for value."""
    KEPT = "kept"
    """It was there, but about to expire; its TTL was taken away."""
    CONFLICT = "conflict"
    """Its key is there with other values, which were left alone."""
    REFUSED = "refused"
    """The table takes no such item: a key of one of its indexes has the wrong type, or is empty."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message's fate. `differs` names the attributes in which a conflict differs."""

    item: Item
    fate: Fate
    differs: tuple[str, ...] = ()


def describe_target(client: DynamoDBClient, name: str, spec: TableSpec) -> TargetTable:
    """Describe a table and its TTL; raises InputError where it is absent or has other keys than the spec."""
    with translated("dynamodb:DescribeTable", f"table {name}"):
        table = client.describe_table(TableName=name)["Table"]
    with translated("dynamodb:DescribeTimeToLive", f"table {name}"):
        try:
            ttl: Any = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        except ClientError as error:
            if "Unknown" not in error_code(error):  # a server that has no TTL
                raise
            ttl = {}
    return target_of(table, ttl, spec)


@dataclass(frozen=True, slots=True)
class Paces:
    """How fast a restore may read and write."""

    reads: Pace
    writes: Pace


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms messages are put back: `now` in epoch seconds decides which TTLs have passed.

    `types` are the DynamoDB types that the table's PartiQL was seen to insert exactly (none: single puts only). `marks`: the
    table's TTL attribute is Dynalake's own mark, so a message that is there and bears it is freed from it.
    """

    now: int
    types: frozenset[str] = frozenset()
    marks: bool = False


class Inserter:
    """Puts messages into one table, only where their keys are absent. Threads may share it."""

    def __init__(self, client: DynamoDBClient, table: TargetTable, paces: Paces, terms: Terms) -> None:
        """Write to one table. The client must parse answers the stock way: not one that a Reader uses."""
        self._client, self.table, self._paces, self._terms = client, table, paces, terms
        self._look_first = False

    def insert(self, items: Sequence[Item]) -> list[Outcome]:
        """Put items, whose keys all differ, and return one outcome each, in any order.

        Raises ServiceError; then some of them may have been put, and all can be tried again.
        """
        outcomes: list[Outcome] = []
        waiting = [lasting(item, self.table.ttl, self._terms.now) for item in items]
        look = self._look_first
        for tries in range(_TRIES):
            images = self.images(waiting) if look else {}
            absent = [item for item in waiting if self._key(item) not in images]
            there = self._put(absent, images, outcomes)
            unread = [item for item in there if self._key(item) not in images]
            images |= self.images(unread)
            found = [item for item in waiting if self._key(item) in images]
            if tries == 0:
                # A refused put costs ten times as much as a read: where most were there, the next batch looks first.
                self._look_first = len(found) * 2 > len(waiting)
            judged = [(item, self._judged(item, images[self._key(item)])) for item in found]
            outcomes += [outcome for _, outcome in judged if outcome is not None]
            waiting = [item for item, outcome in judged if outcome is None]
            waiting += [item for item in unread if self._key(item) not in images]
            if not waiting:
                return outcomes
            look = True
            self._paces.writes.back_off(tries)
        message = f"messages of table {self.table.name} come and go while they are restored; run again when nobody else writes them"
        raise TransientServiceError(message)

    def _judged(self, item: Item, image: Item) -> Outcome | None:
        """Judge a message whose key was there; None where it has to be looked at again."""
        if canonical(image) == canonical(item):
            return Outcome(item, Fate.PRESENT)
        ttl = self.table.ttl
        differs = differing(image, item)
        if ttl is not None and differs == [ttl] and ttl not in item and (self._terms.marks or has_passed(image[ttl], self._terms.now)):
            return Outcome(item, Fate.KEPT) if self._take_ttl_away(item, image[ttl]) else None
        return Outcome(item, Fate.CONFLICT, tuple(differs))

    def _take_ttl_away(self, item: Item, ttl: AttributeValue) -> bool:
        """Remove the TTL of a message that is there, if it still is this one; say whether it was."""
        table = self.table
        with translated("dynamodb:UpdateItem", f"table {table.name}"):
            self._paces.writes.wait()
            self._paces.writes.charge(self._units(item))
            try:
                self._client.update_item(
                    TableName=table.name,
                    Key=key_of(table.spec, item),
                    UpdateExpression="REMOVE #t",
                    ConditionExpression="#t = :t",
                    ExpressionAttributeNames={"#t": str(table.ttl)},
                    ExpressionAttributeValues={":t": ttl},
                )
            except ClientError as error:
                if error_code(error) not in THERE:
                    raise
                return False
        return True

    def _put(self, items: list[Item], images: dict[bytes, Item], outcomes: list[Outcome]) -> list[Item]:
        """Put items; returns those whose keys are there. What the server says is there goes to `images`."""
        singly: list[Item] = []
        there: list[Item] = []
        batch: list[tuple[Item, str]] = []
        size = 0
        for item in items:
            statement = self._statement(item)
            if statement is None:
                singly.append(item)
                continue
            item_bytes = len(canonical(item))
            if batch and (len(batch) == A_BATCH or size + item_bytes > _BATCH_BYTES):
                there += self._execute(batch, outcomes, singly)
                batch, size = [], 0
            batch.append((item, statement))
            size += item_bytes
        if batch:
            there += self._execute(batch, outcomes, singly)
        return there + [item for item in singly if not self._put_one(item, images, outcomes)]

    def _statement(self, item: Item) -> str | None:
        """Return a PartiQL INSERT, or None where the item goes singly."""
        if not self._terms.types.issuperset(tag for value in item.values() for tag in value):
            return None
        return insert_statement(self.table.name, item)

    def _execute(self, batch: list[tuple[Item, str]], outcomes: list[Outcome], singly: list[Item]) -> list[Item]:
        """Execute a batch, again and again what was throttled; returns the items whose keys are there."""
        there: list[Item] = []
        for tries in range(_TRIES):
            again: list[tuple[Item, str]] = []
            codes = self.insert_once(batch)
            for (item, statement), code in zip(batch, codes, strict=True):
                if code is None:
                    outcomes.append(Outcome(item, Fate.RESTORED))
                elif code in THERE:
                    there.append(item)
                elif code in THROTTLES:
                    again.append((item, statement))
                elif code in _INVALID:
                    singly.append(item)  # PutItem decides: it may be the statement that does not suit, not the item
                else:
                    message = f"dynamodb:PartiQLInsert on table {self.table.name} was refused ({code}); grant it to the role in use"
                    raise ServiceError(message)
            if not again:
                return there
            batch = again
            self._paces.writes.back_off(tries)
        message = f"dynamodb:PartiQLInsert on table {self.table.name} stays throttled; lower [limits] write_units and run again"
        raise TransientServiceError(message)

    def insert_once(self, batch: Sequence[tuple[Item, str]]) -> list[str | None]:
        """Execute INSERTs (at most 25) in one request; returns each one's error code, None where it inserted."""
        statements: list[Any] = [{"Statement": statement, "Parameters": list(item.values())} for item, statement in batch]
        self._paces.writes.wait()
        with translated("dynamodb:PartiQLInsert", f"table {self.table.name}"):
            answer = self._client.batch_execute_statement(Statements=statements, ReturnConsumedCapacity="TOTAL")
        consumed = sum(part.get("CapacityUnits", 0.0) for part in answer.get("ConsumedCapacity", ()))
        self._paces.writes.charge(consumed or sum(self._units(item) for item, _ in batch))
        return [response["Error"].get("Code", "") if "Error" in response else None for response in answer["Responses"]]

    def _put_one(self, item: Item, images: dict[bytes, Item], outcomes: list[Outcome]) -> bool:
        """Put one item; False where its key is there. The image that is in the way goes to `images`, where the server tells it."""
        table, pace = self.table, self._paces.writes
        pace.wait()
        with translated("dynamodb:PutItem", f"table {table.name}"):
            try:
                answer = self._client.put_item(
                    TableName=table.name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#k)",
                    ExpressionAttributeNames={"#k": table.spec.partition_key},
                    ReturnConsumedCapacity="TOTAL",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                pace.charge(self._units(item))
                code = error_code(error)
                if code in THERE:
                    if image := error.response.get("Item"):
                        images[self._key(item)] = image  # type: ignore[assignment]
                    return False
                if code in _INVALID:
                    outcomes.append(Outcome(item, Fate.REFUSED))
                    return True
                raise
        pace.charge(answer.get("ConsumedCapacity", {}).get("CapacityUnits", self._units(item)))
        outcomes.append(Outcome(item, Fate.RESTORED))
        return True

    def images(self, items: Sequence[Item]) -> dict[bytes, Item]:
        """Read, consistently, what is at the table under these items' keys, by key."""
        spec = self.table.spec
        waiting = [key_of(spec, item) for item in items]
        found: dict[bytes, Item] = {}
        tries = 0
        while waiting:
            part, waiting = waiting[:_A_BATCH_GET], waiting[_A_BATCH_GET:]
            self._paces.reads.wait()
            with translated("dynamodb:BatchGetItem", f"table {self.table.name}"):
                answer: Any = self._client.batch_get_item(RequestItems={self.table.name: {"Keys": part, "ConsistentRead": True}})
            images = answer["Responses"].get(self.table.name, [])
            self._paces.reads.charge(float(sum(1 + item_size(image) // _READ_BLOCK for image in images) or len(part)))
            found |= {self._key(image): image for image in images}
            undone = answer.get("UnprocessedKeys", {}).get(self.table.name, {}).get("Keys", [])
            if undone:
                tries = tries + 1 if len(undone) == len(part) else 0
                if tries > _TRIES:
                    message = f"dynamodb:BatchGetItem on table {self.table.name} keeps leaving keys undone; run again later"
                    raise TransientServiceError(message)
                waiting = undone + waiting
                self._paces.reads.back_off(tries)
        return found

    def _key(self, item: Item) -> bytes:
        return canonical(key_of(self.table.spec, item))

    def _units(self, item: Item) -> float:
        return float(write_units(item_size(item), self.table.indexes))
