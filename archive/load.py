"""Loads plain items from a JSON Lines file into the source table, for trials and migrations."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archive.aws import translated
from archive.codec.lines import key_of, parse_line
from archive.codec.values import Item
from archive.errors import InputError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH: Final = 25  # BatchWriteItem takes no more
_LONGEST_LINE: Final = 4 * 2**20  # far above what an item of 400 KB can need as JSON
_GZIP: Final = b"\x1f\x8b"
_FIRST_SLEEP, _LONGEST_SLEEP = 0.05, 10.0
_PATIENCE: Final = 12  # refusals in a row, about a minute of sleep in all

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The table that is loaded, and the types (S, N or B) of its own keys and of its indexes' keys."""

    table: str
    primary: Mapping[str, str]
    indexed: Mapping[str, str]

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Target:
        """Read a DescribeTable answer's `Table`."""
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in description["AttributeDefinitions"]}
        primary = {entry["AttributeName"]: types[entry["AttributeName"]] for entry in description["KeySchema"]}
        indexes = [*description.get("GlobalSecondaryIndexes", ()), *description.get("LocalSecondaryIndexes", ())]
        names = {entry["AttributeName"] for index in indexes for entry in index["KeySchema"]}
        return cls(description["TableName"], primary, {name: types[name] for name in sorted(names) if name not in primary})


def read_items(path: Path, target: Target) -> Iterator[Item]:
    """Yield the items of a file of JSON Lines, gzip or not, one by one and exactly; empty lines are skipped.

    Raises InputError with the line's number, and never its content, for a line that is no item of the table.
    """
    for number, line in _lines(path):
        try:
            yield parse_line(line, target.primary, target.indexed)
        except InputError as error:
            message = f"line {number} of {path.name} {error}"
            raise InputError(message) from error


def count_items(path: Path, target: Target) -> int:
    """Read the whole file once, so that nothing is written if any line is wrong; returns how many items it holds.

    Raises InputError as `read_items` does, and for a file without items.
    """
    count = sum(1 for _ in read_items(path, target))
    if not count:
        message = f"{path.name} holds no items; name a file with one JSON object a line"
        raise InputError(message)
    return count


def load(
    client: DynamoDBClient,
    target: Target,
    items: Iterable[Item],
    *,
    threads: int,
    sleep: Callable[[float], None],
    progress: Callable[[int], None],
) -> int:
    """Put items into the table, and return how many were put; `progress` is told the same number as it grows.

    Puts replace what is there, so a load may be repeated. Of two items with one key the later one stays. Memory holds a
    few batches a thread. Raises ServiceError, or TransientServiceError if the table goes on refusing.
    """
    written = 0
    in_flight: dict[Future[int], frozenset[Key]] = {}

    def collect(until: str) -> None:
        nonlocal written
        for future in wait(in_flight, return_when=until).done:
            del in_flight[future]
            written += future.result()
            progress(written)

    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(items, target):
            # A key that is still being put must land first: between two requests in flight, the order is anybody's guess.
            while len(in_flight) >= 2 * threads or any(not keys.isdisjoint(batch) for keys in in_flight.values()):
                collect(FIRST_COMPLETED)
            in_flight[pool.submit(_put, client, target.table, list(batch.values()), sleep)] = frozenset(batch)
        while in_flight:
            collect(ALL_COMPLETED)
    return written


def _batches(items: Iterable[Item], target: Target) -> Iterator[dict[Key, Item]]:
    """Cut items, in their order, into batches that hold no key twice: BatchWriteItem refuses those."""
    batch: dict[Key, Item] = {}
    for item in items:
        key = key_of(item, target.primary)
        if len(batch) == BATCH or key in batch:
            yield batch
            batch = {}
        batch[key] = item
    if batch:
        yield batch


def _put(client: DynamoDBClient, table: str, items: list[Item], sleep: Callable[[float], None]) -> int:
    """Put one batch, again and again what was not processed; returns its length."""
    waiting: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
    refusals = 0
    while waiting:
        left, reason = _try(client, table, waiting)
        refusals = refusals + 1 if len(left) == len(waiting) else 0
        if refusals > _PATIENCE:
            message = f"table {table} goes on refusing to take items; lower the number of threads, or load again later"
            raise TransientServiceError(message) from reason
        waiting = left
        if waiting:
            sleep(min(_LONGEST_SLEEP, _FIRST_SLEEP * 2**refusals))
    return len(items)


def _try(client: DynamoDBClient, table: str, waiting: list[Any]) -> tuple[list[Any], TransientServiceError | None]:
    """Make one request; returns what was not processed, and why if AWS said so."""
    try:
        with translated("dynamodb:BatchWriteItem", table):
            answer = client.batch_write_item(RequestItems={table: waiting})
    except TransientServiceError as error:
        return waiting, error
    return list(answer.get("UnprocessedItems", {}).get(table, ())), None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers from 1."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE:
                    message = f"line {number} of {path.name} is longer than any item; write one JSON object a line, not an array"
                    raise InputError(message)
                if not line.isspace():
                    yield number, line
    except FileNotFoundError as error:
        message = f"the file {path} does not exist; name an existing one"
        raise InputError(message) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{path.name} is damaged or cut short as a gzip file; get it again"
        raise InputError(message) from error
    except OSError as error:
        message = f"the file {path} cannot be read ({error.strerror}); make it readable, or name another"
        raise InputError(message) from error
