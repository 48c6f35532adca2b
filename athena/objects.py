"""Reads the lake's objects, on S3 or in a local copy, as Arrow: the messages as a dataset, the records as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from archive.aws import translated
from archive.codec.fit import row_schema
from archive.errors import InputError, LakeDamagedError, ServiceError, TransientServiceError
from archive.model.keys import LakeKeys
from archive.model.spec import PARTITION_COLUMN, TableSpec
from athena.columns import RECORDS, Records, TableColumn
from athena.endpoints import endpoint_of

_DT: Final = pa.field(PARTITION_COLUMN, pa.date32())
_ARROW: Final = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "array<string>": pa.list_(pa.string()),
    "array<array<bigint>>": pa.list_(pa.list_(pa.int64())),
}
_READERS: Final = 16


def messages_schema(spec: TableSpec) -> pa.Schema:
    """Return the Arrow schema of the messages table, `dt` last."""
    return row_schema(spec).append(_DT)


def records_schema(records: Records) -> pa.Schema:
    """Return the Arrow schema of a table of records, `dt` last."""
    return pa.schema([*(pa.field(column.name, _ARROW[column.type]) for column in records.columns), _DT])


@dataclass(frozen=True, slots=True)
class File:
    """An object of the lake: its path in the file system, its size, and the partition it lies in."""

    path: str
    bytes: int
    dt: date


@dataclass(frozen=True, slots=True)
class LakeObjects:
    """A file system and the lake's root in it (`bucket/prefix/` or a directory, ending with a slash), for one question.

    Each family is listed once: the advice and the answer are about the same objects.
    """

    filesystem: Any
    root: str
    _listed: dict[str, list[File]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def at(cls, location: str, session: boto3.Session | None, environ: Mapping[str, str]) -> LakeObjects:
        """Open `s3://bucket/prefix` with the session's credentials and region, or a local directory.

        Raises InputError where there is no such directory, ServiceError where there are no credentials.
        """
        if not location.startswith("s3://"):
            path = Path(location)
            if not path.is_dir():
                message = f"{location!r} is neither a directory nor an S3 location such as s3://bucket/prefix"
                raise InputError(message)
            return cls(pafs.LocalFileSystem(), f"{path.as_posix()}/")
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        if not bucket:
            message = f"{location!r} names no bucket; write s3://bucket/prefix"
            raise InputError(message)
        return cls(_s3(session or boto3.Session(), environ), f"{bucket}/{LakeKeys.below(prefix).prefix}")

    def files(self, family: str) -> list[File]:
        """List the objects of a family (`messages`, `receipts`, ...) that Athena sees, sorted by path; none is no error.

        Athena sees neither what begins with _ or . nor, by our template, what lies in no partition.
        """
        if family not in self._listed:
            self._listed[family] = self._list(family)
        return self._listed[family]

    def _list(self, family: str) -> list[File]:
        ending = ".json" if family in RECORDS else ".parquet"
        selector = pafs.FileSelector(f"{self.root}{family}/", recursive=True, allow_not_found=True)
        with _reading(f"s3:ListBucket on {self.root}{family}/"):
            found = [info for info in self.filesystem.get_file_info(selector) if info.type == pafs.FileType.File]
            if not found:
                self._require_bucket()
        return sorted(_visible(found, ending), key=lambda file: file.path)

    def messages(self, spec: TableSpec, files: Iterable[File]) -> Any:  # noqa: ANN401 - a pyarrow dataset
        """Return the messages of some files, with `dt` (date) from the folders' names. Nothing is read yet."""
        folder = f"{self.root}messages/"
        options = ds.FileSystemFactoryOptions(partition_base_dir=folder, partitioning=ds.partitioning(pa.schema([_DT]), flavor="hive"))
        factory = ds.FileSystemDatasetFactory(self.filesystem, [file.path for file in files], ds.ParquetFileFormat(), options)
        return factory.finish(messages_schema(spec))

    def records(self, records: Records, files: Iterable[File]) -> pa.Table:
        """Read the records in some files. Raises LakeDamagedError for one that is not a JSON object."""
        with ThreadPoolExecutor(_READERS) as pool:
            rows = list(pool.map(lambda file: self._record(records, file), files))
        return pa.Table.from_pylist(rows, schema=records_schema(records))

    def _require_bucket(self) -> None:
        """Tell an empty lake from one that is not there: a listing of a missing bucket is empty as well."""
        bucket = self.root.split("/", maxsplit=1)[0]
        if bucket and self.filesystem.get_file_info(bucket).type == pafs.FileType.NotFound:
            message = f"there is no bucket {bucket!r}; check [lake] bucket, the region and the account"
            raise InputError(message)

    def _record(self, records: Records, file: File) -> dict[str, Any]:
        with _reading(f"s3:GetObject on {file.path}"), self.filesystem.open_input_stream(file.path) as stream:
            data = stream.read()
        try:
            fields = json.loads(data)
            return {column.name: _field(fields.get(column.json_name), column) for column in records.columns} | {PARTITION_COLUMN: file.dt}
        except (ValueError, AttributeError) as error:
            advice = "; a run rebuilds it from its segment" if records.name == "receipts" else ", and Athena fails at it too"
            message = f"the record {file.path} is not one line of JSON{advice}"
            raise LakeDamagedError(message) from error


def _visible(found: Iterable[Any], ending: str) -> Iterator[File]:
    for info in found:
        folder, name = info.path.rsplit("/", 2)[1:]
        if name.endswith(ending) and name[0] not in "_." and folder.startswith(f"{PARTITION_COLUMN}="):
            with suppress(ValueError):
                yield File(info.path, info.size, date.fromisoformat(folder.removeprefix(f"{PARTITION_COLUMN}=")))


def _field(value: Any, column: TableColumn) -> Any:  # noqa: ANN401 - any JSON value
    """Return a field as the JSON SerDe gives it: what is not a text, in a text column, as its JSON."""
    if value is None or column.type.startswith("array"):
        return value
    if column.type == "bigint":
        return int(value)
    if column.type == "double":
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@contextmanager
def _reading(action: str) -> Iterator[None]:
    """Translate what Arrow's file systems raise."""
    try:
        yield
    except OSError as error:
        raise service_error(error, action) from error


def service_error(error: OSError, action: str) -> ServiceError:
    """Return our error for what Arrow's S3 file system raised while doing `action`."""
    text = str(error)
    if "ACCESS_DENIED" in text or isinstance(error, PermissionError):
        return ServiceError(f"{action} is not permitted; grant it to the role in use")
    if "NETWORK_CONNECTION" in text or "curlCode" in text or "SLOW_DOWN" in text:
        return TransientServiceError(f"{action} got no answer; check the network, then run again")
    if "NO_SUCH_BUCKET" in text or isinstance(error, FileNotFoundError):
        return ServiceError(f"{action} found nothing there; check [lake] bucket and prefix")
    return ServiceError(f"{action} failed ({text.splitlines()[0][:200]})")


def _s3(session: boto3.Session, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - a pyarrow file system
    with translated("loading credentials", "the default credentials"):
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
    if frozen is None:
        message = "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role"
        raise ServiceError(message)
    endpoint = endpoint_of("s3", environ)
    elsewhere = {}
    if endpoint:
        parts = urlsplit(endpoint)
        elsewhere = {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    return pafs.S3FileSystem(
        access_key=frozen.access_key,
        secret_key=frozen.secret_key,
        session_token=frozen.token,
        region=session.region_name,
        **elsewhere,
    )
