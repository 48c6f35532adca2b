"""Refuses, before it is sent, what AWS would refuse and an emulator lets pass (docs/servers.md)."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import pytest
from botocore.client import BaseClient

from archive.model.item_size import item_size

_MOST_EXPRESSION_BYTES: Final = 4_096
_MOST_STATEMENT_CHARACTERS: Final = 8_192
_MOST_ITEM_BYTES: Final = 400 * 1_024
_MOST_KEY_BYTES: Final = 1_024
_MOST_METADATA_BYTES: Final = 2_048
_MOST_OF: Final = {"BatchGetItem": 100, "BatchWriteItem": 25, "BatchExecuteStatement": 25, "UpdateTable": 1}
_MOST_DIGITS: Final = 38
_SMALLEST, _LARGEST = -130, 125  # exponents
_DEEPEST: Final = 32
_EXPRESSIONS: Final = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
# Of AWS's list, those that a chat message might have:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
_RESERVED: Final = frozenset(
    {"bytes", "comment", "count", "data", "date", "day", "hash", "index", "item", "key", "language", "level", "message", "minute", "month"}
    | {"name", "names", "order", "owner", "range", "role", "second", "session", "size", "source", "state", "status", "time", "timestamp"}
    | {"token", "total", "ttl", "type", "user", "uuid", "value", "values", "view", "year", "zone"}
)


class NotOnAWSError(AssertionError):
    """AWS would refuse this request; it was not sent."""


@contextmanager
def strictly() -> Iterator[None]:
    """Hold every client of this process to it."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - the one place through which all calls go

    def strict(self: BaseClient, operation: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore's answer
        if not _loose and (reason := complaint(self.meta.service_model.service_name, operation, params)):
            message = f"{operation}: {reason}"
            raise NotOnAWSError(message)
        return make(self, operation, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", strict)
        yield


_loose: list[None] = []


@contextmanager
def loosely() -> Iterator[None]:
    """Let everything through meanwhile: for tests of what the servers themselves do."""
    _loose.append(None)
    try:
        yield
    finally:
        _loose.pop()


def complaint(service: str, operation: str, params: Mapping[str, Any]) -> str | None:
    """Return why AWS would refuse a request; None where nothing is known against it."""
    if service == "s3":
        return next(chain(_of_s3(operation, params)), None)
    if service == "dynamodb":
        return next(chain(_of_size(operation, params), _of_expressions(params), _of_values(params)), None)
    return None


def _of_size(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    if operation == "BatchExecuteStatement":
        statements = params["Statements"]
        count = len(statements)
        for statement in statements:
            if len(statement["Statement"]) > _MOST_STATEMENT_CHARACTERS:
                yield f"a statement has more than {_MOST_STATEMENT_CHARACTERS} characters"
            if "Parameters" in statement and not statement["Parameters"]:
                yield "a statement's parameters are empty"
    elif operation == "BatchGetItem":
        keys = [key for table in params["RequestItems"].values() for key in table["Keys"]]
        count = len(keys)
        yield from _twice(keys)
    elif operation == "BatchWriteItem":
        for requests in params["RequestItems"].values():
            yield from _twice(_key_like(request) for request in requests)
        count = sum(map(len, params["RequestItems"].values()))
    elif operation == "UpdateTable" and "GlobalSecondaryIndexUpdates" in params:
        count = len(params["GlobalSecondaryIndexUpdates"])
    else:
        return
    if not 0 < count <= _MOST_OF[operation]:
        yield f"{count} in a batch of at most {_MOST_OF[operation]}"


def _key_like(request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a key, or an item that holds one
    if "DeleteRequest" in request:
        return request["DeleteRequest"]["Key"]
    item = request["PutRequest"]["Item"]
    return {name: item[name] for name in ("conversationId", "timestamp") if name in item}


def _twice(keys: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    spelled = [repr(sorted(key.items())) for key in keys if key]
    if len(set(spelled)) < len(spelled):
        yield "a key stands twice in a batch"


def _of_expressions(params: Mapping[str, Any]) -> Iterator[str]:
    text = {name: str(params[name]) for name in _EXPRESSIONS if name in params}
    for name, expression in text.items():
        if not expression or len(expression.encode()) > _MOST_EXPRESSION_BYTES:
            yield f"{name} is empty or has more than {_MOST_EXPRESSION_BYTES} bytes"
        words = re.findall(r"(?<![#:\w])[A-Za-z_]\w*(?!\w*\s*\()", expression)
        if not _RESERVED.isdisjoint(word.lower() for word in words):
            yield f"{name} has a reserved word without an alias"
    used = " ".join(text.values())
    for sign, given in (("#", "ExpressionAttributeNames"), (":", "ExpressionAttributeValues")):
        if set(re.findall(rf"{sign}\w+", used)) != set(params.get(given, ())):
            yield f"{given} are not those that the expressions use"
    values = params.get("ExpressionAttributeValues", {})
    for first, last in re.findall(r"BETWEEN (:\w+) AND (:\w+)", used):
        if Decimal(values[first].get("N", 0)) > Decimal(values[last].get("N", 0)):
            yield "BETWEEN is reversed"


def _of_values(params: Mapping[str, Any]) -> Iterator[str]:
    for name in ("Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"):
        for value in params.get(name, {}).values():
            yield from _of_value(value, 1)
    for value in params.get("Key", {}).values():
        if value in ({"S": ""}, {"B": b""}):
            yield "a key is empty"
    if "Item" in params and item_size(params["Item"]) > _MOST_ITEM_BYTES:
        yield "the item has more than 400 KB"


def _of_value(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    [(kind, inner)] = value.items()
    if depth > _DEEPEST:
        yield f"a value is nested more than {_DEEPEST} levels deep"
    elif kind in ("M", "L"):
        for member in inner.values() if kind == "M" else inner:
            yield from _of_value(member, depth + 1)
    elif kind in ("SS", "NS", "BS"):
        members = list(map(Decimal, inner) if kind == "NS" else inner)
        if not members or len(set(members)) < len(members):
            yield "a set is empty or has a member twice"
    if not all(map(_is_number, {"N": [inner], "NS": inner}.get(kind, ()))):
        yield "a number is none of DynamoDB's"


def _is_number(text: str) -> bool:
    number = Decimal(text)
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return len(digits) <= _MOST_DIGITS and (not number or _SMALLEST <= number.adjusted() <= _LARGEST)


def _of_s3(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    if len(str(params.get("Key", "k")).encode()) > _MOST_KEY_BYTES or params.get("Key") == "":
        yield f"a key has no byte, or more than {_MOST_KEY_BYTES}"
    if operation != "PutObject":
        return
    if "IfNoneMatch" in params and (params["IfNoneMatch"] != "*" or "IfMatch" in params):
        yield "If-None-Match is not *, or goes with If-Match"
    if sum(len(name) + len(value) for name, value in params.get("Metadata", {}).items()) > _MOST_METADATA_BYTES:
        yield f"metadata have more than {_MOST_METADATA_BYTES} bytes"
    if (
        "ChecksumSHA256" in params
        and params["ChecksumSHA256"] != base64.b64encode(hashlib.sha256(_bytes(params["Body"])).digest()).decode()
    ):
        yield "the body is not what its checksum says"


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - bytes, or an open file
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    assert isinstance(body, io.IOBase)
    data: bytes = body.read()
    body.seek(-len(data), io.SEEK_CUR)
    return data
