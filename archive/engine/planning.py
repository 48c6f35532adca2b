"""Makes plans: which modules, which window, how many messages (from a few bounded looks), what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from archive.dynamo_read import ModuleStart
from archive.engine.first_purge import backup_is_due
from archive.engine.history import complete_through
from archive.engine.session import Session
from archive.errors import InputError
from archive.lake.holds import Holds
from archive.model.config import Module, Policy
from archive.model.cost import BUSIEST_PROVIDER, Work, price_archive, purge_rate
from archive.model.hold import Hold, free_windows
from archive.model.plan import Command, Look, ModulePlan, Plan, estimate
from archive.model.ways import LAKE_SHARE
from archive.model.window import Window, cutoff, from_ms, iso

_LOOKS: Final = 3  # at the beginning, a third and two thirds of each module's window
_ROWS_A_LOOK: Final = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. `window` and `modules` None: all that the policy allows."""

    command: Command
    window: Window | None = None
    modules: tuple[Module, ...] | None = None
    exact: bool = False


def archive_end(session: Session, now: datetime) -> datetime:
    """Return the cutoff, floored to the partition: a segment is first archived when its whole partition is before it."""
    return session.record.layouts.floor(cutoff(now, session.config.policy.retention_days))


def make_plan(session: Session, request: Request, now: datetime, told: Callable[[str], None]) -> Plan:
    """Plan a run. Reads a few bounded pages, writes nothing. `told` hears what is going on.

    Raises InputError for a window that reaches behind the cutoff.
    """
    before = session.governor.figures().read_units
    window = _allowed(session, request, now)
    holds = tuple(Holds(session.store, session.keys).active(now))
    if request.command == "sweep":
        return _sweep_plan(session, request, window, holds, now)
    told("looking for modules")
    starts = _starts(session, request)
    told(f"found {len(starts)} modules; looking how many messages they have")
    planned = _not_held(session, [plan for plan in _module_plans(session, request, starts, window) if plan is not None], holds, now)
    with ThreadPoolExecutor(session.config.limits.streams, "plan") as pool:
        parts = list(pool.map(lambda part: _estimated(session, part, exact=request.exact), planned))
    modules = tuple(module for module, _ in parts)
    looked, looked_bytes = sum(rows for _, (rows, _) in parts), sum(size for _, (_, size) in parts)
    item_bytes = max(looked_bytes // looked, 1) if looked and session.facts.is_whole else session.facts.item_bytes
    plan = _priced(session, request, modules, holds, (item_bytes, session.governor.figures().read_units - before))
    if request.command == "nightly" and (text := _pause(session, plan, now)):
        told(text)
    return plan


def _pause(session: Session, plan: Plan, now: datetime) -> str | None:
    """Say how much has come together where the last complete night was not yesterday's."""
    through = complete_through(session.store, session.keys, session.config.policy.purge, session.named_modules)
    days = None if through is None else (archive_end(session, now) - through).days
    if (days is not None and days <= 1) or not plan.rows:
        return None
    cost = plan.cost
    seconds = float(cost.read_units) / session.governor.budget.rate("read")
    if plan.purge != "keep":
        seconds += plan.rows / float(plan.rate.rows_a_second)
    since = "no night has been completed in this mode yet" if days is None else f"{days:,} days since the last complete night"
    return f"{since}: about {plan.rows:,} messages, {seconds / 3600:,.2f} hours at least under [limits], ${float(cost.once):,.2f}"


def _not_held(session: Session, modules: Sequence[ModulePlan], holds: tuple[Hold, ...], now: datetime) -> list[ModulePlan]:
    """Return what restored windows leave of the modules' windows: whole segments, for a segment is purged as a whole."""
    layouts = session.record.layouts
    return [replace(module, window=part) for module in modules for part in free_windows(holds, module.module, module.window, layouts, now)]


def _allowed(session: Session, request: Request, now: datetime) -> Window | None:
    """Return the window a run may touch, or None where there is none yet."""
    end = archive_end(session, now)
    if request.window is None:
        earliest = session.config.source.earliest
        return Window(earliest, end) if earliest < end else None
    if request.window.end > end:
        message = (
            f"--to {iso(request.window.end)} is after {iso(end)}: messages are archived when they are "
            f"{session.config.policy.retention_days} days old and their whole {session.record.layouts.current.partition} is; "
            f"use --to {iso(end)} or earlier, or lower [policy] retention_days"
        )
        raise InputError(message)
    return request.window


def _starts(session: Session, request: Request) -> list[ModuleStart]:
    if request.modules is not None and request.window is not None:
        return [ModuleStart(module, None, junk=False) for module in request.modules]
    starts = session.reader.modules(session.facts)
    if request.modules is not None:
        starts = [start for start in starts if start.module in request.modules]
    return sorted(starts, key=lambda start: (isinstance(start.module, str), start.module))


def _module_plans(session: Session, request: Request, starts: list[ModuleStart], window: Window | None) -> list[ModulePlan | None]:
    if window is None:
        return []
    floor = session.record.layouts.floor
    first = window.start
    if request.command == "nightly" and session.config.policy.purge != "delete":
        # The table does not empty itself: what a complete run has covered is read again for a few days only.
        through = complete_through(session.store, session.keys, session.config.policy.purge, session.named_modules)
        if through is not None:
            first = max(first, floor(through) - timedelta(days=_reread_days(session.config.policy)))

    def plan(start: ModuleStart) -> ModulePlan | None:
        if start.oldest_ms is None and request.window is None:
            return None
        oldest = first if start.oldest_ms is None else max(first, from_ms(start.oldest_ms))
        begin = max(floor(oldest), window.start)
        return ModulePlan(start.module, Window(begin, window.end), 0, 0, 0, start.junk) if begin < window.end else None

    return [plan(start) for start in starts]


def _reread_days(policy: Policy) -> int:
    """Return how many days of what is complete are read again.

    In mode expire these are all nights on which marked messages may still be there: an edit is found only by reading them.
    """
    return max(policy.overlap_days, policy.expire_after_days + 1) if policy.purge == "expire" else policy.overlap_days


def _estimated(session: Session, module: ModulePlan, *, exact: bool) -> tuple[ModulePlan, tuple[int, int]]:
    """Return the module with its expected rows, and the rows and bytes that were looked at."""
    decoder = session.decoder()
    window = module.window
    if module.module is None:
        return module, (0, 0)
    if exact:
        rows = session.reader.count(module.module, window)
        probe = session.reader.probe(module.module, window, decoder, _ROWS_A_LOOK)
        return ModulePlan(module.module, window, rows, rows, rows, module.junk), (probe.rows, probe.bytes)
    looks: list[Look] = []
    size = 0
    step = (window.end - window.start) / _LOOKS
    for number in range(_LOOKS):
        end = window.end if number == _LOOKS - 1 else window.start + step * (number + 1)
        part = Window(window.start + step * number, end)
        probe = session.reader.probe(module.module, part, decoder, _ROWS_A_LOOK)
        size += probe.bytes
        looks.append(Look(part.start_ms, part.end_ms, probe.rows, probe.last_ms, probe.complete))
    rows, low, high = estimate(looks)
    seen = sum(look.rows for look in looks)
    return ModulePlan(module.module, window, rows, low, high, module.junk), (seen, size)


def _sweep_plan(session: Session, request: Request, window: Window | None, holds: tuple[Hold, ...], now: datetime) -> Plan:
    """Plan a scan of the whole base table: its price is known beforehand, what it finds is not."""
    facts = session.facts
    hint = max(facts.items - facts.index_items, 0)
    modules = (ModulePlan(None, window, hint, 0, max(hint, facts.items), junk=False),) if window else ()
    free = tuple(_not_held(session, modules, holds, now))
    plan = _priced(session, request, free, holds, (facts.item_bytes, 0.0))
    scan = Work(facts.items, plan.item_bytes, 0, session.config.limits.streams, 0, 0)
    return replace(plan, cost=price_archive(scan, "keep", session.prices), first_batch=max(plan.segments, 1))


def _priced(
    session: Session, request: Request, modules: tuple[ModulePlan, ...], holds: tuple[Hold, ...], measured: tuple[int, float]
) -> Plan:
    item_bytes, reads = measured
    policy, parts = session.config.policy, session.facts.parts
    rows = sum(module.rows for module in modules)
    window = Window(min(module.window.start for module in modules), max(module.window.end for module in modules)) if modules else None
    segments = sum(1 for _ in session.record.layouts.segments(window)) if window else 0
    room = session.config.lake.spool_bytes // 2
    first = max(1, min(segments, int(segments * room / max(rows * item_bytes * 2, 1))))
    work = Work(
        rows=rows,
        item_bytes=item_bytes,
        indexes=sum(part.projection == "ALL" for part in parts),
        queries=len(modules) * -(-segments // first) if segments else 0,
        segments=min(segments, rows),
        lake_bytes=rows * item_bytes // LAKE_SHARE,
        entries=tuple(part.entry_bytes for part in parts if part.projection != "ALL"),
        fetched=0 if session.facts.is_whole else parts[0].entry_bytes,
    )
    cost = price_archive(work, policy.purge, session.prices)
    days = max((window.end - window.start).days, 1) if window else 1
    busiest = max([BUSIEST_PROVIDER, *(Decimal(module.rows) / rows for module in modules if rows)])
    rate = purge_rate(rows // days, item_bytes, session.facts.indexes, session.governor.budget.write_rates(), busiest)
    warnings = [
        f"module {module.module} has messages before [source] earliest; they stay where they are" for module in modules if module.junk
    ]
    warnings += [f"hold {hold.run} leaves restored messages of {hold.window} alone until {iso(hold.until)}" for hold in holds]
    if window is not None and modules and backup_is_due(session):
        warnings.append(
            "this is the lake's first purge: it begins with an on-demand backup of the table ([policy] backup_before_first_purge)"
        )
    if policy.purge != "keep" and not rate.keeps_up:
        warnings.append("purging takes longer than messages come in: raise the write units of [limits], or set a TTL when they are written")
    if policy.purge != "keep" and (replicas := session.facts.replicas):
        warnings.append(f"the table has {replicas} replicas: each removal is paid in each region; the units and dollars are this region's")
    return Plan(
        command=request.command,
        window=window,
        modules=modules,
        named=session.named_modules if request.modules is None else tuple(map(str, request.modules)),
        holds=holds,
        purge=policy.purge,
        segments=segments,
        first_batch=first,
        item_bytes=item_bytes,
        cost=cost,
        prices=session.prices,
        rate=rate,
        exact=request.exact,
        reads=reads,
        warnings=tuple(warnings),
    )
