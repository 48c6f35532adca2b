"""Run records: what each run did and why it stopped; and from them, through when the archive is complete."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from archive.engine.batch_result import BatchResult
from archive.engine.consumed import Consumed
from archive.engine.stopping import Used
from archive.model.config import PurgeMode
from archive.model.keys import LakeKeys
from archive.model.plan import Plan
from archive.model.table_facts import TableFacts
from archive.model.window import iso, parse_instant
from archive.s3 import Store


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One line of JSON under `runs/`. Counts are messages unless they say otherwise."""

    values: dict[str, Any]

    def to_json(self) -> bytes:
        """Return the line."""
        return json.dumps(self.values, separators=(",", ":")).encode() + b"\n"


def record_of(
    run: str, plan: Plan, result: BatchResult, why: str, times: tuple[datetime, datetime, float], consumed: Consumed
) -> RunRecord:
    """Return a run's record. `why` says why it stopped: `done`, or what came in between. `times`: begin, end, seconds in between."""
    complete = plan.window if why == "done" and plan.command == "nightly" and not plan.holds else None
    purged, dynamodb = result.purged, consumed.dynamodb
    used = Used(result.read, dynamodb.read_units, dynamodb.write_units, times[2])
    predicted = Used(plan.rows, float(plan.cost.read_units) + plan.reads, float(plan.cost.write_units), 0.0)
    return RunRecord(
        {
            "run": run,
            "command": plan.command,
            "purge": plan.purge,
            "started_at": iso(times[0]),
            "ended_at": iso(times[1]),
            "why_stopped": why,
            "window_start": iso(plan.window.start) if plan.window else None,
            "window_end": iso(plan.window.end) if plan.window else None,
            "complete_through": iso(complete.end) if complete else None,
            "modules": len(plan.modules),
            "modules_named": None if plan.named is None else list(plan.named),
            "messages_read": result.read,
            "messages_added": result.added,
            "messages_replaced": result.replaced,
            "messages_superseded": result.superseded,
            "messages_waiting": result.waiting,
            "messages_in_quarantine": result.quarantined,
            "segments": result.segments,
            "segments_stored": result.stored,
            "segments_mended": result.mended,
            "segments_failed": len(result.failed),
            "bytes_stored": result.stored_bytes,
            "messages_removed": purged.done,
            "messages_changed": purged.changed,
            "messages_missing": purged.missing,
            "messages_refused": purged.refused,
            "surprises": purged.surprises,
            "read_units": dynamodb.read_units,
            "write_units": dynamodb.write_units,
            "dollars": round(used.dollars(plan.prices), _PLACES),
            "predicted_messages": predicted.messages,
            "predicted_read_units": predicted.read_units,
            "predicted_write_units": predicted.write_units,
            "predicted_dollars": round(predicted.dollars(plan.prices), _PLACES),
            "dynamodb_requests": dynamodb.requests,
            "reading_seconds": round(result.reading_seconds, 3),
            "storing_seconds": round(result.storing_seconds, 3),
            "purging_seconds": round(result.purging_seconds, 3),
            "waited_seconds": round(dynamodb.waited_seconds, 3),
            "throttles": dynamodb.throttles,
            "s3_requests": consumed.s3_requests,
            "seconds": round(times[2], 3),
        }
    )


_PLACES: Final = 6  # of dollars


def with_what_is_left(record: RunRecord, unreached: int, facts: TableFacts) -> RunRecord:
    """Return a record that also says how many messages of the plan were not reached, and how large table and indexes were at the begin."""
    sizes = {
        "table_items": facts.items,
        "table_bytes": facts.bytes,
        "index_bytes": sum(size.bytes for size in facts.sizes.values()),
    }
    return RunRecord({**record.values, "messages_unreached": unreached, **sizes})


MOST_RUNS: Final = 2_000
"""A look at the past goes back so many runs at most: five years of nights."""


def all_runs(store: Store, keys: LakeKeys, threads: int) -> list[dict[str, Any]]:
    """Return the records of runs that moved messages into the lake or out of the table, newest first, at most MOST_RUNS."""
    with ThreadPoolExecutor(threads, "runs") as pool:
        records = pool.map(lambda key: _load(store, key), _newest(store, keys)[:MOST_RUNS])
        return [record for record in records if record]


def _newest(store: Store, keys: LakeKeys) -> list[str]:
    """Return the keys of the run records, newest first; those of restores are of another kind."""
    listed = (found.key for found in store.list(keys.folder("runs")))
    return sorted((key for key in listed if not key.endswith("-restore.json")), reverse=True)


def _load(store: Store, key: str) -> dict[str, Any]:
    """Return a run's record, empty where it is gone or was damaged: it says nothing then, and what it covered is read again."""
    found = store.get(key)
    try:
        record = json.loads(found[0]) if found else {}
    except ValueError:
        return {}
    return dict(record) if isinstance(record, dict) and {"run", "purge"} <= record.keys() else {}


def complete_through(store: Store, keys: LakeKeys, purge: PurgeMode, named: tuple[str, ...] | None) -> datetime | None:
    """Return through when a nightly run that finished has archived everything, or None where none has.

    Only runs count that looked at all modules which are asked for now, in the same mode: others left messages unread or unmarked.
    """
    for key in _newest(store, keys):
        record = _load(store, key)
        scope = record.get("modules_named")
        covers = scope is None or (named is not None and set(named) <= set(scope))
        if record.get("complete_through") and record["purge"] == purge and covers:
            return parse_instant(str(record["complete_through"]))
    return None
