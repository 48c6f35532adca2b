"""All use of S3: conditional, checksummed, below one bucket. Every call may be repeated.

botocore repeats what failed before an answer came. What it does not repeat is repeated here: a body that broke off or came damaged,
a PUT that arrived damaged, and a PUT of a new object that met another one.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError, FlexibleChecksumError

from archive.aws import error_code, status_code, translated
from archive.disk import local_disk
from archive.errors import LakeDamagedError, RefusedError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BLOCK: Final = 2**20
_LOST_RACE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_ARRIVED_DAMAGED: Final = frozenset({"BadDigest", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"})
_CONFLICT_STATUS: Final = 409
_TRIES: Final = 3
_T = TypeVar("_T")
_ABSENT_STATUS: Final = 404
LARGEST_PUT: Final = 5 * 2**30
"""Bytes that one PUT can store (https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing."""

    key: str
    bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of an object: its ETag (what the next PUT must match), its version id, its metadata."""

    etag: str
    version_id: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object on local disk, and the SHA-256 (hex) of the bytes that came."""

    stored: Stored
    sha256: str
    bytes: int


class LostRaceError(Exception):
    """The object is not what the PUT had to match. Caught inside archive/: read, merge, prove, and put again."""


class _NotStoredError(Exception):
    """A PUT that says nothing of what is stored: its bytes came damaged, or it met another one of a new object."""


class Store:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Use one bucket; counts requests in `requests`."""
        self._client, self.bucket = client, bucket
        self.requests = 0

    def get(self, key: str) -> tuple[bytes, Stored] | None:
        """Return a small object, or None where it is not."""
        return self._read(key, None, lambda answer: (answer["Body"].read(), _stored(answer)))

    def fetch(self, key: str, path: Path, etag: str | None = None) -> Fetched | None:
        """Bring an object to a private local file, hashing what comes; None where it is not.

        With `etag`, raises LostRaceError where the object is another one by now.
        """

        def bring(answer: Any) -> Fetched:  # noqa: ANN401 - botocore's answer
            digest = hashlib.sha256()
            size = 0
            with local_disk():
                path.touch(mode=0o600)
                with path.open("wb") as file:
                    for block in answer["Body"].iter_chunks(_BLOCK):
                        digest.update(block)
                        file.write(block)
                        size += len(block)
            return Fetched(_stored(answer), digest.hexdigest(), size)

        return self._read(key, etag, bring)

    def _read(self, key: str, etag: str | None, read: Callable[[Any], _T]) -> _T | None:
        """Get an object and read its body, anew where that broke off or came damaged; None where it is not."""
        for left in reversed(range(_TRIES)):
            answer = self._get(key, etag)
            if answer is None:
                return None
            try:
                with self._reading(key):
                    return read(answer)
            except (TransientServiceError, LakeDamagedError):
                if not left:
                    raise
        raise AssertionError  # the last try returns or raises

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        """Translate what goes wrong while a body comes; botocore checks it against the checksum that S3 keeps."""
        with translated("s3:GetObject", self._name(key)):
            try:
                yield
            except FlexibleChecksumError as error:
                message = f"{self._name(key)} is not what was stored (its checksum differs); restore it from the bucket's version history"
                raise LakeDamagedError(message) from error

    def _get(self, key: str, etag: str | None) -> Any:  # noqa: ANN401 - botocore's answer
        self.requests += 1
        condition = {"IfMatch": etag} if etag else {}
        with translated("s3:GetObject", self._name(key)):
            try:
                return self._client.get_object(Bucket=self.bucket, Key=key, **condition)  # type: ignore[arg-type]
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                _raise_lost_race(error)
                raise

    def etag(self, key: str) -> str | None:
        """Return the ETag that an object has now, or None where it is not."""
        self.requests += 1
        with translated("s3:GetObject", self._name(key)):
            try:
                return self._client.head_object(Bucket=self.bucket, Key=key)["ETag"]
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise

    def put(self, key: str, data: bytes, etag: str | None) -> Stored:
        """Store a small object: a new one (etag None), or in place of the version with this ETag. See `_put`."""
        return self._put(key, data, hashlib.sha256(data).hexdigest(), etag, {})

    def put_file(self, key: str, path: Path, sha256: str, etag: str | None, metadata: dict[str, str]) -> Stored:
        """Store a local file whose SHA-256 (hex) S3 enforces, with metadata, in one PUT. See `_put`."""
        with path.open("rb") as file:
            return self._put(key, file, sha256, etag, metadata)

    def _put(self, key: str, body: Any, sha256: str, etag: str | None, metadata: dict[str, str]) -> Stored:  # noqa: ANN401
        """Put conditionally. Raises LostRaceError on 412 and 409, also where that is the echo of our own lost answer.

        A new object that met another one (409) is put again, as S3 asks for: whether the other one is there by now, the next answer tells.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._put_once(key, body, sha256, etag, metadata)
            except _NotStoredError as error:
                if not left:
                    message = f"s3:PutObject on {self._name(key)} was refused {_TRIES} times ({error}), nothing was stored; run again later"
                    raise TransientServiceError(message) from error
                if not isinstance(body, bytes):
                    body.seek(0)
        raise AssertionError  # the last try returns or raises

    def _put_once(self, key: str, body: Any, sha256: str, etag: str | None, metadata: dict[str, str]) -> Stored:  # noqa: ANN401
        self.requests += 1
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        if key.endswith(".html"):  # a browser shows a page, and asks where to keep anything else
            condition["ContentType"] = "text/html; charset=utf-8"
        with translated("s3:PutObject", self._name(key)):
            try:
                answer = self._client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),
                    Metadata=metadata,
                    **condition,  # type: ignore[arg-type]
                )
            except ClientError as error:
                if etag and error_code(error) in _ABSENT:  # If-Match on a key that is gone answers 404, not 412
                    raise LostRaceError from error
                if error_code(error) in _ARRIVED_DAMAGED or (etag is None and status_code(error) == _CONFLICT_STATUS):
                    raise _NotStoredError(error_code(error)) from error
                _raise_lost_race(error)
                raise
        return Stored(answer["ETag"], answer.get("VersionId"), metadata)

    def delete(self, key: str) -> None:
        """Remove an object; used for the stop sign only, and a versioned bucket keeps what was there."""
        self.requests += 1
        with translated("s3:DeleteObject", self._name(key)):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str, start_after: str = "") -> Iterator[Listed]:
        """Yield what lies below a prefix, in order of keys, behind `start_after`."""
        request: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix}
        if start_after:
            request["StartAfter"] = start_after
        while True:
            self.requests += 1
            with translated("s3:ListBucket", f"bucket {self.bucket}"):
                page = self._client.list_objects_v2(**request)
            for found in page.get("Contents", []):
                yield Listed(found["Key"], found["Size"], found["ETag"], found["LastModified"])
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def require_conditions(self, key: str) -> None:
        """Refuse a store that does not answer 412 to a second If-None-Match and to a stale If-Match, tried on `key`."""
        message = f"bucket {self.bucket} takes conditional writes without honouring them (its server is no full S3 there); use another"
        try:
            self.put(key, b"1", None)
        except LostRaceError:
            pass
        else:
            self._expect_lost(key, None, message)
        self._expect_lost(key, '"00000000000000000000000000000000"', message)

    def _expect_lost(self, key: str, etag: str | None, message: str) -> None:
        try:
            self.put(key, b"2", etag)
        except LostRaceError:
            return
        raise RefusedError(message)

    def is_versioned(self) -> bool:
        """Say whether the bucket keeps old versions."""
        self.requests += 1
        with translated("s3:GetBucketVersioning", f"bucket {self.bucket}"):
            return self._client.get_bucket_versioning(Bucket=self.bucket).get("Status") == "Enabled"

    def lifecycle_rules(self) -> Sequence[dict[str, Any]]:
        """Return the bucket's enabled lifecycle rules."""
        self.requests += 1
        with translated("s3:GetLifecycleConfiguration", f"bucket {self.bucket}"):
            try:
                rules = self._client.get_bucket_lifecycle_configuration(Bucket=self.bucket).get("Rules", [])
            except ClientError as error:
                if error_code(error) == "NoSuchLifecycleConfiguration" or status_code(error) == _ABSENT_STATUS:
                    return []
                raise
        return [dict(rule) for rule in rules if rule.get("Status") == "Enabled"]

    def _name(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


def _stored(answer: Any) -> Stored:  # noqa: ANN401
    return Stored(answer["ETag"], answer.get("VersionId"), dict(answer.get("Metadata", {})))


def _raise_lost_race(error: ClientError) -> None:
    if error_code(error) in _LOST_RACE or status_code(error) in (_CONFLICT_STATUS, 412):
        raise LostRaceError from error
