"""Makes and finds on-demand backups of the source table: the purger's role needs what this file calls, before its first purge only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import DENIED, FOR_NOW, error_code, translated
from archive.errors import RefusedError
from archive.model.backup import NAMES, SETTLED, Backup

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALIVE: Final = frozenset({"CREATING", "AVAILABLE"})
_SERVER_ERROR: Final = 500
_UNKNOWN: Final = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction"})


class Backups:
    """The backups of one table. `table_id` tells it from another that had its name before."""

    def __init__(self, client: DynamoDBClient, table: str, table_id: str) -> None:
        """Look at one table."""
        self._client, self._table, self._id = client, table, table_id

    def newest(self, since: datetime) -> Backup | None:
        """Return the newest backup of ours that was asked for after `since` and is there or being made. Safe to repeat."""
        found: list[Backup] = []
        start: dict[str, Any] = {}
        while True:
            with self._refusing("ListBackups"):
                # The range takes a minute more than is asked for: servers differ in what they do at its edge.
                answer = self._client.list_backups(TableName=self._table, BackupType="USER", TimeRangeLowerBound=since - SETTLED, **start)
            for one in answer.get("BackupSummaries", []):
                ours = one["BackupName"].startswith(NAMES) and one.get("TableId", self._id) == self._id
                if ours and one["BackupStatus"] in _ALIVE and one["BackupCreationDateTime"] > since:
                    found.append(_backup(one))
            if not answer.get("LastEvaluatedBackupArn"):
                return max(found, key=lambda backup: backup.at, default=None)
            start = {"ExclusiveStartBackupArn": answer["LastEvaluatedBackupArn"]}

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
                code = error_code(error)
                if code in FOR_NOW or int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR:
                    raise
                why = (
                    "is not permitted" if code in DENIED else "is not known to this server" if code in _UNKNOWN else f"was refused ({code})"
                )
                message = (
                    f"nothing was removed: the first purge begins with a backup of table {self._table}, and {about} {why}; "
                    "make that possible, or set [policy] backup_before_first_purge = false"
                )
                raise RefusedError(message) from error


def _backup(details: Any) -> Backup:  # noqa: ANN401 - BackupDetails or BackupSummary
    return Backup(details["BackupArn"], details["BackupName"], details["BackupCreationDateTime"].astimezone(UTC))
