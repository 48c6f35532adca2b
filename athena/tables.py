"""The Glue tables over what archive/ writes: columns, formats and partition projection, as values.

`glue_input()` is what Glue's CreateTable and UpdateTable take as TableInput:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html#aws-glue-api-catalog-tables-TableInput
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from archive.model.config import Config
from archive.model.keys import LakeKeys
from archive.model.layout import Partition
from archive.model.spec import PARTITION_COLUMN, REMAINDER, ColumnType, TableSpec

RECEIPTS: Final = "receipts"
DATE_FORMAT: Final = "yyyy-MM-dd"
_UNITS: Final[Mapping[Partition, str]] = {"day": "DAYS", "month": "MONTHS"}
_HIVE_TYPES: Final = {"string": "string", "int64": "bigint", "boolean": "boolean", "timestamp": "timestamp"}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as Glue has it. `type` is Hive's spelling: string, bigint, boolean, timestamp, date, decimal(p,s)."""

    name: str
    type: str
    comment: str = ""

    def glue_input(self) -> dict[str, Any]:
        """Return Glue's Column."""
        return {"Name": self.name, "Type": self.type, "Comment": self.comment}


@dataclass(frozen=True, slots=True)
class Format:
    """How Athena reads a table's files."""

    classification: str
    serde: str
    input_format: str
    output_format: str
    serde_parameters: tuple[tuple[str, str], ...] = ()


PARQUET: Final = Format(
    "parquet",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    (("serialization.format", "1"),),
)
JSON_LINES: Final = Format(
    "json",
    "org.openx.data.jsonserde.JsonSerDe",
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)

# The one source for the receipts table. It follows archive.model.receipt.Receipt, which a test checks.
RECEIPT_COLUMNS: Final = (
    TableColumn("segment", "string", "Name of the segment: start and end of its window"),
    TableColumn("window_start", "string", "First instant of the segment (ISO, UTC)"),
    TableColumn("window_end", "string", "First instant after the segment (ISO, UTC)"),
    TableColumn("key", "string", "S3 key of the segment's object"),
    TableColumn("rows", "bigint", "Messages in the segment"),
    TableColumn("bytes", "bigint", "Size of the object"),
    TableColumn("sha256", "string", "SHA-256 of the object's bytes, as it was proved"),
    TableColumn("etag", "string", "ETag of the object"),
    TableColumn("version_id", "string", "Version of the object; null where the bucket keeps none"),
    TableColumn("generation", "bigint", "How often the segment was stored, counted from 1"),
    TableColumn("predecessor", "string", "SHA-256 of the object that this one replaced; null for the first"),
    TableColumn("first_sent_at", "string", "Time of the segment's first message (ISO, UTC)"),
    TableColumn("last_sent_at", "string", "Time of the segment's last message (ISO, UTC)"),
    TableColumn("spec_version", "bigint", "Version of the table spec that the object was written with"),
    TableColumn("row_groups", "bigint", "Row groups in the object"),
    TableColumn("source_table", "string", "Name or ARN of the DynamoDB table"),
    TableColumn("source_table_id", "string", "TableId of the DynamoDB table"),
    TableColumn("run", "string", "Run that stored the object"),
    TableColumn("stored_at", "string", "When the object was stored (ISO, UTC)"),
)
_DT = TableColumn(PARTITION_COLUMN, "date", "First day (UTC) of the partition; name it in WHERE, so that little is read")


