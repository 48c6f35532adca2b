"""What the contracts are held against: the three servers, and whatever an environment variable names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_DYNAMODB: Final = os.environ.get("DYNALAKE_TEST_DYNAMODB")
_S3: Final = os.environ.get("DYNALAKE_TEST_S3")
NAMED: Final = "named"
"""The name of what DYNALAKE_TEST_DYNAMODB and DYNALAKE_TEST_S3 say: addresses, such as AWS's own."""


class Endpoint(Protocol):
    """Something that answers as AWS does, or should."""

    @property
    def name(self) -> str:
        """Return its name in the table of known differences."""

    def dynamodb(self) -> DynamoDBClient:
        """Make a client."""

    def s3(self) -> S3Client:
        """Make a client."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the variables name, with the credentials and the region of whoever runs the tests."""

    session: boto3.Session
    credentials: dict[str, Any]
    name: str = NAMED

    @classmethod
    def here(cls) -> Named:
        """Take the credentials now: for the tests that follow, the environment has none."""
        session = boto3.Session()
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
        given = (
            {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key, "aws_session_token": frozen.token}
            if frozen
            else {}
        )
        return cls(boto3.Session(region_name=session.region_name or "us-east-1"), given)

    def dynamodb(self) -> DynamoDBClient:
        """Make a client."""
        return self.session.client("dynamodb", endpoint_url=_DYNAMODB, **self.credentials)

    def s3(self) -> S3Client:
        """Make a client."""
        return self.session.client("s3", endpoint_url=_S3, **self.credentials)


_HERE: Final = Named.here() if _DYNAMODB or _S3 else None


def named() -> Named:
    """Return what the variables name."""
    assert _HERE is not None
    return _HERE


def dynamodb_endpoints(*servers: str) -> list[str]:
    """Return these servers, and the named address, if there is one."""
    return [*servers, NAMED] if _DYNAMODB else list(servers)


def s3_endpoints(*servers: str) -> list[str]:
    """Return these servers, and the named address, if there is one."""
    return [*servers, NAMED] if _S3 else list(servers)


def remove_bucket(s3: S3Client, bucket: str) -> None:
    """Remove a bucket with all versions in it."""
    found = s3.list_object_versions(Bucket=bucket)
    for version in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)
