"""Runs that meet, and runs that die, while they commit a segment: what they leave is whole, and nobody's rows are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from archive.errors import LakeDamagedError, TransientServiceError
from archive.model.receipt import Receipt
from tests.builders import SEGMENT, message, text
from tests.lakes import MESSAGE, RECEIPT, Lake, before_put, overwrite_with_older, remove_object, spelled
from tests.servers import REGION, Server

_A, _B, _C = (message(name, at) for at, name in enumerate("abc"))
_EDITED = {**_A, **text("edited")}


def test_a_race_for_a_new_segment_is_read_merged_and_put_again(lake: Lake, other: Lake) -> None:
    """The loser unites its rows with the winner's."""
    before_put(lake, lambda: other.commit(_B, exists=False))
    committed = lake.commit(_A, exists=False)
    assert lake.rows() == spelled(_A, _B)
    assert (committed.races, committed.receipt.generation, committed.added) == (1, 2, 1)
    assert lake.receipt() == committed.receipt


def test_a_lost_race_asks_the_table_again(lake: Lake, other: Lake) -> None:
    """What it said before the other's PUT may be older than that."""
    lake.commit(_A, exists=False)
    third = {**_A, **text("third")}
    lake.table.put(_EDITED)

    def interfere() -> None:
        lake.table.put(third)
        other.commit(third)

    before_put(lake, interfere)
    committed = lake.commit(_EDITED)
    assert lake.rows() == spelled(third)
    assert len(lake.table.asked) == 3
    assert (committed.stored, committed.races, committed.receipt.generation) == (False, 1, 2)


def test_the_table_is_asked_after_the_object_was_read(lake: Lake, other: Lake) -> None:
    """An edit that is archived and purged between the GET and the question is not overwritten: the PUT does not match."""
    lake.commit(_A, exists=False)
    lake.table.put(_EDITED)
    newest = {**_A, **text("newest")}

    def between() -> None:
        lake.before_asking = lambda: None
        lake.table.put(newest)
        other.commit(newest)

    lake.before_asking = between
    lake.commit(_EDITED)
    assert lake.rows() == spelled(newest)


def test_a_lost_answer_is_recognised_by_its_bytes(lake: Lake, moto_server: Server) -> None:
    """The PUT is made again by botocore, and gets 412 for what it has stored itself."""
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    retrying = boto3.client("s3", endpoint_url=moto_server.endpoint, region_name=REGION, config=config)
    run = Lake(retrying, lake.bucket, lake.folder, lake.table)
    sent: list[str] = []

    def lose(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if unquote(request.url).endswith(MESSAGE):
            sent.append(request.url)
            if len(sent) == 1:
                request.reset_stream()
                assert URLLib3Session().send(request).status_code == 200
                raise ConnectionClosedError(endpoint_url=request.url)

    retrying.meta.events.register("before-send.s3.PutObject", lose)
    committed = run.commit(_A, exists=False)
    assert len(sent) == 2
    assert (committed.stored, committed.races, committed.receipt.generation) == (True, 0, 1)
    assert lake.receipt() == committed.receipt
    assert [key for key, _ in lake.versions()].count(MESSAGE) == 1


def test_a_run_that_died_between_put_and_receipt_is_mended(lake: Lake) -> None:
    """The object is all there is to know; committing again makes its receipt and puts nothing."""
    stored: list[object] = []

    def die(parsed: object, **_: object) -> None:
        stored.append(parsed)
        raise ConnectionClosedError(endpoint_url="s3")

    lake.client.meta.events.register("after-call.s3.PutObject", die)
    with pytest.raises(TransientServiceError):
        lake.commit(_A, exists=False)
    lake.client.meta.events.unregister("after-call.s3.PutObject", die)
    assert (len(stored), [key for key, _ in lake.versions()]) == (1, [MESSAGE])
    committed = lake.commit(_A)
    assert not committed.stored
    assert lake.receipt() == committed.receipt
    assert committed.receipt.generation == 1


def test_runs_that_win_every_race_end_the_commit(lake: Lake, other: Lake) -> None:
    """It may be tried again later; what the others stored is whole."""
    others = [message(f"other-{number}", 9) for number in range(10)]
    left = before_put(lake, *((lambda item=item: other.commit(item)) for item in others))
    with pytest.raises(TransientServiceError, match="keep winning"):
        lake.commit(_A, exists=False)
    assert next(left, None) is None
    assert lake.rows() == spelled(*others)


@pytest.mark.parametrize("damage", [remove_object, overwrite_with_older])
def test_an_object_that_goes_while_it_is_merged_is_not_created_anew(damage: Callable[[Lake], None], lake: Lake) -> None:
    """Even where no receipt names it yet: this run has seen it."""
    lake.commit(_A, exists=False)
    lake.commit(_B)
    lake.client.delete_object(Bucket=lake.bucket, Key=RECEIPT)
    before_put(lake, lambda: damage(lake))
    with pytest.raises(LakeDamagedError):
        lake.commit(_C)
    assert lake.receipts.load(SEGMENT) is None


def test_a_slow_runs_late_receipt_does_not_overwrite_a_newer_one(lake: Lake, other: Lake) -> None:
    """Receipts go up in generation only."""
    done: list[Receipt] = []

    def overtake(params: dict[str, Any], **_: object) -> None:
        if unquote(params["url_path"]).endswith(RECEIPT) and not done:
            done.append(other.commit(_B).receipt)

    lake.client.meta.events.register("before-call.s3.PutObject", overtake)
    committed = lake.commit(_A, exists=False)
    assert committed.receipt.generation == 1
    assert lake.receipt() == done[0]
    assert done[0].generation == 2