@dataclass(frozen=True, slots=True)
class Table:
    """One external table. `location` ends with a slash; `parameters` are Glue's table parameters, sorted by name."""

    name: str
    description: str
    location: str
    columns: tuple[TableColumn, ...]
    partition_keys: tuple[TableColumn, ...]
    format: Format
    parameters: tuple[tuple[str, str], ...]

    def glue_input(self) -> dict[str, Any]:
        """Return the TableInput for Glue's create_table and update_table."""
        return {
            "Name": self.name,
            "Description": self.description,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [column.glue_input() for column in self.partition_keys],
            "StorageDescriptor": {
                "Columns": [column.glue_input() for column in self.columns],
                "Location": self.location,
                "InputFormat": self.format.input_format,
                "OutputFormat": self.format.output_format,
                "Compressed": False,
                "SerdeInfo": {
                    "SerializationLibrary": self.format.serde,
                    "Parameters": dict(self.format.serde_parameters),
                },
            },
            "Parameters": dict(self.parameters),
        }

    def with_parameters(self, changed: Mapping[str, str]) -> Table:
        """Return a copy in which these table parameters have these values."""
        return replace(self, parameters=tuple(sorted({**dict(self.parameters), **changed}.items())))


def hive_type(kind: ColumnType) -> str:
    """Return Hive's name for a column type of the spec."""
    return str(kind) if kind.kind == "decimal" else _HIVE_TYPES[kind.kind]


def message_columns(spec: TableSpec) -> tuple[TableColumn, ...]:
    """Return every column of the messages table in the order of `SELECT *`: the spec's, the remainder, `dt`."""
    declared = (TableColumn(column.name, hive_type(column.type), column.comment) for column in spec.columns)
    return (*declared, TableColumn(REMAINDER, "string", "What the typed columns cannot hold, as JSON by attribute name"), _DT)


def receipt_columns() -> tuple[TableColumn, ...]:
    """Return every column of the receipts table in the order of `SELECT *`, `dt` last."""
    return (*RECEIPT_COLUMNS, _DT)


def messages_table(spec: TableSpec, location: str, earliest: date, partition: Partition, name: str = "messages") -> Table:
    """Return the table over the segments below `location` (the folder `messages/`, ending with a slash).

    With partition `month` the range begins on the first day of the month of `earliest`: Athena counts the partitions from there.
    """
    columns = message_columns(spec)[:-1]
    parameters = _projection(location, earliest, partition) | {"classification": PARQUET.classification}
    return Table(name, "Archived messages, one row each", location, columns, (_DT,), PARQUET, _sorted(parameters))


def receipts_table(location: str, earliest: date, partition: Partition) -> Table:
    """Return the table over the receipts below `location` (the folder `receipts/`), one line of JSON an object.

    The SerDe and its limits: https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
    """
    parameters = _projection(location, earliest, partition) | {"classification": JSON_LINES.classification}
    description = "What each stored segment holds and how that was proved"
    return Table(RECEIPTS, description, location, RECEIPT_COLUMNS, (_DT,), JSON_LINES, _sorted(parameters))


def lake_tables(config: Config, table: str, earliest: date) -> tuple[Table, Table]:
    """Return the messages table (called `table`) and the receipts table of a configured lake, from the partition of `earliest` on."""
    keys = LakeKeys.below(config.lake.prefix)
    partition: Partition = "month" if config.lake.partition == "month" else "day"
    root = f"s3://{config.lake.bucket}/"
    return (
        messages_table(config.source.spec, root + keys.folder("messages"), earliest, partition, table),
        receipts_table(root + keys.folder(RECEIPTS), earliest, partition),
    )


def _projection(location: str, earliest: date, partition: Partition) -> dict[str, str]:
    """Return the properties of https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html for `dt`."""
    start = earliest.replace(day=1) if partition == "month" else earliest
    prefix = f"projection.{PARTITION_COLUMN}"
    return {
        "EXTERNAL": "TRUE",
        "projection.enabled": "true",
        f"{prefix}.type": "date",
        f"{prefix}.format": DATE_FORMAT,
        f"{prefix}.range": f"{start.isoformat()},NOW",
        f"{prefix}.interval": "1",
        f"{prefix}.interval.unit": _UNITS[partition],
        "storage.location.template": f"{location}{PARTITION_COLUMN}=${{{PARTITION_COLUMN}}}/",
    }


def _sorted(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(parameters.items()))
