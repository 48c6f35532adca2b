"""Gathers a report's figures: from the lake's views and records, asked as analysts ask them, and from the table's status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from archive.engine.session import Session
from archive.engine.status import Status, status_of
from archive.model.prices import Prices
from archive.model.saving import Item, Past, Removal, Spending, Storing, months_of
from archive.model.window import DAY, parse_instant
from athena import Access, Catalog, query
from flows.report.choosing import Wanted, begin_of, day_before, hot_of, shown_of
from flows.report.figures import Drift, Figures, Hole, ModelUse, ModuleUse, Partition, Run, Shown, Table

Row = dict[str, Any]
_READ_BYTES: Final = 8192  # that half a read unit of each 4 KB makes of one: what an index gives for a unit
_COVERAGE: Final = "SELECT dt, messages, bytes, window_start, window_end, stored_at, is_complete FROM archive_coverage ORDER BY dt"
_GAPS: Final = "SELECT gap_start, gap_end, is_complete FROM archive_gaps ORDER BY gap_start"
_PURGED: Final = "SELECT dt, sum(removed) AS removed FROM archive_purges WHERE removed > 0 GROUP BY dt"
_BEHIND: Final = "SELECT run, behind_days FROM archive_freshness"
_RUNS: Final = """
SELECT run, command, purge, started_at, seconds, why_stopped, restored_into, messages_read, messages_added, messages_replaced,
    messages_removed, messages_restored, messages_changed, messages_refused, surprises, segments_failed, throttles, read_units, write_units,
    s3_requests
FROM runs ORDER BY run
"""
_MODULES: Final = """
SELECT date_trunc('PERIOD', day) AS period, CAST(module_id AS varchar) AS module, sum(messages) AS messages, sum(cost_usd) AS cost_usd,
    sum(cost_usd_in_remainder) AS cost_in_remainder
FROM modules_daily WHERE dt >= ? AND dt <= ? GROUP BY 1, 2 ORDER BY 1, 2
"""
_MODELS: Final = """
SELECT date_trunc('PERIOD', day) AS period, provider, model, sum(messages) AS messages, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(input_tokens_in_remainder + output_tokens_in_remainder) AS tokens_in_remainder,
    sum(cost_usd) AS cost_usd, sum(cost_usd_in_remainder) AS cost_in_remainder, sum(finished) AS finished, sum(errors) AS errors
FROM providers_daily WHERE dt >= ? AND dt <= ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_DRIFT: Final = """
SELECT date_trunc('PERIOD', dt) AS period, attribute, type, sum(messages) AS messages
FROM archive_drift WHERE dt >= ? AND dt <= ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

QUESTIONS: Final = (_COVERAGE, _GAPS, _PURGED, _BEHIND, _RUNS, _MODULES, _MODELS, _DRIFT)
"""All that is asked; PERIOD stands for day, week or month."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of the table and its lake without asking the views. `grace` is after which time what is marked leaves the table."""

    status: Status
    table: Table
    indexes: int
    grace: timedelta
    prices: Prices

    @classmethod
    def of(cls, session: Session, now: datetime) -> About:
        """Look at the table (two or three reads a module, and a sample) and at the lake, as `dynalake status` does."""
        policy, facts = session.config.policy, session.facts
        table = Table(session.config.source.table, facts.items, facts.bytes, policy.purge, policy.retention_days)
        return cls(status_of(session, now), table, facts.indexes, policy.expire_after_days * DAY, session.prices)


class Lake:
    """Asks the lake's views, in Athena or where it is emulated in DuckDB; never an answer from earlier."""

    def __init__(self, catalog: Catalog, access: Access) -> None:
        """Ask as `access` may."""
        self.catalog = replace(catalog, config=replace(catalog.config, reuse_minutes=0))
        self._access = access

    def ask(self, sql: str) -> list[Row]:
        """Return the answer's rows."""
        return list(query(sql, self.catalog, access=self._access).to_pylist())

    def of_messages(self, view: str, sql: str, shown: Shown | None) -> list[Row]:
        """Return the rows of a question about the messages that are shown; none where the table spec does not allow its view."""
        if shown is None or view not in self.catalog.views:
            return []
        text = sql.replace("PERIOD", shown.period)
        return list(query(text, self.catalog, parameters=(shown.first, shown.last), access=self._access).to_pylist())

    def left_out(self) -> dict[str, str]:
        """Return why views are not there, by their names."""
        from athena.views.view import views_of  # noqa: PLC0415 - a grammar of SQL, which runs that archive need not load

        return {view.name: view.why for view in views_of(self.catalog.spec, self.catalog.config.table)[1]}


