"""Loading a file of plain items: everything arrives exactly once, whatever the table refuses at first."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from archive.codec.values import AttributeValue, Item, canonical
from archive.errors import InputError, ServiceError, TransientServiceError
from archive.load import Target, count_items, load, read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME = "ChatMessages"
TARGET = Target(NAME, {"conversationId": "S", "timestamp": "N"}, {"moduleId": "N"})


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    """Return a client of a server in the process, with the table."""
    with mock_aws():
        made: DynamoDBClient = boto3.client("dynamodb", region_name="us-east-1")
        made.create_table(
            TableName=NAME,
            KeySchema=[{"AttributeName": "conversationId", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "conversationId", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
                {"AttributeName": "moduleId", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "ModuleAnalyticsIndex",
                    "KeySchema": [{"AttributeName": "moduleId", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


class Refusals:
    """Changes BatchWriteItem's answers on their way back, and remembers requests and sleeps."""

    def __init__(self, client: DynamoDBClient, *, unprocessed: int) -> None:
        """Give back all but one of the items of the first `unprocessed` requests, unwritten."""
        self.left, self.sizes, self.sleeps = unprocessed, list[int](), list[float]()
        self._lock = Lock()
        self._table = NAME
        client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", self._before)  # type: ignore[arg-type]  # it may answer
        client.meta.events.register("after-call.dynamodb.BatchWriteItem", self._after)
        self._kept: list[Any] = []

    def _before(self, params: dict[str, Any], **_: object) -> dict[str, Any]:
        requests = params["RequestItems"][self._table]
        with self._lock:
            self.sizes.append(len(requests))
            self._kept = []
            if self.left:
                self.left -= 1
                self._kept = requests[1:]
                requests = requests[:1]
        return {"RequestItems": {self._table: requests}}

    def _after(self, parsed: dict[str, Any], **_: object) -> None:
        if self._kept:
            parsed["UnprocessedItems"] = {self._table: self._kept}


def item(number: int, **more: AttributeValue) -> Item:
    """Make an item."""
    return {"conversationId": {"S": f"c{number % 7}"}, "timestamp": {"N": str(number)}, **more}


def stored(client: DynamoDBClient) -> list[bytes]:
    """Return the spelling of every item in the table, sorted."""
    pages = client.get_paginator("scan").paginate(TableName=NAME)
    found: list[Any] = [item for page in pages for item in page["Items"]]
    return sorted(map(canonical, found))


def quick(client: DynamoDBClient, items: list[Item], threads: int = 1) -> int:
    """Load without waiting."""
    return load(client, TARGET, items, threads=threads, sleep=lambda _: None, progress=lambda _: None)


def write(path: Path, lines: list[Any]) -> Path:
    """Write JSON Lines; gzip if the name says so."""
    data = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_a_target_is_read_from_the_tables_description(client: DynamoDBClient) -> None:
    """Key names and types come from the table, never from settings."""
    assert Target.of(client.describe_table(TableName=NAME)["Table"]) == TARGET


@pytest.mark.parametrize("threads", [1, 4])
def test_every_item_is_put(client: DynamoDBClient, threads: int) -> None:
    """Batches of 25, with a rest, in one thread or several."""
    items = [item(number, content={"S": f"text {number}"}) for number in range(133)]
    assert quick(client, items, threads) == 133
    assert stored(client) == sorted(map(canonical, items))


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
def test_a_file_arrives_exactly(client: DynamoDBClient, tmp_path: Path, name: str) -> None:
    """File to table: digits, sets, binary, null and nested maps; empty lines are nothing."""
    lines = [
        '{"conversationId": "a", "timestamp": 1, "costUsd": 0.00000000012345678901234567890, "tags": {"$SS": ["x", "y"]}}',
        "",
        '{"conversationId": "b", "timestamp": 2, "moduleId": 7, "raw": {"$B": "AAE="}, "metadata": {"rating": null, "l": [1, true, ""]}}',
    ]
    path = write(tmp_path / name, lines)
    assert count_items(path, TARGET) == 2
    assert quick(client, list(read_items(path, TARGET))) == 2
    expected: list[Item] = [
        {
            "conversationId": {"S": "a"},
            "timestamp": {"N": "1"},
            "costUsd": {"N": "1.234567890123456789E-10"},
            "tags": {"SS": ["x", "y"]},
        },
        {
            "conversationId": {"S": "b"},
            "timestamp": {"N": "2"},
            "moduleId": {"N": "7"},
            "raw": {"B": b"\x00\x01"},
            "metadata": {"M": {"rating": {"NULL": True}, "l": {"L": [{"N": "1"}, {"BOOL": True}, {"S": ""}]}}},
        },
    ]
    assert stored(client) == sorted(map(canonical, expected))


