"""Serves until it is killed: `python -m benchmarks.fake PORT FOLDER [FILE]`; without a file, messages like the demo's are made up."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from typing import Any

import msgspec

from archive.codec.lines import parse_line
from archive.codec.values import Item
from archive.load import Target
from benchmarks.fake.answer import OK, Answer, Counts, Request
from benchmarks.fake.bucket import Buckets
from benchmarks.fake.catalogue import Catalogue
from benchmarks.fake.ring import Ring
from benchmarks.fake.table import Tables
from benchmarks.fake.wire import Server
from flows.demo.messages import demo_messages

_TARGET = Target("bench", {"conversationId": "S", "timestamp": "N"}, {"moduleId": "N", "studentId": "N", "provider": "S"})
_MADE_UP = 5_000
_ONE_OF = 2  # of a file's messages: they are enough, and the fake starts twice as fast


def main(port: int, folder: Path, file: Path | None) -> None:
    """Serve."""
    counts = Counts()
    tables, buckets, catalogue = Tables(Ring(_messages(file)), counts), Buckets(folder, counts), Catalogue()

    def respond(request: Request) -> Answer:
        service, _, operation = request.headers.get("x-amz-target", "").partition(".")
        if service.startswith("DynamoDB"):
            return tables.call(operation, request.body)
        if service == "AWSGlue":
            return catalogue.call(operation, request.body)
        if request.path == "/_counts":
            return Answer(OK, counts.take())
        if request.path == "/_usage":
            usage = getrusage(RUSAGE_SELF)
            return Answer(OK, msgspec.json.encode(usage.ru_utime + usage.ru_stime))
        return buckets.call(request)

    with Server(port, respond) as server:
        server.serve_forever()


def _messages(file: Path | None) -> list[Item]:
    if file is not None:
        with gzip.open(file, "rb") as lines:
            return [parse_line(line.strip(), _TARGET.primary, _TARGET.indexed) for line in islice(lines, 0, None, _ONE_OF)]
    # Types that change from message to message cannot be a column of a data frame, nor bytes JSON: with them the others would not run.
    made_up = demo_messages(datetime(2024, 1, 1, tzinfo=UTC), _MADE_UP, Random(0))  # noqa: S311 - no secret
    kinds: dict[tuple[str, ...], set[str]] = {}
    for item in made_up:
        for path, kind in _kinds((), item):
            kinds.setdefault(path, set()).add(kind)
    left_out = {path[0] for path, found in kinds.items() if len(found) > 1 or "B" in found}
    return [{name: value for name, value in item.items() if name not in left_out} for item in made_up]


def _kinds(path: tuple[str, ...], item: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the types of an item's values, and of those in its maps and lists."""
    for name, value in item.items():
        ((kind, inner),) = value.items()
        yield (*path, name), kind
        if kind == "M":
            yield from _kinds((*path, name), inner)
        if kind == "L":
            for each in inner:
                yield from _kinds((*path, name), {"": each})


main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None)
