"""Sees every attempt of a DynamoDB request: botocore's own retries hide throttles from whoever makes the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, Any, Final

from archive.aws import THROTTLES
from archive.governor import Governor
from archive.model.budget import Cost, reasons_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_THREAD: Final = local()  # botocore calls its handlers in the thread that makes the call


@dataclass(slots=True)
class _UnderWay:
    """The request that this thread makes, and how many attempts of it were sent."""

    governor: Governor
    cost: Cost
    sent: int = 0


def watch(client: DynamoDBClient) -> None:
    """Let `attempts` see what this client sends; a client is watched but once."""
    events = client.meta.events
    events.register("before-send.dynamodb", _before_attempt, unique_id="dynalake-before-attempt")
    events.register("response-received.dynamodb", _after_attempt, unique_id="dynalake-after-attempt")


@contextmanager
def attempts(governor: Governor, cost: Cost) -> Iterator[None]:
    """Make one call of a watched client in this context, after its cost was taken.

    The governor hears of each attempt that was throttled, with its reasons; and each further attempt is taken anew before it is
    sent, whatever it is made for: DynamoDB may have charged the one before.
    """
    _THREAD.request = _UnderWay(governor, cost)
    try:
        yield
    finally:
        _THREAD.request = None


def _before_attempt(**_: object) -> None:
    request: _UnderWay | None = getattr(_THREAD, "request", None)
    if request is not None:
        if request.sent:
            request.governor.take(request.cost)
        request.sent += 1


def _after_attempt(parsed_response: Mapping[str, Any] | None, **_: object) -> None:
    request: _UnderWay | None = getattr(_THREAD, "request", None)
    if request is not None and parsed_response is not None and parsed_response.get("Error", {}).get("Code") in THROTTLES:
        request.governor.throttled(request.cost, reasons_of(parsed_response))
