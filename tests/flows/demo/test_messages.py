"""The demo's messages: the same for the same seed, plausible, and full of what makes an archive hard."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from archive.codec.values import Item, canonical
from archive.errors import InputError
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import from_ms
from flows.demo.messages import COST_TOO_FINE, demo_messages, edited, late_messages, real_messages

NOW = datetime(2024, 6, 15, 10, 30, tzinfo=UTC)
KEY = ("conversationId", "timestamp")


def seeded(seed: int) -> Random:
    """Return the demo's chance: the same for the same seed."""
    return Random(seed)  # noqa: S311 - it draws lessons, not secrets


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """Return one demo's messages."""
    return demo_messages(NOW, 3000, seeded(7))


def key(item: Item) -> tuple[str, str]:
    """Return an item's primary key."""
    return item["conversationId"]["S"], item["timestamp"]["N"]


def sent(item: Item) -> datetime:
    """Return when a message was sent."""
    return from_ms(int(item["timestamp"]["N"]))


def types_of(items: list[Item]) -> dict[str, set[str]]:
    """Return the types that each attribute has."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        for name, value in item.items():
            found[name] |= set(value)
    return found


def test_one_seed_gives_one_result(items: list[Item]) -> None:
    """A demo can be told again; another seed is another demo."""
    assert demo_messages(NOW, 3000, seeded(7)) == items
    assert demo_messages(NOW, 3000, seeded(8)) != items


@pytest.mark.parametrize("count", [200, 1001, 5000])
def test_there_are_as_many_as_asked_for(count: int) -> None:
    """Each with a key of its own."""
    assert len({key(item) for item in demo_messages(NOW, count, seeded(1))}) == count


def test_too_few_messages_are_refused() -> None:
    """A demo of ten messages would show nothing."""
    with pytest.raises(InputError, match="at least 200 messages"):
        demo_messages(NOW, 199, seeded(1))


def test_modules_differ_widely_in_size(items: list[Item]) -> None:
    """A giant with more than a third, middle ones, and one with three messages."""
    sizes = sorted(Counter(item["moduleId"]["N"] for item in items).values())
    assert sizes[0] == 3
    assert sizes[-1] > 1000
    assert len([size for size in sizes if 50 < size < 1000]) >= 3


def test_messages_spread_over_thirty_days_before_now(items: list[Item]) -> None:
    """Every message is in the past, and almost every day has some: whatever the cutoff, some lie on each side."""
    days = Counter((NOW - sent(item)).days for item in items)
    assert all(sent(item) < NOW for item in items)
    assert max(days) <= 31
    assert len(days) >= 28


def test_a_conversation_alternates(items: list[Item]) -> None:
    """One student, one module, student and assistant in turn, in the order of time."""
    conversations: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        conversations[item["conversationId"]["S"]].append(item)
    for turns in conversations.values():
        turns.sort(key=sent)
        assert [turn["role"]["S"] for turn in turns] == (["student", "assistant"] * len(turns))[: len(turns)]
        assert len({(turn["studentId"]["N"], turn["moduleId"]["N"]) for turn in turns}) == 1


def test_items_are_ragged(items: list[Item]) -> None:
    """Maps, sets, binary, undeclared attributes, missing ones, and attributes whose type changes from item to item."""
    types = types_of(items)
    assert types["metadata"] == types["feedback"] == {"M"}
    assert (types["tags"], types["citedPages"], types["thumbnail"]) == ({"SS"}, {"NS"}, {"B"})
    assert types["schemaVersion"] == {"N", "S"}
    assert len(types["confidence"]) >= 4
    assert set(types) - set(CHAT_MESSAGES.attributes)
    assert any("messageId" not in item for item in items)
    assert any(item["content"]["S"] == "" for item in items)


def test_one_cost_does_not_fit_its_column(items: list[Item]) -> None:
    """decimal(18,9) holds all costs but one."""
    costs = [Decimal(item["costUsd"]["N"]) for item in items if "costUsd" in item]
    assert [cost for cost in costs if cost != round(cost, 9)] == [Decimal(COST_TOO_FINE)]


def test_texts_read_like_a_lesson(items: list[Item]) -> None:
    """No template is left unfilled, and there are many different texts."""
    texts = [item["content"]["S"] for item in items]
    assert not [text for text in texts if "{" in text or "}" in text]
    assert len(set(texts)) > 300


def test_late_messages_lie_in_windows_long_past(items: list[Item]) -> None:
    """They belong to known modules, and share no key with what is there."""
    late = late_messages(NOW, 9, seeded(3))
    assert len(late) == 9
    assert all(NOW - timedelta(days=25) <= sent(item) < NOW - timedelta(days=11) for item in late)
    assert {key(item) for item in late}.isdisjoint(map(key, items))
    assert {item["moduleId"]["N"] for item in late} <= {item["moduleId"]["N"] for item in items}


def test_an_edit_keeps_the_key_and_changes_the_rest(items: list[Item]) -> None:
    """The item itself is left alone."""
    for item in items[:50]:
        before = canonical(item)
        changed = edited(item, seeded(1))
        assert key(changed) == key(item)
        assert canonical(changed) != before
        assert canonical(item) == before


def write(path: Path, sizes: dict[int | None, int]) -> Path:
    """Write a file with so many messages of each module, mixed."""
    lines = [
        {"conversationId": f"c{module}", "timestamp": number, "content": "x"} | ({} if module is None else {"moduleId": module})
        for module, size in sizes.items()
        for number in range(size)
    ]
    seeded(2).shuffle(lines)
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["real.jsonl", "real.jsonl.gz"])
def test_real_modules_are_taken_whole_and_the_largest_that_fits_first(tmp_path: Path, name: str) -> None:
    """With room for 50, 60 is skipped and 30 and 15 fit; for 40, 30 and the first of the two with 8; 5 name no module."""
    path = write(tmp_path / name, {9: 60, 1: 30, 2: 12, 4: 8, 3: 8, None: 5, 7: 15})
    sizes = Counter(item["moduleId"]["N"] for item in real_messages(path, 50))
    assert sizes == {"1": 30, "7": 15}
    assert len(real_messages(path, 45)) == 45
    assert Counter(item["moduleId"]["N"] for item in real_messages(path, 40)) == {"1": 30, "3": 8}
    assert sum(Counter(item["moduleId"]["N"] for item in real_messages(path)).values()) == 133


def test_a_file_of_giants_is_refused(tmp_path: Path) -> None:
    """A module is never split."""
    with pytest.raises(InputError, match=r"no module of real.jsonl has at most 50 messages"):
        real_messages(write(tmp_path / "real.jsonl", {1: 51}), 50)
