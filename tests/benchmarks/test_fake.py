"""That what the benchmarks' fake answers is right: else their figures would mean nothing."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from archive.codec.values import Item, canonical
from archive.model.item_size import item_size
from benchmarks.contestants import ours
from benchmarks.fake.running import Fake, fake
from benchmarks.fake.world import World
from tests.lakes import items_in
from tests.servers import Server
from tests.strict import loosely

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_BUCKETS = count()
WORLD = World(modules=3, messages=700, days=2, idle=1)


@pytest.fixture(scope="module")
def running() -> Iterator[Fake]:
    """A fake with made-up messages."""
    with fake(None) as started:
        yield started


@pytest.fixture
def dynamodb(running: Fake) -> DynamoDBClient:
    """A client of its tables."""
    return Server("the fake", running.endpoint, 0).dynamodb()


@pytest.fixture
def s3(running: Fake) -> S3Client:
    """A client of its buckets."""
    return Server("the fake", running.endpoint, 0).s3()


@pytest.fixture
def settings(running: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a contestant is told."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return {"table": WORLD.table, "bucket": f"bucket-{next(_BUCKETS)}", "spool": str(tmp_path)}


def query(client: DynamoDBClient, module: int, first: int, last: int, **more: Any) -> list[Any]:  # noqa: ANN401 - a request's parts
    """Return the pages of a module's messages between two times, both included."""
    request = {
        "TableName": WORLD.table,
        "IndexName": "ModuleAnalyticsIndex",
        "KeyConditionExpression": "#m = :m AND #t BETWEEN :from AND :to",
        "ExpressionAttributeNames": {"#m": "moduleId", "#t": "timestamp"},
        "ExpressionAttributeValues": {":m": {"N": str(module)}, ":from": {"N": str(first)}, ":to": {"N": str(last)}},
        **more,
    }
    return list(client.get_paginator("query").paginate(**request))


def all_items(client: DynamoDBClient) -> list[Item]:
    """Return the messages of all modules that are not idle."""
    window = WORLD.window
    modules = WORLD.numbers[: WORLD.modules]
    return [item for module in modules for page in query(client, module, window.start_ms, window.end_ms) for item in page["Items"]]


def test_a_module_has_its_messages_once_in_order_of_time(dynamodb: DynamoDBClient) -> None:
    """All keys differ, over pages and modules; times rise, and lie in the world's days."""
    items = all_items(dynamodb)
    assert len({(item["conversationId"]["S"], item["timestamp"]["N"]) for item in items}) == len(items) == WORLD.modules * WORLD.messages
    times = [int(item["timestamp"]["N"]) for item in items[: WORLD.messages]]
    assert times == sorted(times)
    assert WORLD.window.start_ms <= times[0] < times[-1] < WORLD.window.end_ms
    assert {item["moduleId"]["N"] for item in items[: WORLD.messages]} == {"1000"}


def test_a_page_has_a_megabyte_and_costs_what_it_holds(dynamodb: DynamoDBClient) -> None:
    """All but the last have the message with which they reach 1 MB, to a byte a message; and half a unit pays for 4 KB."""
    pages = query(dynamodb, 1000, WORLD.window.start_ms, WORLD.window.end_ms, ReturnConsumedCapacity="TOTAL")
    sizes = [[item_size(item) for item in page["Items"]] for page in pages]
    assert len(sizes) > 1
    assert all(sum(page[:-1]) - len(page) < 2**20 <= sum(page) + len(page) for page in sizes[:-1])
    for page, served in zip(sizes, pages, strict=True):
        assert sum(page) / 8192 <= served["ConsumedCapacity"]["CapacityUnits"] <= (sum(page) + len(page)) / 8192 + 0.5


def test_messages_are_about_two_kilobytes(dynamodb: DynamoDBClient) -> None:
    """That is what DynamoDB counts for a typical one."""
    sizes = [item_size(item) for item in all_items(dynamodb)]
    assert 1_800 < sum(sizes) / len(sizes) < 2_300


def test_between_includes_both_ends_and_nothing_more(dynamodb: DynamoDBClient) -> None:
    """A window from one message's time to another's has these two and what is between them."""
    items = all_items(dynamodb)[:20]
    first, last = (int(items[number]["timestamp"]["N"]) for number in (3, 8))
    (page,) = query(dynamodb, 1000, first, last)
    assert page["Items"] == items[3:9]


def test_pages_of_a_limit_give_the_same_messages(dynamodb: DynamoDBClient) -> None:
    """Also where one goes on from the last key of a page that the limit has cut."""
    window = WORLD.window
    limited = [item for page in query(dynamodb, 1001, window.start_ms, window.end_ms, Limit=99) for item in page["Items"]]
    whole = [item for page in query(dynamodb, 1001, window.start_ms, window.end_ms) for item in page["Items"]]
    assert limited == whole


