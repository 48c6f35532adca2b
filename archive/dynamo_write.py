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

from archive.aws import DENIED, THROTTLES, error_code, translated
from archive.codec.conditions import Target, expression, key_of, statement
from archive.codec.values import Item, canonical
from archive.errors import DynalakeError, NotPermittedError, ServiceError, TransientServiceError
from archive.model.cost import write_units
from archive.model.spec import TableSpec
from archive.pace import Pace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    _Built = tuple[Target, BatchStatementRequestTypeDef]

A_BATCH: Final = 25
_BATCH_BYTES: Final = 4 * 2**20
_TRIES: Final = 8
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
    """One message's fate, and the image that came back, where one did."""

    target: Target
    fate: Fate
    image: Item | None = None


class Remover(Protocol):
    """Removes (or marks) messages that are still what was archived. Safe to repeat."""

    def remove(self, targets: Sequence[Target], known: frozenset[str]) -> list[Outcome]:
        """Return one outcome a target, in any order. `known` are the attribute names that must be missing if not archived.

        Raises ServiceError, but never at the cost of a surprise: if one came back before the error, the outcomes so far are
        returned in the error's place, for the image must be kept, and the targets without an outcome can be tried again.
        """


@dataclass(frozen=True, slots=True)
class Table:
    """The table that is written to: its name, its spec, and how many indexes each write also writes."""

    name: str
    spec: TableSpec
    indexes: int


