"""Makes and finds on-demand backups of the source table: the purger's role needs what this file calls, before its first purge only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import DENIED, UNKNOWN_OPERATION, error_code, is_for_now, translated
from archive.errors import RefusedError
from archive.model.backup import NAMES, SETTLED, Backup

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALIVE: Final = frozenset({"CREATING", "AVAILABLE"})


class Backups:
    """The backups of one table. `table_id` tells it from another that had its name before."""

    def __init__(self, client: DynamoDBClient, table: str, table_id: str) -> None:
        """Look at one table."""
        self._client, self._table, self._id = client, table, table_id

    def newest(self, since: datetime) -> Backup | None:
        """Return the newest backup of ours that was asked for after `since` and is there or being made. Safe to repeat."""
        # The range takes a minute more than is asked for: servers differ in what they do at its edge.
        asked: Any = {"TableName": self._table, "BackupType": "USER", "TimeRangeLowerBound": since - SETTLED}
        with self._refusing("ListBackups"):
            pages = list(self._client.get_paginator("list_backups").paginate(**asked))
        ours = (
            _backup(one)
            for page in pages
            for one in page.get("BackupSummaries", ())
            if one["BackupName"].startswith(NAMES) and one.get("TableId", self._id) == self._id
            if one["BackupStatus"] in _ALIVE and one["BackupCreationDateTime"] > since
        )
        return max(ours, key=lambda backup: backup.at, default=None)

    def create(self, run: str) -> Backup:
        """Ask for a backup that is named after a run. A repeat makes another."""
        with self._refusing("CreateBackup"):
            return _backup(self._client.create_backup(TableName=self._table, BackupName=f"{NAMES}{run}")["BackupDetails"])

    def is_available(self, backup: Backup) -> bool:
        """Say whether it can be restored from; raises RefusedError where somebody deleted it. Safe to repeat."""
        with self._refusing("DescribeBackup"):
            status = self._client.describe_backup(BackupArn=backup.arn)["BackupDescription"]["BackupDetails"]["BackupStatus"]
        if status not in _ALIVE:
            message = f"backup {backup.name} of table {self._table} was deleted while it was made; run again"
            raise RefusedError(message)
        return status == "AVAILABLE"

    @contextmanager
    def _refusing(self, operation: str) -> Iterator[None]:
        """Refuse the purge where there can be no backup; what may work later goes on as an error of the service."""
        about = f"dynamodb:{operation}"
        with translated(about, f"table {self._table}"):
            try:
                yield
            except ClientError as error:
                if is_for_now(error):
                    raise
                code = error_code(error)
                unknown = "is not known to this server" if code in UNKNOWN_OPERATION else f"was refused ({code})"
                why = "is not permitted" if code in DENIED else unknown
                message = (
                    f"nothing was removed: the first purge begins with a backup of table {self._table}, and {about} {why}; "
                    "make that possible, or set [policy] backup_before_first_purge = false"
                )
                raise RefusedError(message) from error


def _backup(details: Any) -> Backup:  # noqa: ANN401 - BackupDetails or BackupSummary
    return Backup(details["BackupArn"], details["BackupName"], details["BackupCreationDateTime"].astimezone(UTC))
