"""Rewrites the small languages inside SQL texts: Java's replacement texts and Joda's date formats."""

from __future__ import annotations

import re
from typing import Final

from archive.errors import InputError

# https://trino.io/docs/current/functions/datetime.html#java-date-functions: the pattern letters that both sides can write.
_JODA: Final = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "y": "%Y",
    "Y": "%Y",
    "yy": "%y",
    "YY": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "EEEE": "%A",
    "EEE": "%a",
    "E": "%a",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "a": "%p",
    "DDD": "%j",
    "xxxx": "%G",
    "ww": "%V",
    "e": "%u",
}
_JODA_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']")
_JAVA_PART = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}|(\\|\$)|([^\\$]+)", re.DOTALL)


def joda_format(pattern: str) -> str:
    """Turn a Joda date format into strftime's.

    Raises InputError for a letter that has no certain counterpart.
    """
    parts = []
    for match in _JODA_PART.finditer(pattern):
        text = match[0]
        if text[0] == "'":
            parts.append((match[1].replace("''", "'") or "'").replace("%", "%%"))
        elif match[2] and text not in _JODA:
            message = f"{text!r} in the date format {pattern!r} is not known here; use {', '.join(_JODA)}, or date_format"
            raise InputError(message)
        else:
            parts.append(_JODA.get(text, text.replace("%", "%%")))
    return "".join(parts)


def java_replacement(text: str, pattern: str) -> str:
    r"""Turn the replacement of Java's regular expressions (`$1`, `${name}`, `\$`) into RE2's (`\1`).

    https://trino.io/docs/current/functions/regexp.html#regexp_replace. `pattern` says which number a name has. Raises InputError for
    a group that is not in the pattern, and for a bare `$` or `\` (Java rejects these too).
    """
    parts = []
    for escaped, number, name, bare, plain in _JAVA_PART.findall(text):
        if bare:
            message = f"the replacement {text!r} has a bare {bare}; write \\{bare} for the character itself"
            raise InputError(message)
        parts.append(f"\\{number or _group(name, pattern)}" if number or name else (escaped or plain).replace("\\", r"\\"))
    return "".join(parts)


def java_pattern(pattern: str) -> str:
    """Write `(?<name>...)`, which RE2 does not know, as `(?P<name>...)`."""
    return re.sub(r"(?<!\\)\(\?<(?![=!])", "(?P<", pattern)


def _group(name: str, pattern: str) -> int:
    names = [match[1] for match in re.finditer(r"(?<!\\)\((?!\?[^P<]|\?<[=!])(?:\?P?<(\w+)>)?", pattern)]
    if name not in names:
        message = f"the replacement names ${{{name}}}, but the pattern has no group of that name"
        raise InputError(message)
    return names.index(name) + 1
