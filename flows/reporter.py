"""Tells people what a run is doing: progress bars on a terminal, plain lines elsewhere, the log on a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from archive.engine.batch_result import Batch, BatchResult
from archive.model.plan import Plan


class Reporter(Protocol):
    """Hears what a run does. Threads may call it."""

    attended: bool
    """Whether consent is a person's."""
    watched: bool
    """Whether somebody looks on at a terminal, and need not be sent a message."""

    def say(self, text: str) -> None:
        """Hear one line."""

    def consent(self, plan: Plan) -> bool:
        """See the plan, and say whether it may be executed."""

    def step(self, what: str, messages: int) -> None:
        """Hear that so many more messages were `read`, `stored` or `purged`."""

    def batch(self, batch: Batch, result: BatchResult) -> None:
        """Hear that a batch is done."""


class LogReporter:
    """Writes to the log. On a worker nobody can be asked: the deployment's settings are the consent, up to a number of messages."""

    attended = False
    watched = False

    def __init__(self) -> None:
        """Log as `dynalake`."""
        self._log = logging.getLogger("dynalake")

    def say(self, text: str) -> None:
        """Log one line."""
        self._log.info("%s", text)

    def consent(self, plan: Plan) -> bool:
        """Log the plan's size and go on."""
        self._log.info("plan: about %d messages of %d modules in %d segments", plan.rows, len(plan.modules), plan.segments)
        return True

    def step(self, what: str, messages: int) -> None:
        """Say nothing: batches are enough for a log."""

    def batch(self, batch: Batch, result: BatchResult) -> None:
        """Log one line a batch."""
        self._log.info("%s", batch_line(batch, result))


class ConsoleReporter:
    """Shows a run on a console; `ask` shows the plan and decides on consent."""

    attended = True

    def __init__(self, console: Console, ask: Ask) -> None:
        """Show bars where the console is a terminal."""
        self._console, self._ask = console, ask
        self.watched = console.is_terminal
        self._progress: Progress | None = None
        self._lock = Lock()

    def say(self, text: str) -> None:
        """Print one line, above any bar."""
        self._console.print(text, style="dim", highlight=False, markup=False)

    def consent(self, plan: Plan) -> bool:
        """Show the plan and ask."""
        agreed = self._ask(plan)
        if agreed and self._console.is_terminal:
            self._start(plan)
        return agreed

    def _start(self, plan: Plan) -> None:
        columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TextColumn("messages"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console)
        for what in ("read", "stored", "purged") if plan.purge != "keep" else ("read", "stored"):
            self._progress.add_task(what, total=plan.rows or None)
        self._progress.start()

    def step(self, what: str, messages: int) -> None:
        """Move a bar."""
        if self._progress is None:
            return
        with self._lock:
            for task in self._progress.tasks:
                if task.description == what:
                    total = max(task.total or 0, task.completed + messages)
                    self._progress.update(task.id, advance=messages, total=total)

    def batch(self, batch: Batch, result: BatchResult) -> None:
        """Print one line a batch."""
        self.say(batch_line(batch, result))

    def close(self) -> None:
        """Take the bars away."""
        if self._progress is not None:
            self._progress.stop()


class Ask(Protocol):
    """Shows a plan and returns whether it may be executed."""

    def __call__(self, plan: Plan) -> bool:
        """Show and ask."""


def batch_line(batch: Batch, result: BatchResult) -> str:
    """Return what a batch did, in one line."""
    text = (
        f"batch {batch.number + 1}: {batch.window} of {len(batch.modules)} modules: {result.read:,} messages read, "
        f"{result.added:,} added to {result.stored:,} segments"
    )
    if result.replaced:
        text += f", {result.replaced:,} replaced by later versions"
    purged = result.purged
    if purged.done or purged.changed or purged.missing or purged.refused:
        text += f", {purged.done:,} purged ({purged.changed:,} changed, {purged.missing:,} missing, {purged.refused:,} refused)"
    return text


_current: Reporter = LogReporter()


def current() -> Reporter:
    """Return the reporter of this process."""
    return _current


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Let one reporter hear all runs of this process for a while."""
    global _current  # noqa: PLW0603 - Prefect's tasks take no reporter: they run in threads of this process, or on a worker that has its own
    before, _current = _current, reporter
    try:
        yield
    finally:
        _current = before
