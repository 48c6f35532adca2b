"""The backfill of a whole world in four parts, by module and by window, in another order than that of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.integration.command import Outcome
from tests.integration.items import Message
from tests.integration.sites import Site
from tests.integration.worlds import is_archived


@dataclass(frozen=True, slots=True)
class Halves:
    """A lake that was filled in parts, and how each part ended."""

    site: Site
    outcomes: list[Outcome]


def in_halves(site: Site, source: Iterable[Message]) -> Halves:
    """Backfill four parts into a lake of their own; the windows meet at the median message, in the middle of a day."""
    archived = [message for message in source if is_archived(message)]
    moments = sorted(message["timestamp"][1] for message in archived)
    middle = datetime.fromtimestamp(int(moments[len(moments) // 2]) // 1000, UTC).isoformat()
    early, late = ("--from", "2023-01-01", "--to", middle), ("--from", middle, "--to", "2026-01-01")
    some, others = _modules(sorted({message["moduleId"][1] for message in archived}))
    parts = [(late, some), (early, some), (early, others), (late, others)]
    return Halves(site, [site.run("backfill", *window, *modules, "--yes", "--json").done() for window, modules in parts])


def _modules(modules: list[Decimal]) -> tuple[list[str], list[str]]:
    """Return options that name every other module, and the rest; where no option can name it, none: the whole, over what is there."""
    rest = [] if any(module % 1 for module in modules) else modules[1::2]
    return _options(modules[::2]), _options(rest)


def _options(modules: list[Decimal]) -> list[str]:
    return [word for module in modules if module == int(module) for word in ("--module", str(int(module)))]
