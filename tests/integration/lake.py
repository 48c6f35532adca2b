"""Looks into a lake from outside: its objects, their versions, and the messages in its Parquet, decoded by pyarrow and json alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.integration.items import Message, Value, message_of_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Columns = Mapping[str, str]
"""Column -> attribute."""
FAMILIES: Final = ("messages", "receipts", "purges", "superseded")
"""What a run that has nothing to do must leave untouched; it adds its own record under `runs/`."""
CHAT_COLUMNS: Final[Columns] = {
    "conversation_id": "conversationId",
    "sent_at": "timestamp",
    "message_id": "messageId",
    "module_id": "moduleId",
    "student_id": "studentId",
    "provider": "provider",
    "model": "model",
    "role": "role",
    "content": "content",
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cost_usd": "costUsd",
    "latency_ms": "latencyMs",
    "finish_reason": "finishReason",
    "schema_version": "schemaVersion",
}
_GETS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """One object: its bytes, and what S3 says of it."""

    key: str
    body: bytes
    etag: str
    version_id: str | None
    metadata: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hex."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Lake:
    """The objects below a prefix."""

    client: S3Client
    bucket: str
    prefix: str

    def keys(self, family: str) -> list[str]:
        """Return the keys of a family, below the lake's prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/{family}/")
        return [found["Key"].removeprefix(f"{self.prefix}/") for page in pages for found in page.get("Contents", ())]

    def get(self, key: str) -> Stored:
        """Return one object."""
        answer = self.client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")
        return Stored(key, answer["Body"].read(), answer["ETag"], answer.get("VersionId"), answer["Metadata"])

    def all(self, family: str) -> dict[str, Stored]:
        """Return every object of a family, by key below the lake's prefix."""
        with ThreadPoolExecutor(_GETS_AT_ONCE) as pool:
            return {stored.key: stored for stored in pool.map(self.get, self.keys(family))}

    def versions(self) -> list[tuple[Any, ...]]:
        """Return everything that S3 tells of the versions of all objects that must not change without a reason."""
        found: list[tuple[Any, ...]] = []
        for family in FAMILIES:
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/{family}/")
            for page in pages:
                assert not page.get("DeleteMarkers"), "nothing in the lake may be deleted"
                found += [
                    (one["Key"], one["VersionId"], one["ETag"], one["LastModified"], one["IsLatest"]) for one in page.get("Versions", ())
                ]
        return found


def table_of(stored: Stored) -> pa.Table:
    """Return a segment's rows as pyarrow reads them."""
    return pq.read_table(pa.BufferReader(stored.body))


def messages_of(stored: Stored, columns: Columns = CHAT_COLUMNS) -> list[Message]:
    """Return a segment's rows as the items they were, and nothing taken for granted.

    What is in the remainder is the whole value; where it is not, the column is. Timestamps are epoch milliseconds.
    """
    table = table_of(stored)
    assert table.schema.names == [*columns, "remainder"]
    found: list[Message] = [{} for _ in range(table.num_rows)]
    for name, attribute in columns.items():
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            assert column.type == pa.timestamp("ms")
            assert not column.null_count
            column = column.cast(pa.int64())
        for message, value in zip(found, column.to_pylist(), strict=True):
            if value is not None:
                message[attribute] = _value(value)
    for message, remainder in zip(found, table.column("remainder").to_pylist(), strict=True):
        if remainder is not None:
            message.update(message_of_json(remainder))
    return found


def _value(value: str | bool | int | Decimal) -> Value:  # noqa: FBT001 - a column's value
    if isinstance(value, bool):
        return "BOOL", value
    return ("S", value) if isinstance(value, str) else ("N", Decimal(value))
