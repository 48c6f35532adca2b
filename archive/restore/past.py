"""Reads of S3 that only restore makes: a part of an object, and a version of it that was replaced since."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, FlexibleChecksumError

from archive.aws import error_code, status_code, translated
from archive.errors import LakeDamagedError
from archive.s3 import LostRaceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BLOCK: Final = 2**20
_GONE: Final = frozenset({"NoSuchVersion", "NoSuchKey", "404", "NotFound", "405", "MethodNotAllowed"})
_NO_VERSION: Final = frozenset({"InvalidArgument", "400"})  # an id that this bucket cannot have given
_STALE: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})
_TAIL: Final = 64 * 1024  # a footer and its length lie in the last few kilobytes; most readers ask for so much
_STATUS_STALE: Final = 412


class PastObjects:
    """One bucket's objects, in parts and in old versions."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Use one bucket; counts requests in `requests`."""
        self._client, self.bucket = client, bucket
        self.requests = 0

    def fetch_version(self, key: str, version_id: str, path: Path) -> str | None:
        """Bring one version of an object to a private local file; returns the SHA-256 (hex) of what came, None where it is gone."""
        self.requests += 1
        digest = hashlib.sha256()
        with translated("s3:GetObjectVersion", self._name(key)):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key, VersionId=version_id)
                path.touch(mode=0o600)
                with path.open("wb") as file:
                    for block in answer["Body"].iter_chunks(_BLOCK):
                        digest.update(block)
                        file.write(block)
            except FlexibleChecksumError as error:
                message = f"version {version_id} of {self._name(key)} is not what was stored (its checksum differs); it was not used"
                raise LakeDamagedError(message) from error
            except ClientError as error:
                if error_code(error) in _GONE | _NO_VERSION:
                    return None
                raise
        return digest.hexdigest()

    def open(self, key: str, etag: str, size: int) -> PartsOfObject:
        """Return a file-like object that reads parts of an object, as long as it is still the version with this ETag."""
        return PartsOfObject(self, key, etag, size)

    def part(self, key: str, etag: str, start: int, end: int) -> bytes:
        """Return the bytes `[start, end)` of an object; raises LostRaceError where it is another version by now, or gone."""
        self.requests += 1
        with translated("s3:GetObject", self._name(key)):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key, IfMatch=etag, Range=f"bytes={start}-{end - 1}")
                return answer["Body"].read()
            except ClientError as error:
                if error_code(error) in _STALE or status_code(error) == _STATUS_STALE:
                    raise LostRaceError from error
                raise

    def _name(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


class PartsOfObject(io.RawIOBase):
    """A stored object as a seekable file: each read is one ranged GET, but the end is read once, with the footer in it."""

    def __init__(self, objects: PastObjects, key: str, etag: str, size: int) -> None:
        """Read nothing yet."""
        super().__init__()
        self._objects, self._key, self._etag, self._size = objects, key, etag, size
        self._position = 0
        self._tail: bytes | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that one can go anywhere in it."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or to the end."""
        start = min(self._position, self._size)
        end = self._size if size is None or size < 0 else min(start + size, self._size)
        self._position = end
        if start == end:
            return b""
        tail_start = max(self._size - _TAIL, 0)
        if start < tail_start:
            return self._objects.part(self._key, self._etag, start, end)
        if self._tail is None:
            self._tail = self._objects.part(self._key, self._etag, tail_start, self._size)
        return self._tail[start - tail_start : end - tail_start]

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Read into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
