"""Answers S3's calls, for any bucket: conditional PUTs, checksums, ranges, listings and multipart uploads. Objects lie in local files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import unquote
from xml.sax.saxutils import escape

from benchmarks.fake.answer import OK, Answer, Counts, Request

_MOST_LISTED: Final = 1_000
_MODIFIED: Final = "2024-01-01T00:00:00.000Z"
_NOT_MODIFIED: Final = "Mon, 01 Jan 2024 00:00:00 GMT"
_NO_CONTENT, _PARTIAL, _BAD, _MISSING, _FAILED = 204, 206, 400, 404, 412


@dataclass(frozen=True, slots=True)
class _Object:
    path: Path
    bytes: int
    etag: str
    headers: Mapping[str, str]


class Buckets:
    """All buckets there can be; each is versioned, as far as anyone can ask. Threads share it."""

    def __init__(self, folder: Path, counts: Counts) -> None:
        """Keep bytes below a folder."""
        self._folder, self._counts = folder, counts
        self._objects: dict[str, _Object] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._numbers = count()
        self._lock = Lock()

    def call(self, request: Request) -> Answer:
        """Answer one call."""
        name = unquote(request.path.lstrip("/"))
        bucket, _, key = name.partition("/")
        kind = request.method
        if not key:
            kind = "LIST" if "list-type" in request.query else "BUCKET"
        self._counts.add(**{f"s3_{kind}": 1})
        if kind == "LIST":
            return self._list(bucket, request.query)
        if kind == "BUCKET":
            return _of_bucket(request.query)
        if "uploads" in request.query or "uploadId" in request.query:
            return self._multipart(name, request)
        if kind == "PUT":
            return self._put(name, request.body, request.headers)
        if kind == "DELETE":
            self._objects.pop(name, None)
            return Answer(_NO_CONTENT, b"")
        return self._get(name, request, with_body=kind == "GET")

    def _put(self, name: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        promised = headers.get("x-amz-checksum-sha256")
        if promised is not None and b64encode(sha256(body).digest()).decode() != promised:
            return _error(_BAD, "BadDigest")
        kept = {key: value for key, value in headers.items() if key.startswith("x-amz-meta-")}
        if promised is not None:
            kept["x-amz-checksum-sha256"] = promised
        etag = f'"{md5(body, usedforsecurity=False).hexdigest()}"'
        path = self._folder / str(next(self._numbers))
        path.write_bytes(body)
        with self._lock:
            there = self._objects.get(name)
            if there is None and "if-match" in headers:
                return _error(_MISSING, "NoSuchKey")
            if there is not None and ("if-none-match" in headers or headers.get("if-match", there.etag) != there.etag):
                return _error(_FAILED, "PreconditionFailed")
            self._objects[name] = _Object(path, len(body), etag, kept)
        self._counts.add(bytes_put=len(body))
        return Answer(OK, b"", {"ETag": etag, "x-amz-version-id": path.name})

    def _get(self, name: str, request: Request, *, with_body: bool) -> Answer:
        found = self._objects.get(name)
        if found is None:
            return _error(_MISSING, "NoSuchKey")
        if request.headers.get("if-match", found.etag) != found.etag:
            return _error(_FAILED, "PreconditionFailed")
        about = {"ETag": found.etag, "Last-Modified": _NOT_MODIFIED, "x-amz-version-id": found.path.name, **found.headers}
        if not with_body:
            return Answer(OK, b"", {**about, "Content-Length": str(found.bytes)})
        first, end, status = 0, found.bytes, OK
        if wanted := request.headers.get("range"):
            start, _, last = wanted.removeprefix("bytes=").partition("-")
            first, end = (int(start), min(int(last or found.bytes) + 1, found.bytes)) if start else (found.bytes - int(last), found.bytes)
            about["Content-Range"] = f"bytes {first}-{end - 1}/{found.bytes}"
            about.pop("x-amz-checksum-sha256", None)
            status = _PARTIAL
        self._counts.add(bytes_got=end - first)
        return Answer(status, found.path, about, (first, end - first))

    def _multipart(self, name: str, request: Request) -> Answer:
        """Begin an upload, take a part of it, or put the parts together."""
        if "uploads" in request.query:
            upload = str(next(self._numbers))
            self._uploads[upload] = {}
            return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
        upload = request.query["uploadId"]
        if request.method == "PUT":
            self._uploads[upload][int(request.query["partNumber"])] = request.body
            return Answer(OK, b"", {"ETag": f'"{upload}-{request.query["partNumber"]}"'})
        parts = self._uploads.pop(upload)
        if request.method == "DELETE":
            return Answer(_NO_CONTENT, b"")
        stored = self._put(name, b"".join(parts[number] for number in sorted(parts)), {})
        return _xml("CompleteMultipartUploadResult", f"<ETag>{escape(stored.headers['ETag'])}</ETag>")

    def _list(self, bucket: str, query: Mapping[str, str]) -> Answer:
        prefix = f"{bucket}/{query.get('prefix', '')}"
        after = f"{bucket}/{query.get('continuation-token') or query.get('start-after', '')}"
        with self._lock:
            keys = sorted(name for name in self._objects if name.startswith(prefix) and name > after)
            page = [(name.removeprefix(f"{bucket}/"), self._objects[name]) for name in keys[:_MOST_LISTED]]
        more = len(keys) > _MOST_LISTED
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{found.bytes}</Size><ETag>{escape(found.etag)}</ETag>"
            f"<LastModified>{_MODIFIED}</LastModified></Contents>"
            for key, found in page
        )
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        return _xml("ListBucketResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}")


def _of_bucket(query: Mapping[str, str]) -> Answer:
    if "versioning" in query:
        return _xml("VersioningConfiguration", "<Status>Enabled</Status>")
    if "lifecycle" in query:
        return _error(_MISSING, "NoSuchLifecycleConfiguration")
    return Answer(OK, b"")


def _xml(name: str, inner: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'
    return Answer(OK, text.encode(), {"Content-Type": "application/xml"})


def _error(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})
