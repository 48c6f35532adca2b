"""Makes Glue hold the database and the tables that the lake needs, and changes nothing that is already right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import error_code
from archive.model.spec import PARTITION_COLUMN
from athena.faults import translated
from athena.projection import validate_projection
from athena.tables import Table

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

_ABSENT: Final = "EntityNotFoundException"
_THERE_ALREADY: Final = "AlreadyExistsException"
# What Glue's Table has and TableInput takes as well, and what is not ours: UpdateTable would drop it if it were left out.
_KEPT: Final = ("Owner", "Retention", "LastAnalyzedTime", "LastAccessTime")
# All that TableInput takes: https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_TABLE_INPUT: Final = frozenset(
    {
        *_KEPT,
        "Name",
        "Description",
        "StorageDescriptor",
        "PartitionKeys",
        "ViewOriginalText",
        "ViewExpandedText",
        "TableType",
        "Parameters",
        "TargetTable",
    }
)
_RANGE: Final = f"projection.{PARTITION_COLUMN}.range"
_FORMAT: Final = f"projection.{PARTITION_COLUMN}.format"
_UNIT: Final = f"projection.{PARTITION_COLUMN}.interval.unit"


def register(glue: GlueClient, database: str, tables: Iterable[Table]) -> list[str]:
    """Create the database and the tables where they are missing, update those that differ, and return what was changed.

    May be repeated: a second call makes no write. What others added (owner, parameters, table-level settings) stays. A projection is
    never made narrower: an earlier start, or days where now months are wanted, is kept, because partitions from then may be there.
    Raises InputError for a table that Athena could not use, ServiceError for what Glue refuses.
    """
    wanted = list(tables)
    for table in wanted:
        validate_projection(table)
    changes = _database(glue, database)
    for table in wanted:
        changes += _table(glue, database, table)
    return changes


def widen(glue: GlueClient, database: str, tables: Iterable[Table]) -> tuple[list[str], list[str]]:
    """Make the projections of tables that are there cover what `tables` cover; return what was changed, and which tables are missing.

    Nothing else is touched: a table's columns, comments and place are for `register`, which is not run every night. May be repeated.
    """
    changes, missing = [], []
    for table in tables:
        name = f"{database}.{table.name}"
        there = stored_table(glue, database, table.name)
        if there is None:
            missing.append(name)
            continue
        parameters = there.get("Parameters", {})
        covering = dict(widened(table, parameters).parameters)
        changed = {key: covering[key] for key in (_RANGE, _UNIT) if parameters.get(key) != covering[key]}
        if changed:
            update_stored(glue, database, there, {"Parameters": {**parameters, **changed}})
            changes.append(f"updated table {name}: {', '.join(sorted(changed))}")
    return changes, missing


def update_stored(glue: GlueClient, database: str, there: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Change some entries of a table or view, as `stored_table` returned it, and leave the others."""
    kept = {key: value for key, value in there.items() if key in _TABLE_INPUT}
    with translated("glue:UpdateTable", f"{database}.{there['Name']}"):
        glue.update_table(DatabaseName=database, TableInput=_typed({**kept, **changed}))


def widened(table: Table, parameters: Mapping[str, str]) -> Table:
    """Return `table` with a projection that covers that of `parameters` (an older definition) as well."""
    ours, changed = dict(table.parameters), {}
    old_start, new_start = (_start(texts.get(_RANGE, "")) for texts in (parameters, ours))
    if parameters.get(_FORMAT) == ours.get(_FORMAT) and old_start and new_start and old_start < new_start:
        # Months are counted from the start, so that it has to stay a month's first day.
        start = old_start.replace(day=1) if ours.get(_UNIT) == "MONTHS" else old_start
        changed[_RANGE] = f"{start.isoformat()},{ours[_RANGE].split(',')[1]}"
    if parameters.get(_UNIT, "").strip().upper() == "DAYS" and ours.get(_UNIT) == "MONTHS":
        changed[_UNIT] = "DAYS"
    return table.with_parameters(changed) if changed else table


