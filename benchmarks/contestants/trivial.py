"""A client that does nothing with what it gets: how fast the fake is at most."""

from __future__ import annotations

import os
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from benchmarks.contestants.shares import world_of
from benchmarks.process import Timed

_BLOCK: Final = 2**20


def read(table: str, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Ask for each page over one connection, and throw the answer away, but for the key to go on from."""
    world = world_of(table)
    connection = HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    headers = {"X-Amz-Target": "DynamoDB_20120810.Query"}
    buffer = bytearray(_BLOCK)

    def page(request: dict[str, Any]) -> tuple[int, Any]:
        connection.request("POST", "/", msgspec.json.encode(request), headers)
        answer = connection.getresponse()
        tail = b""
        while size := answer.readinto(buffer):
            tail = bytes(buffer[max(size - 1_000, 0) : size]) if size >= 1_000 else tail + bytes(buffer[:size])  # noqa: PLR2004
        about = msgspec.json.decode(b"{" + tail[tail.rindex(b'"Count"') :])
        return about["Count"], about.get("LastEvaluatedKey")

    def timed() -> float:
        rows = 0
        for module in world.numbers:
            request: dict[str, Any] = {
                "TableName": table,
                "KeyConditionExpression": "moduleId = :m",
                "ExpressionAttributeValues": {":m": {"N": str(module)}},
            }
            more = True
            while more:
                count, key = page(request)
                rows += count
                request["ExclusiveStartKey"] = key
                more = key is not None
        return rows

    return timed
