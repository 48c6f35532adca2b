"""What the lake relies on from S3: conditional writes, versions, listings, checksums; `known.py` has who differs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contracts.endpoints import Endpoint, remove_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(s3_endpoint: Endpoint) -> S3Client:
    """A client of each server in turn."""
    return s3_endpoint.s3()


@pytest.fixture
def bucket(s3: S3Client) -> Iterator[str]:
    """A versioned bucket of the test's own."""
    name = f"facts-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield name
    remove_bucket(s3, name)


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _refusal(call: Callable[[], object]) -> tuple[int, str]:
    """Return status and code of the error that the call must end with."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


def test_a_second_put_that_expects_nothing_is_refused(s3: S3Client, bucket: str) -> None:
    """If-None-Match: * answers 412 and leaves the object as it is."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")
    assert _refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"


def test_one_of_many_puts_that_expect_nothing_wins(s3: S3Client, bucket: str) -> None:
    """A race has one winner."""

    def put(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                raise
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(put, range(8))) == 1


def test_a_put_with_the_present_etag_replaces(s3: S3Client, bucket: str) -> None:
    """If-Match with the ETag of the object as it is goes through, and both are versions."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]) == 2


def test_a_put_with_a_stale_etag_is_refused(s3: S3Client, bucket: str) -> None:
    """If-Match with an older ETag answers 412."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    assert _refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"three", IfMatch=etag)) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"


def test_a_put_with_an_etag_where_nothing_is_gets_404(s3: S3Client, bucket: str) -> None:
    """If-Match on an absent key answers NoSuchKey, not 412."""
    assert _refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", IfMatch='"0"')) == (404, "NoSuchKey")


def test_a_get_with_a_stale_etag_is_refused(s3: S3Client, bucket: str) -> None:
    """GET with If-Match gives the object that was asked for, or 412."""
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"two")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=new)["Body"].read() == b"two"
    assert _refusal(lambda: s3.get_object(Bucket=bucket, Key="k", IfMatch=old)) == (412, "PreconditionFailed")


def test_an_absent_object_is_told_by_get_and_head(s3: S3Client, bucket: str) -> None:
    """GET names the code NoSuchKey; HEAD has no body and says 404."""
    assert _refusal(lambda: s3.get_object(Bucket=bucket, Key="none")) == (404, "NoSuchKey")
    assert _refusal(lambda: s3.head_object(Bucket=bucket, Key="none")) == (404, "404")


def test_metadata_are_committed_by_the_same_put(s3: S3Client, bucket: str) -> None:
    """A replacement's metadata come with its body."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one", Metadata={"generation": "1"})["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", Metadata={"generation": "2"}, IfMatch=etag)
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"generation": "2"}


def test_a_bucket_says_whether_it_keeps_versions(s3: S3Client, bucket: str) -> None:
    """Status is Enabled, or absent where nobody switched it on."""
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    s3.create_bucket(Bucket=f"{bucket}-bare")
    about = s3.get_bucket_versioning(Bucket=f"{bucket}-bare")
    s3.delete_bucket(Bucket=f"{bucket}-bare")
    assert "Status" not in about


def test_a_bucket_says_that_it_has_no_lifecycle(s3: S3Client, bucket: str) -> None:
    """No rule is an error with a code of its own."""
    assert _refusal(lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)) == (404, "NoSuchLifecycleConfiguration")


def test_a_listing_comes_in_pages_by_key(s3: S3Client, bucket: str) -> None:
    """Pages follow each other in the order of the keys, and a prefix holds."""
    for key in ("a/3", "a/1", "b/1", "a/2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages: Iterator[list[str]] = (
        [found["Key"] for found in page["Contents"]]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="a/", PaginationConfig={"PageSize": 2})
    )
    assert list(pages) == [["a/1", "a/2"], ["a/3"]]


def test_a_deleted_object_may_be_put_again(s3: S3Client, bucket: str) -> None:
    """A delete marker counts as nothing for If-None-Match, and the old version stays."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]) == 2


def test_a_checksum_that_was_named_and_given_comes_back(s3: S3Client, bucket: str) -> None:
    """HEAD shows it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", ChecksumAlgorithm="SHA256", ChecksumSHA256=_sha256(b"one"))
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == _sha256(b"one")


def test_a_checksum_that_was_only_given_comes_back(s3: S3Client, bucket: str) -> None:
    """Without ChecksumAlgorithm: the checksum names it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", ChecksumSHA256=_sha256(b"one"))
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED").get("ChecksumSHA256") == _sha256(b"one")


def test_a_body_that_does_not_match_its_checksum_is_refused(s3: S3Client, bucket: str) -> None:
    """BadDigest, and nothing is stored."""
    wrong = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _sha256(b"two")}
    assert _refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"one", **wrong)) == (400, "BadDigest")  # type: ignore[arg-type]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
