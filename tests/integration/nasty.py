"""Made-up messages that hold what breaks archives: every type, 38 digits, awkward names, and times at the edges of days.

A demo's plausible messages lie around them, so that segments hold both; one module has most of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, Final

from flows.demo.messages import demo_messages, late_messages
from tests.integration.items import Wire

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
"""The window that is archived; some messages lie outside."""
AROUND: Final = datetime(2024, 3, 20, 12, tzinfo=UTC)
LARGEST: Final = "9.9999999999999999999999999999999999999E+125"
SMALLEST: Final = "1E-130"
DIGITS: Final = "12345678901234567890.123456789012345678"
_DAY: Final = 86_400_000
_EVERY_TYPE: Final[Wire] = {
    "text": {"S": "A line\nwith \t control \x00\x1f\x7f, “quotes” \"'`, \\ and 😀 \u2028 مرحبا"},
    "empty": {"S": ""},
    "whole": {"N": "-42"},
    "digits": {"N": DIGITS},
    "binary": {"B": bytes(range(256))},
    "no-bytes": {"B": b""},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["", "a", "A", "é", "😀"]},
    "numbers": {"NS": ["0", "-1", "1E-20", DIGITS, LARGEST]},
    "binaries": {"BS": [b"", b"\x00", b"\xff\xfe"]},
    "list": {"L": [{"S": "1"}, {"N": "1"}, {"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {}}, {"B": b"1"}, {"SS": ["1"]}]},
    "map": {"M": {"rating": {"N": "4.50"}, "a.b": {"S": "x"}, "": {"S": "no name"}, '"': {"M": {"deep": {"NS": ["1", "2"]}}}}},
}
_NUMBERS: Final = ("0", "-0", "1.0", "1E3", "0.1", "-0.000001", SMALLEST, f"-{SMALLEST}", LARGEST, f"-{LARGEST}", "9" * 38, f"0.{'1' * 38}")
_NAMES: Final = (
    "a.b", "a b", "a[0]", "#name", ":value", "it's", 'say "so"', "back\\slash", "new\nline", "\x01control", "é", "😀", "0", "-",
    "a" * 255, "$B", "$M", "$SS", "remainder", "dt", "_exact", "_mark", "_origin", "conversation_id", "sent_at", "Timestamp",
    "expiresAt", "S", "N", "Items", "Count", "null", "true", "SELECT", "name", "status",
)  # fmt: skip
_LIKE_TAGS: Final[tuple[Wire, ...]] = (
    {"M": {"$B": {"S": "AAE="}}},
    {"M": {"$SS": {"L": [{"S": "a"}]}}},
    {"M": {"$NS": {"L": [{"N": "1"}]}}},
    {"M": {"$BS": {"L": []}}},
    {"M": {"$M": {"M": {"$M": {"M": {}}}}}},
    {"M": {"$B": {"S": "x"}, "other": {"NULL": True}}},
    {"M": {"$other": {"S": "x"}}},
)
_MISFITS: Final[tuple[Wire, ...]] = (
    {"costUsd": {"N": "0.12345678901"}, "inputTokens": {"N": "1.5"}, "latencyMs": {"N": "9223372036854775808"}},
    {"costUsd": {"N": "999999999.999999999"}, "outputTokens": {"N": "9223372036854775807"}, "latencyMs": {"N": "-9223372036854775808"}},
    {"costUsd": {"N": "1000000000"}, "schemaVersion": {"S": "2"}, "messageId": {"N": "7"}},
    {"costUsd": {"S": "0.5"}, "content": {"M": {"parts": {"L": [{"S": "a"}]}}}, "role": {"NULL": True}},
    {"costUsd": {"NULL": True}, "content": {"SS": ["a", "b"]}, "model": {"B": b"gpt"}, "finishReason": {"BOOL": False}},
    {"studentId": {"N": "7.5"}, "content": {"S": ""}},
    {"studentId": {"N": LARGEST}, "content": {"S": "null"}},
    {"studentId": {"N": "-1E-100"}, "content": {"S": '{"$B": "AA=="}'}},
)


def messages(*, moduless: bool = True, odd_modules: bool = True) -> list[Wire]:
    """Return all of them, in boto3's form. Some have no module, or lie outside of the window: those stay.

    `odd_modules` are module numbers that are no whole numbers of 64 bits: only discovery finds them.
    """
    random = Random(20_240_320)  # noqa: S311 - the same messages every time
    found = [*demo_messages(AROUND, 900, random), *late_messages(AROUND, 20, random)]
    found += _made(random)
    found += _heavy(random)
    if odd_modules:
        found += [_message("odd modules", _ms(2024, 3, 5) + number, module, {}) for number, module in enumerate(("0.5", "-1E-20", LARGEST))]
    if moduless:
        found += [_message("no module", _ms(2024, 3, 5) + number, None, {"content": {"S": "nobody's"}}) for number in range(3)]
    return found


def _ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


def _message(conversation: str, time: int | str, module: int | str | None, more: Wire) -> Wire:
    item = {"conversationId": {"S": conversation}, "timestamp": {"N": str(time)}, **more}
    return item if module is None else {**item, "moduleId": {"N": str(module)}}


def _made(random: Random) -> Iterator[Wire]:
    """Yield one message for each thing that breaks archives."""
    modules = (0, -5, 7, 2**63 - 1, -(2**63), 2**63)
    at = (_ms(2024, 3, 1) + 3_600_000 * number for number in count())
    yield _message("every type", next(at), 7, _EVERY_TYPE)
    yield _message("every type, again", next(at), 0, _EVERY_TYPE | {"extra": {"S": "one more"}})
    for number in _NUMBERS:
        yield _message(
            f"number {number}"[:60], next(at), random.choice(modules), {"value": {"N": number}, "inside": {"L": [{"N": number}]}}
        )
    for name in _NAMES:
        yield _message("awkward name", next(at), 7, {name: {"S": "top"}, "nested": {"M": {name: {"N": "1"}}}})
    yield _message("awkward names together", next(at), 7, {name: {"N": str(number)} for number, name in enumerate(_NAMES)})
    for value in _LIKE_TAGS:
        yield _message("looks like a tag", next(at), -5, {"value": value, "list": {"L": [value]}})
    for more in _MISFITS:
        yield _message("does not fit its column", next(at), random.choice(modules), more)
    for module in modules:
        yield _message("module", next(at), module, {"studentId": {"N": "1"}, "provider": {"S": "openai"}})
    yield _message("deep", next(at), 7, {"deep": _deep(30)})
    yield _message("many", next(at), 7, {f"attribute {number}": {"N": str(number)} for number in range(40)})
    for partition in (" ", "\x00", "\u2028", "😀" * 100, "a/b?c=d&e#f", '"', "ﬀ", "dt=2024-01-01", "x" * 1_000):
        yield _message(partition, _ms(2024, 3, 2), 7, {"content": {"S": "another conversation, the same millisecond and module"}})
    yield from _times()


def _deep(levels: int) -> Any:  # noqa: ANN401 - an attribute value
    value: Any = {"S": "bottom"}
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"in": value}}
    return value


def _times() -> Iterator[Wire]:
    """Yield messages at the edges of days, months and of the window, and between two milliseconds."""
    edges = [
        _ms(2024, 2, 29),
        _ms(2024, 3, 1),
        _ms(2024, 4, 1),
        _ms(2025, 1, 1),
        _ms(2024, 3, 31) + _DAY // 4,
        _ms(2023, 1, 1),
        _ms(2026, 1, 1),
    ]
    for edge in edges:
        for time in (edge, edge - 1, f"{edge - 1}.9999", f"{edge}.0001", edge + 1):
            yield _message("edge", time, 7, {"role": {"S": "student"}})
    base = _ms(2024, 3, 10)
    for time in (base, f"{base}.1", f"{base}.25", f"{base}.123456789012345678901234", f"{base}.9", base + 1):
        yield _message("between milliseconds", time, 7, {"content": {"S": str(time)}})
        yield _message("between milliseconds, elsewhere", time, -5, {"content": {"S": str(time)}})
    for time in (_ms(2014, 12, 31), _ms(2022, 6, 1), _ms(2026, 3, 1)):
        yield _message("outside", time, 7, {"content": {"S": "stays"}})


def _heavy(random: Random) -> Iterator[Wire]:
    """Yield what makes module 55 the largest: two items close to 400 KB, and 4 MB of others on two days."""
    for number in range(2):
        yield _message("close to 400 KB", _ms(2024, 3, 15) + number, 55, {"content": {"S": _text(random, 398_000)}})
    for number in range(200):
        text = _text(random, random.randrange(5_000, 40_000))
        yield _message(
            f"heavy {number % 9}", _ms(2024, 3, 16) + number * 600_000, 55, {"content": {"S": text}, "studentId": {"N": str(number % 9)}}
        )


def _text(random: Random, length: int) -> str:
    words = random.randbytes(2_000).hex()
    return (words * (length // len(words) + 1))[:length]
