"""Finds, before Glue stores it, what Athena would reject or silently answer with no rows.

Glue stores any parameters, and Athena reads them only when a query runs. The rules are those of
https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html,
https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html (lengths).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from archive.errors import InputError
from athena.tables import DATE_FORMAT, Table

MAX_COMMENT: Final = 255
MAX_DESCRIPTION: Final = 2_048
_NAME = re.compile(r"[a-z0-9_]{1,128}")
_NOW = re.compile(r"\s*NOW\s*(([+-])\s*([0-9]+)\s*(YEARS?|MONTHS?|WEEKS?|DAYS?|HOURS?|MINUTES?|SECONDS?)\s*)?")
_HIVE_TYPE = re.compile(r"string|bigint|double|boolean|timestamp|date|array<string>|array<array<bigint>>|decimal\((\d{1,2}),(\d{1,2})\)")
_SETTINGS: Final = ("type", "format", "range", "interval", "interval.unit")
_UNITS: Final = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS")
# Only these letters of Java's DateTimeFormatter are understood: a date pattern that we cannot check is refused.
_LETTERS: Final = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_MAX_DIGITS: Final = 38


def validate_projection(table: Table) -> None:
    """Raise InputError, in one sentence, for the first thing about `table` that Athena would not take or would not find rows by."""
    _check_names(table)
    _check_texts(table)
    _check_location(table)
    parameters = dict(table.parameters)
    if parameters.get("projection.enabled", "").strip().lower() != "true":
        _refuse(table, "projection.enabled is not true, so Athena would look for partitions that nobody adds; set it to true")
    if not table.partition_keys:
        _refuse(table, "projection is on, but there is no partition column; add dt")
    _check_strangers(table, parameters)
    for key in table.partition_keys:
        _check_date(table, key.name, key.type, parameters)


def _refuse(table: Table, why: str) -> None:
    message = f"table {table.name!r} cannot be registered: {why}"
    raise InputError(message)


def _check_names(table: Table) -> None:
    names = [column.name for column in (*table.columns, *table.partition_keys)]
    for name in (table.name, *names):
        if not _NAME.fullmatch(name):
            _refuse(table, f"{name!r} must be lower-case letters, digits and underscores (Glue lower-cases names)")
    for name in names:
        if names.count(name) > 1:
            _refuse(table, f"two columns are called {name!r}; give each its own name")


def _check_texts(table: Table) -> None:
    if len(table.description) > MAX_DESCRIPTION:
        _refuse(table, f"its description is longer than {MAX_DESCRIPTION} characters; shorten it")
    for column in (*table.columns, *table.partition_keys):
        if len(column.comment) > MAX_COMMENT:
            _refuse(table, f"the comment of {column.name!r} has {len(column.comment)} characters; Glue takes {MAX_COMMENT}")
        if "\n" in column.comment or "\r" in column.comment:
            _refuse(table, f"the comment of {column.name!r} has a line break, which Glue does not take; remove it")
        match = _HIVE_TYPE.fullmatch(column.type)
        if not match:
            _refuse(table, f"{column.type!r} of {column.name!r} is not a type that Athena and the lake share")
        elif match[1] and not (1 <= int(match[1]) <= _MAX_DIGITS and int(match[2]) <= int(match[1])):
            _refuse(table, f"{column.type!r} of {column.name!r} is out of range; a decimal has 1 to {_MAX_DIGITS} digits")


def _check_location(table: Table) -> None:
    for what, text in (("location", table.location), ("storage.location.template", _template(table))):
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.*", text):
            _refuse(table, f"its {what} {text!r} is not s3://bucket/folder/")
        if not text.endswith("/"):
            _refuse(table, f"its {what} {text!r} must end with a slash")
        if "//" in text.removeprefix("s3://"):
            _refuse(table, f"its {what} {text!r} has an empty folder name, which matches no object; remove the double slash")
        if any(part.startswith(("_", ".")) for part in text.removeprefix("s3://").split("/")[1:]):
            _refuse(table, f"its {what} {text!r} has a part that begins with _ or . and Athena reads nothing there")
    if not _template(table).startswith(table.location):
        _refuse(table, f"its storage.location.template {_template(table)!r} does not lie below its location {table.location!r}")


def _template(table: Table) -> str:
    default = table.location + "".join(f"{key.name}=${{{key.name}}}/" for key in table.partition_keys)
    template = dict(table.parameters).get("storage.location.template", default)
    names = re.findall(r"\$\{([^}]*)\}", template)
    keys = [key.name for key in table.partition_keys]
    for key in keys:
        if key not in names:
            _refuse(table, f"its storage.location.template lacks ${{{key}}}; Athena wants a placeholder for every partition column")
    for name in names:
        if name not in keys:
            _refuse(table, f"its storage.location.template names ${{{name}}}, which is not a partition column")
    return template


def _check_strangers(table: Table, parameters: Mapping[str, str]) -> None:
    allowed = {"projection.enabled"} | {f"projection.{key.name}.{setting}" for key in table.partition_keys for setting in _SETTINGS}
    for name in parameters:
        if name.startswith("projection.") and name not in allowed:
            _refuse(table, f"{name} does not belong to a partition column of type date; remove it or correct its name")


def _check_date(table: Table, key: str, hive_type: str, parameters: Mapping[str, str]) -> None:
    prefix = f"projection.{key}"
    kind = parameters.get(f"{prefix}.type")
    if kind is None:
        _refuse(table, f"the partition column {key!r} has no {prefix}.type; set it to date")
    elif kind.strip().lower() != "date":
        _refuse(table, f"{prefix}.type is {kind!r}; the lake is partitioned by date")
    for setting in ("format", "range"):
        if not parameters.get(f"{prefix}.{setting}"):
            _refuse(table, f"{prefix}.{setting} is missing; a projection of type date needs it")
    pattern, bounds = parameters[f"{prefix}.format"], parameters[f"{prefix}.range"].split(",")
    if hive_type == "date" and pattern != DATE_FORMAT:
        _refuse(table, f"{prefix}.format is {pattern!r}, but {key!r} is a date, which is always written {DATE_FORMAT}")
    python = _strptime_pattern(table, prefix, pattern)
    if len(bounds) != 2:  # noqa: PLR2004 - a range has two ends
        _refuse(table, f"{prefix}.range must be two values with a comma between them, not {parameters[f'{prefix}.range']!r}")
    start, end = (_bound(table, prefix, text, pattern, python) for text in bounds)
    if start and end and start > end:
        _refuse(table, f"{prefix}.range begins after its end, so that no partition would be in it")
    _check_interval(table, prefix, parameters, pattern, start)


def _strptime_pattern(table: Table, prefix: str, pattern: str) -> str:
    parts = re.findall(r"([A-Za-z])(\1*)|([^A-Za-z])", pattern)
    words = [other or first + rest for first, rest, other in parts]
    for word in words:
        if word[0].isalpha() and word not in _LETTERS:
            _refuse(table, f"{prefix}.format {pattern!r} has {word!r}; use {', '.join(_LETTERS)} and separators")
    if "yyyy" not in words:
        _refuse(table, f"{prefix}.format {pattern!r} has no yyyy, so that partitions of two years would be one")
    return "".join(_LETTERS.get(word, word.replace("%", "%%")) for word in words)


def _bound(table: Table, prefix: str, text: str, pattern: str, python: str) -> datetime | None:
    """Return a fixed bound, or None for one that is relative to NOW."""
    if _NOW.fullmatch(text):
        return None
    try:
        bound = datetime.strptime(text, python)  # noqa: DTZ007 - only compared with the other bound; both are UTC
    except ValueError:
        bound = None
    if bound is None or len(text) != len(pattern):
        _refuse(table, f"{prefix}.range has {text!r}, which is neither {pattern} nor NOW (spaces count)")
    return bound


def _check_interval(table: Table, prefix: str, parameters: Mapping[str, str], pattern: str, start: datetime | None) -> None:
    finest = "SECONDS" if "ss" in pattern else "MINUTES" if "mm" in pattern else "HOURS" if "HH" in pattern else ""
    finest = finest or ("DAYS" if "dd" in pattern else "MONTHS" if "MM" in pattern else "YEARS")
    interval, unit = parameters.get(f"{prefix}.interval"), parameters.get(f"{prefix}.interval.unit")
    if (interval is None) != (unit is None) or (interval is None and finest not in ("DAYS", "MONTHS")):
        _refuse(table, f"{prefix}.interval and {prefix}.interval.unit go together; set both")
    if interval is None or unit is None:
        return
    if not re.fullmatch(r"\s*0*[1-9][0-9]*\s*", interval):
        _refuse(table, f"{prefix}.interval is {interval!r}; it must be a positive whole number")
    unit = unit.strip().upper()
    if unit not in _UNITS:
        _refuse(table, f"{prefix}.interval.unit is {unit!r}; use one of {', '.join(_UNITS)}")
    if _UNITS.index(unit) > _UNITS.index(finest):
        _refuse(table, f"{prefix}.interval.unit {unit} is finer than {pattern} can write; use {finest}")
    if unit == "MONTHS" and "dd" in pattern and start is None:
        _refuse(table, f"{prefix}.range must begin on a fixed first day of a month, because months are counted from there")
    if unit in ("MONTHS", "YEARS") and start and start.day != 1:
        _refuse(table, f"{prefix}.range begins on day {start.day}, but a month's partition is named after its first day; begin on day 1")