def gather(lake: Lake, about: About, wanted: Wanted, now: datetime) -> Figures:
    """Ask the views everything that a report shows. Of the messages at most three questions are asked, over `wanted` alone.

    Raises what `athena.query` raises.
    """
    coverage, runs = lake.ask(_COVERAGE), lake.ask(_RUNS)
    partitions = _partitions(coverage, {row["dt"]: row["removed"] for row in lake.ask(_PURGED)})
    behind = {row["run"]: row["behind_days"] for row in lake.ask(_BEHIND)}
    shown = shown_of(partitions, wanted)
    item, past = item_of(about, runs), _past(about, coverage, runs)
    return Figures(
        made_at=now,
        version=version("dynalake"),
        location=lake.catalog.location,
        status=about.status,
        table=about.table,
        item=item,
        prices=about.prices,
        partitions=partitions,
        holes=tuple(_hole(row) for row in lake.ask(_GAPS)),
        hot=hot_of(about.status, partitions, past.removed_by(now), keeps=about.table.purge == "keep"),
        months=months_of(past, item, about.prices, now) if item else (),
        shown=shown,
        modules=tuple(_module(row) for row in lake.of_messages("modules_daily", _MODULES, shown)),
        models=tuple(_model(row) for row in lake.of_messages("providers_daily", _MODELS, shown)),
        drift=_drift(lake.of_messages("archive_drift", _DRIFT, shown), partitions, shown),
        runs=tuple(_run(row, behind.get(row["run"])) for row in runs),
        left_out=lake.left_out(),
    )


def _partitions(coverage: Iterable[Row], removed: dict[date, int]) -> tuple[Partition, ...]:
    return tuple(
        Partition(
            dt=row["dt"],
            first=row["window_start"].date(),
            last=day_before(row["window_end"]),
            messages=row["messages"],
            bytes=row["bytes"],
            removed=removed.get(row["dt"], 0),
            is_complete=bool(row["is_complete"]),
        )
        for row in coverage
    )


def _hole(row: Row) -> Hole:
    return Hole(row["gap_start"].date(), day_before(row["gap_end"]), row["is_complete"])


def item_of(about: About, runs: Iterable[Row]) -> Item | None:
    """Return what a message takes in the table: on average of those that are there, else by the units that reading has cost."""
    table = about.table
    if table.items and table.bytes:
        return Item(max(table.bytes // table.items, 1), about.indexes)
    archiving = [run for run in runs if run["command"] in ("nightly", "backfill", "sweep")]
    units, read = sum(run["read_units"] or 0 for run in archiving), sum(run["messages_read"] or 0 for run in archiving)
    return Item(max(int(units * _READ_BYTES / read), 1), about.indexes) if units and read else None


def _past(about: About, coverage: Iterable[Row], runs: Sequence[Row]) -> Past:
    """Return what was removed, stored and spent. What is marked leaves the table when its grace is over."""
    removals = [_removal(run, about.grace) for run in runs if run["messages_removed"]]
    back = [
        Removal(_at(run), -run["messages_restored"])
        for run in runs
        if run["messages_restored"] and run["restored_into"] == about.table.name
    ]
    storings = [Storing(row["stored_at"].replace(tzinfo=UTC), row["bytes"]) for row in coverage if row["stored_at"]]
    spent = [Spending(_at(run), run["read_units"] or 0, run["write_units"] or 0, run["s3_requests"] or 0) for run in runs]
    return Past((*removals, *back), storings, spent)


def _removal(run: Row, grace: timedelta) -> Removal:
    return Removal(_at(run) + (grace if run["purge"] == "expire" else timedelta(0)), run["messages_removed"])


def _at(run: Row) -> datetime:
    return parse_instant(run["started_at"])


def _module(row: Row) -> ModuleUse:
    return ModuleUse(_date(row), row["module"], row["messages"], row["cost_usd"] or Decimal(0), row["cost_in_remainder"])


def _model(row: Row) -> ModelUse:
    return ModelUse(
        period=_date(row),
        provider=row["provider"],
        model=row["model"],
        messages=row["messages"],
        tokens=(row["input_tokens"] or 0) + (row["output_tokens"] or 0),
        tokens_in_remainder=row["tokens_in_remainder"],
        cost_usd=row["cost_usd"] or Decimal(0),
        cost_in_remainder=row["cost_in_remainder"],
        finished=row["finished"],
        errors=row["errors"],
    )


def _drift(rows: Iterable[Row], partitions: Iterable[Partition], shown: Shown | None) -> tuple[Drift, ...]:
    if shown is None:
        return ()
    totals: Counter[date] = Counter()
    for partition in partitions:
        if shown.first <= partition.dt <= shown.last:
            totals[begin_of(partition.dt, shown.period)] += partition.messages
    return tuple(Drift(_date(row), row["attribute"], row["type"], row["messages"], row["messages"] / totals[_date(row)]) for row in rows)


def _date(row: Row) -> date:
    found: date = row["period"]
    return found.date() if isinstance(found, datetime) else found


def _run(row: Row, behind: int | None) -> Run:
    return Run(
        run=row["run"],
        command=row["command"],
        purge=row["purge"] or "",
        started_at=_at(row),
        seconds=row["seconds"] or 0.0,
        why=row["why_stopped"],
        added=row["messages_added"] or 0,
        replaced=row["messages_replaced"] or 0,
        removed=row["messages_removed"] or 0,
        restored=row["messages_restored"] or 0,
        changed=row["messages_changed"] or 0,
        refused=row["messages_refused"] or 0,
        surprises=row["surprises"] or 0,
        failed_segments=row["segments_failed"] or 0,
        throttles=row["throttles"] or 0,
        read_units=row["read_units"] or 0.0,
        write_units=row["write_units"] or 0.0,
        behind_days=behind,
    )
