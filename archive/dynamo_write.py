"""All writes to DynamoDB: the purger's role needs what this file calls, and nothing else of DynamoDB.

Two protocols behind one interface: PartiQL in batches of 25 conditional statements, and single conditional calls.
A call may be repeated: a message that is gone is counted as missing, never as removed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from archive.attempts import attempts, watch
from archive.aws import DENIED, FOR_NOW, THROTTLES, error_code, translated
from archive.codec.conditions import Target, expression, key_of, statement
from archive.codec.values import Item, canonical, decode_plain, equal, types_in
from archive.errors import DynalakeError, NotPermittedError, ServiceError, TransientServiceError
from archive.governor import Governor
from archive.model.budget import Cost, Index, total, write_cost
from archive.model.spec import TableSpec
from archive.raw_bodies import exchange_statements

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    _Built = tuple[Cost, Target, BatchStatementRequestTypeDef]

Priced = tuple[Cost, Target]
"""A target, and what was taken for it at the governor."""
A_BATCH: Final = 25
_BATCH_UNITS: Final = 4 * 2**10  # a request holds items of 4 MB at most; a unit is 1 KB
_TRIES: Final = 8
_IN_A_TRANSACTION: Final = "TransactionConflictException"
_REFUSED: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})


class Fate(Enum):
    """What became of one message."""

    DONE = "done"
    """The condition held, and the image that came back is what was archived."""
    CHANGED = "changed"
    """It is no longer what was archived; it was left alone."""
    MISSING = "missing"
    """It was not there any more."""
    REFUSED = "refused"
    """It may be what was archived, but the condition was refused or does not fit in a request; it was left alone."""
    SURPRISE = "surprise"
    """It was removed, and the image that came back has something that was not archived."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message's fate, and the image that came back, where one did: its binary may be base64 text."""

    target: Target
    fate: Fate
    image: Item | None = None


class Remover(Protocol):
    """Removes (or marks) messages that are still what was archived. Safe to repeat."""

    def remove(self, batch: Sequence[Priced], known: frozenset[str]) -> list[Outcome]:
        """Return one outcome a target, in any order. `known` are the attribute names that must be missing if not archived.

        What the targets cost was taken before, and is settled here. Raises ServiceError, but never at the cost of a surprise: if
        one came back before the error, the outcomes so far are returned in the error's place, for the image must be kept, and
        the targets without an outcome can be tried again.
        """


@dataclass(frozen=True, slots=True)
class Table:
    """The table that is written to: its name, its spec, and the indexes that each write also writes."""

    name: str
    spec: TableSpec
    indexes: tuple[Index, ...]

    def cost(self, target: Target) -> Cost:
        """Return what a change costs if its message is still what was archived."""
        item, change = target.item, target.change
        if change.kind == "delete":
            return write_cost(item, None, self.indexes)
        marked = {**item, change.attribute: {"N": str(change.seconds)}}
        return write_cost(item, marked, self.indexes) if change.kind == "mark" else write_cost(marked, item, self.indexes)


