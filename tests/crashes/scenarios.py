"""What the commands that die have to work on: a small nasty table, what was done before, and what the policy wants in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.builders import START_MS
from tests.integration.items import Wire

Rest = Literal["removed", "marked", "there"]
"""What the policy wants of archived messages: removed, marked with a TTL, or there as they were."""
Past = Literal["nothing", "archived", "marked", "removed"]
"""What the runs before did with the first messages: nothing, or archived them and left, marked or removed them."""
THAT_RUN: Final = "the run before"
"""Stands in a command for the name of the run that archived what is before."""
WINDOW: Final = ("--from", "2024-01-15", "--to", "2024-01-18")
MARK: Final = "expiresAt"
"""The TTL attribute: a mark of mode expire."""
_HOUR: Final = 3_600_000
_TYPES: Final[Wire] = {
    "content": {"S": "a line\nwith “quotes” and 😀"},
    "costUsd": {"N": "0.00012345678901"},
    "digits": {"N": "12345678901234567890.123456789012345678"},
    "binary": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "texts": {"SS": ["", "a"]},
    "numbers": {"NS": ["0", "1E-20"]},
    "binaries": {"BS": [b"", b"\x00"]},
    "list": {"L": [{"S": "1"}, {"L": []}]},
    "map": {"M": {"a.b": {"N": "4.50"}}},
}


def _message(name: str, hours: float, module: int | None, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    item = {"conversationId": {"S": name}, "timestamp": {"N": str(START_MS + int(hours * _HOUR))}, **more}
    return item if module is None else {**item, "moduleId": {"N": str(module)}}


_EVERY_TYPE: Final = _message("every type", 1, 1, **_TYPES)
_MOVES: Final = _message("moves", 13, 1, studentId={"N": "7"})
FIRST: Final[tuple[Wire, ...]] = (
    _EVERY_TYPE,
    _message("sparse", 2, 2),
    _MOVES,
    _message("another day", 49, 2, provider={"S": "openai"}),
    _message("no module", 1, None),
)
"""Three segments of half a day, and one message that no module's index knows: nothing may happen to it."""
EDITED: Final[tuple[Wire, ...]] = (
    {**_EVERY_TYPE, "content": {"S": "edited"}, "new": {"M": {"rating": {"N": "5"}}}},
    {**_MOVES, "moduleId": {"N": "2"}},
)
"""Two of them, edited: one got an attribute that nobody knew, the other moved to another module."""
LATE: Final[tuple[Wire, ...]] = (_message("late", 3, 1),)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command that is to die, and what was before it. `later`: since then messages were edited (or their keys used again), and came late.

    `tried`: which types this table's PartiQL compares is known already, as `dynalake check` leaves it.
    """

    name: str
    command: tuple[str, ...]
    policy: tuple[tuple[str, object], ...]
    rest: Rest
    past: Past = "nothing"
    later: bool = False
    tried: bool = False


_SINGLE, _PARTIQL = ("protocol", "single"), ("protocol", "partiql")
_DELETE, _EXPIRE, _KEEP = ("purge", "delete"), ("purge", "expire"), ("purge", "keep")
_BACKFILL, _PURGE, _RESTORE = ("backfill", *WINDOW), ("purge", *WINDOW), ("restore", *WINDOW)
SINGLY: Final = (
    Scenario("nightly, delete", ("nightly",), (_DELETE, _SINGLE), "removed", "removed", later=True),
    Scenario("backfill, keep", _BACKFILL, (_KEEP,), "there", "archived", later=True),
    Scenario("backfill, delete", _BACKFILL, (_DELETE, _SINGLE), "removed"),
    Scenario("backfill, expire", _BACKFILL, (_EXPIRE, _SINGLE), "marked", "marked", later=True),
    Scenario("purge, delete", _PURGE, (_DELETE, _SINGLE), "removed", "archived"),
    Scenario("purge, expire", _PURGE, (_EXPIRE, _SINGLE), "marked", "archived"),
    Scenario("restore", _RESTORE, (_DELETE, _SINGLE), "there", "removed"),
    Scenario("restore of marked messages", _RESTORE, (_EXPIRE, _SINGLE), "there", "marked"),
    Scenario("restore of a run", ("restore", "--run", THAT_RUN), (_DELETE, _SINGLE), "there", "removed"),
)
"""By single calls, with modules discovered: on moto."""
BY_PARTIQL: Final = (
    Scenario("backfill, delete by PartiQL", _BACKFILL, (_DELETE, _PARTIQL), "removed", "archived", later=True),
    Scenario("purge, delete by PartiQL", _PURGE, (_DELETE, _PARTIQL), "removed", "archived", tried=True),
    Scenario("purge, expire by PartiQL", _PURGE, (_EXPIRE, _PARTIQL), "marked", "archived", tried=True),
    Scenario("restore by PartiQL", _RESTORE, (_DELETE, _PARTIQL), "there", "removed", tried=True),
)
"""By PartiQL, with modules named: on MiniStack."""
