"""What is wrong with the settings, each problem as one sentence that names the key and says what to write."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from archive.errors import InputError
from flows.settings_sections import SECTIONS, ColumnEntry

PREFIX: Final = "DYNALAKE_"
# What is no setting and may stand beside them: the file's name, and what the test suite is told.
_NOT_SETTINGS: Final = ("DYNALAKE_CONFIG", "DYNALAKE_REQUIRE_SERVERS", "DYNALAKE_SERVERS_DIR")
_OF_THE_TESTS: Final = "DYNALAKE_TEST_"
_SHOWN: Final = 60
_WANTED: Final = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "date_type": "a date such as 2015-01-01",
    "string_type": "a text in quotes",
    "tuple_type": "a list of tables",
}


def refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """Raise InputError for a variable that begins with DYNALAKE_ and is no setting: it would be ignored in silence."""
    known = [f"{PREFIX}{section}__{key}".upper() for section, model in SECTIONS.items() for key in model.model_fields]
    for name in sorted(environ):
        upper = name.upper()
        if upper.startswith(PREFIX) and not upper.startswith(_OF_THE_TESTS) and upper not in (*known, *_NOT_SETTINGS):
            advice = "unset it, or write DYNALAKE_SECTION__KEY, one variable a key"
            short = upper.removeprefix(PREFIX)  # all names begin alike, which would make any two of them near
            names = [name.removeprefix(PREFIX) for name in known]
            near = advice if short.lower() in SECTIONS else _nearest(short, names, advice, PREFIX)
            message = f"the variable {name} is not a setting; {near}"
            raise InputError(message)


def explain(error: ValidationError, overrides: Mapping[str, Mapping[str, object]]) -> str:
    """Return the first problem as one sentence. An unknown key goes first: it is often why another key is missing."""
    problems = error.errors(include_url=False)
    unknown = [problem for problem in problems if problem["type"] == "extra_forbidden"]
    problem = (unknown or problems)[0]
    place, variable = _place(problem, overrides)
    if unknown:
        return _unknown(problem)
    return f"{place}{variable}{_what(problem)}"


def _place(problem: ErrorDetails, overrides: Mapping[str, Mapping[str, object]]) -> tuple[str, str]:
    """Return `section.key` and, where the value came from the environment, the variable's name in brackets."""
    location = [part for part in problem["loc"] if not isinstance(part, int)]
    if problem["type"] == "key":
        location.extend(problem["ctx"]["key"].split("."))
    tables = [part for part in problem["loc"] if isinstance(part, int)]
    place = ".".join(map(str, location)) + "".join(f" (table {number + 1})" for number in tables)
    section, key = (*location, "", "")[:2]
    if key in overrides.get(str(section), {}):
        return place, f" ({PREFIX}{section}__{key})".upper()
    return place, ""


def _what(problem: ErrorDetails) -> str:
    """Return what follows the key's name."""
    kind, context = problem["type"], problem.get("ctx", {})
    shown = _show(problem["input"])
    fixed = {
        "key": context.get("message"),
        "missing": " is missing; write it, in quotes" + (", such as bucket = 'my-lake'" if problem["loc"] == ("lake", "bucket") else ""),
        "value_error": f" is {shown}, which {context.get('error')}",
        "literal_error": f" is {shown}; write {context.get('expected')}",
        "string_too_short": " is empty; write a text, or leave the key out",
    }
    if kind in fixed:
        return str(fixed[kind])
    if limit := _limit(kind, context):
        return f" is {shown}; write a number {limit}"
    wanted = _WANTED.get(kind, "a table of keys" if kind.endswith(("model_type", "dict_type")) else "another value")
    example = _example(problem)
    return f" is {shown}, which is not {wanted}; write {example}" if example else f" is {shown}; write {wanted}"


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    words = {
        "greater_than_equal": ("ge", "of at least"),
        "less_than_equal": ("le", "of at most"),
        "greater_than": ("gt", "above"),
        "less_than": ("lt", "below"),
    }
    if kind == "finite_number":
        return "that is finite"
    if kind not in words:
        return ""
    key, text = words[kind]
    return f"{text} {context[key]:g}"


def _unknown(problem: ErrorDetails) -> str:
    *outer, name = (str(part) for part in problem["loc"] if not isinstance(part, int))
    if not outer:
        homes = [section for section, model in SECTIONS.items() if name in model.model_fields]
        if homes:
            return f"{name} stands outside of its section; write it below [{homes[0]}]"
        sections = [f"[{section}]" for section in SECTIONS]
        return f"[{name}] is not a section; {_nearest(f'[{name}]', sections, 'the sections are ' + ', '.join(sections))}"
    model = ColumnEntry if len(outer) > 1 else SECTIONS[outer[0]]
    known = list(model.model_fields)
    place = ".".join(outer)
    near = _nearest(name, known, f"the keys of [{place}] are {', '.join(known)}", f"{place}.")
    return f"{place}.{name} is not a setting; {near}"


def _nearest(name: str, known: list[str], otherwise: str, before: str = "") -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {before}{found[0]}?" if found else otherwise


def _example(problem: ErrorDetails) -> str:
    """Return the default of a key that has one worth showing."""
    section, key = (*map(str, problem["loc"]), "", "")[:2]
    field = SECTIONS[section].model_fields.get(key) if section in SECTIONS else None
    default = field.default if field else None
    return f"one such as {_show(default)}" if isinstance(default, str | int | float) and not isinstance(default, bool) else ""


def _show(value: object) -> str:
    """Return a value much as TOML writes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
