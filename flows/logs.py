"""The log: one line an event, as text or as JSON, with its run, batch and segment, and never what a message says."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

LogForm = Literal["quiet", "text", "json"]

FIELDS: Final = ("run", "batch", "segment", "rows", "bytes", "generation", "added", "replaced", "removed", "changed", "missing", "refused")
"""What an event may carry besides its text: names and counts, never keys' values, contents or credentials."""


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's fields and text."""
        values: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        values |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        return json.dumps(values)


class _Text(logging.Formatter):
    """The same as words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, text and fields."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        fields = " ".join(f"{name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        return f"{moment} {record.levelname.lower()} {record.getMessage()} {fields}".rstrip()


def set_up(form: LogForm, stream: TextIO | None = None) -> None:
    """Send the log of `dynalake` to a stream (standard error) in this form; `quiet` sends nothing."""
    log = logging.getLogger("dynalake")
    log.handlers.clear()
    log.propagate = False
    if form == "quiet":
        log.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines() if form == "json" else _Text())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
