"""Creates the source table with its three indexes, for the demo and for trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import error_code, translated
from archive.errors import RefusedError, TransientServiceError
from archive.model.config import Source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_POLL_SECONDS: Final = 1.0
_POLLS: Final = 300


def create_table(client: DynamoDBClient, source: Source, *, sleep: Callable[[float], None]) -> None:
    """Create the table that `source` names, on demand, without a TTL, and return when it and its indexes are active.

    Its indexes are the source's own by module, StudentActivityIndex and ProviderUsageIndex. Raises RefusedError if the
    table exists already, and TransientServiceError if it is not ready after some minutes.
    """
    with translated("dynamodb:CreateTable", source.table):
        try:
            client.create_table(**definition(source))
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":
                raise
            message = f"table {source.table} exists already; delete it, or name another in [source] table"
            raise RefusedError(message) from error
    for _ in range(_POLLS):
        if _is_active(client, source.table):
            return
        sleep(_POLL_SECONDS)
    message = f"table {source.table} or one of its indexes is not active yet; wait a few minutes, then look at it again"
    raise TransientServiceError(message)


def definition(source: Source) -> dict[str, Any]:
    """Return what CreateTable is told."""
    spec = source.spec
    types = {spec.partition_key: "S", spec.time_key: "N", spec.module_key: "N", "studentId": "N", "provider": "S"}
    indexes = {source.index: spec.module_key, "StudentActivityIndex": "studentId", "ProviderUsageIndex": "provider"}
    return {
        "TableName": source.table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        "KeySchema": _schema(spec.partition_key, spec.time_key),
        "GlobalSecondaryIndexes": [
            {"IndexName": index, "KeySchema": _schema(key, spec.time_key), "Projection": {"ProjectionType": "ALL"}}
            for index, key in indexes.items()
        ],
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _is_active(client: DynamoDBClient, table: str) -> bool:
    with translated("dynamodb:DescribeTable", table):
        described = client.describe_table(TableName=table)["Table"]
    states = [described.get("TableStatus"), *(index.get("IndexStatus") for index in described.get("GlobalSecondaryIndexes", ()))]
    return all(state == "ACTIVE" for state in states)
