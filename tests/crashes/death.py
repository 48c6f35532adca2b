"""Lets a command die at one of its calls to AWS, or lose the answer of one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import botocore
import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from botocore.retries.standard import ExponentialBackoff

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session

Way = Literal["before", "after", "lost", "kill -9"]
"""Before the call is sent; when it was executed, before its answer; with the answer lost and asked for again; or really."""
_READS: Final = ("Get", "List", "Head", "Describe", "Query", "Scan", "BatchGet")


class DeadError(BaseException):
    """The process is dead: nothing of ours catches it, and whatever runs all the same reaches no server."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a command dies: at its call number `at` (from 1 on; 0: nowhere), and how."""

    at: int
    way: Way


class Death:
    """Watches the calls of all clients that are made meanwhile. One request is in flight at a time, so that calls have an order."""

    def __init__(self, point: Point) -> None:
        """Wait for one point."""
        self._point = point
        self.calls: list[str] = []
        """Names of the operations that were begun."""
        self.came = False
        """Whether the point was reached."""

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Watch."""

        def initialize(session: Session) -> None:
            session.register("before-call", self._before)  # type: ignore[arg-type]
            session.register("before-send", self._send)  # type: ignore[arg-type]
            session.register("after-call", self._after)

        botocore.register_initializer(initialize)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
                yield
        finally:
            botocore.unregister_initializer(initialize)

    def _before(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if self.came and self._point.way in ("before", "after"):
            raise DeadError
        self.calls.append(model.name)
        if len(self.calls) == self._point.at and self._point.way in ("before", "kill -9"):
            self._die()

    def _send(self, request: AWSPreparedRequest, **_: object) -> None:
        """Send a request in botocore's place, and lose its answer."""
        if len(self.calls) == self._point.at and self._point.way == "lost" and not self.came:
            self.came = True
            URLLib3Session().send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

    def _after(self, **_: object) -> None:
        if len(self.calls) == self._point.at and self._point.way == "after" and not self.came:
            self._die()

    def _die(self) -> None:
        self.came = True
        if self._point.way == "kill -9":
            os.kill(os.getpid(), signal.SIGKILL)
        raise DeadError


def points(calls: list[str]) -> Iterator[Point]:
    """Yield every point at which these calls leave something different behind.

    After a read, nothing is different from before the next call.
    """
    for at, operation in enumerate(calls, 1):
        yield Point(at, "before")
        if not operation.startswith(_READS):
            yield Point(at, "after")
            yield Point(at, "lost")
