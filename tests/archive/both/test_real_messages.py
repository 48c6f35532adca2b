"""Reading hot and cold as one over real messages: it yields what the source has, sorted by hand."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from archive.both import Asked
from archive.codec.values import Item, canonical, decode_plain
from archive.model.window import Window, from_ms
from tests.archive.both.reading import place_of, reading
from tests.archive.engine.workplace import Workplace, make_workplace
from tests.integration.sites import put
from tests.servers import Server

_MOST_OF_ONE: Final = 250
_MOST: Final = 600
_TYPES: Final = {"moduleId": "N", "studentId": "N", "provider": "S", "conversationId": "S"}
_COLUMNS: Final = {"moduleId": "module_id", "studentId": "student_id", "provider": "provider", "conversationId": "conversation_id"}


def _some(path: Path) -> list[Item]:
    """Return the messages of a few modules, together not too many."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = list(file)
    counts = Counter(json.loads(line).get("moduleId") for line in lines)
    chosen: set[Any] = set()
    for module, count in counts.most_common():
        if count <= _MOST_OF_ONE and sum(counts[one] for one in chosen) + count <= _MOST:
            chosen.add(module)
    return [decode_plain(line) for line in lines if json.loads(line).get("moduleId") in chosen]


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def real(moto_server: Server, tmp_path_factory: pytest.TempPathFactory, real_messages: Path) -> Any:  # noqa: ANN401 - as below
    """Yield a workplace and its messages: the oldest third was removed from the table, the next is in both, edited here and there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        place = make_workplace(moto_server, tmp_path_factory.mktemp("real")).with_lake(partition="month", segment="month")
        items = sorted(_some(real_messages), key=place_of)
        put(place.dynamodb, place.table, items)
        start, first, second = (_month(from_ms(place_of(items[len(items) * part // 3])[0])) for part in range(3))
        modules = sorted({int(item["moduleId"]["N"]) for item in items})
        if start < first:
            place.with_policy(purge="delete").archive(modules, Window(start, first), "run-1")
        if first < second:
            place.with_policy(purge="keep").archive(modules, Window(first, second), "run-2")
        there = {place_of(item) for item in place.items()}
        for number, item in enumerate(items):
            if number % 7 == 0 and place_of(item) in there:
                items[number] = {**item, "content": {"S": "edited"}}
                place.put(items[number])
        yield place, items


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("attribute", _COLUMNS)
def test_real_messages_are_what_the_source_has(real: tuple[Workplace, list[Item]], attribute: str, newest_first: bool) -> None:  # noqa: FBT001
    """Those of the busiest module, student, provider and conversation."""
    place, items = real
    kind = _TYPES[attribute]
    ((busiest, _),) = Counter(item[attribute][kind] for item in items if attribute in item).most_common(1)
    expected = [item for item in items if item.get(attribute) == {kind: busiest}]
    asked = Asked(_COLUMNS[attribute], int(busiest) if kind == "N" else busiest, newest_first=newest_first)
    read = reading(place, asked, page=100)
    assert list(map(canonical, read.items())) == list(map(canonical, expected[::-1] if newest_first else expected))
    if attribute == "moduleId":
        assert read.messages.counts.cold
        assert read.messages.counts.both
