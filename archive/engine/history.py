"""Run records: what each run did and why it stopped; and from them, through when the archive is complete."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.engine.batch import BatchResult
from archive.engine.consumed import Consumed
from archive.model.config import PurgeMode
from archive.model.keys import LakeKeys
from archive.model.plan import Plan
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
    purged = result.purged
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
            "read_units": consumed.dynamodb.read_units,
            "write_units": consumed.dynamodb.write_units,
            "dynamodb_requests": consumed.dynamodb.requests,
            "waited_seconds": round(consumed.dynamodb.waited_seconds, 3),
            "throttles": consumed.dynamodb.throttles,
            "s3_requests": consumed.s3_requests,
            "seconds": round(times[2], 3),
        }
    )


def runs(store: Store, keys: LakeKeys, newest: int) -> list[dict[str, Any]]:
    """Return the newest run records, newest first."""
    listed = sorted((found.key for found in store.list(keys.folder("runs"))), reverse=True)
    records = [store.get(key) for key in listed[:newest]]
    return [record for data, _ in filter(None, records) if (record := _read(data))]


def _read(data: bytes) -> dict[str, Any]:
    """Read a record. One that somebody damaged says nothing, and so covers nothing: what it covered is read again."""
    try:
        record = json.loads(data)
    except ValueError:
        return {}
    return dict(record) if isinstance(record, dict) else {}


def complete_through(store: Store, keys: LakeKeys, purge: PurgeMode, named: tuple[str, ...] | None) -> datetime | None:
    """Return through when a nightly run that finished has archived everything, or None where none has.

    Only runs count that looked at all modules which are asked for now, in the same mode: others left messages unread or unmarked.
    """
    for key in sorted((found.key for found in store.list(keys.folder("runs"))), reverse=True):
        found = store.get(key)
        record = _read(found[0]) if found else {}
        scope = record.get("modules_named")
        covers = scope is None or (named is not None and set(named) <= set(scope))
        if record.get("complete_through") and record["purge"] == purge and covers:
            return parse_instant(str(record["complete_through"]))
    return None