def test_progress_grows_to_the_count(client: DynamoDBClient) -> None:
    """A progress bar ends where the load ends."""
    seen: list[int] = []
    load(client, TARGET, [item(number) for number in range(60)], threads=2, sleep=lambda _: None, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 60


def test_what_was_not_processed_is_put_again(client: DynamoDBClient) -> None:
    """UnprocessedItems are not lost, and each further request follows a sleep."""
    refusals = Refusals(client, unprocessed=3)
    items = [item(number) for number in range(25)]
    assert load(client, TARGET, items, threads=1, sleep=refusals.sleeps.append, progress=lambda _: None) == 25
    assert refusals.sizes == [25, 24, 23, 22]
    assert len(refusals.sleeps) == 3
    assert stored(client) == sorted(map(canonical, items))


def throttle(client: DynamoDBClient, times: int) -> list[int]:
    """Answer this many requests with a throttling error; returns a list that grows by one a request."""
    calls: list[int] = []

    def answer(**_: object) -> tuple[Any, dict[str, Any]] | None:
        calls.append(1)
        if len(calls) > times:
            return None
        error = {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}
        return _Answer(), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    client.meta.events.register("before-call.dynamodb.BatchWriteItem", answer)  # type: ignore[arg-type]  # it may answer
    return calls


class _Answer:
    status_code = 400


def test_a_throttled_batch_is_put_again_after_longer_and_longer_sleeps(client: DynamoDBClient) -> None:
    """A whole request that is refused counts like items that were not processed."""
    throttle(client, 4)
    sleeps: list[float] = []
    assert load(client, TARGET, [item(1)], threads=1, sleep=sleeps.append, progress=lambda _: None) == 1
    assert sleeps == sorted(set(sleeps))
    assert len(sleeps) == 4
    assert len(stored(client)) == 1


def test_a_table_that_goes_on_refusing_ends_the_load(client: DynamoDBClient) -> None:
    """It does not try for ever, and says that trying later can help."""
    calls = throttle(client, 10**6)
    with pytest.raises(TransientServiceError, match="goes on refusing to take items"):
        quick(client, [item(1)])
    assert len(calls) < 20


def test_a_missing_table_is_named() -> None:
    """The sentence comes from the edge to AWS, without a traceback of botocore's."""
    with mock_aws(), pytest.raises((InputError, ServiceError), match="ChatMessages"):
        quick(boto3.client("dynamodb", region_name="us-east-1"), [item(1)])


@pytest.mark.parametrize("distance", [1, 3, 25, 60])
def test_of_two_items_with_one_key_the_later_one_stays(client: DynamoDBClient, distance: int) -> None:
    """In one batch, in the next, and with several threads: the file's order decides."""
    first = [item(number, version={"N": "1"}) for number in range(distance)]
    later = item(0, version={"N": "2"})
    later["timestamp"] = {"N": "0.0"}
    assert quick(client, [*first, later], threads=4) == distance + 1
    assert len(stored(client)) == distance
    found = client.get_item(TableName=NAME, Key={"conversationId": {"S": "c0"}, "timestamp": {"N": "0"}})
    assert found["Item"]["version"] == {"N": "2"}


def test_two_requests_never_hold_one_key(client: DynamoDBClient) -> None:
    """A request with a key waits until the earlier one with that key is answered."""
    open_keys: set[str] = set()
    lock = Lock()

    def before(params: dict[str, Any], **_: object) -> None:
        keys = {request["PutRequest"]["Item"]["timestamp"]["N"] for request in params["RequestItems"][NAME]}
        with lock:
            assert open_keys.isdisjoint(keys)
            open_keys.update(keys)

    def after(**_: object) -> None:
        with lock:
            open_keys.clear()

    client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", before)
    client.meta.events.register("after-call.dynamodb.BatchWriteItem", after)
    assert quick(client, [item(7)] * 20, threads=8) == 20


def test_a_wrong_line_is_named_by_its_number(tmp_path: Path) -> None:
    """Empty lines count; the content is not shown."""
    path = write(tmp_path / "items.jsonl", [{"conversationId": "a", "timestamp": 1}, "", "secret"])
    with pytest.raises(InputError, match=r"^line 3 of items.jsonl is not a JSON object; write one") as caught:
        count_items(path, TARGET)
    assert "secret" not in str(caught.value)


def test_a_wrong_key_is_found_before_anything_is_written(tmp_path: Path) -> None:
    """Counting reads the whole file, also the last line."""
    path = write(tmp_path / "items.jsonl", [{"conversationId": "a", "timestamp": n} for n in range(99)] + [{"conversationId": "a"}])
    with pytest.raises(InputError, match=r"line 100 of items.jsonl has no timestamp, a key of the table; add it"):
        count_items(path, TARGET)


def test_a_file_without_items_is_refused(tmp_path: Path) -> None:
    """A load that puts nothing is most likely the wrong file."""
    with pytest.raises(InputError, match="holds no items"):
        count_items(write(tmp_path / "items.jsonl", [""]), TARGET)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(InputError, match=r"nothing.jsonl does not exist"):
        count_items(tmp_path / "nothing.jsonl", TARGET)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """What cannot be read is named, with the system's reason."""
    with pytest.raises(InputError, match="cannot be read"):
        count_items(tmp_path, TARGET)


def test_a_gzip_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """Half a download must not pass as a whole file."""
    path = write(tmp_path / "items.jsonl.gz", [{"conversationId": "a", "timestamp": n} for n in range(500)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged or cut short"):
        count_items(path, TARGET)


def test_a_line_beyond_any_item_is_refused(tmp_path: Path) -> None:
    """One array with everything in it would have to be held in memory."""
    with pytest.raises(InputError, match=r"line 1 of items.jsonl is longer than any item"):
        count_items(write(tmp_path / "items.jsonl", ["[" + "1," * (3 * 2**20)]), TARGET)
