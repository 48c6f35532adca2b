"""A lake's objects as they are now, read from outside; each version is read once, for versions do not change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.integration.items import Key, Message, by_key
from tests.integration.lake import Stored, messages_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Named = tuple[str, str]
"""An object's key in its bucket, and the id of one of its versions."""
Latest = Mapping[str, list[Stored]]
"""The latest versions of objects, by family."""

_JUDGED: Final = frozenset({"messages", "receipts", "purges", "superseded", "holds"})


class Versions:
    """The versions of the objects in a lake's bucket. There are fewer than a page holds."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        """Look at a lake."""
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._read: dict[Named, Stored] = {}
        self._messages: dict[Named, dict[Key, Message]] = {}

    def all(self) -> set[Named]:
        """Return what there is, delete markers too."""
        return {(found["Key"], found["VersionId"]) for found in self._listed("Versions", "DeleteMarkers")}

    def remove(self, versions: set[Named]) -> None:
        """Remove versions for good."""
        if versions:
            named: Any = [{"Key": key, "VersionId": version_id} for key, version_id in versions]
            assert not self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": named}).get("Errors")

    def _listed(self, *kinds: str) -> list[dict[str, Any]]:
        answer: Mapping[str, Any] = self._client.list_object_versions(Bucket=self._bucket)
        assert not answer["IsTruncated"]
        return [found for kind in kinds for found in answer.get(kind, ())]

    def latest(self) -> Latest:
        """Return the latest version of every object that is judged, by family."""
        found: dict[str, list[Stored]] = {}
        for one in self._listed("Versions"):
            family = one["Key"].removeprefix(f"{self._prefix}/").split("/", 1)[0]
            if one["IsLatest"] and family in _JUDGED:
                found.setdefault(family, []).append(self._get((one["Key"], one["VersionId"])))
        return found

    def _get(self, version: Named) -> Stored:
        if version not in self._read:
            key, version_id = version
            answer = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)
            self._read[version] = Stored(key, answer["Body"].read(), answer["ETag"], version_id, answer["Metadata"])
        return self._read[version]

    def messages(self, stored: Stored) -> dict[Key, Message]:
        """Return a segment's rows as the items they were, by key, each of which stands once."""
        version = stored.key, str(stored.version_id)
        if version not in self._messages:
            self._messages[version] = by_key(messages_of(stored))
        return self._messages[version]

    def named(self, record: Mapping[str, Any]) -> Stored:
        """Return the very version that a receipt or a purge's intent names, by key, version id and SHA-256."""
        stored = self._get((record["key"], record["version_id"]))
        assert stored.sha256 == record["sha256"], f"{stored.key} is not what its record says"
        return stored


def records_of(stored: Iterable[Stored]) -> list[dict[str, Any]]:
    """Read objects that are one line of JSON each."""
    return [json.loads(one.body) for one in stored]
