"""Work that goes on beside the tests, in processes of its own: the longest backfills take a minute each, and there is a second core."""

from __future__ import annotations

import multiprocessing
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class _Done:
    """What a function returned, or the traceback of what it raised."""

    value: Any
    traceback: str


class Beside:
    """Functions that were begun, by name. Both they and their arguments are pickled."""

    def __init__(self, folder: Path) -> None:
        """Use a folder for what they return."""
        self._folder = folder
        self._processes: dict[str, Any] = {}

    def begin(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        """Begin one, unless it was."""
        if name not in self._processes:
            process = multiprocessing.get_context("spawn").Process(
                target=_call, args=(self._answer(name), function, arguments), daemon=True
            )
            self._processes[name] = process
            process.start()

    def has(self, name: str) -> bool:
        """Say whether it was begun."""
        return name in self._processes

    def result(self, name: str) -> Any:  # noqa: ANN401 - what the function returns
        """Wait for it, and return what it returned; what it raised fails the test."""
        process = self._processes[name]
        process.join()
        assert self._answer(name).exists(), f"{name} was killed (exit code {process.exitcode})"
        done: _Done = pickle.loads(self._answer(name).read_bytes())  # noqa: S301 - written by this test run
        assert not done.traceback, done.traceback
        return done.value

    def _answer(self, name: str) -> Path:
        return self._folder / f"{name}.pickle"

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._processes.values():
            process.kill()
            process.join()


def _call(answer: Path, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        done = _Done(function(*arguments), "")
    except BaseException:  # noqa: BLE001 - whatever it is, a test reports it
        done = _Done(None, traceback.format_exc())
    waiting = answer.with_suffix(".waiting")
    waiting.write_bytes(pickle.dumps(done))
    waiting.rename(answer)


@contextmanager
def beside(folder: Path) -> Iterator[Beside]:
    """Let work go on beside the tests, until they end."""
    found = Beside(folder)
    try:
        yield found
    finally:
        found.end()


def is_wanted(session: pytest.Session, fixture: str, **parameters: str) -> bool:
    """Say whether a selected test uses a fixture, with these parameters of others where any are given."""
    for item in session.items:
        if isinstance(item, pytest.Function) and fixture in item.fixturenames:
            chosen = item.callspec.params if hasattr(item, "callspec") else {}
            if all(chosen.get(name) == value for name, value in parameters.items()):
                return True
    return False
