"""All reads of DynamoDB: the archiver's role needs what this file calls, and nothing else of DynamoDB.

Answers that hold messages are taken as raw bytes, after botocore has signed, retried and checked the call, and are
decoded by our codec: the stock parser never sees the items.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from archive.aws import translated, wire
from archive.codec.decode import BatchPage, Page, PageDecoder
from archive.codec.values import AttributeValue, Item
from archive.errors import InputError, RefusedError, TransientServiceError
from archive.model.config import Module, Source
from archive.model.window import Window, to_ms
from archive.pace import Pace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RAW: Final = "_raw_body"
_BATCH_GET: Final = 100
_TRIES: Final = 8
_LAST_NUMBER: Final = "9.9999999999999999999999999999999999999E+125"
_LAST: Final[dict[str, AttributeValue]] = {"S": {"S": "\U0010ffff" * 8}, "N": {"N": _LAST_NUMBER}, "B": {"B": b"\xff" * 64}}
_OK: Final = 200
_UNIT_BYTES: Final = 8_192  # an eventually consistent read unit: two times 4 KB
_T = TypeVar("_T", bound="Page | BatchPage | _Plain")


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


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What DescribeTable says. Counts and bytes are hours old and approximate."""

    arn: str
    table_id: str
    items: int
    bytes: int
    index_items: int
    projection: str
    indexes: int
    replicas: int
    key_types: dict[str, str]


