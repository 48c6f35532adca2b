"""What settings are made of: how each type of value is read from a file or a variable, and what is said where it is none."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from archive.model.config import Module

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SIZE = re.compile(r"(\d{1,12})\s*([KMGT]i?)?B?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_GLUE_NAME = re.compile(r"[a-z0-9_]{1,255}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}")
_OUTPUT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_CRON_FIELDS: Final = 5
_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_MOST_DOLLARS: Final = 10**6


class Section(BaseModel):
    """What all sections share: no unknown keys, and no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong(key: str, message: str) -> PydanticCustomError:
    """Make the error of a check over several keys: `key` is the one to change, `message` follows its name."""
    return PydanticCustomError("key", "{message}", {"key": key, "message": message})


def _whole(value: object) -> object:
    """Read a whole number from the environment's text; anything else goes on to the strict check."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _rate(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _day(value: object) -> object:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _size(value: object) -> object:
    """Read a size in bytes: a whole number, or a text such as 4GB (a thousand millions) or 4GiB (1024 cubed)."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        size = int(match[1]) * _PREFIXES[match[2] or ""]
    else:
        size = 0
    if size < 1:
        message = "is not a size; write one such as '4GB', or a number of bytes"
        raise ValueError(message)
    return size


def read_list(value: object) -> object:
    """Read a list from the environment's text, as JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _modules(value: object) -> object:
    found = read_list(value)
    if not isinstance(found, list) or not all(isinstance(item, int | str) and not isinstance(item, bool) for item in found):
        message = "is not a list of modules; write one such as [205, 303], or leave it out to have the modules discovered"
        raise ValueError(message)
    if not found:
        message = "is empty, so nothing would be archived; name at least one module, or leave it out to have them discovered"
        raise ValueError(message)
    if len(set(found)) < len(found):
        message = "names a module twice; keep one of the two"
        raise ValueError(message)
    return tuple(found)


def _folder(value: object) -> object:
    if isinstance(value, str) and value:
        return Path(value).expanduser()
    message = "is not a folder; write its path in quotes"
    raise ValueError(message)


def _cron(value: object) -> object:
    """Read a schedule of five fields that comes round."""
    if isinstance(value, str) and len(value.split()) == _CRON_FIELDS:
        with suppress(CronSimError, StopIteration):
            next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
            return value
    message = "is not a schedule; write minute, hour, day, month and weekday, such as '0 3 * * *' for three o'clock each night"
    raise ValueError(message)


def _zone(value: object) -> object:
    if isinstance(value, str) and value in available_timezones():
        return value
    message = "is not a time zone; write its name, such as 'UTC' or 'Europe/Berlin'"
    raise ValueError(message)


def _price(value: object) -> object:
    """Read an amount of US dollars from a number, or from the environment's text, as it is written: without what a float adds to it."""
    try:
        amount = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not 0 <= amount < _MOST_DOLLARS:
        message = "is not a price; write US dollars as a number, such as 0.625"
        raise ValueError(message)
    return amount


def _matching(pattern: re.Pattern[str], advice: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        raise ValueError(advice)

    return BeforeValidator(check)


Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
Rate = Annotated[float, Field(strict=True, gt=0, lt=math.inf, allow_inf_nan=False), BeforeValidator(_rate)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Day = Annotated[date, Field(strict=True), BeforeValidator(_day)]
Bytes = Annotated[int, BeforeValidator(_size)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Modules = Annotated[tuple[Module, ...], BeforeValidator(_modules)]
Bucket = Annotated[str, _matching(_BUCKET, "is not a bucket's name; write it alone, such as 'my-lake', without s3:// or a path")]
TableName = Annotated[str, _matching(_TABLE, "is not a name DynamoDB takes; write the name alone, without its ARN")]
GlueName = Annotated[str, _matching(_GLUE_NAME, "is not a name Glue takes; use lower-case letters, digits and underscores")]
Role = Annotated[str, _matching(_ROLE, "is not a role; write its ARN, such as 'arn:aws:iam::123456789012:role/archiver'")]
Topic = Annotated[str, _matching(_TOPIC, "is not a topic; write its ARN, such as 'arn:aws:sns:us-east-1:123456789012:dynalake'")]
Cron = Annotated[str, BeforeValidator(_cron)]
Zone = Annotated[str, BeforeValidator(_zone)]
Output = Annotated[str, _matching(_OUTPUT, "is not a place in S3; write one such as 's3://my-results/athena/'")]
Price = Annotated[Decimal, BeforeValidator(_price)]
