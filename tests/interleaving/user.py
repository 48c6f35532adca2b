"""The user of the table: writes, edits and deletes messages, and remembers everything it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from archive.codec.values import AttributeValue, Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Key = tuple[str, int]
"""(conversationId, timestamp)."""
GONE: Final[Item] = {}


def key_of(item: Item) -> Key:
    """Return an item's key."""
    return item["conversationId"]["S"], int(item["timestamp"]["N"])


@dataclass(slots=True)
class User:
    """Writes to one table. `history` holds, for each key, every version in the order of writing; GONE stands for a deletion."""

    dynamodb: DynamoDBClient
    table: str
    history: dict[Key, list[Item]] = field(default_factory=dict)

    def put(self, *items: Item) -> None:
        """Write messages, in place of those with their keys."""
        self.dynamodb.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": item}} for item in items]})
        for item in items:
            self.history.setdefault(key_of(item), []).append(item)

    def edit(self, item: Item, **more: AttributeValue) -> None:
        """Change attributes of a message, if it is still there: an edit never makes a message anew."""
        latest = self.latest(key_of(item))
        assert latest, "a message that the user has deleted is not edited"
        names = {f"#{number}": name for number, name in enumerate(more)}
        values = {f":{number}": value for number, value in enumerate(more.values())}
        try:
            answer: Any = self.dynamodb.update_item(
                TableName=self.table,
                Key={name: item[name] for name in ("conversationId", "timestamp")},
                UpdateExpression="SET " + ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True)),
                ConditionExpression="attribute_exists(conversationId)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return
        self.history[key_of(item)].append(answer["Attributes"])

    def delete(self, item: Item) -> None:
        """Delete a message, if it is still there."""
        answer = self.dynamodb.delete_item(
            TableName=self.table, Key={name: item[name] for name in ("conversationId", "timestamp")}, ReturnValues="ALL_OLD"
        )
        if answer.get("Attributes"):
            self.history[key_of(item)].append(GONE)

    def latest(self, key: Key) -> Item:
        """Return the last version that the user wrote, or GONE."""
        return self.history[key][-1]
