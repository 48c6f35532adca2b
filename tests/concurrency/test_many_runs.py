"""Two, four and eight runs at once over overlapping modules and windows, while users write: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Barrier, Event
from typing import Final

import pytest

from archive.engine.planning import Request
from archive.errors import TransientServiceError
from archive.model.window import Window, parse_instant
from tests.archive.engine.workplace import DAY_MS, TWO_DAYS, Workplace, make_workplace, message, one_loader, settings
from tests.concurrency.runs import Runs
from tests.interleaving.oracle import Oracle
from tests.interleaving.user import User
from tests.servers import Server, create_chat_messages

MODULES: Final = (1, 2, 3)
_MONDAY: Final = Window(TWO_DAYS.start, parse_instant("2024-01-16"))
_NOON_TO_NOON: Final = Window(parse_instant("2024-01-15T12:00Z"), parse_instant("2024-01-16T12:00Z"))
REQUESTS: Final = (
    Request("backfill", TWO_DAYS),
    Request("backfill", TWO_DAYS, (1, 2)),
    Request("backfill", _MONDAY),
    Request("backfill", _NOON_TO_NOON, (2, 3)),
    Request("nightly"),
    Request("purge", TWO_DAYS),
    Request("backfill", _NOON_TO_NOON),
    Request("backfill", TWO_DAYS, (3,)),
)
_WRITERS: Final = 3
_CONVERSATIONS: Final = 12
_LEAST_WRITES, _MOST_WRITES = 30, 150  # of one writer: beyond that, it would only take the server from the runs


@pytest.fixture(autouse=True)
def _quick_clients() -> Iterator[None]:
    with one_loader():
        yield


def _write(user: User, writer: int, seed: int, enough: Event) -> None:
    """Add, edit and delete messages that no other writer touches, until it is enough; no two versions of a message are equal."""
    random = Random(seed * 100 + writer)  # noqa: S311 - a schedule, no secret
    keys = [(f"writer-{writer}-{number}", number % 2 * DAY_MS + 1000 * writer + number) for number in range(_CONVERSATIONS)]
    written = 0
    while written < _LEAST_WRITES or (written < _MOST_WRITES and not enough.is_set()):
        conversation, at = random.choice(keys)
        written += 1
        text = f"version {written}"
        item = message(conversation, at, random.choice(MODULES), text)
        latest = user.history.get((conversation, int(item["timestamp"]["N"])), [{}])[-1]
        match random.randrange(4) if latest else 0:
            case 0 | 1:
                user.put(item)
            case 2:
                user.edit(item, content={"S": text})
            case _:
                user.delete(item)


def _at_once(place: Workplace, number: int, seed: int) -> None:
    """Let so many runs begin together, beside the writers; judge what one more run leaves, that nobody disturbs."""
    user, runs = User(place.dynamodb, place.table), Runs(place)
    user.put(*(message(f"before-{at}", at % 2 * DAY_MS + at, MODULES[at % 3]) for at in range(20)))
    together, enough = Barrier(number), Event()

    def one(request: Request) -> None:
        together.wait(60)
        # Where others win every race, or messages move too fast, a run ends and says "run again": that is what the last one does.
        with suppress(TransientServiceError):
            runs.run(request)

    with ThreadPoolExecutor(number + _WRITERS) as pool:
        writers = [pool.submit(_write, user, writer, seed, enough) for writer in range(_WRITERS)]
        try:
            for future in [pool.submit(one, request) for request in REQUESTS[:number]]:
                future.result()
        finally:
            enough.set()
        for future in writers:
            future.result()
    oracle = Oracle(place, user, runs.removed)
    oracle.at_any_time()
    runs.run(REQUESTS[0])
    oracle.at_rest()


def test_two_runs_at_once_beside_writers(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One schedule of two runs; all others are proofs."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    _at_once(_place(make_workplace(moto_server, tmp_path)), 2, 0)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("number", [2, 4, 8])
def test_many_runs_at_once_beside_writers(
    moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, seed: int
) -> None:
    """Modules are discovered, and removals are single deletes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    _at_once(_place(make_workplace(moto_server, tmp_path)), number, seed)


@pytest.mark.prove
@pytest.mark.parametrize("number", [2, 4])
def test_many_runs_with_partiql_beside_writers(
    moto_server: Server, ministack_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Modules are named, and removals are batches of PartiQL statements; the bucket is moto's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", ministack_server.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    dynamodb, s3 = ministack_server.dynamodb(), moto_server.s3()
    name = f"at-once-{number}"
    create_chat_messages(dynamodb, name)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    place = Workplace(settings(name, name, tmp_path / "spool"), dynamodb, s3)
    _at_once(_place(place).with_policy(protocol="partiql").with_source(modules=MODULES), number, number)


def _place(place: Workplace) -> Workplace:
    """Return the same place with several requests in flight at once."""
    return replace(place, config=replace(place.config, limits=replace(place.config.limits, streams=2, segments=2, purge_requests=2)))
