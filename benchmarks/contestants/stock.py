"""boto3 as its documentation shows it: a paginator, its TypeDeserializer and pyarrow; conditional deletes in a loop; BatchWriteItem."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from boto3.dynamodb.types import TypeDeserializer

from benchmarks.contestants.shares import share, world_of
from benchmarks.fake.world import World
from benchmarks.process import Timed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_A_BATCH: Final = 25


def archive(table: str, bucket: str, part: tuple[int, int] = (0, 1), **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Read module by module, and store a file a module (zstd at pyarrow's default level, which is faster than ours)."""
    world = world_of(table)
    modules = share(list(world.numbers), part)
    dynamodb, s3, deserialize = boto3.client("dynamodb"), boto3.client("s3"), TypeDeserializer().deserialize

    def timed() -> float:
        rows = 0
        for module in modules:
            messages = [{name: deserialize(value) for name, value in item.items()} for item in _items(dynamodb, world, module)]
            for message in messages:
                for name in ("metadata", "alternatives", "feedback"):  # maps of many shapes, for which Parquet has no one type
                    if name in message:
                        message[name] = json.dumps(message[name], default=str)
            file = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(messages), file, compression="zstd")
            s3.put_object(Bucket=bucket, Key=f"export/module={module}/messages.parquet", Body=file.getvalue())
            rows += len(messages)
        return rows

    return timed


def delete(table: str, limit: int, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Remove messages in a loop of DeleteItem, each under the conditions that ours has: all values are equal, other known names missing."""
    dynamodb = boto3.client("dynamodb")
    items = _some(dynamodb, table, limit)
    known = {name for item in items for name in item}

    def timed() -> float:
        removed = 0
        for item in items:
            key = {name: item[name] for name in ("conversationId", "timestamp")}
            compared = [name for name in item if name not in key]
            names = {f"#n{number}": name for number, name in enumerate([*compared, *sorted(known - item.keys())])}
            condition = [f"#n{number} = :v{number}" for number in range(len(compared))]
            condition += [f"attribute_not_exists(#n{number})" for number in range(len(compared), len(names))]
            answer = dynamodb.delete_item(
                TableName=table,
                Key=key,
                ConditionExpression=" AND ".join(condition),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":v{number}": item[name] for number, name in enumerate(compared)},
                ReturnValues="ALL_OLD",
            )
            removed += answer["Attributes"] == item
        return removed

    return timed


def delete_blindly(table: str, limit: int, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Remove messages by BatchWriteItem, which takes no conditions."""
    dynamodb = boto3.client("dynamodb")
    keys = [{name: item[name] for name in ("conversationId", "timestamp")} for item in _some(dynamodb, table, limit)]

    def timed() -> float:
        for start in range(0, len(keys), _A_BATCH):
            requests: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + _A_BATCH]]
            dynamodb.batch_write_item(RequestItems={table: requests})
        return len(keys)

    return timed


def put(table: str, limit: int, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Put messages that are in memory already by BatchWriteItem, which replaces whatever is there."""
    dynamodb = boto3.client("dynamodb")
    items = _some(dynamodb, table, limit)

    def timed() -> float:
        for start in range(0, len(items), _A_BATCH):
            requests: list[Any] = [{"PutRequest": {"Item": item}} for item in items[start : start + _A_BATCH]]
            dynamodb.batch_write_item(RequestItems={table: requests})
        return len(items)

    return timed


def _some(dynamodb: DynamoDBClient, table: str, limit: int) -> list[Any]:
    world = world_of(table)
    every = (item for module in world.numbers for item in _items(dynamodb, world, module))
    return list(islice(every, limit))


def _items(dynamodb: DynamoDBClient, world: World, module: int) -> Iterator[Any]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=world.table,
        IndexName="ModuleAnalyticsIndex",
        KeyConditionExpression="moduleId = :m AND #t BETWEEN :from AND :to",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues={
            ":m": {"N": str(module)},
            ":from": {"N": str(world.window.start_ms)},
            ":to": {"N": str(world.window.end_ms - 1)},
        },
    )
    for page in pages:
        yield from page["Items"]
