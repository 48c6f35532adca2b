"""boto3 as its documentation shows it: a paginator, its TypeDeserializer, and pyarrow."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from boto3.dynamodb.types import TypeDeserializer

from benchmarks.contestants.shares import share, world_of
from benchmarks.process import Timed


def archive(table: str, bucket: str, part: tuple[int, int] = (0, 1), **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Read module by module, and store a file a module (zstd at pyarrow's default level, which is faster than ours)."""
    world = world_of(table)
    modules = share(list(world.numbers), part)
    dynamodb, s3, deserialize = boto3.client("dynamodb"), boto3.client("s3"), TypeDeserializer().deserialize

    def timed() -> float:
        rows = 0
        for module in modules:
            pages = dynamodb.get_paginator("query").paginate(
                TableName=table,
                IndexName="ModuleAnalyticsIndex",
                KeyConditionExpression="moduleId = :m AND #t BETWEEN :from AND :to",
                ExpressionAttributeNames={"#t": "timestamp"},
                ExpressionAttributeValues={
                    ":m": {"N": str(module)},
                    ":from": {"N": str(world.window.start_ms)},
                    ":to": {"N": str(world.window.end_ms - 1)},
                },
            )
            messages = [{name: deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]]
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
