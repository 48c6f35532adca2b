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

from archive.attempts import attempts, watch
from archive.aws import FOR_NOW, THROTTLES, UNKNOWN_OPERATION, error_code, translated
from archive.codec.conditions import key_of
from archive.codec.inserts import differing, has_passed, insert_statement, lasting
from archive.codec.values import AttributeValue, Item, canonical, equal, types_in
from archive.errors import ServiceError, TransientServiceError
from archive.governor import Governor
from archive.model.budget import Cost, read_cost, total, write_cost
from archive.model.cost import READ_BLOCK
from archive.model.item_size import item_size
from archive.model.spec import TableSpec
from archive.model.target_table import TargetTable, target_of
from archive.raw_bodies import exchange_statements

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Priced = tuple[Cost, Item]
"""An item, and what was taken for it at the governor."""
_Built = tuple[Cost, Item, str]
"""The same, and its INSERT."""
A_BATCH: Final = 25
"""Statements that one BatchExecuteStatement takes."""
_A_BATCH_GET: Final = 100
_BATCH_UNITS: Final = 4 * 2**10  # a request holds items of 4 MB at most; a unit is 1 KB
_TRIES: Final = 8
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
            if error_code(error) not in UNKNOWN_OPERATION:  # a server that has no TTL
                raise
            ttl = {}
    return target_of(table, ttl, spec)


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

    def __init__(self, client: DynamoDBClient, table: TargetTable, governor: Governor, terms: Terms) -> None:
        """Write to one table. The client must parse answers the stock way: not one that a Reader uses."""
        self._client, self.table, self.governor, self._terms = client, table, governor, terms
        self._look_first = False
        watch(client)
        exchange_statements(client)

    def cost(self, item: Item) -> Cost:
        """Return what putting an item costs, if its key is absent."""
        return write_cost(None, item, self.table.indexes)

    def insert(self, batch: Sequence[Priced]) -> list[Outcome]:
        """Put items, whose keys all differ and whose costs were taken, and return one outcome each, in any order.

        Raises ServiceError; then some of them may have been put, and all can be tried again.
        """
        outcomes: list[Outcome] = []
        waiting = [(cost, lasting(item, self.table.ttl, self._terms.now)) for cost, item in batch]
        look = self._look_first
        for tries in range(_TRIES):
            items = [item for _, item in waiting]
            images = self.images(items) if look else {}
            there = self._put(self._absent(waiting, images), images, outcomes)
            unread = [item for item in there if self._key(item) not in images]
            images |= self.images(unread)
            found = [item for item in items if self._key(item) in images] if images else []
            if tries == 0:
                # A refused put costs ten times as much as a read: where most were there, the next batch looks first.
                self._look_first = len(found) * 2 > len(items)
            judged = [(item, self._judged(item, images[self._key(item)])) for item in found]
            outcomes += [outcome for _, outcome in judged if outcome is not None]
            again = [item for item, outcome in judged if outcome is None]
            again += [item for item in unread if self._key(item) not in images]
            if not again:
                return outcomes
            look = True
            self.governor.back_off(tries)
            waiting = [(self.cost(item), item) for item in again]
            self.governor.take(total("write", (cost for cost, _ in waiting)))
        message = f"messages of table {self.table.name} come and go while they are restored; run again when nobody else writes them"
        raise TransientServiceError(message)

    def _absent(self, waiting: list[Priced], images: dict[bytes, Item]) -> list[Priced]:
        """Return those that are not there; what was taken for the others is given back, as they are not put."""
        if not images:
            return waiting
        absent: list[Priced] = []
        for cost, item in waiting:
            if self._key(item) in images:
                self.governor.give_back(cost)
            else:
                absent.append((cost, item))
        return absent

    def _judged(self, item: Item, image: Item) -> Outcome | None:
        """Judge a message whose key was there; None where it has to be looked at again."""
        if equal(image, item):
            return Outcome(item, Fate.PRESENT)
        ttl = self.table.ttl
        differs = differing(image, item)
        if ttl is not None and differs == [ttl] and ttl not in item and (self._terms.marks or has_passed(image[ttl], self._terms.now)):
            return Outcome(item, Fate.KEPT) if self._take_ttl_away(item, image[ttl]) else None
        return Outcome(item, Fate.CONFLICT, tuple(differs))

    def _take_ttl_away(self, item: Item, ttl: AttributeValue) -> bool:
        """Remove the TTL of a message that is there, if it still is this one; say whether it was."""
        table = self.table
        cost = write_cost({**item, str(table.ttl): ttl}, item, table.indexes)
        self.governor.take(cost)
        with translated("dynamodb:UpdateItem", f"table {table.name}"), attempts(self.governor, cost):
            try:
                answer = self._client.update_item(
                    TableName=table.name,
                    Key=key_of(table.spec, item),
                    UpdateExpression="REMOVE #t",
                    ConditionExpression="#t = :t",
                    ExpressionAttributeNames={"#t": str(table.ttl)},
                    ExpressionAttributeValues={":t": ttl},
                    ReturnConsumedCapacity="INDEXES",
                )
            except ClientError as error:
                if error_code(error) not in THERE:
                    raise
                self.governor.settle(cost, known=cost.refused())
                return False
        self.governor.settle(cost, answer.get("ConsumedCapacity"))
        return True

    def _put(self, waiting: list[Priced], images: dict[bytes, Item], outcomes: list[Outcome]) -> list[Item]:
        """Put items; returns those whose keys are there. What the server says is there goes to `images`."""
        singly: list[Priced] = []
        there: list[Item] = []
        batch: list[_Built] = []
        units = 0.0
        for cost, item in waiting:
            statement = self._statement(item)
            if statement is None:
                singly.append((cost, item))
                continue
            if batch and (len(batch) == A_BATCH or units + cost.table > _BATCH_UNITS):
                there += self._execute(batch, outcomes, singly)
                batch, units = [], 0.0
            batch.append((cost, item, statement))
            units += cost.table
        if batch:
            there += self._execute(batch, outcomes, singly)
        return there + [item for cost, item in singly if not self._put_one(cost, item, images, outcomes)]

    def _statement(self, item: Item) -> str | None:
        """Return a PartiQL INSERT, or None where the item goes singly."""
        if not self._terms.types.issuperset(types_in(item)):
            return None
        return insert_statement(self.table.name, item)

    def _execute(self, batch: list[_Built], outcomes: list[Outcome], singly: list[Priced]) -> list[Item]:
        """Execute a batch, again and again what was throttled; returns the items whose keys are there."""
        there: list[Item] = []
        for tries in range(_TRIES):
            again: list[_Built] = []
            codes = self.insert_once(batch)
            for built, code in zip(batch, codes, strict=True):
                cost, item, _ = built
                if code is None:
                    outcomes.append(Outcome(item, Fate.RESTORED))
                elif code in THERE:
                    there.append(item)
                elif code in FOR_NOW:
                    again.append(built)
                elif code in _INVALID:
                    singly.append((cost, item))  # PutItem decides: it may be the statement that does not suit, not the item
                else:
                    message = f"dynamodb:PartiQLInsert on table {self.table.name} was refused ({code}); grant it to the role in use"
                    raise ServiceError(message)
            if not again:
                return there
            batch = again
            self.governor.back_off(tries)
            self.governor.take(total("write", (cost for cost, _, _ in batch)))
        message = f"dynamodb:PartiQLInsert on table {self.table.name} stays throttled; lower [limits] write_units and run again"
        raise TransientServiceError(message)

    def insert_once(self, batch: Sequence[_Built]) -> list[str | None]:
        """Execute INSERTs (at most 25) in one request; returns each one's error code, None where it inserted.

        Settles what was taken for those that were inserted or are there; what was throttled has to be taken again.
        """
        statements: list[Any] = [{"Statement": statement, "Parameters": list(item.values())} for _, item, statement in batch]
        cost = total("write", (cost for cost, _, _ in batch))
        with translated("dynamodb:PartiQLInsert", f"table {self.table.name}"), attempts(self.governor, cost):
            answer = self._client.batch_execute_statement(Statements=statements, ReturnConsumedCapacity="INDEXES")
        codes = [response["Error"].get("Code", "") if "Error" in response else None for response in answer["Responses"]]
        inserted = [cost for (cost, _, _), code in zip(batch, codes, strict=True) if code is None]
        there = [cost for (cost, _, _), code in zip(batch, codes, strict=True) if code in THERE]
        known = total("write", [*inserted, *(cost.refused() for cost in there)])
        self.governor.settle(total("write", inserted + there), answer.get("ConsumedCapacity"), known)
        for (cost, _, _), code in zip(batch, codes, strict=True):
            if code in THROTTLES:
                self.governor.throttled(cost)
        return codes

    def _put_one(self, cost: Cost, item: Item, images: dict[bytes, Item], outcomes: list[Outcome]) -> bool:
        """Put one item; False where its key is there. The image that is in the way goes to `images`, where the server tells it."""
        table, governor = self.table, self.governor
        with translated("dynamodb:PutItem", f"table {table.name}"), attempts(governor, cost):
            try:
                answer = self._client.put_item(
                    TableName=table.name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#k)",
                    ExpressionAttributeNames={"#k": table.spec.partition_key},
                    ReturnConsumedCapacity="INDEXES",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                code = error_code(error)
                if code in THERE:
                    governor.settle(cost, known=cost.refused())
                    if image := error.response.get("Item"):
                        images[self._key(item)] = image  # type: ignore[assignment]
                    return False
                if code in _INVALID:
                    governor.give_back(cost)
                    outcomes.append(Outcome(item, Fate.REFUSED))
                    return True
                raise
        governor.settle(cost, answer.get("ConsumedCapacity"))
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
            cost = read_cost(float(len(part)))  # of messages of up to 4 KB, or of keys that are absent
            self.governor.take(cost)
            request: Any = {self.table.name: {"Keys": part, "ConsistentRead": True}}
            with translated("dynamodb:BatchGetItem", f"table {self.table.name}"), attempts(self.governor, cost):
                answer: Any = self._client.batch_get_item(RequestItems=request, ReturnConsumedCapacity="TOTAL")
            images = answer["Responses"].get(self.table.name, [])
            known = read_cost(float(sum(-(-item_size(image) // READ_BLOCK) for image in images) or len(part)))
            self.governor.settle(cost, answer.get("ConsumedCapacity"), known)
            found |= {self._key(image): image for image in images}
            undone = answer.get("UnprocessedKeys", {}).get(self.table.name, {}).get("Keys", [])
            if undone:
                tries = tries + 1 if len(undone) == len(part) else 0
                if tries > _TRIES:
                    message = f"dynamodb:BatchGetItem on table {self.table.name} keeps leaving keys undone; run again later"
                    raise TransientServiceError(message)
                waiting = undone + waiting
                self.governor.back_off(tries)
        return found

    def _key(self, item: Item) -> bytes:
        return canonical(key_of(self.table.spec, item))
