"""S3 over HTTP: conditions that are honoured, races that are told, and files that nobody else can read."""

from __future__ import annotations

import hashlib
import os
import stat
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from archive.errors import InputError, LakeDamagedError, RefusedError, ServiceError, TransientServiceError
from archive.s3 import LostRaceError, Store
from tests.answering import answer as answered
from tests.answering import executed, s3_error
from tests.builders import new_bucket
from tests.servers import REGION, Server
from tests.strict import loosely

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from mypy_boto3_s3 import S3Client

_STALE = '"00000000000000000000000000000000"'


@pytest.fixture
def client(moto_server: Server) -> S3Client:
    """A client of its own, so that hooks reach no other test."""
    return moto_server.s3()


@pytest.fixture
def store(client: S3Client) -> Store:
    """A versioned bucket of the test's own."""
    return Store(client, new_bucket(client))


def test_a_new_object_is_put_once(store: Store) -> None:
    """If-None-Match: the second one loses."""
    stored = store.put("k", b"one", None)
    with pytest.raises(LostRaceError):
        store.put("k", b"two", None)
    found = store.get("k")
    assert found is not None
    assert (found[0], found[1].etag, found[1].version_id) == (b"one", stored.etag, stored.version_id)
    assert stored.version_id is not None


def test_an_object_is_replaced_only_as_it_was_read(store: Store) -> None:
    """If-Match: a stale ETag loses, and so does one of an object that is gone."""
    first = store.put("k", b"one", None)
    second = store.put("k", b"two", first.etag)
    with pytest.raises(LostRaceError):
        store.put("k", b"three", first.etag)
    store._client.delete_object(Bucket=store.bucket, Key="k")  # noqa: SLF001 - as somebody might
    with pytest.raises(LostRaceError):
        store.put("k", b"three", second.etag)
    assert store.get("k") is None


def test_what_is_not_there_is_none(store: Store, tmp_path: Path) -> None:
    """Neither is an error, and no file is left."""
    assert store.get("k") is None
    assert store.fetch("k", tmp_path / "f") is None
    assert list(tmp_path.iterdir()) == []


def test_the_etag_that_an_object_has_now_is_told(store: Store, client: S3Client) -> None:
    """None where it is not; a purge goes on only where it is the one that was proved."""
    assert store.etag("k") is None
    stored = store.put("k", b"one", None)
    assert store.etag("k") == stored.etag
    _deny(client, "HeadObject")
    with pytest.raises(ServiceError, match=f"s3:GetObject on s3://{store.bucket}/k is not permitted"):
        store.etag("k")


def test_a_file_is_put_and_fetched_with_its_metadata_and_hash(store: Store, tmp_path: Path) -> None:
    """Its bytes, in blocks; the hash is of what came."""
    data = os.urandom(3 * 2**20 + 5)
    (tmp_path / "f").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    stored = store.put_file("k", tmp_path / "f", sha256, None, {"generation": "1"})
    fetched = store.fetch("k", tmp_path / "back")
    assert fetched is not None
    assert (fetched.stored, fetched.sha256, fetched.bytes) == (stored, sha256, len(data))
    assert fetched.stored.metadata == {"generation": "1"}
    assert (tmp_path / "back").read_bytes() == data


def test_a_fetched_file_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    """Whatever the umask: pupils' text is in it."""
    store.put("k", b"one", None)
    before = os.umask(0)
    try:
        store.fetch("k", tmp_path / "f")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_a_fetch_of_a_version_that_was_replaced_loses(store: Store, tmp_path: Path) -> None:
    """If-Match on the GET too."""
    first = store.put("k", b"one", None)
    assert store.fetch("k", tmp_path / "f", first.etag) is not None
    store.put("k", b"two", first.etag)
    with pytest.raises(LostRaceError):
        store.fetch("k", tmp_path / "f", first.etag)


def test_every_put_sends_the_sha256_that_was_proved(store: Store, client: S3Client, tmp_path: Path) -> None:
    """And not one of the bytes as they are now: S3 refuses a file that was changed behind the proof (moto does not)."""
    (tmp_path / "f").write_bytes(b"changed")
    sent: list[bytes | str] = []
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers["x-amz-checksum-sha256"]))
    store.put("a", b"small", None)
    with loosely():
        store.put_file("b", tmp_path / "f", hashlib.sha256(b"proved").hexdigest(), None, {})
    assert [value.decode() if isinstance(value, bytes) else value for value in sent] == [
        b64encode(hashlib.sha256(data).digest()).decode() for data in (b"small", b"proved")
    ]


