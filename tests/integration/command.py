"""Runs the command line in this process, and keeps what it printed and every request that it made of AWS."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Final

import botocore
from botocore.session import Session
from typer.testing import CliRunner

from flows.cli import app
from tests.integration.items import Value, message_of

_TAG: Final = "_dynalake_test_call"
_WRITES: Final = ("Put", "Delete", "Update", "Create", "BatchWrite", "BatchExecute", "Complete", "Copy", "Tag", "Abort")
_UNITS = re.compile(rb'(?<!\\)"CapacityUnits":([0-9.]+)')  # inside a message's text the quotes are escaped
_COMPARED = re.compile(r'"((?:[^"]|"")*)"=\?')
_MISSING = re.compile(r'"((?:[^"]|"")*)" IS MISSING')
_EQUALS = re.compile(r"(#\w+) = :\w+")
_NOT_EXISTS = re.compile(r"attribute_not_exists\((#\w+)\)")


@dataclass(frozen=True, slots=True)
class Write:
    """A conditional write of one item: its key, the attributes compared besides the key, and those that must be missing."""

    kind: str
    key: tuple[Value, ...]
    compared: frozenset[str]
    missing: frozenset[str]

    @property
    def is_probe(self) -> bool:
        """Say whether the item is one that a check made up: their conversations have names of their own."""
        return str(self.key[0][1]).startswith(("dynalake-probe-", "dynalake-check"))


@dataclass(slots=True)
class Call:
    """One API call. `began` and `ended` are ticks of one clock; `units` are the read units of a Query over whole pages."""

    service: str
    operation: str
    target: str
    writes: tuple[Write, ...]
    paged: bool
    began: int
    ended: int = 0
    status: int = 0
    units: float = 0.0

    @property
    def is_write(self) -> bool:
        """Say whether the call can change anything."""
        return self.operation.startswith(_WRITES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `crash` is the traceback of an error that was not turned into a sentence."""

    code: int
    stdout: str
    stderr: str
    crash: str
    calls: list[Call] = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """Return what `--json` printed; nothing else may be on standard output."""
        return json.loads(self.stdout)

    def of(self, service: str, *operations: str) -> list[Call]:
        """Return the calls of a service, of some operations or of all."""
        return [call for call in self.calls if call.service == service and (not operations or call.operation in operations)]

    @property
    def removals(self) -> list[Write]:
        """Every conditional write of a message, in the order of the calls; not those of items that a check made up."""
        return [write for call in self.calls for write in call.writes if not write.is_probe]

    def done(self) -> Outcome:
        """Return the outcome of a command that must have worked."""
        assert self.code == 0, f"exit code {self.code}: {self.stderr[-2000:]}{self.crash[-4000:]}"
        return self


def invoke(arguments: list[str], environment: Mapping[str, str | None]) -> Outcome:
    """Run one command, with these variables on top of the tests' own (None: unset); there is no terminal."""
    with _recording() as calls:
        result = CliRunner().invoke(app, arguments, env=environment)
    crash = ""
    if result.exc_info and result.exception and not isinstance(result.exception, SystemExit):
        crash = "".join(traceback.format_exception(*result.exc_info))
    return Outcome(result.exit_code, result.stdout, result.stderr, crash, calls)


@contextmanager
def _recording() -> Iterator[list[Call]]:
    """Note every call that clients made from now on make; the product is not touched: botocore says it itself."""
    calls: list[Call] = []
    clock = count(1)

    def begin(**event: Any) -> None:  # noqa: ANN401 - botocore's own
        params, model = event["params"], event["model"]
        service, operation = model.service_model.service_name, model.name
        call = event["context"][_TAG] = Call(
            service, operation, _target(params), tuple(_writes(operation, params)), _is_paged(operation, params), next(clock)
        )
        calls.append(call)

    def end(**event: Any) -> None:  # noqa: ANN401 - as above
        call: Call = event["context"][_TAG]
        call.ended, call.status = next(clock), event["http_response"].status_code
        if call.paged:
            call.units = sum(map(float, _UNITS.findall(event["http_response"].content)))

    def initialize(session: Session) -> None:
        session.register("before-parameter-build", begin)
        session.register("after-call", end)

    botocore.register_initializer(initialize)
    try:
        yield calls
    finally:
        botocore.unregister_initializer(initialize)


def _target(params: Mapping[str, Any]) -> str:
    return str(params.get("Key") if isinstance(params.get("Key"), str) else params.get("Prefix") or "")


def _is_paged(operation: str, params: Mapping[str, Any]) -> bool:
    """Say whether this reads whole pages of messages: a plan's looks and questions for one key have a limit."""
    return operation == "Query" and "Limit" not in params and "Select" not in params


def _writes(operation: str, params: Mapping[str, Any]) -> Iterator[Write]:
    if operation == "BatchExecuteStatement":
        for statement in params["Statements"]:
            if not statement["Statement"].startswith("INSERT "):  # what is put back is compared with nothing
                yield _of_statement(statement["Statement"], statement["Parameters"])
    elif operation in ("DeleteItem", "UpdateItem"):
        names = params.get("ExpressionAttributeNames", {})
        condition = params.get("ConditionExpression", "")
        compared = frozenset(names[name] for name in _EQUALS.findall(condition))
        missing = frozenset(names[name] for name in _NOT_EXISTS.findall(condition))
        yield Write(operation, tuple(message_of(params["Key"]).values()), compared, missing)


def _of_statement(text: str, parameters: list[Any]) -> Write:
    kind, names, missing = _read_statement(text)
    key = dict(zip(names[:2], parameters[-len(names) :], strict=False))
    return Write(kind, tuple(message_of(key).values()), frozenset(names[2:]), missing)


@lru_cache(maxsize=1_024)
def _read_statement(text: str) -> tuple[str, tuple[str, ...], frozenset[str]]:
    """Return a statement's verb, the names that its condition compares (the key's two come first), and those that must be missing."""
    head, where = text.split(" WHERE ", 1)
    names = tuple(name.replace('""', '"') for name in _COMPARED.findall(where))
    return head.split(" ", 1)[0], names, frozenset(name.replace('""', '"') for name in _MISSING.findall(where))
