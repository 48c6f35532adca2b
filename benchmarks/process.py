"""Runs what is measured in processes of their own, and reads what they used from the operating system.

A contestant is a function that prepares everything (imports, clients, what it works on) and returns what is timed, which
returns how many messages it has handled. Several can be started at the same moment: that is how two cores are used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, Final

Timed = Callable[[], float]
_ROOT: Final = Path(__file__).resolve().parent.parent
_STATUS: Final = Path("/proc/self/status")


class ContestantFailedError(Exception):
    """A contestant's process ended without its figures; the message has the end of what it wrote."""


@dataclass(frozen=True, slots=True)
class Task:
    """A contestant's function, as `module:function`, and its arguments, which JSON can hold. `cores` None: all."""

    function: str
    arguments: Mapping[str, Any]
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """What was used from the common start to the last end: seconds, CPU seconds (user and system) of all, the sum of their peak memory."""

    messages: float
    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure(*tasks: Task, environment: Mapping[str, str]) -> Took:
    """Run tasks at the same time, each in a process of its own. Raises ContestantFailedError."""
    command = [sys.executable, "-m", "benchmarks.process"]
    settings = {**os.environ, **environment, "PYTHONPATH": str(_ROOT)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=settings, text=True))
            for _ in tasks
        ]
        try:
            for process, task in zip(processes, tasks, strict=True):
                _tell(process, json.dumps({"function": task.function, "arguments": task.arguments, "cores": task.cores}))
            for process in processes:
                _hear(process)
            began = time.monotonic()
            for process in processes:
                _tell(process, "go")
            ends = [json.loads(_hear(process)) for process in processes]
        except BaseException:
            for process in processes:
                process.kill()
            raise
    return Took(
        messages=sum(end["messages"] for end in ends),
        seconds=max(end["ended"] for end in ends) - began,
        cpu_seconds=sum(end["cpu_seconds"] for end in ends),
        peak_mb=sum(end["peak_mb"] for end in ends),
    )


def _tell(process: subprocess.Popen[str], line: str) -> None:
    stdin = process.stdin
    if stdin is not None:
        stdin.write(line + "\n")
        stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        message = f"a contestant ended with {process.wait()} and without figures; what it wrote is above"
        raise ContestantFailedError(message)
    return line


def run_task() -> None:
    """Be the process: read a task, prepare, say so, wait for the word, run, and write what it took."""
    task = json.loads(sys.stdin.readline())
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no figure
    if task["cores"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task["cores"]])
    module, _, function = task["function"].partition(":")
    timed: Timed = getattr(import_module(module), function)(**task["arguments"])
    answers.write("ready\n")
    answers.flush()
    sys.stdin.readline()
    before = getrusage(RUSAGE_SELF)
    messages = timed()
    ended, after = time.monotonic(), getrusage(RUSAGE_SELF)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answers.write(json.dumps({"messages": messages, "ended": ended, "cpu_seconds": cpu_seconds, "peak_mb": _peak_mb()}) + "\n")
    answers.flush()


def _peak_mb() -> float:
    """Return this process's largest resident set. Linux's getrusage would begin with that of the process it was started by."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1_024
    return getrusage(RUSAGE_SELF).ru_maxrss / (1_024**2 if sys.platform == "darwin" else 1_024)


def per_second(took: Sequence[Took]) -> float:
    """Return the median of messages a second."""
    rates = sorted(one.messages / one.seconds for one in took)
    return rates[len(rates) // 2]


if __name__ == "__main__":
    run_task()
