"""Reads the lake's objects, on S3 or in a local copy, as Arrow: the messages as a dataset, the receipts as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
from athena.endpoints import endpoint_of
from athena.tables import RECEIPT_COLUMNS, RECEIPTS

_DT: Final = pa.field(PARTITION_COLUMN, pa.date32())
_ARROW: Final = {"string": pa.string(), "bigint": pa.int64()}
_READERS: Final = 16


@dataclass(frozen=True, slots=True)
class LakeObjects:
    """A file system and the lake's root in it (`bucket/prefix/` or a directory, ending with a slash)."""

    filesystem: Any
    root: str

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

    def messages(self, spec: TableSpec) -> Any:  # noqa: ANN401 - a pyarrow dataset
        """Return the messages with `dt` (date) from the folders' names. Nothing but the listing is read yet; none is no error."""
        schema = row_schema(spec).append(_DT)
        folder = f"{self.root}messages/"
        options = ds.FileSystemFactoryOptions(partition_base_dir=folder, partitioning=ds.partitioning(pa.schema([_DT]), flavor="hive"))
        paths = self._paths("messages", ".parquet")
        return ds.FileSystemDatasetFactory(self.filesystem, paths, ds.ParquetFileFormat(), options).finish(schema)

    def receipts(self) -> pa.Table:
        """Read every receipt. Raises LakeDamagedError for one that is not a JSON object."""
        schema = pa.schema([*(pa.field(column.name, _ARROW[column.type]) for column in RECEIPT_COLUMNS), _DT])
        with ThreadPoolExecutor(_READERS) as pool:
            rows = list(pool.map(self._receipt, self._paths(RECEIPTS, ".json")))
        return pa.Table.from_pylist(rows, schema=schema)

    def _paths(self, family: str, ending: str) -> list[str]:
        selector = pafs.FileSelector(f"{self.root}{family}/", recursive=True, allow_not_found=True)
        with _reading(f"s3:ListBucket on {self.root}{family}/"):
            found = [info.path for info in self.filesystem.get_file_info(selector) if info.type == pafs.FileType.File]
            if not found:
                self._require_bucket()
        # Athena sees neither what begins with _ or . nor, by our template, what lies in no partition.
        return sorted(
            path for path in found if path.endswith(ending) and f"/{PARTITION_COLUMN}=" in path and path.split("/")[-1][0] not in "_."
        )

    def _require_bucket(self) -> None:
        """Tell an empty lake from one that is not there: a listing of a missing bucket is empty as well."""
        bucket = self.root.split("/", maxsplit=1)[0]
        if bucket and self.filesystem.get_file_info(bucket).type == pafs.FileType.NotFound:
            message = f"there is no bucket {bucket!r}; check [lake] bucket, the region and the account"
            raise InputError(message)

    def _receipt(self, path: str) -> dict[str, Any]:
        with _reading(f"s3:GetObject on {path}"), self.filesystem.open_input_stream(path) as stream:
            data = stream.read()
        dt = path.rsplit("/", 2)[1].removeprefix(f"{PARTITION_COLUMN}=")
        try:
            fields = json.loads(data)
            return {column.name: _field(fields.get(column.name), column.type) for column in RECEIPT_COLUMNS} | {
                PARTITION_COLUMN: date.fromisoformat(dt),
            }
        except (ValueError, AttributeError) as error:
            message = f"the receipt {path} is not one line of JSON that Athena could read; a run rebuilds it from its segment"
            raise LakeDamagedError(message) from error


def _field(value: Any, kind: str) -> str | int | None:  # noqa: ANN401 - any JSON value
    """Return a field as the JSON SerDe gives it: what is not a text, in a text column, as its JSON."""
    if value is None:
        return None
    if kind == "bigint":
        return int(value)
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
