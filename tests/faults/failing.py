"""What goes wrong with a call to AWS: each of these answers, or fails to answer, one request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from tests.answering import answer, dynamodb_answer, dynamodb_error, executed, s3_error

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Failing = Callable[["AWSPreparedRequest"], "AWSResponse | None"]
"""Takes a request in the server's place: answers it, raises what botocore's own HTTP session raises, or lets it go on (None)."""
_INDEX: Final = "arn:aws:dynamodb:us-east-1:123456789012:table/T/index/ProviderUsageIndex"
_REASONS: Final = [{"reason": "IndexWriteKeyRangeThroughputExceeded", "resource": _INDEX}]


def refused(code: str, status: int = 400) -> Failing:
    """DynamoDB refuses."""
    return lambda request: dynamodb_error(request, code, status)


def throttled(code: str) -> Failing:
    """DynamoDB throttles, and says why."""
    return lambda request: dynamodb_error(request, code, ThrottlingReasons=_REASONS)


def s3_refused(code: str, status: int) -> Failing:
    """S3 refuses."""
    return lambda request: s3_error(request, code, status)


def bad_gateway(request: AWSPreparedRequest) -> AWSResponse:
    """Something between us and AWS answers, with a page for people."""
    return answer(request, 502, b"<html>Bad Gateway</html>", {"content-type": "text/html"})


def unreachable(request: AWSPreparedRequest) -> AWSResponse:
    """Nothing takes the connection."""
    raise ConnectTimeoutError(endpoint_url=request.url)


def timed_out(request: AWSPreparedRequest) -> AWSResponse:
    """The server does what it was asked, and its answer does not come in time."""
    executed(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def reset(request: AWSPreparedRequest) -> AWSResponse:
    """The server does what it was asked, and the connection is reset before its answer came."""
    executed(request)
    raise ConnectionClosedError(endpoint_url=request.url)


def executed_and_500(request: AWSPreparedRequest) -> AWSResponse:
    """The server does what it was asked, and says that it failed."""
    executed(request)
    return dynamodb_error(request, "InternalServerError", 500)


def executed_and_failed(request: AWSPreparedRequest) -> AWSResponse:
    """AWS does what it was asked, and says that it did not."""
    return executed_and_500(request) if _is_dynamodb(request) else executed_and_503(request)


def expired(request: AWSPreparedRequest) -> AWSResponse:
    """The credentials have expired."""
    return dynamodb_error(request, "ExpiredTokenException") if _is_dynamodb(request) else s3_error(request, "ExpiredToken", 400)


def _is_dynamodb(request: AWSPreparedRequest) -> bool:
    return "X-Amz-Target" in request.headers


def executed_and_503(request: AWSPreparedRequest) -> AWSResponse:
    """S3 does what it was asked, and says that it did not."""
    executed(request)
    return s3_error(request, "ServiceUnavailable", 503)


def cut_short(request: AWSPreparedRequest) -> AWSResponse:
    """Only the first half of the body comes, of the length and with the checksum of the whole."""
    response, body = executed(request)
    return answer(request, response.status_code, body[: len(body) // 2], response.headers)


def damaged(request: AWSPreparedRequest) -> AWSResponse:
    """One bit of the body is another one when it comes."""
    response, body = executed(request)
    middle = len(body) // 2
    return answer(request, response.status_code, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :], response.headers)


def wrong_checksum(request: AWSPreparedRequest) -> AWSResponse:
    """The checksum that DynamoDB sends is not that of its body."""
    response, body = executed(request)
    return answer(request, response.status_code, body, {**response.headers, "x-amz-crc32": "1"})


def nothing_read(request: AWSPreparedRequest) -> AWSResponse:
    """BatchGetItem leaves all keys undone."""
    return dynamodb_answer(request, {"Responses": {}, "UnprocessedKeys": _asked(request)["RequestItems"]})


def empty_page(request: AWSPreparedRequest) -> AWSResponse | None:
    """An empty page comes first, whose next one begins where this one would have: at a key that no message has."""
    asked = _asked(request)
    if "ExclusiveStartKey" in asked:
        return None
    values = asked.get("ExpressionAttributeValues", {})
    module, time = values.get(":m", {"N": "-999"}), values.get(":from", {"N": "0"})
    before = {"conversationId": {"S": "\u0001"}, "timestamp": time, "moduleId": module}
    return dynamodb_answer(request, {"Count": 0, "ScannedCount": 0, "Items": [], "LastEvaluatedKey": before})


def statements_failed(code: str, which: slice) -> Failing:
    """BatchExecuteStatement answers 200, and some of its statements were not executed."""

    def fail(request: AWSPreparedRequest) -> AWSResponse:
        asked = _asked(request)
        statements = asked["Statements"]
        failed = set(range(len(statements))[which])
        executing = [one for number, one in enumerate(statements) if number not in failed]
        responses: list[dict[str, Any]] = []
        if executing:
            request.body = json.dumps({**asked, "Statements": executing}).encode()
            request.headers["Content-Length"] = str(len(request.body))
            responses = json.loads(executed(request)[1])["Responses"]
        rest = iter(responses)
        refusal = {"Error": {"Code": code, "Message": "not now"}, "TableName": "T"}
        return dynamodb_answer(request, {"Responses": [refusal if number in failed else next(rest) for number in range(len(statements))]})

    return fail


def _asked(request: AWSPreparedRequest) -> dict[str, Any]:
    """Return what a request to DynamoDB asks for."""
    assert isinstance(request.body, bytes | bytearray)
    asked: dict[str, Any] = json.loads(request.body)
    return asked
