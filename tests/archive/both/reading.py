"""Reads messages from a workplace as `dynalake messages` does, notes the requests, and lets things happen before some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from archive.both import Asked, Messages
from archive.codec.values import Item
from archive.engine.session import Session, Timing
from archive.model.window import to_ms
from tests.archive.engine.workplace import TWO_DAYS, Ticks, Workplace

Happens = Callable[[], object]
EVENTS: Final = ("dynamodb.Query", "dynamodb.BatchGetItem", "s3.ListObjectsV2", "s3.GetObject")


@dataclass
class Reading:
    """One reading. `before` holds, by operation, what happens before its next requests; `requests` are those made so far."""

    messages: Messages
    before: dict[str, list[Happens]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    """How many messages each Query asked for at most."""

    def items(self) -> list[Item]:
        """Read all messages."""
        return list(self.messages)

    def count(self, operation: str) -> int:
        """Count requests."""
        return self.requests.count(operation)


def reading(place: Workplace, asked: Asked, *, page: int | None = None) -> Reading:
    """Prepare to read; a page of the table has `page` messages at most, instead of a megabyte of them."""
    ticks = Ticks()
    session = Session(place.config, "messages", Timing(ticks.clock, ticks.sleep), read_only=True)
    made = Reading(Messages(session, asked))
    lock = Lock()

    def shorten(params: dict[str, Any], **_: object) -> None:
        if "Limit" in params:
            made.limits.append(params["Limit"])
        if page is not None:
            params["Limit"] = min(page, params.get("Limit", page))

    def act(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        with lock:
            made.requests.append(model.name)
            actions = made.before.get(model.name, [])
            if actions:
                actions.pop(0)()

    session.clients.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", shorten)
    for name in EVENTS:
        service = session.clients.dynamodb if name.startswith("dynamodb") else session.clients.s3
        service.meta.events.register(f"before-call.{name}", act)
    return made


def of_module(module: int, **more: Any) -> Asked:  # noqa: ANN401 - the fields of Asked
    """Return the question for a module's messages on two days."""
    return Asked("module_id", module, TWO_DAYS, **more)


def archive(place: Workplace) -> None:
    """Archive two days, and leave the messages in the table."""
    place.with_policy(purge="keep").archive()


def purge(place: Workplace) -> None:
    """Archive two days, and remove the messages from the table."""
    place.with_policy(purge="delete").archive()


def place_of(item: Item) -> tuple[int, str]:
    """Return a message's place in the order of time."""
    return int(item["timestamp"]["N"]), item["conversationId"]["S"]


def in_order(items: Iterator[Item] | list[Item]) -> list[Item]:
    """Return items in order of time."""
    return sorted(items, key=place_of)


def ms(item: Item) -> int:
    """Return when a message was sent, in milliseconds from the begin of the two days."""
    return int(item["timestamp"]["N"]) - to_ms(TWO_DAYS.start)
