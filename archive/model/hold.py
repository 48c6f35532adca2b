"""Holds: restored windows that plans leave alone until a date, and the arithmetic on them. Nothing here reads a clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from archive.errors import LakeDamagedError
from archive.model.config import Module
from archive.model.layout import Layouts, Segment
from archive.model.window import Window, iso, parse_instant

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Hold:
    """Messages of `modules` (None: all, also those without a module) in `window` stay in the table before `until`.

    `run` is the run that made it, which is also its name; `released` is when somebody ended it early, or None.
    """

    run: str
    modules: tuple[Module, ...] | None
    window: Window
    until: datetime
    reason: str
    at: datetime
    released: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Say whether it holds at this moment."""
        return now < self.until and (self.released is None or now < self.released)

    def touches(self, module: Module | None, window: Window) -> bool:
        """Say whether a message of `module` (None: one without a module) in `window` may be held."""
        return self.names(module) and self.window.intersect(window) is not None

    def names(self, module: Module | None) -> bool:
        """Say whether it is for messages of `module` (None: those without a module)."""
        return self.modules is None or module in self.modules

    def replaces(self, other: Hold) -> bool:
        """Say whether it holds the very same as `other`, and for as long or longer.

        A wider one does not: it may be ended early by somebody who knows nothing of the other.
        """
        return (self.modules, self.window) == (other.modules, other.window) and self.until >= other.until

    def to_json(self) -> bytes:
        """Return one line of JSON. Modules are JSON numbers or texts, with every digit."""
        values = {
            "run": self.run,
            "modules": None if self.modules is None else list(self.modules),
            "window_start": iso(self.window.start),
            "window_end": iso(self.window.end),
            "until": iso(self.until),
            "reason": self.reason,
            "at": iso(self.at),
        }
        return _encode(values) + b"\n"

    @classmethod
    def from_json(cls, data: bytes, key: str) -> Hold:
        """Read a hold; raises LakeDamagedError where it is none: nobody may take a hold that cannot be read for no hold."""
        try:
            values: dict[str, Any] = json.loads(data, parse_float=Decimal)
            modules = values["modules"]
            return cls(
                run=str(values["run"]),
                modules=None if modules is None else tuple(modules),
                window=Window(parse_instant(values["window_start"]), parse_instant(values["window_end"])),
                until=parse_instant(values["until"]),
                reason=str(values["reason"]),
                at=parse_instant(values["at"]),
            )
        except Exception as error:  # whatever is wrong with it
            message = f"{key} is not a readable hold; restore it from the bucket's version history, or remove it if nothing is to be held"
            raise LakeDamagedError(message) from error


def hold_covers(holds: Iterable[Hold], module: Module | None, window: Window, now: datetime) -> Hold | None:
    """Return the active hold that ends last of those that keep some message of `module` in `window` where it is, or None."""
    found = [hold for hold in holds if hold.is_active(now) and hold.touches(module, window)]
    return max(found, key=lambda hold: hold.until, default=None)


def free_windows(holds: Iterable[Hold], module: Module | None, window: Window, layouts: Layouts, now: datetime) -> list[Window]:
    """Return what of `window` is left for `module`, in order of time; holds are widened to whole segments.

    A segment is stored and purged as a whole, so a plan leaves it out for a module as soon as a part of it is held.
    """
    free = [window]
    for hold in holds:
        if hold.is_active(now) and hold.names(module):
            held = _whole_segments(hold.window, layouts)
            free = [rest for part in free for rest in _without(part, held)]
    return free


def before_next_edge(segments: Sequence[Segment], holds: Iterable[Hold]) -> Sequence[Segment]:
    """Return the longest beginning of `segments` in which no hold begins or ends, so that one batch may read it as a whole."""
    windows = [hold.window for hold in holds]
    for position, segment in enumerate(segments):
        if any((window.intersect(segment.window) is None) != (window.intersect(segments[0].window) is None) for window in windows):
            return segments[:position]
    return segments


def _whole_segments(window: Window, layouts: Layouts) -> Window:
    first = layouts.at(window.start).segment_of(window.start).window
    last = layouts.at(window.end).segment_of(window.end).window  # begins where the window ends, or holds its last part
    return Window(first.start, window.end if last.start == window.end else last.end)


def _without(part: Window, held: Window) -> list[Window]:
    if part.intersect(held) is None:
        return [part]
    before = [Window(part.start, held.start)] if part.start < held.start else []
    return before + ([Window(held.end, part.end)] if held.end < part.end else [])
