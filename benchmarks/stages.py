"""Measures where the read path's CPU time goes: milliseconds a page, stage by stage, in one process and without HTTP.

    DYNALAKE_TEST_DATA=FILE python -m benchmarks.stages

Pages are those of real messages, 583 each, about 2 KB a message; keys are made unique. It is CPU time, of all threads, and the least
of several rounds: on a machine that does other things too, wall time says little.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import msgspec
import pyarrow as pa

from archive.codec.decode import PageDecoder
from archive.codec.values import Item
from archive.lake.order import FROM_SPOOL, Key, Order
from archive.lake.prove import Inputs, prove
from archive.lake.spool import Spool
from archive.lake.unite import Uniter
from archive.load import Target, read_items
from archive.model.layout import Segment
from archive.model.spec import CHAT_MESSAGES
from tests.builders import LAYOUTS
from tests.dynamo_items import wire_item

_TARGET: Final = Target("ChatMessages", {"conversationId": "S", "timestamp": "N"}, {})
_PAGES, _ITEMS, _MODULES, _ROUNDS = 64, 583, 8, 3
_LARGE: Final = 250  # bytes of content from which on messages have about 2 KB on average
_START_MS: Final = 1_704_067_200_000
_MOST_BETWEEN_MS: Final = 280_000  # so that a page covers about a day
_T = TypeVar("_T")


class _Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def time(self, stage: str, work: Callable[[], _T]) -> _T:
        before = time.process_time()
        try:
            return work()
        finally:
            self.seconds[stage] += time.process_time() - before


def pages_of(file: Path) -> Iterator[bytes]:
    """Yield pages of a file's larger messages: one module each, in order of time, no key twice."""
    chance = Random(0)  # noqa: S311 - no secret
    large = [item for item in read_items(file, _TARGET) if len(item["content"]["S"]) >= _LARGE]
    chance.shuffle(large)
    source = cycle(large)
    clocks = [_START_MS] * _MODULES
    for number in range(_PAGES):
        module = number % _MODULES
        items: list[Item] = []
        for item in islice(source, _ITEMS):
            clocks[module] += chance.randint(1, _MOST_BETWEEN_MS)
            items.append({**item, "moduleId": {"N": str(module)}, "timestamp": {"N": str(clocks[module])}})
        yield msgspec.json.encode({"Items": list(map(wire_item, items)), "Count": len(items), "ScannedCount": len(items)})


def _archive(pages: list[bytes], decoder: PageDecoder, folder: Path) -> dict[str, float]:
    """Take pages the way that a batch goes, into proved files; return CPU seconds by stage."""
    stages, order = _Stages(), Order(CHAT_MESSAGES)
    with Spool(folder / "spool", order, 2**40) as spool:
        for body in pages:
            rows = stages.time("decode", lambda body=body: decoder.query_page(body).rows())  # type: ignore[misc]
            stages.time("spool", lambda rows=rows: spool.append_page(rows, LAYOUTS, FROM_SPOOL))  # type: ignore[misc]
        for segment in spool.segments():
            _store(stages, order, segment, spool, folder)
    return stages.seconds


def _store(stages: _Stages, order: Order, segment: Segment, spool: Spool, folder: Path) -> None:
    runs = spool.runs(segment)
    union, winners, losers = stages.time("unite and encode", lambda: Uniter(order, segment, _ask, folder).unite([], runs, "table"))
    with winners, losers:
        stages.time("prove and hash", lambda: prove(order, segment, union.path, Inputs([], runs, [], frozenset())))
    union.path.unlink()


def _ask(_: list[Key]) -> pa.Table:
    message = "no message was read twice"
    raise AssertionError(message)


def main() -> None:
    """Measure, and print a table."""
    data = os.environ.get("DYNALAKE_TEST_DATA")
    if not data:
        sys.exit("set DYNALAKE_TEST_DATA to a file of JSON Lines (.gz) to measure with")
    pages = list(pages_of(Path(data)))
    decoder = PageDecoder(CHAT_MESSAGES)
    rounds = []
    for _ in range(_ROUNDS):
        with TemporaryDirectory() as folder:
            rounds.append(_archive(pages, decoder, Path(folder)))
    best = {stage: min(one[stage] for one in rounds) / len(pages) * 1_000 for stage in rounds[0]}
    size = sum(map(len, pages)) / len(pages)
    for stage, milliseconds in {**best, "all": sum(best.values())}.items():
        print(f"{stage:20}{milliseconds:8.2f} ms a page{size / milliseconds / 1_000:8.0f} MB/s")
    print(json.dumps({"page_bytes": round(size), "cpu_ms_a_page": {stage: round(value, 2) for stage, value in best.items()}}))


if __name__ == "__main__":
    main()
