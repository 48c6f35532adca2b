"""Lets a command die at one of its calls to AWS, or lose the answer of one."""

from __future__ import annotations

import os
import re
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
_OBJECT: Final = re.compile(r"/lake/(archive\.json|[a-z]+)(?:.*-(intent|outcome)[-.])?")


class DeadError(BaseException):
    """The process is dead: nothing of ours catches it, and whatever runs all the same reaches no server."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its operation, and, where that is told by the address, what kind of object of the lake it is about."""

    operation: str
    about: str

    def __str__(self) -> str:
        """Say it."""
        return f"{self.operation} {self.about}".rstrip()

    @property
    def is_read(self) -> bool:
        """Say whether it changes nothing."""
        return self.operation.startswith(_READS)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a command dies: at its call number `at` (from 1 on), and how. `really`: by SIGKILL."""

    at: int
    call: Call
    way: Way
    really: bool = False

    @property
    def is_new(self) -> bool:
        """Say whether the command can leave something else behind here than where it died one point earlier."""
        return self.at == 1 or self.way != "before"

    def __str__(self) -> str:
        """Say it."""
        return f"{self.way} call {self.at} ({self.call})"


class Death:
    """Watches every request that this process makes of AWS meanwhile. One is in flight at a time, so that calls have an order."""

    def __init__(self, point: Point | None) -> None:
        """Wait for one point, or for none."""
        self._at, self._way, self._really = (point.at, point.way, point.really) if point else (0, "before", False)
        self._lock = Lock()
        self.calls: list[Call] = []
        """What was called so far."""
        self.came = False
        """Whether the point was reached."""

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Watch. A call that is made again is made at once."""
        endpoint: Any = Endpoint
        send = endpoint._do_get_response  # noqa: SLF001 - the one place that every attempt of every call goes through

        def watched(this: Endpoint, request: Any, model: Any, context: Any) -> Any:  # noqa: ANN401 - botocore's
            with self._lock:
                about = _OBJECT.search(request.url)
                here = self._begin(Call(model.name, " ".join(filter(None, about.groups())) if about else ""))
                answer = send(this, request, model, context)
                if here and self._way == "after":
                    self._die()
                return (None, ConnectionClosedError(endpoint_url=request.url)) if here else answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Endpoint, "_do_get_response", watched)
            patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
            yield

    def _begin(self, call: Call) -> bool:
        """Note a call, and return whether it is the one; dies before it is sent, where that is the way."""
        if self.came and self._way != "lost":
            raise DeadError
        self.calls.append(call)
        if len(self.calls) != self._at:
            return False
        self.came = True
        if self._way == "before":
            self._die()
        return True

    def _die(self) -> NoReturn:
        if self._really:
            os.kill(os.getpid(), signal.SIGKILL)
        raise DeadError


def points(calls: list[Call]) -> Iterator[Point]:
    """Yield every point, in order. A read that was executed has left what it found, and one that is made again is only made later."""
    for at, call in enumerate(calls, 1):
        yield Point(at, call, "before")
        if not call.is_read:
            yield Point(at, call, "after")
            yield Point(at, call, "lost")