class SingleRemover:
    """One conditional DeleteItem or UpdateItem a message."""

    def __init__(self, client: DynamoDBClient, table: Table, governor: Governor) -> None:
        """Write to one table."""
        self._client, self.table, self.governor = client, table, governor
        watch(client)

    def remove(self, batch: Sequence[Priced], known: frozenset[str]) -> list[Outcome]:
        """Remove one by one."""
        outcomes: list[Outcome] = []
        with _keeping_surprises(outcomes):
            for cost, target in batch:
                outcomes.append(self._remove(cost, target, known))
        return outcomes

    def remove_one(self, target: Target, known: frozenset[str]) -> Outcome:
        """Remove one message, whose cost was not taken yet."""
        cost = self.table.cost(target)
        self.governor.take(cost)
        return self._remove(cost, target, known)

    def _remove(self, cost: Cost, target: Target, known: frozenset[str]) -> Outcome:
        table = self.table
        built = expression(table.spec, target, known)
        if built is None:
            self.governor.give_back(cost)
            return Outcome(target, Fate.REFUSED)
        request: dict[str, Any] = {
            "TableName": table.name,
            "Key": key_of(table.spec, target.item),
            "ConditionExpression": built.condition,
            "ExpressionAttributeNames": built.names,
            "ReturnValues": "ALL_OLD",
            "ReturnConsumedCapacity": "INDEXES",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if built.values:
            request["ExpressionAttributeValues"] = built.values
        if built.update:
            request["UpdateExpression"] = built.update
        operation = "UpdateItem" if built.update else "DeleteItem"
        call: Callable[..., Any] = self._client.update_item if built.update else self._client.delete_item
        with translated(f"dynamodb:{operation}", f"table {table.name}"):
            try:
                answer = self._unless_in_a_transaction(call, request, cost)
            except ClientError as error:
                if error_code(error) not in _REFUSED:
                    raise
                self.governor.settle(cost, known=cost.refused())
                return refused(target, error.response.get("Item"))  # type: ignore[arg-type]
        outcome = judged(target, answer.get("Attributes"))
        self.governor.settle(cost, answer.get("ConsumedCapacity"), _known(cost, outcome))
        return outcome

    def _unless_in_a_transaction(self, call: Callable[..., Any], request: dict[str, Any], cost: Cost) -> Any:  # noqa: ANN401 - an answer
        """Make a call, again where the item is in a transaction of somebody else's: botocore does not. A refused call is charged too."""
        for tries in range(_TRIES):
            if tries:
                self.governor.back_off(tries - 1)
                self.governor.take(cost)
            try:
                with attempts(self.governor, cost):
                    return call(**request)
            except ClientError as error:
                if error_code(error) != _IN_A_TRANSACTION or tries == _TRIES - 1:
                    raise
                self.governor.settle(cost, known=cost.refused())
        raise AssertionError  # the last try returns or raises

    def put_back(self, image: Item) -> bool:
        """Write a removed image back, only where its key is still absent; say whether that was so. Its binary may be base64 text."""
        table = self.table
        cost = write_cost(None, image, table.indexes)
        self.governor.take(cost)
        with translated("dynamodb:PutItem", f"table {table.name}"), attempts(self.governor, cost):
            try:
                answer = self._client.put_item(
                    TableName=table.name,
                    Item=decode_plain(canonical(image).decode()),
                    ConditionExpression="attribute_not_exists(#k)",
                    ExpressionAttributeNames={"#k": table.spec.partition_key},
                    ReturnConsumedCapacity="INDEXES",
                )
            except ClientError as error:
                if error_code(error) not in _REFUSED:
                    raise
                self.governor.settle(cost, known=cost.refused())
                return False
        self.governor.settle(cost, answer.get("ConsumedCapacity"))
        return True


@contextmanager
def _keeping_surprises(outcomes: list[Outcome]) -> Iterator[None]:
    """Let an error pass, unless a surprise is among the outcomes so far: its image is nowhere else."""
    try:
        yield
    except DynalakeError:
        if all(outcome.fate is not Fate.SURPRISE for outcome in outcomes):
            raise


class PartiqlRemover:
    """BatchExecuteStatement, 25 conditional statements a call; what does not fit in one goes singly."""

    def __init__(self, client: DynamoDBClient, table: Table, governor: Governor, types: frozenset[str]) -> None:
        """Write to one table; `types` are the DynamoDB types that its PartiQL was seen to compare."""
        self._client, self._table, self._governor, self._types = client, table, governor, types
        self._single = SingleRemover(client, table, governor)
        exchange_statements(client)

    def remove(self, batch: Sequence[Priced], known: frozenset[str]) -> list[Outcome]:
        """Remove in batches; a message that was refused although it is unchanged is tried once more, singly."""
        outcomes: list[Outcome] = []
        with _keeping_surprises(outcomes):
            singly: list[Priced] = []
            request: list[_Built] = []
            units = 0.0
            for cost, target in batch:
                built = self._statement(target, known)
                if built is None:
                    singly.append((cost, target))
                    continue
                if request and (len(request) == A_BATCH or units + cost.table > _BATCH_UNITS):
                    self._execute(request, outcomes)
                    request, units = [], 0.0
                request.append((cost, target, built))
                units += cost.table
            if request:
                self._execute(request, outcomes)
            again = [outcome.target for outcome in outcomes if outcome.fate is Fate.REFUSED]
            outcomes[:] = [outcome for outcome in outcomes if outcome.fate is not Fate.REFUSED]
            outcomes += self._single.remove(singly, known)
            for target in again:
                outcomes.append(self._single.remove_one(target, known))
        return outcomes

    def execute_one(self, target: Target, known: frozenset[str]) -> Outcome | None:
        """Remove one message, whose cost was not taken yet, by PartiQL alone; None where it does not fit in a statement."""
        built = self._statement(target, known)
        if built is None:
            return None
        cost = self._table.cost(target)
        self._governor.take(cost)
        outcomes: list[Outcome] = []
        self._execute([(cost, target, built)], outcomes)
        return outcomes[0]

    def _statement(self, target: Target, known: frozenset[str]) -> BatchStatementRequestTypeDef | None:
        if not self._types.issuperset(types_in(target.item)):
            return None
        built = statement(self._table.name, self._table.spec, target, known)
        if built is None:
            return None
        return {"Statement": built[0], "Parameters": built[1], "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    def _execute(self, batch: list[_Built], outcomes: list[Outcome]) -> None:
        """Execute a batch, again and again what was throttled; each outcome is added as soon as it is known."""
        governor = self._governor
        for tries in range(_TRIES):
            statements = [built for _, _, built in batch]
            cost = total("write", (cost for cost, _, _ in batch))
            with translated("dynamodb:PartiQLDelete or PartiQLUpdate", f"table {self._table.name}"), attempts(governor, cost):
                answer = self._client.batch_execute_statement(Statements=statements, ReturnConsumedCapacity="INDEXES")
            taken: list[Cost] = []
            known: list[Cost] = []
            again: list[_Built] = []
            failed: str | None = None
            for (cost, target, built), response in zip(batch, answer["Responses"], strict=True):
                error: Any = response.get("Error")
                image: Any = response.get("Item")
                if error is None:
                    outcome = judged(target, image)
                elif (code := error.get("Code", "")) in _REFUSED:
                    outcome = refused(target, error.get("Item") or image)
                elif code in FOR_NOW:
                    again.append((cost, target, built))
                    if code in THROTTLES:
                        governor.throttled(cost)
                    continue
                else:
                    failed = code
                    continue
                outcomes.append(outcome)
                taken.append(cost)
                known.append(_known(cost, outcome))
            governor.settle(total("write", taken), answer.get("ConsumedCapacity"), total("write", known))
            if failed in DENIED:
                message = (
                    f"dynamodb:PartiQLDelete or PartiQLUpdate on table {self._table.name} is not permitted; grant both to the role in use"
                )
                raise NotPermittedError(message)
            if failed is not None:
                message = (
                    f'dynamodb:BatchExecuteStatement on table {self._table.name} was refused ({failed}); set [policy] protocol = "single"'
                )
                raise ServiceError(message)
            if not again:
                return
            batch = again
            governor.back_off(tries)
            governor.take(total("write", (cost for cost, _, _ in batch)))
        message = f"dynamodb:BatchExecuteStatement on table {self._table.name} stays throttled; lower [limits] write_units and run again"
        raise TransientServiceError(message)


def _known(cost: Cost, outcome: Outcome) -> Cost:
    """Return what a change cost, as its outcome shows: where nothing was changed, no index was written."""
    return cost if outcome.fate in (Fate.DONE, Fate.SURPRISE) else cost.refused()


def judged(target: Target, image: Item | None) -> Outcome:
    """Judge an accepted change by the image that came back: without one, the message was not there."""
    if not image:
        return Outcome(target, Fate.MISSING)
    if target.change.kind == "unmark":
        return Outcome(target, Fate.DONE, image)
    return Outcome(target, Fate.DONE if equal(image, target.item) else Fate.SURPRISE, image)


def refused(target: Target, image: Item | None) -> Outcome:
    """Judge a refused change by the image that was in its way: without one, the message was not there."""
    if not image:
        return Outcome(target, Fate.MISSING)
    return Outcome(target, Fate.REFUSED if equal(image, target.item) else Fate.CHANGED, image)
