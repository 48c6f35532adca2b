"""Setting up makes Glue hold tables and views. Athena, which makes the views, is stood in for by what it leaves in Glue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest

from archive.errors import RefusedError, ServiceError
from archive.model.config import Config, Lake, Limits, Policy, Roles, Source
from archive.model.spec import CHAT_MESSAGES
from athena.access import Access
from athena.config import AthenaConfig, Catalog
from athena.setup import FINGERPRINT, SetUp
from athena.views import VIEW_NAMES
from tests.servers import CREDENTIALS, REGION, Server

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

TODAY = date(2024, 6, 1)
TABLES = ["messages", "purges", "receipts", "runs"]


@dataclass
class Ground:
    """A bucket, a database, and an Athena that makes in Glue what it is told to make. `statements` are what it was told."""

    glue: GlueClient
    bucket: str
    database: str
    session: boto3.Session
    s3: str
    statements: list[str] = field(default_factory=list)
    makes_views: bool = True

    def set_up(self, environ: dict[str, str] | None = None) -> SetUp:
        """Set up, as if Athena were AWS's unless `environ` says otherwise."""
        catalog = Catalog(f"s3://{self.bucket}/chat", CHAT_MESSAGES, AthenaConfig(self.database))
        access = Access(self.session, {"AWS_ENDPOINT_URL_S3": self.s3, **(environ or {})}, sleep=lambda _: None)
        return SetUp.of(_config(self.bucket), catalog, access, TODAY)

    def stored(self, name: str) -> dict[str, Any]:
        """Return Glue's table or view."""
        return dict(self.glue.get_table(DatabaseName=self.database, Name=name)["Table"])

    def names(self) -> list[str]:
        """Return the names of all tables and views in Glue."""
        return sorted(table["Name"] for table in self.glue.get_tables(DatabaseName=self.database)["TableList"])

    def make(self, statement: str) -> None:
        """Leave in Glue what Athena does: a view without comments, of which only this is known that its type is VIRTUAL_VIEW."""
        self.statements.append(statement)
        if not self.makes_views:
            return
        name = statement.split('"')[3]
        if name in self.names():
            self.glue.delete_table(DatabaseName=self.database, Name=name)
        columns: Any = [{"Name": "dt", "Type": "date"}]
        self.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "VIRTUAL_VIEW",
                "ViewOriginalText": "/* Presto View: e30= */",
                "ViewExpandedText": "/* Presto View */",
                "StorageDescriptor": {"Columns": columns},
                "Parameters": {"presto_view": "true"},
            },
        )


def _config(bucket: str) -> Config:
    return Config(
        Source("ChatMessages", "ModuleAnalyticsIndex", None, None, datetime(2015, 1, 1, tzinfo=UTC), None, CHAT_MESSAGES),
        Lake(bucket, "chat", "day", "day", Path("spool"), 1),
        Policy(1, "keep", 3, 0, "ttl", "single", single_writer=False, late_rows=1, late_days=1, backup_before_first_purge=False),
        Limits(1, 1, 1, 1, 1),
        Roles(None, None),
    )


@pytest.fixture
def ground(moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """An empty bucket and no database; the lake is listed at the moto server too."""
    name = f"lake-{uuid4().hex[:8]}"
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    found = Ground(moto_server.glue(), name, name.replace("-", "_"), session, moto_server.endpoint)
    s3 = moto_server.s3()
    s3.create_bucket(Bucket=name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)

    def start(params: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - botocore's
        found.make(params["QueryString"])

    session.events.register("provide-client-params.athena.StartQueryExecution", start)
    yield found
    for listed in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=listed["Key"])
    s3.delete_bucket(Bucket=name)


def test_tables_and_views_are_made_once(ground: Ground) -> None:
    """The first time all of them; the second time nothing is started or written."""
    first = ground.set_up()
    assert ground.names() == sorted([*TABLES, *VIEW_NAMES])
    assert first.changes[0] == f"created database {ground.database}"
    assert {change for change in first.changes if change.startswith("made view")} == {
        f"made view {ground.database}.{name}" for name in VIEW_NAMES
    }
    assert first.left_out == ()
    ground.statements.clear()
    assert ground.set_up() == SetUp((), ())
    assert ground.statements == []


def test_a_view_has_its_comments_and_stays_as_athena_made_it(ground: Ground) -> None:
    """What is added is a description, the columns' comments and a mark; the rest is Athena's own."""
    ground.set_up()
    stored = ground.stored("modules_daily")
    assert stored["Description"].startswith("Messages, students, conversations")
    assert [(column["Name"], column["Comment"]) for column in stored["StorageDescriptor"]["Columns"]] == [("dt", "Partition; filter by it")]
    assert (stored["ViewOriginalText"], stored["ViewExpandedText"]) == ("/* Presto View: e30= */", "/* Presto View */")
    assert stored["Parameters"]["presto_view"] == "true"


def test_only_a_view_that_changed_is_made_anew(ground: Ground) -> None:
    """Its mark tells: here one is as an older version of Dynalake left it."""
    ground.set_up()
    old: Any = {key: ground.stored("modules_daily")[key] for key in ("Name", "TableType", "StorageDescriptor")}
    changed: Any = {**old, "Parameters": {FINGERPRINT: "another"}}
    ground.glue.update_table(DatabaseName=ground.database, TableInput=changed)
    ground.statements.clear()
    assert ground.set_up().changes == (f"made view {ground.database}.modules_daily",)
    (statement,) = ground.statements
    assert statement.startswith(f'CREATE OR REPLACE VIEW "{ground.database}"."modules_daily" AS\nSELECT\n    dt,')


def test_the_ranges_begin_with_what_is_there(ground: Ground, moto_server: Server) -> None:
    """Messages with their oldest partition, runs with the oldest run; in an empty lake with today, and a run widens that."""
    ground.set_up()
    ranges = [ground.stored(name)["Parameters"]["projection.dt.range"] for name in TABLES]
    assert ranges == 4 * ["2024-06-01,NOW"]
    for key in ("messages/dt=2023-01-05/a.parquet", "runs/dt=2024-02-03/r.json"):
        moto_server.s3().put_object(Bucket=ground.bucket, Key=f"chat/{key}", Body=b"{}")
    ground.set_up()
    ranges = [ground.stored(name)["Parameters"]["projection.dt.range"] for name in TABLES]
    assert ranges == [*3 * ["2023-01-05,NOW"], "2024-02-03,NOW"]


def test_a_table_in_the_place_of_a_view_is_not_replaced(ground: Ground) -> None:
    """It is somebody else's."""
    ground.glue.create_database(DatabaseInput={"Name": ground.database})
    ground.glue.create_table(DatabaseName=ground.database, TableInput={"Name": "conversations", "TableType": "EXTERNAL_TABLE"})
    with pytest.raises(RefusedError, match="conversations is a table that is not Dynalake's"):
        ground.set_up()
    assert ground.statements == []


def test_a_view_that_athena_says_it_made_must_be_there(ground: Ground) -> None:
    """An Athena that knows no SQL says of anything that it was done."""
    ground.makes_views = False
    with pytest.raises(ServiceError, match="Glue does not have it"):
        ground.set_up()


def test_an_emulators_athena_is_not_asked(ground: Ground) -> None:
    """Its tables are made; the views are DuckDB's, and that is said."""
    done = ground.set_up({"AWS_ENDPOINT_URL": "http://somewhere"})
    assert ground.names() == TABLES
    assert ground.statements == []
    assert "DuckDB" in done.left_out[-1]