class Reader:
    """Reads one table. Threads may share it; each brings its own decoder."""

    def __init__(self, client: DynamoDBClient, source: Source, pace: Pace) -> None:
        """Hook the raw bodies; one Reader a client."""
        self._client, self._source, self.pace = client, source, pace
        for operation in ("Query", "Scan", "BatchGetItem"):
            client.meta.events.register(f"before-parse.dynamodb.{operation}", _keep_raw_body)

    def facts(self) -> TableFacts:
        """Describe the table; raises InputError where it or its index is not what the settings say."""
        source, spec = self._source, self._source.spec
        with translated("dynamodb:DescribeTable", f"table {source.table}"):
            table = self._client.describe_table(TableName=source.table)["Table"]
        indexes = table.get("GlobalSecondaryIndexes", [])
        index = next((index for index in indexes if index.get("IndexName") == source.index), None)
        if index is None:
            names = ", ".join(sorted(str(index.get("IndexName")) for index in indexes)) or "none"
            message = f"table {source.table} has no index {source.index} (it has: {names}); set [source] index"
            raise InputError(message)
        types = {part["AttributeName"]: str(part["AttributeType"]) for part in table["AttributeDefinitions"]}
        _require_keys(table["KeySchema"], (spec.partition_key, spec.time_key), f"table {source.table}")
        _require_keys(index["KeySchema"], (spec.module_key, spec.time_key), f"index {source.index}")
        if types[spec.time_key] != "N":
            message = f"the time key {spec.time_key} of table {source.table} is not a Number; Dynalake needs epoch milliseconds"
            raise InputError(message)
        return TableFacts(
            arn=table["TableArn"],
            table_id=table.get("TableId", table["TableArn"]),
            items=table.get("ItemCount", 0),
            bytes=table.get("TableSizeBytes", 0),
            index_items=index.get("ItemCount", 0),
            projection=str(index.get("Projection", {}).get("ProjectionType", "ALL")),
            indexes=len(indexes),
            replicas=len(table.get("Replicas", [])),
            key_types=types,
        )

    def modules(self, facts: TableFacts) -> list[ModuleStart]:
        """Return the modules with messages: those the settings name, or all that jumping through the index finds.

        Jumping (Scan with Limit=1 from a made-up key at the end of the last module found) is a documented technique,
        not a promise of the API: https://aws.amazon.com/blogs/database/implement-skip-scan-in-dynamodb/
        """
        earliest = to_ms(self._source.earliest)
        if self._source.modules is not None:
            return [ModuleStart(module, self._oldest(module, earliest), junk=False) for module in self._source.modules]
        found: list[ModuleStart] = []
        for module, oldest in self._jump(facts):
            if oldest < earliest:
                found.append(ModuleStart(module, self._oldest(module, earliest), junk=True))
            else:
                found.append(ModuleStart(module, oldest, junk=False))
        self._distrust_jumping({start.module for start in found})
        return found

    def _jump(self, facts: TableFacts) -> Iterator[tuple[Module, int]]:
        spec = self._source.spec
        start: Item | None = None
        seen: set[Module] = set()
        while True:
            answer = self._scan_keys(1, start)
            for item in answer.items:
                module = _module_of(item[spec.module_key])
                if module in seen:
                    message = "this server cannot be searched for modules by jumping; name them in [source] modules"
                    raise RefusedError(message)
                seen.add(module)
                yield module, int(Decimal(item[spec.time_key]["N"]))
                last = {name: _LAST[facts.key_types[name]] for name in (spec.partition_key, spec.time_key)}
                start = {**last, spec.module_key: item[spec.module_key]}
            if not answer.last_key:
                return
            if not answer.items:
                start = answer.last_key

    def _distrust_jumping(self, found: set[Module]) -> None:
        """Refuse a discovery that missed a module which a plain look at the index sees."""
        sample = {_module_of(item[self._source.spec.module_key]) for item in self._scan_keys(_BATCH_GET, None).items}
        if sample - found:
            message = "jumping through the index missed modules that are there (this server does not support it); name them in [source] modules"
            raise RefusedError(message)

    def _scan_keys(self, limit: int, start: Item | None) -> _Plain:
        spec = self._source.spec
        return self._read(
            "Scan",
            self._client.scan,
            {
                "IndexName": self._source.index,
                "Limit": limit,
                "ProjectionExpression": "#p, #t, #m",
                "ExpressionAttributeNames": {"#p": spec.partition_key, "#t": spec.time_key, "#m": spec.module_key},
                **({"ExclusiveStartKey": start} if start else {}),
            },
            parse=_plain,
        )

    def _oldest(self, module: Module, earliest_ms: int) -> int | None:
        spec = self._source.spec
        condition = {
            "KeyConditionExpression": "#m = :m AND #t >= :from",
            "ExpressionAttributeNames": {"#m": spec.module_key, "#t": spec.time_key},
            "ExpressionAttributeValues": {":m": wire(module), ":from": {"N": str(earliest_ms)}},
            "ProjectionExpression": "#t",
        }
        start: Item | None = None
        while True:
            more = {"ExclusiveStartKey": start} if start else {}
            answer = self._read(
                "Query", self._client.query, {"IndexName": self._source.index, "Limit": 1, **condition, **more}, parse=_plain
            )
            for item in answer.items:
                return int(Decimal(item[spec.time_key]["N"]))
            start = answer.last_key
            if not start:
                return None

    def pages(
        self, module: Module, window: Window, decoder: PageDecoder, *, limit: int | None = None, only: tuple[str, ...] = ()
    ) -> Iterator[Page]:
        """Yield a module's messages in a window, page by page (1 MB, or `limit` items a page), in order of time.

        `only` names the attributes to return (all, if empty). The window is half-open: BETWEEN takes both ends, and
        what equals the end is dropped.
        """
        spec = self._source.spec
        names = {"#m": spec.module_key, "#t": spec.time_key}
        request: dict[str, Any] = {
            "IndexName": self._source.index,
            "KeyConditionExpression": "#m = :m AND #t BETWEEN :from AND :to",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":m": wire(module), ":from": {"N": str(window.start_ms)}, ":to": {"N": str(window.end_ms)}},
        }
        if limit is not None:
            request["Limit"] = limit
        if only:
            names.update({f"#o{number}": name for number, name in enumerate(only)})
            request["ProjectionExpression"] = ", ".join(f"#o{number}" for number in range(len(only)))
        while True:
            page = self._read("Query", self._client.query, request, parse=decoder.query_page)
            rows = page.rows
            if rows.num_rows and _last_ms(rows, spec.time_column) >= window.end_ms:
                before = pc.less(rows.column(spec.time_column).cast(pa.int64()), window.end_ms)
                rows = rows.filter(before)
            yield Page(rows, page.last_key, page.units)
            if not page.last_key:
                return
            request["ExclusiveStartKey"] = page.last_key

    def count(self, module: Module, window: Window) -> int:
        """Count a module's messages in a window; costs as much as reading them."""
        spec = self._source.spec
        total = 0
        start: Item | None = None
        while True:
            answer = self._read(
                "Query",
                self._client.query,
                {
                    "IndexName": self._source.index,
                    "Select": "COUNT",
                    "KeyConditionExpression": "#m = :m AND #t BETWEEN :from AND :to",
                    "ExpressionAttributeNames": {"#m": spec.module_key, "#t": spec.time_key},
                    "ExpressionAttributeValues": {
                        ":m": wire(module),
                        ":from": {"N": str(window.start_ms)},
                        ":to": {"N": str(window.end_ms - 1)},
                    },
                    **({"ExclusiveStartKey": start} if start else {}),
                },
                parse=_plain,
            )
            total += answer.count
            start = answer.last_key
            if not start:
                return total

    def probe(self, module: Module, window: Window, decoder: PageDecoder, limit: int) -> Probe:
        """Look at the first `limit` messages of a module in a window."""
        page = next(self.pages(module, window, decoder, limit=limit))
        rows = page.rows
        last = _last_ms(rows, self._source.spec.time_column) if rows.num_rows else None
        return Probe(rows.num_rows, last, rows.nbytes, complete=not page.last_key)

    def messages(self, keys: Iterable[Item], decoder: PageDecoder) -> pa.Table:
        """Read messages by key from the base table, consistently (BatchGetItem, 100 a call): rows of those that are there."""
        table = self._source.table
        waiting = list(keys)
        batches = [decoder.rows([])]
        tries = 0
        while waiting:
            part, waiting = waiting[:_BATCH_GET], waiting[_BATCH_GET:]
            page = self._read(
                "BatchGetItem",
                self._client.batch_get_item,
                {"RequestItems": {table: {"Keys": part, "ConsistentRead": True}}},
                parse=lambda body: decoder.batch_page(body, table),
            )
            batches.append(page.rows)
            if undone := page.unprocessed.get(table, {}).get("Keys", []):
                tries += 1
                if tries > _TRIES:
                    message = f"dynamodb:BatchGetItem on table {table} keeps leaving keys undone; run again later"
                    raise TransientServiceError(message)
                waiting = [_from_wire(key) for key in undone] + waiting
                self.pace.back_off(tries)
        return pa.Table.from_batches(batches)

    def _read(self, operation: str, call: Callable[..., Any], request: dict[str, Any], *, parse: Callable[[bytes], _T]) -> _T:
        """Make one read, pay for it, and parse its raw body."""
        self.pace.wait()
        if operation != "BatchGetItem":
            request = {"TableName": self._source.table, **request}
        with translated(f"dynamodb:{operation}", f"table {self._source.table}"):
            answer = call(**request, ReturnConsumedCapacity="TOTAL")
        body: bytes = answer[_RAW]
        parsed = parse(body)
        self.pace.charge(parsed.units if parsed.units is not None else len(body) / _UNIT_BYTES)
        return parsed


