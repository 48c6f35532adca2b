"""All reads of DynamoDB: the archiver's role needs what this file calls, and nothing else of DynamoDB.

Answers that hold messages are taken as raw bytes (`archive/raw_bodies.py`), after botocore has signed, retried and checked the call,
and are decoded by our codec. How a read is paid for, and the next page read ahead, is in `archive/paid_reads.py`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from archive.aws import translated, wire
from archive.codec.answers import KeysPage, keys_page, milliseconds_of, module_of
from archive.codec.decode import PageDecoder
from archive.codec.values import AttributeValue, Item, from_wire
from archive.errors import RefusedError, TransientServiceError
from archive.governor import Governor
from archive.model.config import Module, Source
from archive.model.table_facts import TableFacts, facts_of
from archive.model.window import Window, to_ms
from archive.paid_reads import Page, PaidReads

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_GET: Final = 100
_SAMPLE: Final = 100
_TRIES: Final = 8
_LAST_NUMBER: Final = "9.9999999999999999999999999999999999999E+125"
_LAST: Final[dict[str, AttributeValue]] = {"S": {"S": "\U0010ffff" * 8}, "N": {"N": _LAST_NUMBER}, "B": {"B": b"\xff" * 64}}
_NUMBERS: Final = Context(prec=38, Emin=-93, Emax=125)  # DynamoDB's: 38 digits, down to 1E-130
_EVER: Final = -(10**18)

__all__ = ["ModuleStart", "Probe", "Reader", "TableFacts", "Way", "describe"]


@dataclass(frozen=True, slots=True)
class Way:
    """How messages are found: those whose `attribute`, the partition key of an index, is `value`.

    `index` None: it is the table's own partition key, and the table is read consistently.
    """

    index: str | None
    attribute: str
    value: Module


@dataclass(frozen=True, slots=True)
class ModuleStart:
    """A module that has messages, and its oldest one that is not junk. `junk`: there are older ones than `earliest`."""

    module: Module
    oldest_ms: int | None
    junk: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """What a bounded look at a module found: rows, their time span, their bytes, and whether that was all."""

    rows: int
    last_ms: int | None
    bytes: int
    complete: bool


class Reader:
    """Reads one table. Threads may share it; each brings its own decoder."""

    def __init__(self, client: DynamoDBClient, source: Source, governor: Governor) -> None:
        """Take the client's raw bodies; a second Reader of one client takes them but once."""
        self._client, self._source, self.governor = client, source, governor
        self._reads = PaidReads(client, source.table, governor)

    def facts(self) -> TableFacts:
        """Describe the table; raises InputError where it or its index is not what the settings say."""
        return describe(self._client, self._source)

    def modules(self, facts: TableFacts) -> list[ModuleStart]:
        """Return the modules with messages: those the settings name, or all that jumping through the index finds.

        Jumping (Scan with Limit=1 from a made-up key at the end of the last module found) is a documented technique,
        not a promise of the API: https://aws.amazon.com/blogs/database/implement-skip-scan-in-dynamodb/
        """
        earliest = to_ms(self._source.earliest)
        if self._source.modules is not None:
            return [ModuleStart(module, self.oldest(module, earliest), junk=False) for module in self._source.modules]
        found: list[ModuleStart] = []
        for module, oldest in self._jump(facts):
            if oldest < earliest:
                found.append(ModuleStart(module, self.oldest(module, earliest), junk=True))
            else:
                found.append(ModuleStart(module, oldest, junk=False))
        self._distrust_jumping([start.module for start in found])
        return found

    def _jump(self, facts: TableFacts) -> Iterator[tuple[Module, int]]:
        spec = self._source.spec
        start: Item | None = None
        seen: set[Module] = set()
        while True:
            answer = self._scan_keys(1, start)
            for item in answer.items:
                module = module_of(item[spec.module_key])
                if module in seen:
                    message = "this server cannot be searched for modules by jumping; name them in [source] modules"
                    raise RefusedError(message)
                seen.add(module)
                yield module, milliseconds_of(item[spec.time_key])
                last = {name: _LAST[facts.key_types[name]] for name in spec.primary_key}
                start = {**last, spec.module_key: item[spec.module_key]}
            if answer.start_key is None:
                return
            if not answer.items:
                start = answer.start_key

    def _distrust_jumping(self, found: list[Module]) -> None:
        """Refuse a discovery that missed a module which a plain look at the index's start, or past the last module, sees."""
        sample = self._scan_keys(_SAMPLE, None).items
        if found:
            sample = sample + self._scan_keys(1, self._last_key(found[-1])).items
        if not {module_of(item[self._source.spec.module_key]) for item in sample}.issubset(found):
            message = (
                "jumping through the index missed modules that are there; run again, "
                "and where that does not help (a server may not support it) name them in [source] modules"
            )
            raise RefusedError(message)

    def _last_key(self, module: Module) -> Item | None:
        """Return the real key of a module's last message in the index."""
        request = {"KeyConditionExpression": "#m = :m", "ExpressionAttributeValues": {":m": wire(module)}, "ScanIndexForward": False}
        answer = self._reads.read("Query", self._client.query, {**request, **self._keys_only(1)}, parse=keys_page, module=module)
        return next(map(from_wire, answer.items), None)

    def _scan_keys(self, limit: int, start: Item | None) -> KeysPage:
        more = {"ExclusiveStartKey": start} if start else {}
        return self._reads.read("Scan", self._client.scan, {**self._keys_only(limit), **more}, parse=keys_page)

    def _keys_only(self, limit: int) -> dict[str, Any]:
        """Return the part of a request that asks the index for a few keys."""
        spec = self._source.spec
        names = {"#p": spec.partition_key, "#t": spec.time_key, "#m": spec.module_key}
        return {
            "IndexName": self._source.index,
            "Limit": limit,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }

    def newest(self, module: Module) -> int | None:
        """Return the time of a module's last message, junk or not, in epoch milliseconds: one read."""
        key = self._last_key(module)
        return None if key is None else milliseconds_of(key[self._source.spec.time_key])

    def oldest(self, module: Module, earliest_ms: int = _EVER) -> int | None:
        """Return the time of a module's first message from `earliest_ms` on, in epoch milliseconds: one read."""
        spec = self._source.spec
        request = {
            "IndexName": self._source.index,
            "Limit": 1,
            "KeyConditionExpression": "#m = :m AND #t >= :from",
            "ExpressionAttributeNames": {"#m": spec.module_key, "#t": spec.time_key},
            "ExpressionAttributeValues": {":m": wire(module), ":from": {"N": str(earliest_ms)}},
            "ProjectionExpression": "#t",
        }
        found = (item for answer in self._keys_pages(module, request) for item in answer.items)
        return next((milliseconds_of(item[spec.time_key]) for item in found), None)

    def _keys_pages(self, module: Module, request: dict[str, Any]) -> Iterator[KeysPage]:
        """Yield the pages of a module's Query for keys or a count; a page may be empty and still have a next one."""
        while True:
            answer = self._reads.read("Query", self._client.query, request, parse=keys_page, module=module)
            yield answer
            if answer.start_key is None:
                return
            request = {**request, "ExclusiveStartKey": answer.start_key}

    def by_module(self, module: Module) -> Way:
        """Return how one module's messages are found."""
        return Way(self._source.index, self._source.spec.module_key, module)

    def _between(self, way: Way, first: object, last: object) -> dict[str, Any]:
        """Return the part of a Query that selects messages between two times, both included."""
        return {
            **({"ConsistentRead": True} if way.index is None else {"IndexName": way.index}),
            "KeyConditionExpression": "#m = :m AND #t BETWEEN :from AND :to",
            "ExpressionAttributeNames": {"#m": way.attribute, "#t": self._source.spec.time_key},
            "ExpressionAttributeValues": {":m": wire(way.value), ":from": {"N": str(first)}, ":to": {"N": str(last)}},
        }

    def pages(
        self, module: Module, window: Window, decoder: PageDecoder, *, limit: int | None = None, only: tuple[str, ...] = ()
    ) -> Generator[Page, None, None]:
        """Yield a module's messages in a window, page by page (1 MB, or `limit` items a page), in order of time.

        `only` names the attributes to return (all, if empty).
        """
        return self.pages_of(self.by_module(module), window, decoder, limit=limit, only=only)

    def pages_of(
        self,
        way: Way,
        window: Window,
        decoder: PageDecoder,
        *,
        limit: int | None = None,
        only: tuple[str, ...] = (),
        newest_first: bool = False,
    ) -> Generator[Page, None, None]:
        """Yield messages as `pages` does, found in any way, and in either order of time.

        The window is half-open: BETWEEN takes both ends, and what equals the end is dropped.
        """
        time_column = self._source.spec.time_column
        request = self._between(way, window.start_ms, window.end_ms)
        if limit is not None:
            request["Limit"] = limit
        if newest_first:
            request["ScanIndexForward"] = False
        if only:
            request["ExpressionAttributeNames"] |= {f"#o{number}": name for number, name in enumerate(only)}
            request["ProjectionExpression"] = ", ".join(f"#o{number}" for number in range(len(only)))
        for page in self._reads.pages("Query", self._client.query, request, decoder, way.value):
            rows = page.rows
            if rows.num_rows and _last_ms(rows, time_column) >= window.end_ms:
                before = pc.less(rows.column(time_column).cast(pa.int64()), window.end_ms)
                rows = rows.filter(before)
            yield Page(rows, page.complete)

    def count(self, module: Module, window: Window) -> int:
        """Count a module's messages in a window; costs as much as reading them."""
        request = self._between(self.by_module(module), window.start_ms, _NUMBERS.next_minus(Decimal(window.end_ms)))
        return sum(answer.count for answer in self._keys_pages(module, {**request, "Select": "COUNT"}))

    def unindexed_pages(self, window: Window, part: tuple[int, int], decoder: PageDecoder) -> Generator[Page, None, None]:
        """Yield the messages of a window that no module's index holds, by a scan of the base table.

        `part` is (number, count) of a parallel scan. Costs the whole table, whatever is found.
        """
        spec = self._source.spec
        request: dict[str, Any] = {
            "Segment": part[0],
            "TotalSegments": part[1],
            "FilterExpression": "#t >= :from AND #t < :to AND (attribute_not_exists(#m) OR NOT attribute_type(#m, :type))",
            "ExpressionAttributeNames": {"#m": spec.module_key, "#t": spec.time_key},
            "ExpressionAttributeValues": {
                ":from": {"N": str(window.start_ms)},
                ":to": {"N": str(window.end_ms)},
                ":type": {"S": self.facts().key_types[spec.module_key]},
            },
        }
        yield from self._reads.pages("Scan", self._client.scan, request, decoder)

    def probe(self, module: Module, window: Window, decoder: PageDecoder, limit: int) -> Probe:
        """Look at the first `limit` messages of a module in a window."""
        page = next(self.pages(module, window, decoder, limit=limit))
        rows = page.rows
        last = _last_ms(rows, self._source.spec.time_column) if rows.num_rows else None
        return Probe(rows.num_rows, last, rows.nbytes, page.complete)

    def messages(self, keys: Iterable[Item], decoder: PageDecoder) -> pa.Table:
        """Read messages by key from the base table, consistently (BatchGetItem, 100 a call): rows of those that are there."""
        table = self._source.table
        waiting = list(keys)
        batches = [decoder.rows([])]
        tries = 0
        while waiting:
            part, waiting = waiting[:_BATCH_GET], waiting[_BATCH_GET:]
            page = self._reads.read(
                "BatchGetItem",
                self._client.batch_get_item,
                {"RequestItems": {table: {"Keys": part, "ConsistentRead": True}}},
                parse=lambda body: decoder.batch_page(body, table),
            )
            batches.append(page.rows)
            if undone := page.unprocessed:
                tries = tries + 1 if len(undone) == len(part) else 0
                if tries > _TRIES:
                    message = f"dynamodb:BatchGetItem on table {table} keeps leaving keys undone; run again later"
                    raise TransientServiceError(message)
                waiting = undone + waiting
                self.governor.back_off(tries)
        return pa.Table.from_batches(batches)


def describe(client: DynamoDBClient, source: Source) -> TableFacts:
    """Describe the table; raises InputError where it or its index is not what the settings say."""
    return facts_of(described(client, source.table), source)


def described(client: DynamoDBClient, table: str) -> Mapping[str, Any]:
    """Return DescribeTable's `Table`; raises InputError where there is none."""
    with translated("dynamodb:DescribeTable", f"table {table}"):
        answer: Mapping[str, Any] = client.describe_table(TableName=table)["Table"]
    return answer


def _last_ms(rows: pa.RecordBatch, time_column: str) -> int:
    return int(pc.max(rows.column(time_column).cast(pa.int64())).as_py())
