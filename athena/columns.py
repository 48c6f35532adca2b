"""The columns of the lake's tables: names, types, and what analysts read about them.

The messages' ones follow from the table spec. Those of the records (receipts, purges, runs) stand here, and follow the JSON that archive/
writes, which tests check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from archive.model.spec import PARTITION_COLUMN, REMAINDER, ColumnType, TableSpec

_HIVE_TYPES: Final = {"string": "string", "int64": "bigint", "boolean": "boolean", "timestamp": "timestamp"}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as Glue has it. `type` is Hive's spelling: string, bigint, double, boolean, timestamp, date, decimal(p,s), array<...>.

    `field` is the name in the JSON of a record, where it differs from the column's because SQL reserves it.
    """

    name: str
    type: str
    comment: str = ""
    field: str = ""

    def glue_input(self) -> dict[str, Any]:
        """Return Glue's Column."""
        return {"Name": self.name, "Type": self.type, "Comment": self.comment}

    @property
    def json_name(self) -> str:
        """The name in the JSON of a record."""
        return self.field or self.name


@dataclass(frozen=True, slots=True)
class Records:
    """A family of records, one line of JSON an object: the folder and the table are called `name`."""

    name: str
    description: str
    columns: tuple[TableColumn, ...]


MESSAGES_DESCRIPTION: Final = "Archived messages, one row each; all times are UTC"
DT: Final = TableColumn(PARTITION_COLUMN, "date", "First day (UTC) of the partition; name it in WHERE, so that little is read")
RUN_DT: Final = TableColumn(PARTITION_COLUMN, "date", "Day (UTC) on which the run began; name it in WHERE, so that little is read")


def _texts(**comments: str) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(name, "string", comment) for name, comment in comments.items())


def _counts(**comments: str) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(name, "bigint", comment) for name, comment in comments.items())


def _amounts(**comments: str) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(name, "double", comment) for name, comment in comments.items())