def test_a_body_that_does_not_match_its_checksum_is_damage(store: Store, client: S3Client, tmp_path: Path) -> None:
    """Told as what it is, not as trouble with the network."""
    other = b64encode(hashlib.sha256(b"other").digest()).decode()
    with loosely():  # moto takes it
        client.put_object(Bucket=store.bucket, Key="k", Body=b"one", ChecksumAlgorithm="SHA256", ChecksumSHA256=other)
    with pytest.raises(LakeDamagedError, match=r"lake-.*/k is not what was stored"):
        store.get("k")
    with pytest.raises(LakeDamagedError):
        store.fetch("k", tmp_path / "f")


def _two_a_page(client: S3Client) -> None:
    def ask(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 2

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", ask)


def test_a_listing_goes_through_all_pages(store: Store, client: S3Client) -> None:
    """In order of keys, below the prefix, behind `start_after`."""
    for number in range(7):
        store.put(f"p/{number}", b"x" * number, None)
    store.put("q/0", b"", None)
    _two_a_page(client)
    before = store.requests
    listed = list(store.list("p/"))
    assert [(found.key, found.bytes) for found in listed] == [(f"p/{number}", number) for number in range(7)]
    assert store.requests - before == 4
    assert [found.key for found in store.list("p/", "p/4")] == ["p/5", "p/6"]
    assert list(store.list("nothing/")) == []
    found = store.get("p/3")
    assert found is not None
    assert listed[3].etag == found[1].etag
    assert listed[3].modified.tzinfo is not None


def test_a_listing_begins_before_it_is_whole(store: Store, client: S3Client) -> None:
    """A lake has more objects than a run needs."""
    for number in range(4):
        store.put(f"p/{number}", b"", None)
    _two_a_page(client)
    before = store.requests
    assert next(store.list("p/")).key == "p/0"
    assert store.requests - before == 1


def test_a_store_that_honours_conditions_is_taken(store: Store) -> None:
    """At the first run and at every later one; the probe is one small object."""
    store.require_conditions("checks/k")
    store.require_conditions("checks/k")
    assert [(found.key, found.bytes) for found in store.list("")] == [("checks/k", 1)]


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize("runs_before", [0, 1])
def test_a_store_that_ignores_a_condition_is_refused(header: str, runs_before: int, store: Store, client: S3Client) -> None:
    """Either of the two: such a store would lose rows in silence."""
    for _ in range(runs_before):
        store.require_conditions("checks/k")

    def strip(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        del request.headers[header]

    client.meta.events.register("before-sign.s3.PutObject", strip)
    with pytest.raises(RefusedError, match="without honouring them"):
        store.require_conditions("checks/k")


@pytest.mark.parametrize("code", [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("OperationAborted", 409)])
def test_a_conflict_is_a_lost_race(code: tuple[str, int], store: Store, client: S3Client) -> None:
    """S3 answers 412, or 409 where two PUTs meet."""

    def answer(**_: object) -> None:
        raise ClientError({"Error": {"Code": code[0]}, "ResponseMetadata": {"HTTPStatusCode": code[1]}}, "PutObject")  # type: ignore[typeddict-item]

    client.meta.events.register("before-call.s3.PutObject", answer)
    with pytest.raises(LostRaceError):
        store.put("k", b"one", _STALE)


_MET, _DAMAGED = ("ConditionalRequestConflict", 409), ("BadDigest", 400)


@pytest.mark.parametrize(("code", "etag"), [(_MET, None), (_DAMAGED, None), (_DAMAGED, _STALE)])
@pytest.mark.parametrize("times", [2, 3])
def test_a_put_that_says_nothing_of_what_is_stored_is_made_again(
    code: tuple[str, int], etag: str | None, times: int, store: Store, client: S3Client, tmp_path: Path
) -> None:
    """A new object that met another one, and bytes that came damaged: the next answer tells, with the same bytes; three are enough."""
    (tmp_path / "f").write_bytes(b"one")
    refused: list[None] = []

    def refuse(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if len(refused) == times:
            return None
        refused.append(None)
        request.body.read()  # type: ignore[union-attr]  # as a PUT does
        return s3_error(request, *code)

    client.meta.events.register("before-send.s3.PutObject", refuse)  # type: ignore[arg-type]  # it may answer
    sha256 = hashlib.sha256(b"one").hexdigest()
    if times == 3:
        with pytest.raises(TransientServiceError, match=rf"refused 3 times \({code[0]}\), nothing was stored"):
            store.put_file("k", tmp_path / "f", sha256, etag, {})
    elif etag:
        with pytest.raises(LostRaceError):
            store.put_file("k", tmp_path / "f", sha256, etag, {})
    else:
        store.put_file("k", tmp_path / "f", sha256, etag, {})
        found = store.get("k")
        assert found is not None
        assert found[0] == b"one"


@pytest.mark.parametrize("times", [2, 3])
def test_a_body_that_breaks_off_is_fetched_anew(times: int, store: Store, client: S3Client, tmp_path: Path) -> None:
    """From its beginning, three times at most: botocore is done with its tries when the body comes."""
    store.put("k", b"0123456789", None)
    broke: list[None] = []

    def break_off(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if len(broke) == times:
            return None
        broke.append(None)
        response, body = executed(request)
        return answered(request, response.status_code, body[:4], response.headers)

    client.meta.events.register("before-send.s3.GetObject", break_off)  # type: ignore[arg-type]  # it may answer
    if times == 3:
        with pytest.raises(TransientServiceError, match="got no answer"):
            store.fetch("k", tmp_path / "f")
        return
    fetched = store.fetch("k", tmp_path / "f")
    assert fetched is not None
    assert ((tmp_path / "f").read_bytes(), fetched.bytes) == (b"0123456789", 10)


def test_a_bucket_that_is_not_there_is_no_lost_race(client: S3Client) -> None:
    """It is a setting."""
    absent = Store(client, "no-such-bucket")
    for call in (lambda: absent.put("k", b"", None), lambda: absent.put("k", b"", _STALE), lambda: list(absent.list(""))):
        with pytest.raises(InputError, match="does not exist"):
            call()


def _deny(client: S3Client, operation: str) -> None:
    def deny(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation)  # type: ignore[typeddict-item]

    client.meta.events.register(f"before-call.s3.{operation}", deny)


def test_a_refusal_names_the_action_and_the_object(store: Store, client: S3Client) -> None:
    """So that the role can be mended."""
    _deny(client, "PutObject")
    with pytest.raises(ServiceError, match=f"s3:PutObject on s3://{store.bucket}/k is not permitted"):
        store.put("k", b"", None)


def test_versioning_is_told(store: Store, client: S3Client) -> None:
    """Nothing is purged without it."""
    assert store.is_versioned()
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert not store.is_versioned()


def test_enabled_lifecycle_rules_are_told(store: Store, client: S3Client) -> None:
    """None at all is an answer, too."""
    assert store.lifecycle_rules() == []
    rules: list[Any] = [
        {"ID": status, "Filter": {"Prefix": "lake/"}, "Status": status, "Expiration": {"Days": 1}} for status in ("Enabled", "Disabled")
    ]
    client.put_bucket_lifecycle_configuration(Bucket=store.bucket, LifecycleConfiguration={"Rules": rules})
    assert [rule["ID"] for rule in store.lifecycle_rules()] == ["Enabled"]


def test_lifecycle_rules_that_may_not_be_read_are_not_taken_for_none(store: Store, client: S3Client) -> None:
    """One of them might take segments away."""
    _deny(client, "GetBucketLifecycleConfiguration")
    with pytest.raises(ServiceError, match=f"s3:GetLifecycleConfiguration on bucket {store.bucket} is not permitted"):
        store.lifecycle_rules()


def test_an_answer_that_never_comes_is_an_error_of_ours(moto_server: Server) -> None:
    """A closed port, in this case."""
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=1)
    endpoint = f"http://{urlsplit(moto_server.endpoint).hostname}:9"
    closed = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, config=config)
    with pytest.raises(ServiceError) as caught:
        Store(closed, "b").get("k")
    assert caught.value.retryable
