"""AWS SDK for pandas, as its documentation shows it: a module read into a data frame, and written as Parquet; items deleted."""

from __future__ import annotations

import json
from typing import Any

import awswrangler
from boto3.dynamodb.conditions import Key

from benchmarks.contestants.shares import share, world_of
from benchmarks.process import Timed


def archive(table: str, bucket: str, part: tuple[int, int] = (0, 1), **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Read module by module, and store a file a module (zstd at its default level, which is faster than ours)."""
    world = world_of(table)
    modules = share(list(world.numbers), part)
    start, end = world.window.start_ms, world.window.end_ms - 1

    def timed() -> float:
        rows = 0
        for module in modules:
            frame: Any = awswrangler.dynamodb.read_items(
                table_name=table,
                index_name="ModuleAnalyticsIndex",
                key_condition_expression=Key("moduleId").eq(module) & Key("timestamp").between(start, end),
                use_threads=False,
                pyarrow_additional_kwargs={},
            )
            for column in ("metadata", "alternatives", "feedback"):  # maps of many shapes, for which Parquet has no one type
                if column in frame:
                    frame[column] = frame[column].map(lambda value: json.dumps(value, default=str), na_action="ignore")
            awswrangler.s3.to_parquet(df=frame, path=f"s3://{bucket}/export/module={module}/messages.parquet", compression="zstd")
            rows += len(frame)
        return rows

    return timed


def delete_blindly(table: str, limit: int, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Remove messages by their keys; it knows no conditions."""
    world = world_of(table)
    items: list[dict[str, Any]] = []
    for module in world.numbers:
        if len(items) < limit:
            condition = Key("moduleId").eq(module)
            read: Any = awswrangler.dynamodb.read_items(
                table_name=table, index_name="ModuleAnalyticsIndex", key_condition_expression=condition, as_dataframe=False
            )
            items += [{name: item[name] for name in ("conversationId", "timestamp")} for item in read]
    del items[limit:]

    def timed() -> float:
        awswrangler.dynamodb.delete_items(items=items, table_name=table)
        return len(items)

    return timed
