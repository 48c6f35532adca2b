"""Sets the source table up and looks at it: whoever does so needs what this file calls, and nothing else of DynamoDB. No run does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import UNKNOWN_OPERATION, error_code, translated
from archive.errors import DynalakeError, RefusedError, ServiceError, TransientServiceError
from archive.model.described_table import Answer, Described, Step, indexes_in
from archive.model.index_plan import IndexPlan, Throughput, plan_indexes, update_request
from archive.model.prices import Prices
from archive.model.wanted_table import RECOVERY_DAYS, WantedTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 20.0
_MINUTES: Final = 60 * 10  # a new table is there within a minute or two
_TRIES: Final = 30
_DOOMED: Final = frozenset({"DELETING", "ARCHIVING", "ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"})
_BUSY: Final = frozenset({"ResourceInUseException", "LimitExceededException"})


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The source table on its server. Each call may be repeated."""

    client: DynamoDBClient
    wanted: WantedTable
    sleep: Callable[[float], None]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.wanted.name

    def described(self) -> Answer:
        """Return DescribeTable's `Table`; raises InputError where there is none."""
        with translated("dynamodb:DescribeTable", f"table {self.name}"):
            table: Answer = self.client.describe_table(TableName=self.name)["Table"]
        return table

    def is_there(self) -> bool:
        """Say whether there is a table of this name."""
        with translated("dynamodb:DescribeTable", f"table {self.name}"):
            try:
                self.client.describe_table(TableName=self.name)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                return False
        return True

    def look(self) -> Described:
        """Look at the table, its TTL, its point-in-time recovery and its backups; what cannot be known says why."""
        table = self.described()
        about = f"table {self.name}"
        ttl = _known("dynamodb:DescribeTimeToLive", about, lambda: self.client.describe_time_to_live(TableName=self.name))
        recovery = _known("dynamodb:DescribeContinuousBackups", about, lambda: self.client.describe_continuous_backups(TableName=self.name))
        backups = _known("dynamodb:ListBackups", about, self._backups)
        return Described(
            table,
            ttl if isinstance(ttl, str) else ttl["TimeToLiveDescription"],
            recovery if isinstance(recovery, str) else recovery["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {}),
            backups,
        )

    def _backups(self) -> list[Any]:
        pages = self.client.get_paginator("list_backups").paginate(TableName=self.name, BackupType="ALL")
        return [one for page in pages for one in page.get("BackupSummaries", ())]

    def create(self, *, protected: bool) -> None:
        """Create the table, and return when it and its indexes are active.

        Raises RefusedError if it exists already, and TransientServiceError if it is not ready after some minutes.
        """
        with translated("dynamodb:CreateTable", f"table {self.name}"):
            try:
                self.client.create_table(**self.wanted.definition(protected=protected))
            except ClientError as error:
                if error_code(error) != "ResourceInUseException":
                    raise
                message = f"table {self.name} exists already; delete it, or name another in [source] table"
                raise RefusedError(message) from error
        self.wait(lambda _: None, patience=_MINUTES)

    def wait(self, told: Callable[[str], None], *, patience: float | None = None) -> Answer:
        """Wait until the table and all its indexes are ACTIVE, and describe it; `told` hears of each change meanwhile.

        Raises TransientServiceError after `patience` seconds (None: never; a backfill may take many hours), and RefusedError
        where the table is on its way out.
        """
        last, pause, waited = "", _FIRST_PAUSE, 0.0
        while True:
            table = self.described()
            state = _state(table)
            if state is None:
                return table
            if str(table.get("TableStatus")) in _DOOMED:
                message = f"table {self.name} is {table.get('TableStatus')}; nothing can be waited for: see who did that"
                raise RefusedError(message)
            if state != last:
                told(state)
                last = state
            if patience is not None and waited >= patience:
                message = f"table {self.name} or one of its indexes is not active yet; wait a few minutes, then run again"
                raise TransientServiceError(message)
            self.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LONGEST_PAUSE)

    def switch_on(self, step: Step) -> None:
        """Switch on what a step says."""
        {"ttl": self._expire, "recovery": self._recover, "protection": self._protect}[step.kind]()

    def _expire(self) -> None:
        with translated("dynamodb:UpdateTimeToLive", f"table {self.name}"):
            self.client.update_time_to_live(
                TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": self.wanted.ttl}
            )

    def _recover(self) -> None:
        """Switch point-in-time recovery on; a new table's backups are made possible a moment after it is active."""
        for _ in range(_TRIES):
            with translated("dynamodb:UpdateContinuousBackups", f"table {self.name}"):
                try:
                    self.client.update_continuous_backups(
                        TableName=self.name,
                        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": RECOVERY_DAYS},
                    )
                except ClientError as error:
                    if error_code(error) != "ContinuousBackupsUnavailableException":
                        raise
                else:
                    return
            self.sleep(_LONGEST_PAUSE / 4)
        message = f"point-in-time recovery of table {self.name} cannot be switched on yet; wait a few minutes, then run again"
        raise TransientServiceError(message)

    def _protect(self) -> None:
        with translated("dynamodb:UpdateTable", f"table {self.name}"):
            self.client.update_table(TableName=self.name, DeletionProtectionEnabled=True)
        self.wait(lambda _: None, patience=_MINUTES)

    def plan(self, throughput: Throughput, prices: Prices) -> IndexPlan:
        """Plan which indexes are added; raises as `plan_indexes` does."""
        return plan_indexes(self.described(), self.wanted, throughput, prices)

    def add_indexes(self, throughput: Throughput, prices: Prices, told: Callable[[str], None]) -> list[str]:
        """Add what is missing, one index after the other, each when the one before is ACTIVE; returns the names of those added.

        What is being made already, by a run that was killed or by somebody else, is waited for: so this may be killed and repeated
        at any time. `told` hears of progress. Raises as `plan_indexes` does.
        """
        added: list[str] = []
        refusals = 0
        while True:
            table = self.described()
            plan = plan_indexes(table, self.wanted, throughput, prices)
            if not plan.being_made and not plan.missing:
                return added
            if not plan.being_made:
                index = plan.missing[0]
                # DescribeTable may be a moment behind: what was begun may not be seen yet.
                if index.name not in added and self._add(update_request(table, index, self.wanted, throughput)):
                    told(f"index {index.name}: begun")
                    added.append(index.name)
                    refusals = 0
                else:
                    refusals += 1
                    self._give_up_after(refusals)
            self.wait(told)

    def _add(self, request: dict[str, Any]) -> bool:
        """Begin one index; False where DynamoDB is at another change of this table."""
        with translated("dynamodb:UpdateTable", f"table {self.name}"):
            try:
                self.client.update_table(**request)
            except ClientError as error:
                if error_code(error) not in _BUSY:
                    raise
                return False
        return True

    def _give_up_after(self, refusals: int) -> None:
        if refusals > _TRIES:
            message = f"table {self.name} takes no new index now: others are being made, here or at other tables; run again later"
            raise TransientServiceError(message)
        self.sleep(_LONGEST_PAUSE)


def _known(operation: str, about: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - an answer, or why there is none
    """Ask; return the answer, or why it is not known: a permission that is missing, or a server that has no such call."""
    try:
        with translated(operation, about):
            return ask()
    except TransientServiceError:
        raise
    except ServiceError as error:
        return _reason(error)


def _reason(error: DynalakeError) -> str:
    cause = error.__cause__
    if isinstance(cause, ClientError) and error_code(cause) in UNKNOWN_OPERATION:
        return f"this server does not know {cause.operation_name}"
    return str(error)


def _state(table: Answer) -> str | None:
    """Return what is waited for, in words; None where the table and all indexes are ACTIVE."""
    busy = [index for index in indexes_in(table).values() if index.status != "ACTIVE"]
    if not busy:
        return None if table.get("TableStatus") == "ACTIVE" else f"table: {table.get('TableStatus')}"
    of = f"{table.get('ItemCount') or 0:,}"
    return "; ".join(
        f"index {index.name}: {index.status}" + (f", backfilling, {index.items or 0:,} items of about {of}" if index.backfilling else "")
        for index in busy
    )
