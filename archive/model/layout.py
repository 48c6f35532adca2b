"""Layouts: how time is cut into partitions (Athena's `dt`) and segments, the unit of storage, proof and purge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Literal

from archive.errors import InputError
from archive.model.window import DAY, Window, from_ms, midnight, months_later

Partition = Literal["day", "month"]
_LENGTH = re.compile(r"(\d{1,4})(m|h)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A window that divides its partition. `dt` is the partition's first day."""

    window: Window
    dt: date

    @property
    def name(self) -> str:
        """The object's name without its ending: `20240115T0000Z-20240116T0000Z`."""
        return f"{self.window.start:%Y%m%dT%H%MZ}-{self.window.end:%Y%m%dT%H%MZ}"


@dataclass(frozen=True, slots=True)
class Layout:
    """From `start` on, time is cut into `partition`s and these into segments of `segment` (None: not cut)."""

    start: date
    partition: Partition
    segment: timedelta | None

    @classmethod
    def parse(cls, start: date, partition: str, segment: str) -> Layout:
        """Read settings: partition `day` or `month`; segment `month`, `day`, or a length such as `6h` that divides a day."""
        if partition not in ("day", "month"):
            message = f"partition must be day or month, not {partition!r}"
            raise InputError(message)
        return cls(start, "month" if partition == "month" else "day", _parse_segment(partition, segment))

    @property
    def segment_text(self) -> str:
        """The segment's length as it is written in settings."""
        if self.segment is None:
            return self.partition
        if self.segment == DAY:
            return "day"
        minutes = self.segment // timedelta(minutes=1)
        return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"

    def partition_of(self, instant: datetime) -> Window:
        """Return the partition that holds `instant`."""
        day = instant.astimezone(UTC).date()
        if self.partition == "day":
            return Window(midnight(day), midnight(day) + DAY)
        return Window(midnight(months_later(day, 0)), midnight(months_later(day)))

    def segment_of(self, instant: datetime) -> Segment:
        """Return the segment that holds `instant`: a pure function of it and of the layout."""
        partition = self.partition_of(instant)
        if self.segment is None:
            return Segment(partition, partition.start.date())
        start = partition.start + (instant - partition.start) // self.segment * self.segment
        return Segment(Window(start, start + self.segment), partition.start.date())


def _parse_segment(partition: str, text: str) -> timedelta | None:
    if text == partition:
        return None
    if text == "day":
        return DAY
    if match := _LENGTH.fullmatch(text):
        length = int(match[1]) * _UNITS[match[2]]
        if length and not DAY % length:
            return None if partition == "day" and length == DAY else length
    message = f"segment {text!r} does not divide a {partition}; use {partition}, or a length such as 12h, 6h, 1h or 15m"
    raise InputError(message)


@dataclass(frozen=True, slots=True)
class Layouts:
    """All layouts a lake ever had, oldest first. The first one also holds for everything before its start."""

    items: tuple[Layout, ...]

    def __post_init__(self) -> None:
        """Refuse none, an order that is not by start, and a start that would cut a partition in two."""
        starts = [layout.start for layout in self.items]
        if not starts or starts != sorted(set(starts)):
            message = "archive.json must list its layouts by their start, each start once"
            raise InputError(message)
        for before, after in pairwise(self.items):
            start = midnight(after.start)
            if not before.partition_of(start).start == start == after.partition_of(start).start:
                message = f"archive.json has a layout from {after.start} on, where a month is not over; let it start with a month"
                raise InputError(message)

    @property
    def current(self) -> Layout:
        """The layout for what has not been archived yet."""
        return self.items[-1]

    def at(self, instant: datetime) -> Layout:
        """Return the layout in force for messages of `instant`."""
        found = self.items[0]
        for layout in self.items[1:]:
            if midnight(layout.start) <= instant:
                found = layout
        return found

    def segment_of(self, milliseconds: int) -> Segment:
        """Return the segment of a message that was sent at this epoch millisecond."""
        instant = from_ms(milliseconds)
        return self.at(instant).segment_of(instant)

    def floor(self, instant: datetime) -> datetime:
        """Return the start of the partition that holds `instant`."""
        return self.at(instant).partition_of(instant).start

    def segments(self, window: Window) -> Iterator[Segment]:
        """Yield, in order, every segment that shares an instant with `window`."""
        instant = window.start
        while instant < window.end:
            segment = self.at(instant).segment_of(instant)
            yield segment
            instant = segment.window.end
