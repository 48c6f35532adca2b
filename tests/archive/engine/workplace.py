"""Makes what tests of the engine need: a table and a bucket of their own, settings that fit them, and sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import pytest
from botocore.exceptions import ClientError

from archive.codec.values import AttributeValue, Item
from archive.engine.batch import BatchWork
from archive.engine.batch_result import Batch, BatchResult
from archive.engine.planning import Request, make_plan
from archive.engine.run import RunResult, execute_plan, finish, one_by_one
from archive.engine.session import Session, Timing
from archive.model.config import Config, Lake, Limits, Module, Policy, PurgeMode, Roles, Source
from archive.model.plan import Plan
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import Window, parse_instant, to_ms
from tests.servers import Server, create_chat_messages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

NOW: Final = datetime(2024, 6, 1, 3, tzinfo=UTC)
"""When every test's runs begin. With 90 days of retention the cutoff is 2024-03-03."""
DAY_MS: Final = 86_400_000
MONDAY_MS: Final = to_ms(datetime(2024, 1, 15, tzinfo=UTC))
WEEK: Final = Window(parse_instant("2024-01-15"), parse_instant("2024-01-22"))
TWO_DAYS: Final = Window(parse_instant("2024-01-15"), parse_instant("2024-01-17"))
_NUMBERS: Final = count(1)


class Ticks:
    """A clock that stands still until somebody moves it, and sleeps that move it."""

    def __init__(self) -> None:
        """Begin at 0 seconds."""
        self.seconds = 0.0

    def clock(self) -> float:
        """Return the seconds."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.seconds += seconds


def message(conversation: str, at_ms: int, module: int, content: str = "hello", **more: AttributeValue) -> Item:
    """Return an item that was sent `at_ms` milliseconds after Monday's midnight (2024-01-15)."""
    return {
        "conversationId": {"S": conversation},
        "timestamp": {"N": str(MONDAY_MS + at_ms)},
        "moduleId": {"N": str(module)},
        "content": {"S": content},
        **more,
    }


@dataclass(frozen=True, slots=True)
class Workplace:
    """A table and a bucket of one test, the settings for them, and clients that are not the engine's."""

    config: Config
    dynamodb: DynamoDBClient
    s3: S3Client

    @property
    def table(self) -> str:
        """The table's name."""
        return self.config.source.table

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.config.lake.bucket

    def put(self, *items: Item) -> None:
        """Write items."""
        for item in items:
            self.dynamodb.put_item(TableName=self.table, Item=item)

    def items(self) -> list[Item]:
        """Return all items of the table (there are few)."""
        answer: Any = self.dynamodb.scan(TableName=self.table, ConsistentRead=True)
        items: list[Item] = answer["Items"]
        return items

    def keys(self, family: str) -> list[str]:
        """Return the keys of one family of the lake, such as `receipts`."""
        prefix = f"{self.config.lake.prefix}/{family}/"
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def with_policy(self, **changes: Any) -> Workplace:  # noqa: ANN401 - the fields of Policy
        """Return the same place under another policy."""
        return replace(self, config=replace(self.config, policy=replace(self.config.policy, **changes)))

    def with_lake(self, **changes: Any) -> Workplace:  # noqa: ANN401 - the fields of Lake
        """Return the same place with other lake settings."""
        return replace(self, config=replace(self.config, lake=replace(self.config.lake, **changes)))

    def with_source(self, **changes: Any) -> Workplace:  # noqa: ANN401 - the fields of Source
        """Return the same place with other source settings."""
        return replace(self, config=replace(self.config, source=replace(self.config.source, **changes)))

    def session(self, run: str = "run-1") -> Session:
        """Open the table and the lake for a run, with time that stands still."""
        ticks = Ticks()
        return Session(self.config, run, Timing(ticks.clock, ticks.sleep))

    def opened(self, run: str = "run-1") -> Session:
        """Return a session whose lake is open."""
        session = self.session(run)
        session.open_lake()
        return session

    def archive(self, modules: Iterable[Module] = (1, 2), window: Window = TWO_DAYS, run: str = "run-1") -> BatchResult:
        """Archive one batch in a run of its own."""
        return work_of(self.opened(run)).archive(Batch(0, window, tuple(modules)))

    def perform(self, request: Request, run: str = "run-1", now: datetime = NOW) -> tuple[Plan, RunResult]:
        """Perform a whole run as the command line does, without checks, consent, catalogue and Prefect."""
        session = self.session(run)
        plan = make_plan(session, request, now, ignore)
        session.open_lake()
        session.require_purgeable()
        work = work_of(session, now)
        total = BatchResult()
        total.add(work.mend(session.listing(now)))
        execute_plan(session, plan, one_by_one(work.purge if request.command == "purge" else work.archive), ignore, total)
        return plan, finish(session, plan, total, None, (now, now), 0.0)


def ignore(*_: object) -> None:
    """Take what is told, and do nothing."""


def mended(place: Workplace, run: str) -> BatchResult:
    """Mend the lake, as every run does before its first batch."""
    session = place.opened(run)
    return work_of(session).mend(session.receipts.listing(TWO_DAYS))


def work_of(session: Session, now: datetime = NOW) -> BatchWork:
    """Return what archives the batches of a run."""
    return BatchWork(session, now, ignore)


def settings(table: str, bucket: str, spool: Path, purge: PurgeMode = "delete") -> Config:
    """Return settings under which one request is in flight at a time, so that calls have an order."""
    return Config(
        source=Source(table, "ModuleAnalyticsIndex", "us-east-1", None, parse_instant("2015-01-01"), None, CHAT_MESSAGES),
        lake=Lake(bucket, "lake", "day", "day", spool, 2**30),
        policy=Policy(
            90, purge, 7, 3, "expiresAt", "single", single_writer=False, late_rows=1000, late_days=7, backup_before_first_purge=False
        ),
        limits=Limits(1e9, 1e9, 1, 1, 1, partition_read_units=1e9, partition_write_units=1e9),
        roles=Roles(None, None),
    )


def make_workplace(server: Server, folder: Path) -> Workplace:
    """Make a fresh table and a fresh versioned bucket on a server that AWS_ENDPOINT_URL names."""
    dynamodb, s3 = server.dynamodb(), server.s3()
    name = f"engine-{next(_NUMBERS)}-{folder.name}"[:60].lower().replace("_", "-").rstrip("-")
    create_chat_messages(dynamodb, name)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Workplace(settings(name, name, folder / "spool"), dynamodb, s3)


@contextmanager
def one_loader() -> Iterator[None]:
    """Let all botocore sessions share one loader: reading AWS's models anew for each client takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@contextmanager
def hooked(client: Any, event: str, hook: Callable[..., Any]) -> Iterator[None]:  # noqa: ANN401 - any client
    """Let botocore call `hook` at an event of one client."""
    client.meta.events.register(event, hook)
    try:
        yield
    finally:
        client.meta.events.unregister(event, hook)


@contextmanager
def denied(session: Session, operation: str) -> Iterator[None]:
    """Refuse one operation to a session's clients, as IAM does where the role may not call it."""

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, operation)

    with (
        hooked(session.clients.dynamodb, f"before-call.dynamodb.{operation}", refuse),
        hooked(session.clients.s3, f"before-call.s3.{operation}", refuse),
        hooked(session.purger_clients.dynamodb, f"before-call.dynamodb.{operation}", refuse),
    ):
        yield