RECEIPTS: Final = Records(
    "receipts",
    "What each stored segment holds and how that was proved: one row a segment",
    (
        *_texts(
            segment="Name of the segment: start and end of its window",
            window_start="First instant of the segment (ISO, UTC)",
            window_end="First instant after the segment (ISO, UTC)",
            key="S3 key of the segment's object",
        ),
        *_counts(rows="Messages in the segment", bytes="Size of the object"),
        *_texts(
            sha256="SHA-256 of the object's bytes, as it was proved",
            etag="ETag of the object",
            version_id="Version of the object; null where the bucket keeps none",
        ),
        TableColumn("generation", "bigint", "How often the segment was stored, counted from 1"),
        *_texts(
            predecessor="SHA-256 of the object that this one replaced; null for the first",
            first_sent_at="Time of the segment's first message (ISO, UTC)",
            last_sent_at="Time of the segment's last message (ISO, UTC)",
        ),
        *_counts(spec_version="Version of the table spec that the object was written with", row_groups="Row groups in the object"),
        *_texts(
            source_table="Name or ARN of the DynamoDB table",
            source_table_id="TableId of the DynamoDB table",
            run="Run that stored the object",
            stored_at="When the object was stored (ISO, UTC)",
        ),
    ),
)
# Intents (written before the first removal) have `ranges`, outcomes (after the last) have `done`; an intent without outcome was killed.
PURGES: Final = Records(
    "purges",
    "What was removed from DynamoDB, one row an intent and one an outcome: an intent has ranges, an outcome has done",
    (
        *_texts(
            run="Run that purged",
            segment="Name of the segment: start and end of its window",
            mode="delete, or expire: marked with a TTL",
            protocol="partiql or single (intents only)",
            key="S3 key of the segment's object (intents only)",
        ),
        TableColumn("generation", "bigint", "Version of the segment that was purged from, counted from 1 (intents only)"),
        *_texts(
            sha256="SHA-256 of that version, as it was proved (intents only)",
            version_id="Version of the object in the bucket (intents only)",
        ),
        TableColumn("rows", "bigint", "Messages that were to be removed (intent), or were tried (outcome; 0: called off)"),
        TableColumn("ranges", "array<array<bigint>>", "Their positions in the object, as half-open ranges (intents only)"),
        *_counts(
            done="Messages that were removed or marked (outcomes only)",
            changed="Messages that were not what was archived, and stay (outcomes only)",
            missing="Messages that were gone already (outcomes only)",
            refused="Messages that seemed unchanged, were refused, and stay (outcomes only)",
            surprises="Messages that were removed with something that was not archived, and rescued (outcomes only)",
        ),
        TableColumn("kept_keys", "array<string>", "Keys, as JSON, of the messages that stay (outcomes only)", "left"),
        TableColumn("recorded_at", "string", "When the record was made (ISO, UTC)", "at"),
    ),
)
RUNS: Final = Records(
    "runs",
    "What each run did and why it stopped: one row a run; restores have columns of their own, and lack those of other runs",
    (
        *_texts(
            run="Name of the run: when it began, and its command",
            command="nightly, backfill, purge, sweep or restore",
            purge="Mode: delete, expire or keep",
            what="What was to be restored (restores only)",
            started_at="When it began (ISO, UTC)",
            ended_at="When it ended (ISO, UTC)",
            why_stopped="done, or what came in between",
            window_start="First instant of its window (ISO, UTC); null where there was nothing to do",
            window_end="First instant after its window (ISO, UTC)",
            complete_through="First instant that the lake is not known to be complete for (ISO, UTC); nightly runs that were done only",
        ),
        TableColumn("restored_into", "string", "Table that messages were put into, or file (restores only)", "into"),
        TableColumn("modules", "bigint", "Modules that had messages in the window"),
        TableColumn("modules_named", "array<string>", "Modules that were named; null where all were discovered"),
        *_counts(
            messages_read="Messages read from DynamoDB",
            messages_added="Messages that the lake did not have",
            messages_replaced="Messages that the lake had in an earlier version",
            messages_superseded="Replaced messages whose earlier version was kept, because it had been removed from DynamoDB",
            messages_waiting="Late messages that wait in DynamoDB for the next time",
            messages_unreached="Messages of the plan, by its estimate, that the run did not come to",
            messages_in_quarantine="Messages of segments that are left alone, because their purge was refused again and again",
            table_items="Items of the table when the run began, as DescribeTable said",
            table_bytes="Bytes of the table when the run began, as DescribeTable said",
            index_bytes="Bytes of its indexes when the run began, as DescribeTable said",
            segments="Segments that had messages",
            segments_stored="Segments that were stored",
            segments_mended="Receipts that were made anew from their segments",
            segments_failed="Segments that were stopped with an alarm",
            bytes_stored="Bytes of the objects that were stored",
            messages_removed="Messages removed from DynamoDB, or marked",
            messages_changed="Messages that were not what was archived, and stay",
            messages_missing="Messages that were gone already",
            messages_refused="Messages that were refused, by the purge or by the table that was restored into",
            messages_restored="Messages put back (restores only)",
            messages_present="Messages that were there already, equal (restores only)",
            messages_kept="Messages that a purge had left, and were not restored (restores only)",
            messages_in_conflict="Messages that were there already, with other values (restores only)",
            surprises="Messages that were removed with something that was not archived, and rescued",
        ),
        *_texts(
            report="S3 key of the list of messages that could not be restored (restores only)",
            hold="Run whose hold keeps what was restored in DynamoDB (restores only)",
            held_until="Until when it is held (ISO, UTC; restores only)",
        ),
        *_amounts(
            read_units="DynamoDB read request units consumed",
            write_units="DynamoDB write request units consumed",
            dollars="What these units cost, in US dollars",
            predicted_read_units="Read request units that the plan expected, its own included",
            predicted_write_units="Write request units that the plan expected",
            predicted_dollars="What the expected units would have cost, in US dollars",
        ),
        TableColumn("predicted_messages", "bigint", "Messages that the plan expected"),
        TableColumn("dynamodb_requests", "bigint", "Requests to DynamoDB"),
        TableColumn("reading_seconds", "double", "Seconds that its batches read"),
        TableColumn("storing_seconds", "double", "Seconds that its segments were merged, proved and stored, all together"),
        TableColumn("purging_seconds", "double", "Seconds that its segments were purged from, all together"),
        TableColumn("waited_seconds", "double", "Seconds that its threads waited in all, so as to keep to [limits]"),
        *_counts(throttles="Requests that DynamoDB refused for now", s3_requests="Requests to S3"),
        TableColumn("seconds", "double", "How long it took, in seconds"),
    ),
)
RECORDS: Final[Mapping[str, Records]] = {records.name: records for records in (RECEIPTS, PURGES, RUNS)}


def hive_type(kind: ColumnType) -> str:
    """Return Hive's name for a column type of the spec."""
    return str(kind) if kind.kind == "decimal" else _HIVE_TYPES[kind.kind]


def message_columns(spec: TableSpec) -> tuple[TableColumn, ...]:
    """Return every column of the messages table in the order of `SELECT *`: the spec's, the remainder, `dt`."""
    declared = (TableColumn(column.name, hive_type(column.type), column.comment) for column in spec.columns)
    return (*declared, TableColumn(REMAINDER, "string", "What the typed columns cannot hold, as JSON by attribute name"), DT)


def record_columns(records: Records) -> tuple[TableColumn, ...]:
    """Return every column of a table of records in the order of `SELECT *`, `dt` last."""
    return (*records.columns, RUN_DT if records is RUNS else DT)
