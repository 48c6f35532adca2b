"""Runs the fake in a process of its own, and asks it what it has counted."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.request import ProxyHandler, build_opener

import msgspec

from tests.servers import CREDENTIALS, free_port, running

_ROOT = Path(__file__).resolve().parents[2]
_T = TypeVar("_T")
_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Fake:
    """A fake that runs. `endpoint` answers as DynamoDB, S3 and Glue."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point every AWS client at it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def take_counts(self) -> Mapping[str, float]:
        """Return what was counted since the last call."""
        return self._ask("_counts", dict[str, float])

    def cpu_seconds(self) -> float:
        """Return the CPU seconds it has used, which are nobody else's."""
        return self._ask("_usage", float)

    def _ask(self, what: str, kind: type[_T]) -> _T:
        with _open(f"{self.endpoint}/{what}", timeout=60) as answer:
            return msgspec.json.decode(answer.read(), type=kind)


@contextmanager
def fake(file: Path | None) -> Iterator[Fake]:
    """Run a fake whose messages are varied from those of a file, or from made-up ones."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.fake", str(port), folder, *([str(file.resolve())] if file else [])]
        with running("the fake", port, command, "/_counts", {"PYTHONPATH": str(_ROOT)}) as server:
            yield Fake(server.endpoint)
