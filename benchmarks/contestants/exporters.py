"""Two exporters that are too heavy to install for a benchmark, step by step as their published sources do it, in our words.

Both scan the table item by item into lines of JSON. They need other versions of boto3 than ours, or a scheduler with its
database, so these stand in; what they leave out (the scheduler, the Singer target that would make Parquet) is in their favour.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final
from uuid import uuid4

import boto3
from boto3.dynamodb.types import TypeDeserializer

from benchmarks.process import Timed

_FILE_BYTES: Final = 100_000_000
_SINGER_LIMIT: Final = 1_000


def airflow(table: str, bucket: str, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Do as DynamoDBToS3Operator of apache-airflow-providers-amazon (Apache-2.0): scan by the resource, a line an item, upload the file."""
    source, s3 = boto3.resource("dynamodb").Table(table), boto3.client("s3")

    def timed() -> float:
        rows = 0
        with NamedTemporaryFile() as file:
            for page in _pages(source.scan, {}):
                for item in page["Items"]:
                    file.write(json.dumps(item, default=str).encode() + b"\n")
                    rows += 1
                if file.tell() >= _FILE_BYTES:
                    _upload(s3, file, bucket)
            _upload(s3, file, bucket)
        return rows

    return timed


def singer(table: str, bucket: str, **_: Any) -> Timed:  # noqa: ANN401 - JSON
    """Do as tap-dynamodb's full-table sync: scan 1,000 at a time, a flushed record message an item, a state message a page."""
    dynamodb, s3, deserialize = boto3.client("dynamodb"), boto3.client("s3"), TypeDeserializer().deserialize

    def timed() -> float:
        rows = 0
        with NamedTemporaryFile() as file:
            for page in _pages(dynamodb.scan, {"TableName": table, "Limit": _SINGER_LIMIT}):
                for item in page["Items"]:
                    record = {"type": "RECORD", "stream": table, "record": deserialize({"M": item}), "version": 1}
                    file.write(json.dumps(record, default=str).encode() + b"\n")
                    file.flush()
                    rows += 1
                file.write(json.dumps({"type": "STATE", "value": page.get("LastEvaluatedKey")}).encode() + b"\n")
            _upload(s3, file, bucket)
        return rows

    return timed


def _pages(scan: Callable[..., Any], request: dict[str, Any]) -> Iterator[Any]:
    while True:
        page = scan(**request)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _upload(s3: Any, file: IO[bytes], bucket: str) -> None:  # noqa: ANN401 - a client
    """Store what the file holds, and empty it."""
    file.flush()
    s3.upload_file(file.name, bucket, f"export/{uuid4()}")
    file.seek(0)
    file.truncate()
