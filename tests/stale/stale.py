"""A table, a lake, and runs that see the table through an index which lags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from archive.codec.values import Item
from archive.engine.batch_result import BatchResult
from archive.engine.planning import Request
from tests.archive.engine.workplace import TWO_DAYS, Workplace
from tests.concurrency.runs import Runs
from tests.interleaving.oracle import MARK, Oracle
from tests.interleaving.user import User, key_of
from tests.stale.index import Index

BACKFILL: Final = Request("backfill", TWO_DAYS)
_BUCKETS: Final = count(1)


class Stale:
    """Begins with an empty table and a lake of its own. The index shows nothing that it is not told to show."""

    def __init__(self, place: Workplace, purge: str) -> None:
        """Empty the table. `purge` is what the policy does with what is archived."""
        for item in place.items():
            place.dynamodb.delete_item(TableName=place.table, Key={name: item[name] for name in ("conversationId", "timestamp")})
        bucket = f"stale-{next(_BUCKETS)}"
        place.s3.create_bucket(Bucket=bucket)
        place.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.place, self.purge = place.with_lake(bucket=bucket), purge
        self.user, self.runs, self.index = User(place.dynamodb, place.table), Runs(self.place), Index()
        self.oracle = Oracle(self.place, self.user, self.runs.removed)
        self.total = BatchResult()
        """What all runs have done."""

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell the index afterwards what has happened meanwhile, and judge."""
        yield
        self.index.look(self.place.items())
        self.oracle.at_any_time()

    def put(self, *items: Item, shown: bool = True) -> None:
        """Write messages; the index shows them at once, or some time."""
        with self.told():
            self.user.put(*items)
        if shown:
            self.index.catch_up(entry for entry in self.index.behind if entry[1] in set(map(key_of, items)))

    def run(self, request: Request = BACKFILL, **policy: Any) -> BatchResult:  # noqa: ANN401 - the fields of Policy
        """Run once, seeing what the index shows."""
        with self.told(), self.index.in_place():
            result = self.runs.run(request, **{"purge": self.purge, **policy})
        self.total.add(result)
        return result

    def finish(self) -> None:
        """Let the index catch up, run again, and judge what must be then: each message once, and newest, as the policy wants it."""
        for _ in range(2 if self.purge == "expire" else 1):  # a message that was edited under its mark is unmarked first, and then marked
            self.index.catch_up()
            self.run()
        self.oracle.at_rest(left=self.purge == "expire")
        assert self.total.added == self.oracle.rows(), "a message was counted twice, or not at all"
        if self.purge == "expire":
            assert [item for item in self.place.items() if MARK not in item] == [], "an archived message is not marked"
        else:
            assert self.total.purged.done == len(self.runs.removed), "a removal was counted twice, or not at all"
