"""Receipts: what a segment holds and how that was proved. A projection of the object's own metadata and footer."""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, dataclass
from datetime import datetime

import msgspec

from archive.errors import LakeDamagedError
from archive.model.layout import Segment
from archive.model.window import from_ms, iso

GENERATION, PREDECESSOR, RUN, STORED_AT = "generation", "predecessor", "run", "stored-at"
"""Names of the object's S3 metadata, written by the same PUT as its bytes."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The source table that a lake belongs to."""

    table_arn: str
    table_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One segment's receipt. `generation` counts the versions of its object; `predecessor` is the one before's SHA-256."""

    segment: str
    window_start: str
    window_end: str
    key: str
    rows: int
    bytes: int
    sha256: str
    etag: str
    version_id: str | None
    generation: int
    predecessor: str | None
    first_sent_at: str
    last_sent_at: str
    spec_version: int
    row_groups: int
    source_table: str
    source_table_id: str
    run: str
    stored_at: str

    def to_json(self) -> builtins.bytes:
        """Return one line of JSON, so that Athena reads receipts as a table."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, data: builtins.bytes, key: str) -> Receipt:
        """Read a receipt; raises LakeDamagedError, naming its key, where it is none."""
        try:
            return msgspec.json.decode(data, type=cls)
        except ValueError as error:
            message = f"{key} is not a readable receipt; delete it, and the next run makes it anew from the segment itself"
            raise LakeDamagedError(message) from error


def object_metadata(generation: int, predecessor: str | None, run: str, now: datetime) -> dict[str, str]:
    """Return the metadata of a segment's object."""
    return {GENERATION: str(generation), PREDECESSOR: predecessor or "", RUN: run, STORED_AT: iso(now)}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of a stored version: where, how large, its hash, and its metadata."""

    key: str
    bytes: int
    sha256: str
    etag: str
    version_id: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """What a segment's footer says it holds; times are epoch milliseconds."""

    rows: int
    row_groups: int
    first_ms: int
    last_ms: int
    spec_version: int


def receipt_of(segment: Segment, stored: StoredObject, held: Held, owner: Owner) -> Receipt:
    """Return the receipt of a stored version: the same, whether written at once or rebuilt later from the object."""
    metadata = stored.metadata
    try:
        generation = int(metadata[GENERATION])
    except (KeyError, ValueError) as error:
        message = f"{stored.key} was not stored by Dynalake (it has no generation); move it out of the lake's prefix"
        raise LakeDamagedError(message) from error
    return Receipt(
        segment=segment.name,
        window_start=iso(segment.window.start),
        window_end=iso(segment.window.end),
        key=stored.key,
        rows=held.rows,
        bytes=stored.bytes,
        sha256=stored.sha256,
        etag=stored.etag,
        version_id=stored.version_id,
        generation=generation,
        predecessor=metadata.get(PREDECESSOR) or None,
        first_sent_at=iso(from_ms(held.first_ms)),
        last_sent_at=iso(from_ms(held.last_ms)),
        spec_version=held.spec_version,
        row_groups=held.row_groups,
        source_table=owner.table_arn,
        source_table_id=owner.table_id,
        run=metadata.get(RUN, ""),
        stored_at=metadata.get(STORED_AT, ""),
    )