def test_keys_alone_are_the_keys_of_the_messages(dynamodb: DynamoDBClient) -> None:
    """A projection to the key attributes says nothing else."""
    names = {"#m": "moduleId", "#t": "timestamp", "#c": "conversationId"}
    window = WORLD.window
    pages = query(dynamodb, 1000, window.start_ms, window.end_ms, ProjectionExpression="#c, #t, #m", ExpressionAttributeNames=names)
    keys = [item for page in pages for item in page["Items"]]
    assert keys == [{name: item[name] for name in names.values()} for item in all_items(dynamodb)[: WORLD.messages]]


def test_a_scan_has_every_message(dynamodb: DynamoDBClient) -> None:
    """Module after module, with the idle one's."""
    scanned = [item for page in dynamodb.get_paginator("scan").paginate(TableName=WORLD.table) for item in page["Items"]]
    assert scanned[:-1] == all_items(dynamodb)
    assert scanned[-1]["moduleId"] == {"N": "1003"}


def test_a_deleted_message_comes_back_as_it_was(dynamodb: DynamoDBClient) -> None:
    """By DeleteItem, in a PartiQL batch and from BatchGetItem; a key that no message has gives none."""
    item, other = all_items(dynamodb)[5], all_items(dynamodb)[1_200]
    keys = [{name: one[name] for name in ("conversationId", "timestamp")} for one in (item, other)]
    assert dynamodb.delete_item(TableName=WORLD.table, Key=keys[0], ReturnValues="ALL_OLD")["Attributes"] == item
    text = f'DELETE FROM "{WORLD.table}" WHERE "conversationId"=? AND "timestamp"=? RETURNING ALL OLD *'
    statements: list[Any] = [{"Statement": text, "Parameters": list(key.values())} for key in keys]
    statements.append({"Statement": text, "Parameters": [item["conversationId"], {"N": "5"}]})
    answered = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert [one.get("Item") for one in answered] == [item, other, None]
    asked: Any = {WORLD.table: {"Keys": [*keys, {**keys[0], "timestamp": {"N": "5"}}]}}
    assert dynamodb.batch_get_item(RequestItems=asked)["Responses"][WORLD.table] == [item, other]


def test_a_put_is_taken_on_its_condition_only(s3: S3Client) -> None:
    """A second If-None-Match and a stale If-Match answer 412, and wrong bytes 400."""
    first = s3.put_object(Bucket="bucket", Key="a", Body=b"1", IfNoneMatch="*")
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.put_object(Bucket="bucket", Key="a", Body=b"2", **condition)  # type: ignore[arg-type]
    s3.put_object(Bucket="bucket", Key="a", Body=b"23", IfMatch=first["ETag"], Metadata={"generation": "2"})
    with loosely(), pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="bucket", Key="b", Body=b"3", ChecksumSHA256=b64encode(hashlib.sha256(b"4").digest()).decode())
    got = s3.get_object(Bucket="bucket", Key="a")
    assert (got["Body"].read(), got["Metadata"]) == (b"23", {"generation": "2"})
    assert s3.get_object(Bucket="bucket", Key="a", Range="bytes=1-1")["Body"].read() == b"3"


def test_a_listing_goes_on_where_a_page_ended(s3: S3Client) -> None:
    """1,000 keys a page, in order, below the prefix and behind `StartAfter`."""
    for number in range(1_005):
        s3.put_object(Bucket="many", Key=f"p/{number:05}", Body=b"")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="many", Prefix="p/", StartAfter="p/00001"))
    assert [len(page["Contents"]) for page in pages] == [1_000, 3]
    assert [found["Key"] for page in pages for found in page["Contents"]] == [f"p/{number:05}" for number in range(2, 1_005)]


def test_what_the_engine_archives_is_what_was_served(dynamodb: DynamoDBClient, s3: S3Client, settings: dict[str, Any]) -> None:
    """The lake holds every message once, value for value."""
    assert ours.archive(**settings)() == WORLD.modules * WORLD.messages
    found = s3.list_objects_v2(Bucket=settings["bucket"], Prefix="dynalake/messages/")["Contents"]
    stored = [
        canonical(item) for one in found for item in items_in(s3.get_object(Bucket=settings["bucket"], Key=one["Key"])["Body"].read())
    ]
    assert sorted(stored) == sorted(map(canonical, all_items(dynamodb)))


def test_a_nightly_run_removes_every_message_it_archives(running: Fake, settings: dict[str, Any]) -> None:
    """One conditional delete a message, by the fake's own count; and a restore puts each of them back."""
    running.take_counts()
    assert ours.nightly(**settings, purge="delete")() == WORLD.modules * WORLD.messages
    assert running.take_counts()["conditional_deletes"] == WORLD.modules * WORLD.messages
    assert ours.restore(**settings)() == WORLD.modules * WORLD.messages
