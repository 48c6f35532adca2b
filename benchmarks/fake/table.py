"""Answers DynamoDB's calls for any table whose name says what it holds (`world`).

Reads are right: pages of 1 MB, half-open at no side (as BETWEEN is), with LastEvaluatedKey, Limit and what they cost.
Attributes are projected only where keys are asked for. A conditional write to a message of the table succeeds and returns
its image, whatever its condition says; only messages that clients make up (their ids begin with `dynalake-probe-`) are kept and compared.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np

from benchmarks.fake.answer import OK, Answer, Counts
from benchmarks.fake.described import BACKUPS, INDEXES, NO_TTL, described
from benchmarks.fake.probes import Probes
from benchmarks.fake.ring import Ring, numbers_of
from benchmarks.fake.world import Line, World

_PAGE: Final = 2**20
_READ_BLOCK: Final = 4_096
_WRITE_BLOCK: Final = 1_024
_WRITES: Final = 1 + INDEXES  # the table, and each index
_MODULE: Final = re.compile(r"([#\w]+)\s*=\s*(:\w+)")
_BETWEEN: Final = re.compile(r"BETWEEN\s+(:\w+)\s+AND\s+(:\w+)")
_FROM: Final = re.compile(r">=\s*(:\w+)")
_KEYS: Final = frozenset({"conversationId", "timestamp", "moduleId"})
_FOREVER: Final = 2**53


class _Key(msgspec.Struct):
    conversation: dict[str, str] = msgspec.field(name="conversationId")
    timestamp: dict[str, str]


class _Statement(msgspec.Struct):
    text: str = msgspec.field(name="Statement")
    parameters: list[msgspec.Raw] = msgspec.field(name="Parameters", default_factory=list)


class _Statements(msgspec.Struct):
    statements: list[_Statement] = msgspec.field(name="Statements")


class _Delete(msgspec.Struct):
    table: str = msgspec.field(name="TableName")
    key: _Key = msgspec.field(name="Key")


class _Keys(msgspec.Struct):
    keys: list[_Key] = msgspec.field(name="Keys")
    consistent: bool = msgspec.field(name="ConsistentRead", default=False)


class _BatchGet(msgspec.Struct):
    items: dict[str, _Keys] = msgspec.field(name="RequestItems")


class _BatchWrite(msgspec.Struct):
    items: dict[str, list[msgspec.Raw]] = msgspec.field(name="RequestItems")


_value = msgspec.json.Decoder(dict[str, str])
_statements = msgspec.json.Decoder(_Statements)
_delete = msgspec.json.Decoder(_Delete)


class Tables:
    """All tables there can be. Threads share it."""

    def __init__(self, ring: Ring, counts: Counts) -> None:
        """Serve from one ring."""
        self._ring, self._counts, self._probes = ring, counts, Probes()
        self._calls: dict[str, Callable[[bytes], bytes | bytearray]] = {
            "BatchExecuteStatement": self._execute,
            "BatchGetItem": self._batch_get,
            "BatchWriteItem": self._batch_write,
            "DeleteItem": self._delete_item,
            "DescribeContinuousBackups": lambda _: BACKUPS,
            "DescribeTable": lambda body: described(_world(msgspec.json.decode(body)["TableName"])),
            "DescribeTimeToLive": lambda _: NO_TTL,
            "PutItem": self._put,
            "Query": self._query,
            "Scan": self._scan,
        }

    def call(self, operation: str, body: bytes) -> Answer:
        """Answer one call; what is not known, or not asked as expected, is an error that botocore does not try again."""
        self._counts.add(**{operation: 1})
        try:
            answer, status = self._calls[operation](body), OK
        except (LookupError, ValueError, TypeError) as error:
            kind = type(error).__name__
            answer, status = (
                msgspec.json.encode({"__type": "ValidationException", "message": f"the fake cannot {operation}: {kind} {error}"}),
                400,
            )
        return Answer(status, answer, {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(crc32(answer))})

    # reading

    def _query(self, body: bytes) -> bytes | bytearray:
        request = msgspec.json.decode(body)
        world = _world(request["TableName"])
        line, first, end = _asked(world, request)
        if world.wait:
            time.sleep(world.wait / 1_000)
        if request.get("ScanIndexForward", True):
            return self._page(line, first, end, request)
        if request["Limit"] != 1:
            message = "read backwards more than one message"
            raise ValueError(message)
        return self._page(line, max(end - 1, first), end, request)

    def _page(self, line: Line, first: int, end: int, request: dict[str, Any]) -> bytes | bytearray:
        """Return messages of [first, end), as many as a page takes: their JSON, or only how many they are."""
        last = min(end, self._ring.fitting(line.module, first, _PAGE), first + request.get("Limit", _FOREVER)) if first < end else first
        size = self._ring.bytes_between(line.module, first, last)
        units = _units(size)
        self._counts.add(messages_read=last - first, message_bytes=size, read_units=units)
        about: dict[str, Any] = {"Count": last - first, "ScannedCount": last - first}
        if last < end or 0 < last - first == request.get("Limit"):
            about["LastEvaluatedKey"] = self._key(line, last - 1)
        if "ReturnConsumedCapacity" in request:
            about["ConsumedCapacity"] = {"TableName": request["TableName"], "CapacityUnits": units}
        rest = msgspec.json.encode(about)
        if request.get("Select") == "COUNT":
            return rest
        if first == last:
            return b'{"Items":[],' + rest[1:]
        times = line.times(first, last)
        items = self._ring.keys(line.module, first, times) if _only_keys(request) else self._ring.items(line.module, first, times)
        self._counts.add(json_bytes=len(items))
        return b"".join((b'{"Items":[', items, b"],", rest[1:]))

    def _key(self, line: Line, number: int) -> dict[str, dict[str, str]]:
        item = msgspec.json.decode(self._ring.item(line.module, number, line.time(number)))
        return {name: item[name] for name in ("conversationId", "timestamp", "moduleId")}

    def _scan(self, body: bytes) -> bytes | bytearray:
        """Go through the modules one by one: a page has messages of one of them."""
        request = msgspec.json.decode(body)
        world = _world(request["TableName"])
        module, first = world.numbers.start, 0
        if start := request.get("ExclusiveStartKey"):
            module = int(start["moduleId"]["N"])
            line = world.line(module)
            first = line.first_from(int(min(float(start["timestamp"]["N"]), _FOREVER)) + 1) if line else 0
        for number in range(module, world.numbers.stop):
            line = world.line(number)
            if line and first < line.count:
                return self._scanned(line, first, request)
            first = 0
        return self._page(Line(module, 0, 1, 0), 0, 0, request)

    def _scanned(self, line: Line, first: int, request: dict[str, Any]) -> bytes | bytearray:
        page = self._page(line, first, line.count, request)
        if b'"LastEvaluatedKey":' in page[-1_000:]:
            return page
        # The module's last page: the next module's first message comes after this one's last.
        key = msgspec.json.encode(self._key(line, line.count - 1))
        return page[:-1] + b',"LastEvaluatedKey":' + key + b"}"

    def _batch_get(self, body: bytes) -> bytes:
        request = msgspec.json.decode(body, type=_BatchGet)
        (table, asked), *_ = request.items.items()
        found = [(number, image) for number, image in (self._image(table, key) for key in asked.keys) if image is not None]
        self._counts.add(keys_read=len(asked.keys), read_units=sum(2 * _units(size) for size, _ in found))
        images = b",".join(bytes(image) for _, image in found)
        return b'{"Responses":{"%s":[%s]},"UnprocessedKeys":{}}' % (table.encode(), images)

    def _image(self, table: str, key: _Key) -> tuple[int, bytes | bytearray | None]:
        """Return a message's size and its JSON; 0 and None where there is none."""
        conversation = key.conversation["S"]
        if Probes.made_up(conversation):
            image = self._probes.get(conversation)
            return len(image or b""), image
        line, number = _place(self._ring, _world(table), conversation, int(key.timestamp["N"]))
        if line is None:
            return 0, None
        return self._ring.size(line.module, number), self._ring.item(line.module, number, line.time(number))

    # writing

    def _execute(self, body: bytes) -> bytes:
        request = _statements.decode(body)
        table = request.statements[0].text.split('"', 2)[1]
        units = deletes = 0
        answers: list[bytes | bytearray] = []
        for statement in request.statements:
            conversation = _value.decode(statement.parameters[0])["S"]
            if Probes.made_up(conversation):
                answers.append(self._probes.execute(conversation, statement.text, statement.parameters))
                units += _WRITES
            elif statement.text.startswith("INSERT"):
                answers.append(b'{"TableName":"%s"}' % table.encode())
                units += _WRITES * _blocks(sum(map(len, map(bytes, statement.parameters))))
            else:
                stamp = _value.decode(statement.parameters[1])
                size, image = self._image(table, _Key({"S": conversation}, stamp))
                answers.append(
                    b'{"TableName":"%s","Item":%s}' % (table.encode(), image) if image else b'{"TableName":"%s"}' % table.encode()
                )
                units += _WRITES * _blocks(size)
                deletes += image is not None
        self._counts.add(conditional_deletes=deletes, write_units=units)
        capacity = b',"ConsumedCapacity":[{"TableName":"%s","CapacityUnits":%d}]}' % (table.encode(), units)
        return b"".join((b'{"Responses":[', b",".join(answers), b"]", capacity))

    def _delete_item(self, body: bytes) -> bytes:
        request = _delete.decode(body)
        if Probes.made_up(request.key.conversation["S"]):
            self._probes.forget(request.key.conversation["S"])
            return b"{}"
        size, image = self._image(request.table, request.key)
        units = _WRITES * _blocks(size)
        self._counts.add(conditional_deletes=image is not None and b'"ConditionExpression"' in body, write_units=units)
        capacity = b'{"ConsumedCapacity":{"TableName":"%s","CapacityUnits":%d}' % (request.table.encode(), units)
        return capacity + b',"Attributes":' + image + b"}" if image and b'"ALL_OLD"' in body else capacity + b"}"

    def _put(self, body: bytes) -> bytes:
        item = msgspec.json.decode(body)["Item"]
        if Probes.made_up(item["conversationId"].get("S", "")):
            self._probes.put(item)
        self._counts.add(write_units=_WRITES * _blocks(len(body)))
        return b"{}"

    def _batch_write(self, body: bytes) -> bytes:
        requests = msgspec.json.decode(body, type=_BatchWrite).items
        self._counts.add(batch_writes=sum(map(len, requests.values())))
        return b'{"UnprocessedItems":{}}'


