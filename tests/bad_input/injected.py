"""What servers answer that no emulator does: refusals, faults, damage. Put in between, where botocore lets us."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, Final

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from tests.answering import answer as another
from tests.answering import executed
from tests.integration.restoring import hooked

Meanwhile = Callable[[], AbstractContextManager[object]]
_ERROR_XML: Final = {
    "s3": "<Error><Code>{code}</Code><Message>no</Message></Error>",
    "cloudformation": "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>",
    "sts": "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>",
}


class _Body:
    """A body as urllib3 gives it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield it whole."""
        yield self._data


def _response(status: int, code: str, service: str) -> AWSResponse:
    text = _ERROR_XML[service].format(code=code) if service in _ERROR_XML else json.dumps({"__type": code, "message": "no"})
    return AWSResponse("http://made.up", status, HTTPHeaders(), _Body(text.encode()))


def refused(operation: str, code: str, status: int = 400, *, after: int = 0) -> Meanwhile:
    """Return what answers an operation with an error, from the call number `after` on; botocore retries what it would retry."""

    @contextmanager
    def meanwhile() -> Iterator[None]:
        calls = 0

        def answer(event_name: str, **_: object) -> AWSResponse | None:
            nonlocal calls
            service, name = event_name.split(".")[1:]
            if name != operation:
                return None
            calls += 1
            return _response(status, code, service) if calls > after else None

        with hooked("before-send", answer), pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))  # between retries
            yield

    return meanwhile


def denied(operation: str) -> Meanwhile:
    """Return what refuses an operation as IAM does."""
    return refused(operation, "AccessDenied", 403) if operation in _XML else refused(operation, "AccessDeniedException")


_XML: Final = frozenset(
    {"AssumeRole", "DeleteObject", "GetBucketLifecycleConfiguration", "GetBucketVersioning", "GetObject", "HeadObject", "ListObjectsV2"}
    | {"PutObject"}
)


def answered(operation: str, **changes: Any) -> Meanwhile:  # noqa: ANN401 - parts of botocore's answers
    """Return what changes an operation's answer."""

    @contextmanager
    def meanwhile() -> Iterator[None]:
        def change(parsed: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
            if model.name == operation:
                for name, value in changes.items():
                    parsed[name] = {**parsed[name], **value} if isinstance(value, dict) else value

        with hooked("after-call", change):
            yield

    return meanwhile


def asked(operation: str, **changes: Any) -> Meanwhile:  # noqa: ANN401 - parts of requests
    """Return what changes an operation's requests, as a server that ignores a part of them (None) would take them."""

    @contextmanager
    def meanwhile() -> Iterator[None]:
        def change(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
            if model.name == operation:
                for name, value in changes.items():
                    params.pop(name, None)
                    if value is not None:
                        params[name] = value

        with hooked("before-parameter-build", change):
            yield

    return meanwhile


def damaged(operation: str) -> Meanwhile:
    """Return what answers an operation with bytes that are not those that DynamoDB's checksum is of."""

    @contextmanager
    def meanwhile() -> Iterator[None]:
        def answer(request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
            if not event_name.endswith(f".{operation}"):
                return None
            response, body = executed(request)
            return another(request, response.status_code, body[:-1] + b"x", response.headers)

        with hooked("before-send", answer), pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))  # between retries
            yield

    return meanwhile


def bodies(operation: str, change: Callable[[bytes], bytes]) -> Meanwhile:
    """Return what changes the bytes of an operation's answer, as a damaged line or another server might."""

    @contextmanager
    def meanwhile() -> Iterator[None]:
        def damage(response_dict: dict[str, Any], **_: object) -> None:
            response_dict["body"] = change(response_dict["body"])

        with ExitStack() as stack:
            for service in ("dynamodb", "s3", "glue"):
                stack.enter_context(hooked(f"before-parse.{service}.{operation}", damage))
            yield

    return meanwhile
