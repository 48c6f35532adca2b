"""Makes what tests of the governor need: costs of messages, a purge that writes them, and a chat beside it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archive.governor import Governor
from archive.model.budget import Budget, Cost, Value, reasons_of, total
from archive.spread import Spread
from tests.archive.fake_table import FakeTable, Throttle, VirtualClock

MODULE, STUDENT, PROVIDER = "ModuleAnalyticsIndex", "StudentActivityIndex", "ProviderUsageIndex"
BUDGET = Budget()
LINGER = 0.1
Message = tuple[Cost, str]


def write(units: float = 2.0, **values: Value) -> Cost:
    """Return the cost of a message in the indexes `module`, `student` and `provider`, where these are given."""
    names = {"module": MODULE, "student": STUDENT, "provider": PROVIDER}
    places = {(names[name], value): units for name, value in values.items()}
    return Cost("write", units, {index: units for index, _ in places}, places)


def governor_of(budget: Budget = BUDGET) -> tuple[Governor, VirtualClock]:
    """Return a governor in virtual time."""
    clock = VirtualClock()
    return Governor(budget, clock, clock.sleep), clock


class Purge:
    """Writes what a Spread gives, as the purge does: 25 a request, answered later, and again what was throttled."""

    def __init__(self, governor: Governor, table: FakeTable, clock: VirtualClock, latency: float = 0.02) -> None:
        """Take what it needs."""
        self.governor, self.table, self.clock, self.latency = governor, table, clock, latency
        self.done: dict[str, float] = {}
        self._again: list[Message] = []

    def run(self, cursors: Iterable[Iterable[Message]]) -> float:
        """Write everything; return the seconds it took."""
        began = self.clock()
        for batch in Spread(self.governor, cursors, linger_seconds=LINGER):
            self._send(batch)
        self.clock.sleep(self.latency)
        while self._again:
            message = self._again.pop()
            self.governor.take(message[0])
            self._send([message])
            self.clock.sleep(self.latency)
        return max(self.done.values()) - began

    def _send(self, batch: list[Message]) -> None:
        answers = [self.table.call("purge", cost) for cost, _ in batch]
        at = self.clock()
        self.done |= {name: at for (_, name), answer in zip(batch, answers, strict=True) if not isinstance(answer, Throttle)}
        self.clock.after(self.latency, lambda: self._answered(batch, answers))

    def _answered(self, batch: list[Message], answers: list[Mapping[str, Any] | Throttle]) -> None:
        done = [cost for (cost, _), answer in zip(batch, answers, strict=True) if not isinstance(answer, Throttle)]
        self.governor.settle(total("write", done), [answer for answer in answers if not isinstance(answer, Throttle)])
        for message, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Throttle):
                self.governor.throttled(message[0], reasons_of(answer.response))
                self._again.append(message)


def cut(messages: list[Message], lanes: int) -> list[Iterator[Message]]:
    """Return cursors over consecutive parts."""
    length = -(-len(messages) // lanes)
    return [iter(messages[first : first + length]) for first in range(0, len(messages), length)]


def segment(rows: int, seed: int = 1) -> list[Message]:
    """Return messages of a segment, sorted by module: a few modules have most, three providers have all, of millions of students."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    modules = sorted(int(dice.paretovariate(1.1)) for _ in range(rows))
    return [
        (
            write(
                float(dice.choice([1, 2, 2, 2, 3, 9])),
                module=module,
                student=dice.randrange(5_000_000),
                provider=dice.choices(["openai", "anthropic", "local"], [6, 3, 1])[0],
            ),
            str(number),
        )
        for number, module in enumerate(modules)
    ]


def chat(table: FakeTable, clock: VirtualClock, units: float) -> None:
    """Let live writers use so many units a second of the busiest module and the busiest provider."""
    student = iter(range(10**9))

    def send() -> None:
        table.call("chat", write(2.0, module=1, student=next(student), provider="openai"))

    clock.every(2.0 / units, send)
