"""Bodies that hold messages go past botocore's serializer and parser: it signs, sends, retries and checks them, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from archive.aws import refuse_damaged

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RAW: Final = "_raw_body"
_OK: Final = 200
_BATCH: Final = "dynamodb.BatchExecuteStatement"
_PARAMETERS: Final = "dynalake-parameters"
_STUB: Final = {"Statements": [{"Statement": "-"}]}
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def keep_raw_bodies(client: DynamoDBClient) -> None:
    """Take a client's bodies; once, however often it is asked for."""
    for operation in ("Query", "Scan", "BatchGetItem"):
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _keep_raw_body, unique_id=f"{_RAW}-{operation}")


def exchange_statements(client: DynamoDBClient) -> None:
    """Let a client's BatchExecuteStatement send what it is given, and take what comes, as it is; once, however often it is asked for.

    The stock serializer and parser walk every value of every message, and cost more than all the rest of a removal. An answer is as
    the stock parser's, but that binary is still base64 text.
    """
    events = client.meta.events
    # After whoever else looks at a request: handlers of one operation would come before those of all.
    events.register_last("before-parameter-build", _set_aside, unique_id=f"{_RAW}-build-{_BATCH}")
    events.register_first(f"before-call.{_BATCH}", _put_in, unique_id=f"{_RAW}-call-{_BATCH}")
    events.register(f"before-parse.{_BATCH}", _keep_raw_body, unique_id=f"{_RAW}-{_BATCH}")
    events.register_first(f"after-call.{_BATCH}", _read_statements, unique_id=f"{_RAW}-read-{_BATCH}")


def _set_aside(params: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore's
    """Leave botocore a request that is quickly checked and serialised."""
    if model.name == "BatchExecuteStatement":
        context[_PARAMETERS] = dict(params)
        params.clear()
        params.update(_STUB)


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Put the true request into the place of the quick one, before it is signed. Binary becomes base64."""
    params["body"] = _encode(context[_PARAMETERS])


def _read_statements(parsed: dict[str, Any], http_response: Any, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
    """Decode an answer after botocore's last try, if it is whole: this handler comes before those that are for all operations."""
    if _RAW in parsed:
        refuse_damaged(http_response, model)
        parsed.update(_decode(raw_body(parsed)))


def raw_body(answer: dict[str, Any]) -> bytes:
    """Return an answer's body; that it is whole was checked before (`archive.aws.refuse_damaged`)."""
    body: bytes = answer[_RAW]
    return body


def _keep_raw_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take a good answer's body away from the stock parser. Nothing is decoded here: errors would escape the retries."""
    if response_dict["status_code"] == _OK:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"
