"""What DynamoDB says of a table: its keys, its three indexes, its backups."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.fake.world import World

_INDEXES: Final = (
    ("ModuleAnalyticsIndex", "moduleId", "N"),
    ("StudentActivityIndex", "studentId", "N"),
    ("ProviderUsageIndex", "provider", "S"),
)
INDEXES: Final = len(_INDEXES)
_WARM: Final = {"WarmThroughput": {"ReadUnitsPerSecond": 10**9, "WriteUnitsPerSecond": 10**9, "Status": "ACTIVE"}}
BACKUPS: Final = msgspec.json.encode(
    {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
        }
    }
)
NO_TTL: Final = msgspec.json.encode({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})


def described(world: World) -> bytes:
    """Return the answer to DescribeTable."""
    count = world.modules * world.messages + world.idle
    names = {"conversationId": "S", "timestamp": "N"} | {key: kind for _, key, kind in _INDEXES}
    about = {"ItemCount": count, "TableSizeBytes": count * 2_048}
    table = {
        "TableName": world.table,
        "TableStatus": "ACTIVE",
        "TableArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{world.table}",
        "TableId": "00000000-0000-0000-0000-000000000000",
        "KeySchema": _schema("conversationId"),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "KeySchema": _schema(key),
                "Projection": {"ProjectionType": "ALL"},
                "IndexStatus": "ACTIVE",
                **about,
                **_WARM,
            }
            for name, key, _ in _INDEXES
        ],
    }
    return msgspec.json.encode({"Table": table | about | _WARM})


def _schema(key: str) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}]
