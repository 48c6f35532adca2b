"""A small table with its lake, in which much has happened already; a run on it to which something happens, and one that is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import botocore
import pytest
from botocore.retries.standard import ExponentialBackoff

from archive.engine.batch_result import BatchResult
from archive.engine.planning import Request
from archive.errors import DynalakeError
from archive.model.window import Window, parse_instant
from tests.archive.engine.workplace import DAY_MS, Workplace, message
from tests.concurrency.runs import Runs
from tests.faults.failing import Failing
from tests.interleaving.oracle import MARK, Oracle
from tests.interleaving.user import User

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.session import Session

THREE_DAYS: Final = Window(parse_instant("2024-01-15"), parse_instant("2024-01-18"))
BACKFILL: Final = Request("backfill", THREE_DAYS)
_FIRST: Final = (
    message("conversation-1", 1, 1, mood={"S": "calm"}),
    message("conversation-2", 2, 2, studentId={"N": "7"}),
    message("conversation-3", DAY_MS + 3, 1),
)
_USED_AGAIN: Final = {**_FIRST[0], "content": {"S": "the key's second message"}}
_LATE: Final = message("conversation-4", 4, 2, "late")
_NEW: Final = message("conversation-5", 2 * DAY_MS + 5, 1, mood={"S": "eager"})


@dataclass(frozen=True, slots=True)
class Where:
    """Which requests something happens to: an operation (or any), a part of the path, and how many of them go well first."""

    operation: str = "*"
    path: str = ""
    after: int = 0

    def __str__(self) -> str:
        """Name it for people."""
        which = f", but for the first {self.after}" if self.after else ""
        return f"{self.operation}{f' of {self.path}' if self.path else ''}{which}"


class Trouble:
    """Lets requests fail, so many times (None: for ever)."""

    def __init__(self, where: Where, fails: Failing, times: int | None) -> None:
        """Wait for the first."""
        self._where, self._fails, self._times = where, fails, times
        self._seen = 0
        self.happened = 0
        """How many requests failed."""

    @contextmanager
    def awaited(self) -> Iterator[Trouble]:
        """Watch the clients that are made meanwhile. botocore retries as ever, and does not sleep."""

        def initialize(session: Session) -> None:
            session.register(f"before-send.*.{self._where.operation}", self._send)  # type: ignore[arg-type]  # it may answer

        botocore.register_initializer(initialize)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
                yield self
        finally:
            botocore.unregister_initializer(initialize)

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if self._where.path not in urlsplit(request.url).path:
            return None
        self._seen += 1
        if self._seen <= self._where.after or self.happened == self._times:
            return None
        self.happened += 1
        answer = self._fails(request)
        self.happened -= answer is None
        return answer


class World:
    """One table and one lake: messages were archived and purged; then a key was used again, and late and new messages came."""

    def __init__(self, place: Workplace) -> None:
        """Let that happen."""
        self.place = place
        self.user, self.runs = User(place.dynamodb, place.table), Runs(place)
        self.oracle = Oracle(place, self.user, self.runs.removed)
        self.user.put(*_FIRST)
        self.runs.run(BACKFILL)
        self.user.put(_USED_AGAIN, _LATE, _NEW)
        self._items = place.items()
        self._history = {key: list(versions) for key, versions in self.user.history.items()}
        self._removed = list(self.runs.removed)
        self._versions = self._all_versions()

    def set_back(self) -> None:
        """Make table and lake as they were; what is left is left with its very versions."""
        place = self.place
        for item in place.items():
            if item not in self._items:
                place.dynamodb.delete_item(TableName=place.table, Key={name: item[name] for name in ("conversationId", "timestamp")})
        place.put(*self._items)
        for key, version in self._all_versions() - self._versions:
            place.s3.delete_object(Bucket=place.bucket, Key=key, VersionId=version)
        self.user.history.clear()
        self.user.history.update({key: list(versions) for key, versions in self._history.items()})
        self.runs.removed[:] = self._removed

    def _all_versions(self) -> set[tuple[str, str]]:
        """Return (key, version id) of all versions; there are fewer than a page holds."""
        answer = self.place.s3.list_object_versions(Bucket=self.place.bucket)
        assert not answer["IsTruncated"]
        return {(found["Key"], found["VersionId"]) for found in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ()))}

    def run(self, request: Request = BACKFILL, **policy: Any) -> tuple[DynalakeError | None, BatchResult]:  # noqa: ANN401 - as Policy has
        """Run once; return the error that the command would end with, and what it did."""
        total = BatchResult()
        return self.runs.attempt(request, total, **policy), total

    def judge(self) -> None:
        """Assert what holds at every instant, whatever has happened."""
        self.oracle.at_any_time()
        self.oracle.removed_is_kept()

    def finish(self, purge: str = "delete") -> None:
        """Run undisturbed, by single calls, and judge what must be then."""
        self.runs.run(BACKFILL, purge=purge)
        self.judge_at_rest(purge)

    def judge_at_rest(self, purge: str = "delete") -> None:
        """Assert what holds after a run that did all it had to."""
        self.oracle.at_rest(left=purge == "expire")
        if purge == "expire":
            assert [item for item in self.place.items() if MARK not in item] == [], "an archived message is not marked"
