"""What a flow's run shows in Prefect's UI: the plan before it begins, how far it is, and what it did. Counts, never contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from archive.engine.batch_result import Batch, BatchResult
from archive.model.plan import Plan
from archive.model.window import iso
from archive.restore.plan import RestorePlan
from flows import reporter
from flows.reporter import Reporter

_MOST_ROWS: Final = 50


def plan_artifact(plan: Plan) -> None:
    """Show what a run will do: its size, units and dollars, and its modules, largest first."""
    if plan.window is None or not plan.modules:
        _markdown(plan.command, ["# Plan: nothing to do", "", "No module has messages before the cutoff."])
        return
    cost = plan.cost
    figures = {
        "messages": f"about {plan.rows:,} ({plan.low:,} to {plan.high:,}), of {plan.item_bytes:,} bytes",
        "segments": f"up to {min(plan.segments, plan.high):,}",
        "read units": f"{float(cost.read_units):,.1f}",
        "write units": f"{cost.write_units:,}",
        "dollars, once": f"${float(cost.once):,.4f}",
        "dollars saved a month": f"${float(cost.saved_month):,.4f}",
    }
    if plan.purge != "keep":
        figures["hours to purge a day's inflow"] = "it never ends" if plan.rate.hours is None else f"{float(plan.rate.hours):.2f}"
    modules = sorted(plan.modules, key=lambda part: -part.rows)
    rows = [
        ("(none)" if part.module is None else str(part.module), iso(part.window.start), f"{part.rows:,}", f"{part.low:,} to {part.high:,}")
        for part in modules[:_MOST_ROWS]
    ]
    if rest := modules[_MOST_ROWS:]:
        rows.append((f"and {len(rest):,} more", "", f"{sum(part.rows for part in rest):,}", ""))
    _markdown(
        plan.command,
        [f"# Plan: {plan.command}, {plan.window}, purge = {plan.purge}", "", *_table(("", "what it takes"), figures.items()), ""]
        + [*_table(("module", "from", "messages", "between"), rows), ""]
        + [f"Warning: {warning}" for warning in plan.warnings],
    )


def restore_plan_artifact(plan: RestorePlan) -> None:
    """Show what a restore will do: its size, units and dollars, its segments, and what will be held."""
    figures = {
        "messages": f"{'at most ' if plan.request.undo else ''}{plan.rows:,}",
        "write units": f"{plan.total_units:,}",
        "dollars, once": f"${float(plan.dollars):,.4f}",
        "minutes": f"{plan.seconds / 60:,.1f}",
        "held until": iso(plan.hold.until) if plan.hold else "nothing is held",
    }
    rows = [(part.segment.name, f"{part.rows:,}") for part in plan.parts[:_MOST_ROWS]]
    if rest := plan.parts[_MOST_ROWS:]:
        rows.append((f"and {len(rest):,} more", f"{sum(part.rows for part in rest):,}"))
    _markdown(
        "restore",
        [f"# Plan: restore {plan.request.what or 'all'}, into {plan.into}", "", *_table(("", "what it takes"), figures.items()), ""]
        + [*_table(("segment", "messages"), rows), ""]
        + [f"Warning: {warning}" for warning in plan.warnings],
    )


def result_artifact(command: str, record: Mapping[str, Any]) -> None:
    """Show what a run did: its record, as a table."""
    table = [{"what": name.replace("_", " "), "value": str(value)} for name, value in record.items()]
    _made(lambda: create_table_artifact(key=f"dynalake-{command}", table=table, description=f"What run {record['run']} did"))


class ArtifactReporter:
    """Shows the plan and how far the run is as artifacts, batch by batch; everything else is the business of another reporter."""

    def __init__(self, other: Reporter) -> None:
        """Tell `other` everything as well."""
        self._other = other
        self.attended, self.watched = other.attended, other.watched
        self._progress: UUID | None = None
        self._planned = self._done = 0

    def say(self, text: str) -> None:
        """Pass it on."""
        self._other.say(text)

    def consent(self, plan: Plan) -> bool:
        """Show the plan, before the run begins; the other one decides."""
        plan_artifact(plan)
        agreed = self._other.consent(plan)
        if agreed and plan.rows:
            self._planned = plan.rows
            key = f"dynalake-{plan.command}-progress"
            self._progress = _made(lambda: _id(create_progress_artifact(0.0, key=key, description=f"How far {plan.command} is")))
        return agreed

    def step(self, what: str, messages: int) -> None:
        """Pass it on: an artifact is updated a batch, not a message."""
        self._other.step(what, messages)

    def batch(self, batch: Batch, result: BatchResult) -> None:
        """Move the progress on by the batch's messages, as far as the plan's estimate goes."""
        self._other.batch(batch, result)
        purged = result.purged
        self._done += max(result.read, purged.done + purged.changed + purged.missing + purged.refused)
        self._move(min(100.0 * self._done / self._planned, 99.0) if self._planned else 99.0)

    def finish(self) -> None:
        """Move the progress to its end: the plan is done."""
        self._move(100.0)

    def _move(self, percent: float) -> None:
        if (artifact := self._progress) is not None:
            _made(lambda: update_progress_artifact(artifact, progress=percent))


def _markdown(command: str, lines: list[str]) -> None:
    _made(lambda: create_markdown_artifact("\n".join(lines), key=f"dynalake-{command}-plan", description=f"What {command} will do"))


def _table(head: tuple[str, ...], rows: Any) -> Iterator[str]:  # noqa: ANN401 - tuples of texts, however they come
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _id(made: Any) -> UUID:  # noqa: ANN401 - Prefect's types allow a coroutine, which a synchronous flow never gets
    return UUID(str(made))


def _made(make: Callable[[], Any]) -> Any:  # noqa: ANN401 - what Prefect answers
    """Make or move an artifact. A server that does not take it ends no run: it is for looking at only."""
    try:
        return make()
    except (httpx.HTTPError, PrefectException) as error:
        reporter.current().say(f"warning: Prefect did not take an artifact ({type(error).__name__})")
        return None