class SingleRemover:
    """One conditional DeleteItem or UpdateItem a message."""

    def __init__(self, client: DynamoDBClient, table: Table, pace: Pace) -> None:
        """Write to one table."""
        self._client, self._table, self._pace = client, table, pace

    def remove(self, targets: Sequence[Target], known: frozenset[str]) -> list[Outcome]:
        """Remove one by one."""
        outcomes: list[Outcome] = []
        with _keeping_surprises(outcomes):
            for target in targets:
                outcomes.append(self._remove(target, known))  # noqa: PERF401 - what came before an error must be there
        return outcomes

    def _remove(self, target: Target, known: frozenset[str]) -> Outcome:
        table = self._table
        built = expression(table.spec, target, known)
        if built is None:
            return Outcome(target, Fate.REFUSED)
        request: dict[str, Any] = {
            "TableName": table.name,
            "Key": key_of(table.spec, target.item),
            "ConditionExpression": built.condition,
            "ExpressionAttributeNames": built.names,
            "ReturnValues": "ALL_OLD",
            "ReturnConsumedCapacity": "TOTAL",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if built.values:
            request["ExpressionAttributeValues"] = built.values
        if built.update:
            request["UpdateExpression"] = built.update
        operation = "UpdateItem" if built.update else "DeleteItem"
        call: Callable[..., Any] = self._client.update_item if built.update else self._client.delete_item
        self._pace.wait()
        with translated(f"dynamodb:{operation}", f"table {table.name}"):
            try:
                answer = call(**request)
            except ClientError as error:
                self._pace.charge(self._units(target))
                if error_code(error) not in _REFUSED:
                    raise
                return refused(target, error.response.get("Item"))  # type: ignore[arg-type]
        self._pace.charge(answer.get("ConsumedCapacity", {}).get("CapacityUnits", self._units(target)))
        return judged(target, answer.get("Attributes"))

    def _units(self, target: Target) -> float:
        return float(write_units(len(canonical(target.item)), self._table.indexes))

    def put_back(self, image: Item) -> bool:
        """Write a removed image back, only where its key is still absent; say whether that was so."""
        table = self._table
        self._pace.wait()
        self._pace.charge(float(write_units(len(canonical(image)), table.indexes)))
        with translated("dynamodb:PutItem", f"table {table.name}"):
            try:
                self._client.put_item(
                    TableName=table.name,
                    Item=image,
                    ConditionExpression="attribute_not_exists(#k)",
                    ExpressionAttributeNames={"#k": table.spec.partition_key},
                )
            except ClientError as error:
                if error_code(error) in _REFUSED:
                    return False
                raise
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

    def __init__(self, client: DynamoDBClient, table: Table, pace: Pace, types: frozenset[str]) -> None:
        """Write to one table; `types` are the DynamoDB types that its PartiQL was seen to compare."""
        self._client, self._table, self._pace, self._types = client, table, pace, types
        self._single = SingleRemover(client, table, pace)

    def remove(self, targets: Sequence[Target], known: frozenset[str]) -> list[Outcome]:
        """Remove in batches; a message that was refused although it is unchanged is tried once more, singly."""
        outcomes: list[Outcome] = []
        with _keeping_surprises(outcomes):
            singly: list[Target] = []
            batch: list[_Built] = []
            size = 0
            for target in targets:
                built = self._statement(target, known)
                if built is None:
                    singly.append(target)
                    continue
                bytes_more = len(canonical(target.item))
                if batch and (len(batch) == A_BATCH or size + bytes_more > _BATCH_BYTES):
                    self._execute(batch, outcomes)
                    batch, size = [], 0
                batch.append((target, built))
                size += bytes_more
            if batch:
                self._execute(batch, outcomes)
            singly += [outcome.target for outcome in outcomes if outcome.fate is Fate.REFUSED]
            outcomes[:] = [outcome for outcome in outcomes if outcome.fate is not Fate.REFUSED]
            outcomes += self._single.remove(singly, known)
        return outcomes

    def execute_one(self, target: Target, known: frozenset[str]) -> Outcome | None:
        """Remove one message by PartiQL alone; None where it does not fit in a statement."""
        built = self._statement(target, known)
        if built is None:
            return None
        outcomes: list[Outcome] = []
        self._execute([(target, built)], outcomes)
        return outcomes[0]

    def _statement(self, target: Target, known: frozenset[str]) -> BatchStatementRequestTypeDef | None:
        if not self._types.issuperset(tag for value in target.item.values() for tag in value):
            return None
        built = statement(self._table.name, self._table.spec, target, known)
        if built is None:
            return None
        return {"Statement": built[0], "Parameters": built[1], "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    def _execute(self, batch: list[_Built], outcomes: list[Outcome]) -> None:
        """Execute a batch, again and again what was throttled; each outcome is added as soon as it is known."""
        for tries in range(_TRIES):
            self._pace.wait()
            with translated("dynamodb:PartiQLDelete or PartiQLUpdate", f"table {self._table.name}"):
                answer = self._client.batch_execute_statement(Statements=[built for _, built in batch], ReturnConsumedCapacity="TOTAL")
            self._charge(answer.get("ConsumedCapacity"), [target for target, _ in batch])
            again: list[_Built] = []
            failed: str | None = None
            for (target, built), response in zip(batch, answer["Responses"], strict=True):
                error: Any = response.get("Error")
                image: Any = response.get("Item")
                if error is None:
                    outcomes.append(judged(target, image))
                elif (code := error.get("Code", "")) in _REFUSED:
                    outcomes.append(refused(target, error.get("Item") or image))
                elif code in THROTTLES:
                    again.append((target, built))
                else:
                    failed = code
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
            self._pace.back_off(tries)
        message = f"dynamodb:BatchExecuteStatement on table {self._table.name} stays throttled; lower [limits] write_units and run again"
        raise TransientServiceError(message)

    def _charge(self, consumed: Sequence[Any] | None, targets: list[Target]) -> None:
        units = sum(part.get("CapacityUnits", 0.0) for part in consumed or ())
        self._pace.charge(units or sum(write_units(len(canonical(target.item)), self._table.indexes) for target in targets))


def judged(target: Target, image: Item | None) -> Outcome:
    """Judge an accepted change by the image that came back: without one, the message was not there."""
    if not image:
        return Outcome(target, Fate.MISSING)
    if target.change.kind == "unmark":
        return Outcome(target, Fate.DONE, image)
    same = canonical(image) == canonical(target.item)
    return Outcome(target, Fate.DONE if same else Fate.SURPRISE, image)


def refused(target: Target, image: Item | None) -> Outcome:
    """Judge a refused change by the image that was in its way: without one, the message was not there."""
    if not image:
        return Outcome(target, Fate.MISSING)
    same = canonical(image) == canonical(target.item)
    return Outcome(target, Fate.REFUSED if same else Fate.CHANGED, image)