def _world(table: str) -> World:
    world = World.of(table)
    if world is None:
        message = f"{table} does not say what it holds"
        raise ValueError(message)
    return world


def _only_keys(request: dict[str, Any]) -> bool:
    names = request.get("ExpressionAttributeNames", {})
    asked = [names.get(name.strip(), name.strip()) for name in request.get("ProjectionExpression", "").split(",")]
    return _KEYS.issuperset(asked)


def _asked(world: World, request: dict[str, Any]) -> tuple[Line, int, int]:
    """Return the module that a Query asks for, and the numbers of the messages that may come: [first, end)."""
    condition, values = request["KeyConditionExpression"], request["ExpressionAttributeValues"]
    module = _MODULE.search(condition)
    if module is None:
        message = "read the key condition"
        raise ValueError(message)
    number = int(values[module[2]]["N"])
    line = world.line(number) or Line(number, 0, 1, 0)
    first, end = 0, line.count
    if between := _BETWEEN.search(condition):
        first = line.first_from(_ceiling(values[between[1]]["N"]))
        end = line.first_from(_floor(values[between[2]]["N"]) + 1)
    elif least := _FROM.search(condition):
        first = line.first_from(_ceiling(values[least[1]]["N"]))
    if start := request.get("ExclusiveStartKey"):
        first = max(first, line.first_from(int(start["timestamp"]["N"]) + 1))
    return line, first, end


def _ceiling(number: str) -> int:
    return int(np.ceil(float(number)))


def _floor(number: str) -> int:
    return int(np.floor(float(number)))


def _place(ring: Ring, world: World, conversation: str, stamp: int) -> tuple[Line | None, int]:
    """Return which message a key belongs to; (None, 0) where to none."""
    try:
        module, rounds = numbers_of(conversation)
    except ValueError:
        return None, 0
    line = world.line(module)
    number = line.number(stamp) if line else None
    if line is None or number is None or ring.place(module, number)[0] != rounds:
        return None, 0
    return line, number


def _units(size: int) -> float:
    """Return what an eventually consistent read of so many bytes costs."""
    return max(-(-size // _READ_BLOCK), 1) / 2


def _blocks(size: int) -> int:
    return max(-(-size // _WRITE_BLOCK), 1)
