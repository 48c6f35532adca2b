"""Plays every command once, with a role for each half of the work, and keeps what each role asked AWS for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from archive.errors import AttentionError
from archive.model.spec import CHAT_MESSAGES
from athena.access import Access
from athena.config import AthenaConfig, Catalog
from athena.setup import SetUp
from flows.settings import load_settings
from tests.bad_input.row import World
from tests.bad_input.world import ITEMS, WINDOW, new_world
from tests.deploy.recorded import Call, recording
from tests.deploy.rendered import ACCOUNT, Rendered
from tests.integration.sites import Servers
from tests.servers import CREDENTIALS, REGION, Server

_ROLES: Final = {half: f"arn:aws:iam::{ACCOUNT}:role/dynalake-{half}" for half in ("archiver", "purger", "restorer")}
_EDITED: Final = {**ITEMS[0], "content": {"S": "edited"}}


@dataclass
class Played:
    """A world, the stack that is meant for it, and every call that was made there."""

    world: World
    stack: Rendered
    calls: list[Call] = field(default_factory=list)

    @property
    def workgroup(self) -> str:
        """Athena's workgroup, of this world alone."""
        return self.world.site.bucket

    def run(self, *words: str, own: str = "nobody", may_find: bool = False, **policy: Any) -> Any:  # noqa: ANN401 - a setting's value; a command's outcome
        """Run a command; `own` is the role under whose credentials it was started. Some may find what needs attention."""
        world = self.world.having(policy=policy) if policy else self.world
        with recording(own, self.workgroup) as calls:
            outcome = world.run(*words)
        assert outcome.code == 0 or (may_find and outcome.code == AttentionError.exit_code), outcome.stderr
        self.calls += calls
        return outcome

    def put(self, item: Mapping[str, Any]) -> None:
        """Put an item into the table, as the chat does."""
        self.world.site.servers.dynamodb.dynamodb().put_item(TableName=self.world.site.table, Item=item)


def new_played(servers: Servers, folder: Path, **limits: Any) -> Played:  # noqa: ANN401 - settings' values
    """Make a world whose settings name the stack's roles and workgroup, and the database that the stack would have made."""
    world = new_world(servers, folder)
    world = world.having(roles=_ROLES, athena={"workgroup": world.site.bucket}, watch={"metrics": True}, **limits)
    site = world.site
    database = str(site.settings["athena"]["database"])
    servers.rest.glue().create_database(DatabaseInput={"Name": database})
    athena: Any = boto3.client("athena", endpoint_url=servers.rest.endpoint, region_name=REGION)
    athena.create_work_group(Name=site.bucket)
    stack = Rendered.of(
        SourceTable=site.table,
        LakeBucket=site.bucket,
        LakePrefix=f"{site.prefix}/",
        GlueDatabase=database,
        AthenaWorkgroup=site.bucket,
    )
    client = servers.dynamodb.dynamodb()
    client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    return Played(world, stack)


def play_singly(moto: Server, folder: Path) -> Played:
    """Play every command on moto, by single calls."""
    played = new_played(Servers(moto, moto, moto), folder)
    run = played.run
    run("setup", "athena", own="setup")
    run("check", purge="delete")
    run("plan")
    run("nightly", "--yes")
    run("query", "SELECT 1 AS one", "--engine", "athena", own="analyst")
    for words in (("stop",), ("resume",), ("sweep", "--yes"), ("messages", "--module", "5"), ("messages", "--student", "1")):
        run(*words)
    for words in (("status", "--alarms"), ("doctor",)):
        run(*words, own="analyst", may_find=True)
    run("messages", "--conversation", ITEMS[0]["conversationId"]["S"])
    run("nightly", "--yes", purge="expire")  # marks
    run("restore", "--module", "5", "--yes", purge="expire")  # takes marks off
    (hold,) = run("holds", "--json").json()
    run("release", hold["hold"])
    played.put({**_EDITED, "expiresAt": {"N": "4102444800"}})  # marked, and changed since
    run("backfill", *WINDOW, "--yes", purge="expire")  # asks the table what is right, and takes the mark off
    purge = run("purge", *WINDOW, "--yes", "--json", purge="delete").json()
    run("restore", "--run", purge["run"], "--yes")  # reads the version that the purge had read
    _set_up_views(played, moto)
    return played


def play_by_partiql(ministack: Server, moto: Server, folder: Path) -> Played:
    """Play what removes and puts back by PartiQL: DynamoDB is MiniStack."""
    played = new_played(Servers(ministack, moto, moto), folder, source={"modules": [5, 6]}, policy={"protocol": "partiql"})
    run = played.run
    run("backfill", *WINDOW, "--module", "6", "--yes", purge="delete")
    run("restore", "--module", "6", "--yes")
    run("nightly", "--yes", purge="expire")
    run("restore", "--module", "5", "--yes", purge="expire")
    return played


def _set_up_views(played: Played, moto: Server) -> None:
    """Make the views as at AWS: a database without tables, and an Athena that leaves in Glue what it is told to make."""
    site = played.world.site
    settings = load_settings(site.config(), site.servers.environment())
    catalog = Catalog(
        f"s3://{site.bucket}/{site.prefix}", CHAT_MESSAGES, AthenaConfig(settings.athena.database, workgroup=played.workgroup)
    )
    with recording("setup", played.workgroup) as calls, _environment(site.servers):
        session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        glue = moto.glue()

        def make(params: dict[str, Any], **_: object) -> None:
            name = params["QueryString"].split('"')[3]
            view: Any = {"Name": name, "TableType": "VIRTUAL_VIEW", "StorageDescriptor": {"Columns": [{"Name": "dt", "Type": "date"}]}}
            glue.create_table(DatabaseName=settings.athena.database, TableInput=view)

        session.events.register("provide-client-params.athena.StartQueryExecution", make)
        access = Access(session, {"AWS_ENDPOINT_URL_S3": moto.endpoint}, sleep=lambda _: None)
        SetUp.of(settings.config(), catalog, access, date(2024, 6, 1))
    played.calls += calls


@contextmanager
def _environment(servers: Servers) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in servers.environment().items():
            patch.setenv(name, value)
        yield
