"""Answers a request in a server's place, at botocore's event `before-send`: botocore then parses, checks and retries as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

_JSON: Final = "application/x-amz-json-1.0"


class _Body(BytesIO):
    """A body that came, as botocore reads one."""

    def stream(self) -> Iterator[bytes]:
        """Yield it."""
        yield self.read()


def answer(request: AWSPreparedRequest, status: int, body: bytes, headers: Mapping[str, str]) -> AWSResponse:
    """Return an answer with these headers."""
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(dict(headers)), _Body(body))


def dynamodb_answer(request: AWSPreparedRequest, values: Mapping[str, Any] | bytes, status: int = 200) -> AWSResponse:
    """Return an answer of DynamoDB's; `values` are JSON, or its text."""
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return answer(request, status, body, {"content-type": _JSON, "content-length": str(len(body))})


def dynamodb_error(request: AWSPreparedRequest, code: str, status: int = 400, **more: Any) -> AWSResponse:  # noqa: ANN401 - JSON
    """Return a refusal of DynamoDB's."""
    return dynamodb_answer(request, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "not now", **more}, status)


def s3_error(request: AWSPreparedRequest, code: str, status: int) -> AWSResponse:
    """Return a refusal of S3's; one of a HEAD has no body."""
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>not now</Message></Error>"
    body = b"" if request.method == "HEAD" else text.encode()
    return answer(request, status, body, {"content-type": "application/xml", "content-length": str(len(body))})


def executed(request: AWSPreparedRequest) -> tuple[AWSResponse, bytes]:
    """Send a request as botocore would have, and return its answer, and the body that came with it."""
    response = URLLib3Session().send(request)
    return response, response.raw.read() if request.stream_output else response.content