def _start(text: str) -> date | None:
    try:
        return date.fromisoformat(text.split(",", maxsplit=1)[0])
    except ValueError:
        return None


def _database(glue: GlueClient, database: str) -> list[str]:
    with translated("glue:GetDatabase", database):
        try:
            glue.get_database(Name=database)
        except ClientError as error:
            if error_code(error) != _ABSENT:
                raise
        else:
            return []
    with translated("glue:CreateDatabase", database):
        try:
            glue.create_database(DatabaseInput={"Name": database, "Description": "Messages archived by Dynalake"})
        except ClientError as error:
            # Another run made it since we looked: it is there, and that is all we want.
            if error_code(error) != _THERE_ALREADY:
                raise
            return []
    return [f"created database {database}"]


def _table(glue: GlueClient, database: str, table: Table) -> list[str]:
    name = f"{database}.{table.name}"
    there = stored_table(glue, database, table.name)
    if there is None:
        with translated("glue:CreateTable", name):
            try:
                glue.create_table(DatabaseName=database, TableInput=_typed(table.glue_input()))
            except ClientError as error:
                if error_code(error) != _THERE_ALREADY:
                    raise
            else:
                return [f"created table {name}"]
        there = stored_table(glue, database, table.name) or {}
    wanted = widened(table, there.get("Parameters", {})).glue_input()
    merged = _merge(there, wanted)
    differences = _differences(there, merged)
    if not differences:
        return []
    with translated("glue:UpdateTable", name):
        glue.update_table(DatabaseName=database, TableInput=_typed(merged))
    return [f"updated table {name}: {', '.join(differences)}"]


def _typed(table_input: dict[str, Any]) -> Any:  # noqa: ANN401 - boto3's TypedDict, which a golden file checks instead
    return table_input


def stored_table(glue: GlueClient, database: str, name: str) -> dict[str, Any] | None:
    """Return Glue's Table of a table or view, or None where there is none."""
    with translated("glue:GetTable", f"{database}.{name}"):
        try:
            return dict(glue.get_table(DatabaseName=database, Name=name)["Table"])
        except ClientError as error:
            if error_code(error) == _ABSENT:
                return None
            raise


def _merge(there: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what we want on top of what others set."""
    storage = {**there.get("StorageDescriptor", {}), **wanted["StorageDescriptor"]}
    kept = {key: there[key] for key in _KEPT if key in there}
    strangers = {
        name: value for name, value in there.get("Parameters", {}).items() if not name.startswith(("projection.", "storage.location."))
    }
    return {**kept, **wanted, "StorageDescriptor": storage, "Parameters": {**strangers, **wanted["Parameters"]}}


def _differences(there: Mapping[str, Any], merged: Mapping[str, Any]) -> list[str]:
    """Name what UpdateTable would change, in the terms of the table definition."""
    old, new = there.get("StorageDescriptor", {}), merged["StorageDescriptor"]
    found = [key.lower() for key in ("Description", "TableType") if there.get(key) != merged[key]]
    if _columns(there.get("PartitionKeys", [])) != _columns(merged["PartitionKeys"]):
        found.append("partition columns")
    if _columns(old.get("Columns", [])) != _columns(new["Columns"]):
        found.append("columns")
    if old.get("Location") != new["Location"]:
        found.append("location")
    formats = ("InputFormat", "OutputFormat", "SerdeInfo", "Compressed")
    if any(_bare(old.get(key)) != _bare(new[key]) for key in formats):
        found.append("format")
    before, after = there.get("Parameters", {}), merged["Parameters"]
    found += sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return found


def _columns(columns: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    return [(column["Name"], column.get("Type", ""), column.get("Comment", "")) for column in columns]


def _bare(value: Any) -> Any:  # noqa: ANN401 - part of Glue's answer
    """Return a part without what is empty: Glue leaves out empty maps and false flags."""
    if isinstance(value, Mapping):
        return {key: inner for key, inner in value.items() if inner}
    return value or None
