"""Makes the plan of a restore: looks, with a few ranged GETs a segment, how many wanted rows each one has."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from statistics import mean
from typing import Final

from archive.aws import Clients
from archive.dynamo_insert import describe_target
from archive.errors import InputError, LakeDamagedError, RefusedError, TransientServiceError
from archive.model.budget import Budget
from archive.model.config import Config, Module
from archive.model.cost import BUSIEST_PROVIDER, WRITE_BLOCK, write_rate, write_units
from archive.model.hold import Hold
from archive.model.item_size import item_size
from archive.model.layout import Segment
from archive.model.prices import prices_of, region_of
from archive.model.target_table import TargetTable
from archive.restore.opening import OpenLake
from archive.restore.plan import Part, Request, RestorePlan
from archive.restore.removed import removed_by
from archive.restore.rows import Found, SegmentRows
from archive.restore.wanted import ALL_TIME
from archive.s3 import Listed, LostRaceError

_TRIES: Final = 5
_SAMPLE: Final = 200
_MOST_HELD_MODULES: Final = 200
_TYPICAL_BYTES: Final = 2_048


@dataclass(frozen=True, slots=True)
class _Looked:
    """The parts found, the modules of their messages (None: any), and what could not be looked at."""

    parts: list[Part]
    modules: frozenset[Module | None] | None
    warnings: list[str]


def target_of_request(clients: Callable[[], Clients], config: Config, lake: OpenLake, request: Request) -> TargetTable | None:
    """Describe the table that a request puts messages into, or return None for a file.

    Raises RefusedError where the source table of the settings is not the one that this lake was made from.
    """
    if request.file is not None:
        return None
    source = config.source
    target = describe_target(clients().dynamodb, request.table or source.table, source.spec)
    if request.table is None and target.owner != lake.record.owner:
        owner = lake.record.owner
        message = (
            f"table {source.table} is not the one that this lake was made from ({owner.table_arn}, {owner.table_id}); "
            f"if it is meant all the same, give --into-table {source.table}"
        )
        raise RefusedError(message)
    return target


def make_plan(lake: OpenLake, target: TargetTable | None, request: Request, config: Config, run: tuple[str, datetime]) -> RestorePlan:
    """Plan a restore for `run` (its name, and now). Reads parts of objects, writes nothing.

    Raises InputError where nothing was asked for, or a run is to be undone of which no purge is recorded.
    """
    if not request.wanted.values and request.wanted.window is None and request.undo is None:
        message = "say what to restore: --module, --student, --conversation, --from and --to, or --run"
        raise InputError(message)
    looked = _removed(lake, request, config.limits.streams) if request.undo else _look(lake, request, config.limits.streams)
    units = _units(lake, looked.parts, target) if target else 0.0
    parts = tuple(looked.parts)
    warnings = tuple(looked.warnings)
    rate = _rate(config, target, units, request.wanted.modules) if target else 1.0
    prices = prices_of(config.source.region or region_of(lake.record.owner.table_arn), config.prices)
    plan = RestorePlan(request, parts, target, None, units, rate, prices, warnings)
    if target is None or target.owner != lake.record.owner or plan.window is None:
        return plan
    return replace(plan, hold=_hold(plan, looked.modules, run))


def _hold(plan: RestorePlan, modules: frozenset[Module | None] | None, run: tuple[str, datetime]) -> Hold | None:
    """Return the hold that keeps the next nights from undoing this restore."""
    if plan.window is None:
        return None
    held = plan.request.wanted.modules
    if held is None and modules is not None and len(modules) <= _MOST_HELD_MODULES:
        named = [module for module in modules if module is not None]
        held = tuple(sorted(named, key=lambda module: (isinstance(module, str), module))) if len(named) == len(modules) else None
    name, now = run
    return Hold(name, held, plan.window, plan.request.until, f"restore: {plan.request.what}", now)


def _removed(lake: OpenLake, request: Request, threads: int) -> _Looked:
    window = request.wanted.window
    found = removed_by(lake.store, lake.keys, str(request.undo), threads)
    parts = [Part(one.segment, one.rows, one) for one in found if window is None or window.intersect(one.segment.window)]
    if request.file is not None:
        # Whoever loads a file that has a key twice keeps the later line: so the latest version comes last.
        parts.sort(key=lambda part: (part.segment, part.removed.generation if part.removed else 0))
    return _Looked(parts, None, [])


def _look(lake: OpenLake, request: Request, threads: int) -> _Looked:
    wanted = request.wanted
    listing = lake.receipts.listing(wanted.window or ALL_TIME)
    segments = [segment for segment in listing if wanted.window is None or wanted.window.intersect(segment.window)]
    with_modules = bool(wanted.values) and wanted.modules is None

    def look(segment: Segment) -> Found | str:
        try:
            return _find(lake, segment, listing[segment].message, request, with_modules=with_modules)
        except LakeDamagedError as error:
            return str(error)

    with ThreadPoolExecutor(threads, "look") as pool:
        founds = list(pool.map(look, segments))
    # What could not be looked at stays in the plan: the restore stops at it with an alarm, instead of passing over it.
    parts = [
        Part(segment, 0 if isinstance(found, str) else found.rows)
        for segment, found in zip(segments, founds, strict=True)
        if isinstance(found, str) or found.rows
    ]
    modules = frozenset(module for found in founds if not isinstance(found, str) for module in found.modules) if with_modules else None
    return _Looked(parts, modules, [found for found in founds if isinstance(found, str)])


def _find(lake: OpenLake, segment: Segment, listed: Listed | None, request: Request, *, with_modules: bool) -> Found:
    """Look into one stored object, as the listing saw it; again where another run has replaced it since."""
    key = lake.keys.message(segment)
    for _ in range(_TRIES):
        if listed is None:
            message = f"{key} is gone although there is a receipt for it; restore it from the bucket's version history, then run again"
            raise LakeDamagedError(message)
        try:
            rows = SegmentRows(lake.past.open(key, listed.etag, listed.bytes), key, lake.order)
            try:
                return rows.look(request.wanted, with_modules=with_modules)
            finally:
                rows.close()
        except LostRaceError:
            listed = next((found for found in lake.store.list(key) if found.key == key), None)
    message = f"other runs keep replacing segment {segment.name}; run again when they are done"
    raise TransientServiceError(message)


def _rate(config: Config, target: TargetTable, units: float, modules: tuple[Module, ...] | None) -> float:
    """Return how many messages a second may be put, each of so many units in the table and its indexes."""
    busiest = Decimal(1) / len(modules) if modules else Decimal(0)
    indexes = len(target.indexes)
    item_bytes = round(units / (1 + indexes) * WRITE_BLOCK)
    return float(write_rate(item_bytes, indexes, Budget.of(config.limits, target.warm).write_rates(), max(busiest, BUSIEST_PROVIDER)))


def _units(lake: OpenLake, parts: list[Part], target: TargetTable) -> float:
    """Return what putting one message costs, on average of the first ones of some segment."""
    for part in parts:
        key = lake.keys.message(part.segment)
        listed = next((found for found in lake.store.list(key) if found.key == key), None)
        if listed is None:
            continue
        try:
            rows = SegmentRows(lake.past.open(key, listed.etag, listed.bytes), key, lake.order)
        except (LakeDamagedError, LostRaceError):
            continue
        try:
            sizes = [item_size(item) for item in rows.sample(_SAMPLE)]
            return mean(write_units(size, len(target.indexes)) for size in sizes or [_TYPICAL_BYTES])
        except (LakeDamagedError, LostRaceError):
            continue
        finally:
            rows.close()
    return float(write_units(_TYPICAL_BYTES, len(target.indexes)))
