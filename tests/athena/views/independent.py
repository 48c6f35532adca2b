"""What a view has to answer, worked out from the source's messages in plain Python: no SQL, no Arrow, nothing of archive/codec."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from tests.athena.views.real_lake import Plain

# fmt: off
_DECLARED: Final = {
    "conversationId", "timestamp", "messageId", "moduleId", "studentId", "provider", "model", "role", "content", "inputTokens",
    "outputTokens", "costUsd", "latencyMs", "finishReason", "schemaVersion",
}
# fmt: on
_INT64: Final = 2**63


def whole(value: Any) -> int | None:  # noqa: ANN401 - any value of an attribute
    """Return what a column of whole numbers holds of a value."""
    fits = isinstance(value, Decimal) and value == int(value) and -_INT64 <= value < _INT64
    return int(value) if fits else None


def dollars(value: Any) -> Decimal | None:  # noqa: ANN401 - any value of an attribute
    """Return what a decimal(18,9) holds of a value."""
    fits = isinstance(value, Decimal) and abs(value) < 10**9 and value == round(value, 9)
    return value if fits else None


_READ: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "module_id": ("moduleId", whole),
    "student_id": ("studentId", whole),
    "input_tokens": ("inputTokens", whole),
    "output_tokens": ("outputTokens", whole),
    "latency_ms": ("latencyMs", whole),
    "cost_usd": ("costUsd", dollars),
}


def column(message: Plain, name: str) -> Any:  # noqa: ANN401 - of the column's type
    """Return what a column holds of a message: None where the attribute is missing, or does not fit."""
    attribute, read = _READ[name]
    return read(message.get(attribute))


def is_in_remainder(message: Plain, name: str) -> bool:
    """Say whether a message has a value that the column does not hold."""
    return _READ[name][0] in message and column(message, name) is None


def total(messages: Iterable[Plain], name: str) -> dict[str, Any]:
    """Return a sum (None of nothing), and how many values it leaves out."""
    found = list(messages)
    values = [value for message in found if (value := column(message, name)) is not None]
    return {name: sum(values) if values else None, f"{name}_in_remainder": sum(is_in_remainder(message, name) for message in found)}


def totals(messages: Iterable[Plain]) -> dict[str, Any]:
    """Return the sums of tokens and cost."""
    found = list(messages)
    return {**total(found, "input_tokens"), **total(found, "output_tokens"), **total(found, "cost_usd")}


def different(messages: Iterable[Plain], name: str) -> int:
    """Count the different values of a column."""
    return len({value for message in messages if (value := column(message, name)) is not None})


def conversations(messages: Iterable[Plain]) -> int:
    """Count the different conversations."""
    return len({message["conversationId"] for message in messages})


def grouped(messages: Iterable[Plain], key: Callable[[Plain], Any]) -> dict[Any, list[Plain]]:
    """Return the messages by a key."""
    groups: dict[Any, list[Plain]] = defaultdict(list)
    for message in messages:
        groups[key(message)].append(message)
    return groups


def by(rows: Iterable[dict[str, Any]], *names: str) -> dict[Any, dict[str, Any]]:
    """Return rows by the columns that identify them, which no two rows may share."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        assert key not in found, key
        found[key] = {name: value for name, value in row.items() if name not in names}
    return found


def _type(value: Any) -> str:  # noqa: ANN401 - any JSON value, one line for each kind
    if isinstance(value, dict):
        tags = {"$NS": "number set", "$SS": "text set", "$BS": "binary set", "$B": "binary"}
        return tags.get(next(iter(value), ""), "map")
    if isinstance(value, list):
        return "list"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "boolean" if isinstance(value, bool) else "number"


_COLUMNS = {"moduleId": "module_id", "studentId": "student_id", "inputTokens": "input_tokens", "outputTokens": "output_tokens"}
_COLUMNS |= {"costUsd": "cost_usd", "latencyMs": "latency_ms"}


def kept_in_remainder(message: Plain) -> list[tuple[str, str]]:
    """Return the attributes of a message that are in its remainder, with their types."""
    odd = [name for name, own in _COLUMNS.items() if is_in_remainder(message, own)]
    return [(name, _type(message[name])) for name in (*odd, *(name for name in message if name not in _DECLARED))]