class _Plain(msgspec.Struct, gc=False):
    """An answer that holds keys or a count, but no messages."""

    items: list[Item] = msgspec.field(name="Items", default_factory=list)
    count: int = msgspec.field(name="Count", default=0)
    last_key: Item | None = msgspec.field(name="LastEvaluatedKey", default=None)
    capacity: dict[str, Any] | None = msgspec.field(name="ConsumedCapacity", default=None)

    @property
    def units(self) -> float | None:
        """The read units it cost, where the server tells."""
        return float(self.capacity["CapacityUnits"]) if self.capacity else None


_plain = msgspec.json.Decoder(_Plain).decode


def _keep_raw_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take a good answer's body away from the stock parser. Nothing is decoded here: errors would escape the retries."""
    if response_dict["status_code"] == _OK:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"


def _require_keys(schema: Sequence[Any], names: tuple[str, str], what: str) -> None:
    """Refuse a table or an index with other keys than the settings say."""
    keys = {part["KeyType"]: part["AttributeName"] for part in schema}
    if (keys.get("HASH"), keys.get("RANGE")) != names:
        message = f"{what} has the keys ({keys.get('HASH')}, {keys.get('RANGE')}), not {names}; set the keys in [source]"
        raise InputError(message)


def _module_of(value: AttributeValue) -> Module:
    """Return a module's value as settings and plans write it."""
    if "S" in value:
        return str(value["S"])
    number = Decimal(value["N"])
    return int(number) if number == number.to_integral_value() else number


def _last_ms(rows: pa.RecordBatch, time_column: str) -> int:
    return int(pc.max(rows.column(time_column).cast(pa.int64())).as_py())


def _from_wire(key: Item) -> Item:
    """Return a key as the client takes it: binary is base64 on the wire."""
    return {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in key.items()}
