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
from archive.model.spec import PARTITION_COLUMN, TableSpec
from athena.columns import MESSAGES_DESCRIPTION, PURGES, RECEIPTS, RUNS, Records, TableColumn, message_columns, record_columns

DATE_FORMAT: Final = "yyyy-MM-dd"
_UNITS: Final[Mapping[Partition, str]] = {"day": "DAYS", "month": "MONTHS"}


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


@dataclass(frozen=True, slots=True)
class Since:
    """From when on partitions may be there: those of messages, receipts and purges, and those of runs."""

    messages: date
    runs: date


def messages_table(spec: TableSpec, location: str, earliest: date, partition: Partition, name: str = "messages") -> Table:
    """Return the table over the segments below `location` (the folder `messages/`, ending with a slash).

    With partition `month` the range begins on the first day of the month of `earliest`: Athena counts the partitions from there.
    """
    *columns, dt = message_columns(spec)
    parameters = _parameters(location, MESSAGES_DESCRIPTION, PARQUET, earliest, partition)
    return Table(name, MESSAGES_DESCRIPTION, location, tuple(columns), (dt,), PARQUET, parameters)


def records_table(records: Records, location: str, earliest: date, partition: Partition) -> Table:
    """Return the table over a family of records below `location` (its folder, ending with a slash), one line of JSON an object.

    The SerDe, its limits, and how it takes a field under another name: https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
    """
    *columns, dt = record_columns(records)
    renamed = tuple((f"mapping.{column.name}", column.field) for column in columns if column.field)
    parameters = _parameters(location, records.description, JSON_LINES, earliest, partition)
    lines = replace(JSON_LINES, serde_parameters=renamed)
    return Table(records.name, records.description, location, tuple(columns), (dt,), lines, parameters)


def lake_tables(config: Config, table: str, since: Since) -> tuple[Table, ...]:
    """Return the messages table (called `table`), and those of the receipts, purges and runs of a configured lake."""
    keys = LakeKeys.below(config.lake.prefix)
    partition: Partition = "month" if config.lake.partition == "month" else "day"
    root = f"s3://{config.lake.bucket}/"
    return (
        messages_table(config.source.spec, root + keys.folder("messages"), since.messages, partition, table),
        records_table(RECEIPTS, root + keys.folder(RECEIPTS.name), since.messages, partition),
        records_table(PURGES, root + keys.folder(PURGES.name), since.messages, partition),
        # Runs are filed by the day they began on, whatever the layout of the messages.
        records_table(RUNS, root + keys.folder(RUNS.name), since.runs, "day"),
    )


def _parameters(location: str, description: str, form: Format, earliest: date, partition: Partition) -> tuple[tuple[str, str], ...]:
    """Return the table parameters, sorted: what the table is, and how its partitions follow from `dt`.

    The properties of https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html. `comment` is where Athena's
    own CREATE TABLE ... COMMENT puts a table's comment.
    """
    start = earliest.replace(day=1) if partition == "month" else earliest
    prefix = f"projection.{PARTITION_COLUMN}"
    parameters = {
        "EXTERNAL": "TRUE",
        "classification": form.classification,
        "comment": description,
        "projection.enabled": "true",
        f"{prefix}.type": "date",
        f"{prefix}.format": DATE_FORMAT,
        f"{prefix}.range": f"{start.isoformat()},NOW",
        f"{prefix}.interval": "1",
        f"{prefix}.interval.unit": _UNITS[partition],
        "storage.location.template": f"{location}{PARTITION_COLUMN}=${{{PARTITION_COLUMN}}}/",
    }
    return tuple(sorted(parameters.items()))
