"""Which days are archived, purged, or missing: ranges, from what the lake lists and what complete runs have read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archive.model.layout import Segment
from archive.model.window import Window, iso


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time, and how many segments it has; days without messages have none."""

    window: Window
    segments: int

    def to_dict(self) -> dict[str, object]:
        """Return the range for `--json`."""
        return {"from": iso(self.window.start), "to": iso(self.window.end), "segments": self.segments}


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time that is not archived although it should be, and why that is thought."""

    window: Window
    why: str

    def to_dict(self) -> dict[str, object]:
        """Return the gap for `--json`."""
        return {"from": iso(self.window.start), "to": iso(self.window.end), "why": self.why}


def united(windows: Iterable[Window]) -> list[Window]:
    """Return windows in order, those that touch or overlap as one."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def covers(windows: Sequence[Window], window: Window) -> bool:
    """Say whether one of `united` windows holds all of `window`."""
    return any(one.covers(window) for one in windows)


def ranges(segments: Iterable[Segment], read: Sequence[Window]) -> list[Range]:
    """Return the segments as ranges; days without a segment that complete runs have read (`read`, united) do not part them."""
    found: list[Range] = []
    for segment in sorted(segments):
        window = segment.window
        last = found[-1] if found else None
        if last and (last.window.end >= window.start or covers(read, Window(last.window.end, window.start))):
            found[-1] = Range(Window(last.window.start, max(last.window.end, window.end)), last.segments + 1)
        else:
            found.append(Range(window, 1))
    return found


def unread(archived: Sequence[Range], read: Sequence[Window]) -> list[Gap]:
    """Return what lies between the first and the last of what is archived or read, and is neither."""
    known = united([*(one.window for one in archived), *read])
    return [
        Gap(Window(before.end, after.start), "no complete run has read it, and no segment is there") for before, after in pairwise(known)
    ]
