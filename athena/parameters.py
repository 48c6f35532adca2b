"""Values for a question's question marks: read from the command line, spelled for Athena, typed for the translation.

They are bound by whichever engine answers, and never become part of the question's text.
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html: a parameter may stand in a WHERE clause only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from archive.errors import InputError
from athena.infer import DATE, INTEGER, STRING, Kind

Parameter = str | bool | int | Decimal | date | datetime | None
_TEXT: Final = "text:"
_WORDS: Final[dict[str, Parameter]] = {"true": True, "false": False, "null": None}


def parse_parameter(text: str) -> Parameter:
    """Return the value that somebody wrote: a whole number, a decimal, true, false, null, a date, a time (ISO), else a text.

    `text:` in front makes a text of what looks like something else. A time with a zone becomes one of UTC, as the lake's are.
    """
    if text.startswith(_TEXT):
        return text.removeprefix(_TEXT)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for pattern, read in _FORMS:
        with suppress(ValueError):
            if pattern.fullmatch(text):
                return read(text)
    return text


def athena_literal(value: Parameter) -> str:
    """Return a value as Athena's ExecutionParameters take it: as a literal of its SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).upper()
    if isinstance(value, Decimal):
        return f"DECIMAL '{value:f}'"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{_in_utc(value).isoformat(' ', 'milliseconds')}'"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else "'" + value.replace("'", "''") + "'"


def bound_value(value: Parameter) -> Parameter:
    """Return a value as DuckDB takes it."""
    return _in_utc(value) if isinstance(value, datetime) else value


def kind_of_parameter(value: Parameter) -> Kind | None:
    """Return the kind of a value; None for NULL, which is of any."""
    if isinstance(value, Decimal):
        return Kind("decimal", max(0, -int(value.as_tuple().exponent)))
    # A bool is an int to Python, and a datetime a date: the narrower one comes first.
    kinds = ((bool, Kind("boolean")), (int, INTEGER), (datetime, Kind("timestamp")), (date, DATE), (str, STRING))
    return next((kind for type_, kind in kinds if isinstance(value, type_)), None)


def require_as_many(marks: int, values: int) -> None:
    """Refuse a question that has more or fewer question marks than there are values."""
    if marks != values:
        message = (
            f"the question has {marks} question mark{'' if marks == 1 else 's'}, but {values} parameters were given; give one for each"
        )
        raise InputError(message)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Parameter]], ...]] = (
    (re.compile(r"[+-]?\d{1,18}"), int),
    (re.compile(r"[+-]?\d{1,29}\.\d{1,9}"), Decimal),
    (re.compile(_DAY), date.fromisoformat),
    (re.compile(_DAY + r"[T ]\d{2}:.*"), lambda text: _in_utc(datetime.fromisoformat(text))),
)
