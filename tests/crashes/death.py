"""Lets a command die at one of its calls to AWS, or lose the answer of one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal, NoReturn

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError
from botocore.retries.standard import ExponentialBackoff

Way = Literal["before", "after", "lost"]
"""Before the call is sent; when it was executed, before its answer comes; or its answer is lost, and it is made again."""
_READS: Final = ("Get", "List", "Head", "Describe", "Query", "Scan", "BatchGet")


class DeadError(BaseException):
    """The process is dead: nothing of ours catches it, and whatever runs all the same reaches no server."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a command dies: at its call number `at` (from 1 on; 0: nowhere), and how. `really`: by SIGKILL."""

    at: int
    way: Way
    really: bool = False


class Death:
    """Watches every request that this process makes of AWS meanwhile. One is in flight at a time, so that calls have an order."""

    def __init__(self, point: Point) -> None:
        """Wait for one point."""
        self._point = point
        self._lock = Lock()
        self.calls: list[str] = []
        """Names of the operations, in the order in which they were sent."""
        self.came = False
        """Whether the point was reached."""

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Watch. A call that is made again is made at once."""
        send = Endpoint._do_get_response  # noqa: SLF001 - the one place that every attempt of every call goes through

        def watched(endpoint: Endpoint, request: Any, model: Any, context: Any) -> Any:  # noqa: ANN401 - botocore's
            with self._lock:
                here = self._begin(model.name)
                answer = send(endpoint, request, model, context)
                if here and self._point.way == "after":
                    self._die()
                return (None, ConnectionClosedError(endpoint_url=request.url)) if here else answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Endpoint, "_do_get_response", watched)
            patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
            yield

    def _begin(self, operation: str) -> bool:
        """Note a call, and return whether it is the one; dies before it is sent, where that is the way."""
        if self.came and self._point.way != "lost":
            raise DeadError
        self.calls.append(operation)
        if len(self.calls) != self._point.at:
            return False
        self.came = True
        if self._point.way == "before":
            self._die()
        return True

    def _die(self) -> NoReturn:
        if self._point.really:
            os.kill(os.getpid(), signal.SIGKILL)
        raise DeadError


def points(calls: list[str]) -> Iterator[Point]:
    """Yield every point at which these calls leave something different behind.

    After a read, nothing is different from before the next call; and a read that is made again is just made later.
    """
    for at, operation in enumerate(calls, 1):
        yield Point(at, "before")
        if not operation.startswith(_READS):
            yield Point(at, "after")
            yield Point(at, "lost")
