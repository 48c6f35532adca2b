"""The demo's messages: generated ones that look like a tutoring chat of some years, and whole modules of real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

from archive.codec.values import AttributeValue, Item, canonical_number
from archive.errors import InputError
from archive.load import Target, read_items
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import DAY, to_ms
from flows.demo.subjects import CLOSERS, FOLLOW_UPS, MODULES, OPENERS, QUESTIONS, TINY, Module, Topic

FEWEST: Final = 200
MOST: Final = 5000
"""More than the embedded server, which looks at every item for every page, answers in reasonable time."""
DAYS: Final = 30
COST_TOO_FINE: Final = "0.00012345678901"
"""A cost with more than nine decimals: it fits the item, and not the column."""

_TARGET: Final = Target(
    "ChatMessages",
    {CHAT_MESSAGES.partition_key: "S", CHAT_MESSAGES.time_key: "N"},
    {CHAT_MESSAGES.module_key: "N", "studentId": "N", "provider": "S"},
)
_TINY_MESSAGES: Final = 3
_TINY_DAYS_AGO: Final = 21
_LATE_DAYS: Final = (12, 25)
_STUDENTS: Final = 140
_LONGEST: Final = 14  # messages in a conversation
_MODELS: Final = (  # provider, model, dollars for a million tokens read and written
    ("openai", "gpt-4o-mini", Decimal("0.15"), Decimal("0.6")),
    ("openai", "gpt-4o", Decimal("2.5"), Decimal(10)),
    ("anthropic", "claude-3-5-haiku-20241022", Decimal("0.8"), Decimal(4)),
)
_TAGS: Final = ("homework", "exam", "hint", "worked-example", "needs-review")
_HOURS: Final = (8, 9, 10, 11, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 20, 21)
_ADDENDUM: Final = "Correction: please read the last step again, the sign was wrong at first."


def demo_messages(now: datetime, count: int, random: Random) -> list[Item]:
    """Return exactly `count` items of the last 30 days before `now`, in boto3's low-level form; one seed, one result.

    They hold what years of change leave behind: attributes that come and go, sets, maps, empty texts, an attribute whose
    type changes, and one cost that its column cannot hold. Raises InputError for fewer than 200.
    """
    if count < FEWEST:
        message = f"the demo needs at least {FEWEST} messages to show anything, not {count}"
        raise InputError(message)
    items = _conversation(TINY, now - _TINY_DAYS_AGO * DAY, _TINY_MESSAGES, random)
    rest = count - len(items)
    for module in MODULES[1:]:
        items += _module(module, now, round(rest * module.share), random)
    items += _module(MODULES[0], now, count - len(items), random)
    answers = [item for item in items if "costUsd" in item]
    random.choice(answers)["costUsd"] = {"N": canonical_number(COST_TOO_FINE)}
    return items


def late_messages(now: datetime, count: int, random: Random) -> list[Item]:
    """Return items sent 12 to 25 days before `now` that reach the table only now, such as from a tablet that was offline."""
    items: list[Item] = []
    while len(items) < count:
        start = now - timedelta(seconds=random.randint(*(days * 86_400 for days in _LATE_DAYS)))
        items += _conversation(random.choice(MODULES), start, min(4, count - len(items)), random)
    return items


def edited(item: Item, random: Random) -> Item:
    """Return the item as somebody edited it: the same key, another text, and a note of the edit."""
    changed = deepcopy(item)
    before = changed.get("content", {}).get("S", "")
    changed["content"] = {"S": f"{before}\n\n{_ADDENDUM}".strip()}
    changed["edit"] = {"M": {"by": {"S": "tutor"}, "reason": {"S": random.choice(("correction", "privacy"))}, "id": _identifier(random)}}
    return changed


def real_messages(path: Path, limit: int = MOST) -> list[Item]:
    """Return whole modules of a file of plain JSON Lines (gzip or not), at most `limit` messages in all.

    The largest module that still fits is taken again and again (of equal ones the smaller id): sizes differ widely, and
    there are few enough modules for the embedded server. No module is split, and the same file gives the same messages.
    Messages without a module are left out. Raises InputError if a line is wrong, or no module fits.
    """
    sizes = Counter(item["moduleId"]["N"] for item in read_items(path, _TARGET) if "moduleId" in item)
    chosen: set[str] = set()
    left = limit
    for module, size in sorted(sizes.items(), key=lambda entry: (-entry[1], Decimal(entry[0]))):
        if size <= left:
            chosen.add(module)
            left -= size
    if not chosen:
        message = f"no module of {path.name} has at most {limit} messages; name a file with a smaller module"
        raise InputError(message)
    return [item for item in read_items(path, _TARGET) if item.get("moduleId", {}).get("N") in chosen]


def _module(module: Module, now: datetime, count: int, random: Random) -> list[Item]:
    items: list[Item] = []
    while len(items) < count:
        length = min(2 * random.randint(1, _LONGEST // 2), count - len(items))
        items += _conversation(module, _start(now, random), length, random)
    return items


def _start(now: datetime, random: Random) -> datetime:
    """Return when a conversation begins: at hours when pupils learn, and early enough to end before `now`."""
    hour = timedelta(hours=random.choice(_HOURS), milliseconds=random.randrange(3_600_000))
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - random.randrange(DAYS) * DAY + hour
    return start if start < now - timedelta(hours=2) else start - DAY


def _conversation(module: Module, start: datetime, length: int, random: Random) -> list[Item]:
    conversation, student, topic = _identifier(random), 5000 + random.randrange(_STUDENTS), random.choice(module.topics)
    version = random.choice((1, 2, 3, 3, 3))
    sent = to_ms(start)
    items: list[Item] = []
    for turn in range(length):
        item: Item = {
            "conversationId": conversation,
            "timestamp": {"N": str(sent)},
            "moduleId": {"N": str(module.id)},
            "studentId": {"N": str(student)},
        }
        item |= _student(topic, turn, random) if turn % 2 == 0 else _assistant(topic, turn, random)
        item |= _ragged(module, topic, version, random)
        items.append(item)
        sent += random.randint(2_000, 240_000)
    return items


def _student(topic: Topic, turn: int, random: Random) -> Item:
    text = random.choice(FOLLOW_UPS if turn else QUESTIONS).format(topic=topic.name)
    if random.random() < 0.01:  # noqa: PLR2004 - one in a hundred sends a picture and no text
        return {"role": {"S": "student"}, "content": {"S": ""}, "thumbnail": {"B": random.randbytes(48)}}
    return {"role": {"S": "student"}, "content": {"S": text}}


def _assistant(topic: Topic, turn: int, random: Random) -> Item:
    provider, model, to_read, to_write = random.choice(_MODELS)
    parts = [random.choice(OPENERS), topic.explanation, topic.example, topic.check, random.choice(CLOSERS)]
    kept = range(5) if turn == 1 else sorted(random.sample(range(5), 3))
    text = " ".join(parts[index] for index in kept)
    read, written = 180 + 95 * turn + random.randrange(60), len(text) // 4 + random.randrange(20)
    cost = (read * to_read + written * to_write) / 10**6
    return {
        "role": {"S": "assistant"},
        "content": {"S": text},
        "provider": {"S": provider},
        "model": {"S": model},
        "inputTokens": {"N": str(read)},
        "outputTokens": {"N": str(written)},
        "costUsd": {"N": canonical_number(str(round(cost, 9)))},
        "latencyMs": {"N": str(random.randint(380, 9_200))},
        "finishReason": {"S": random.choice(("stop", "stop", "stop", "length"))},
    }


def _ragged(module: Module, topic: Topic, version: int, random: Random) -> Item:
    """Return the attributes that came and went over the years: version 1 has no messageId, 2 writes its version as a text."""
    item: Item = {}
    if version > 1:
        item["messageId"] = _identifier(random)
        item["schemaVersion"] = {"N": str(version)} if version > 2 else {"S": "2"}  # noqa: PLR2004
    for share, name, make in _EXTRAS:
        if random.random() < share:
            item[name] = make(module, topic, random)
    return item


def _metadata(module: Module, topic: Topic, random: Random) -> AttributeValue:
    client: AttributeValue = {"M": {"os": {"S": random.choice(("iPadOS", "Android", "ChromeOS"))}, "offline": {"BOOL": False}}}
    rating: AttributeValue = {"N": str(random.randint(1, 5))} if random.random() < 0.8 else {"NULL": True}  # noqa: PLR2004
    steps: AttributeValue = {"L": [{"S": "read"}, {"N": str(random.randint(1, 9))}]}
    return {"M": {"subject": {"S": module.subject}, "topic": {"S": topic.name}, "rating": rating, "client": client, "steps": steps}}


def _feedback(_: Module, topic: Topic, random: Random) -> AttributeValue:
    comment = random.choice(("", "that helped", f"still unsure about {topic.name}"))
    return {"M": {"helpful": {"BOOL": random.random() < 0.7}, "comment": {"S": comment}}}  # noqa: PLR2004


def _tags(_: Module, __: Topic, random: Random) -> AttributeValue:
    return {"SS": sorted(random.sample(_TAGS, random.randint(1, 3)))}


def _pages(_: Module, __: Topic, random: Random) -> AttributeValue:
    return {"NS": [str(page) for page in sorted(random.sample(range(1, 300), 3))]}


def _confidence(_: Module, __: Topic, random: Random) -> AttributeValue:
    kinds: tuple[AttributeValue, ...] = ({"N": "0.75"}, {"S": "high"}, {"BOOL": True}, {"NULL": True}, {"L": [{"N": "0.5"}, {"N": "0.9"}]})
    return random.choice(kinds)


def _experiment(_: Module, __: Topic, random: Random) -> AttributeValue:
    return {"S": random.choice(("control", "shorter-answers"))}


# How often, which attribute, and what it holds. `confidence` changes its type from item to item; none of them is declared.
_EXTRAS: Final[tuple[tuple[float, str, Callable[[Module, Topic, Random], AttributeValue]], ...]] = (
    (0.4, "metadata", _metadata),
    (0.08, "feedback", _feedback),
    (0.15, "tags", _tags),
    (0.05, "citedPages", _pages),
    (0.06, "confidence", _confidence),
    (0.1, "experimentGroup", _experiment),
)


def _identifier(random: Random) -> AttributeValue:
    return {"S": str(UUID(int=random.getrandbits(128), version=4))}
