"""Takes the bodies of answers that hold messages as raw bytes: the stock parser never sees the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RAW: Final = "_raw_body"
_OK: Final = 200


def keep_raw_bodies(client: DynamoDBClient) -> None:
    """Take a client's bodies; once, however often it is asked for."""
    for operation in ("Query", "Scan", "BatchGetItem"):
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _keep_raw_body, unique_id=f"{_RAW}-{operation}")


def raw_body(answer: dict[str, Any]) -> bytes:
    """Return an answer's body; that it is whole was checked before (`archive.aws.refuse_damaged`)."""
    body: bytes = answer[_RAW]
    return body


def _keep_raw_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take a good answer's body away from the stock parser. Nothing is decoded here: errors would escape the retries."""
    if response_dict["status_code"] == _OK:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"
