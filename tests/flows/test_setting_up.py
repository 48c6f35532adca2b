"""`dynalake setup` on moto: a stack is shown, made, shown again, changed; and what is there already is not run into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from typer.testing import CliRunner

from archive.errors import InputError, RefusedError
from flows import console
from flows.cli import app
from flows.stack import Found
from flows.stack_inputs import require_free
from tests.archive.engine.workplace import one_loader
from tests.bad_input.injected import refused
from tests.deploy.rendered import ACCOUNT, decoded
from tests.integration.command import Outcome, invoke
from tests.integration.restoring import hooked
from tests.integration.sites import Servers, toml
from tests.servers import REGION, Server


def _with_outputs(parsed: dict[str, Any], **_: object) -> None:
    """Add the outputs of a stack that was made: moto has none of what a change set made."""
    for stack in parsed.get("Stacks", ()):
        name = stack["StackName"]
        if stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            made = {output: output.removesuffix("RoleArn").lower() for output in decoded()["Outputs"]}
            stack["Outputs"] = [
                {"OutputKey": key, "OutputValue": f"arn:aws:iam::{ACCOUNT}:role/{name}-{role}"} for key, role in made.items()
            ]


@dataclass
class Account:
    """An account with nothing in it by these names, and the settings that name them."""

    server: Server
    folder: Path
    name: str = field(default_factory=lambda: f"lake-{uuid4().hex[:10]}")

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The least that a stack needs to be told."""
        database = self.name.replace("-", "_")
        return {
            "source": {"region": REGION},
            "lake": {"bucket": self.name, "prefix": "chat"},
            "athena": {"database": database, "workgroup": self.name},
        }

    @property
    def environment(self) -> dict[str, str]:
        """Where AWS is."""
        return Servers(self.server, self.server, self.server).environment()

    def words(self, *words: str, **sections: Mapping[str, Any]) -> list[str]:
        """Return a command line of `dynalake setup`, with other settings in some sections."""
        path = self.folder / "dynalake.toml"
        path.write_text(toml({name: {**self.settings.get(name, {}), **sections.get(name, {})} for name in (*self.settings, *sections)}))
        return ["setup", *words, "--stack", self.name, "--config", str(path)]

    def setup(self, *words: str, **sections: Mapping[str, Any]) -> Outcome:
        """Run it."""
        with hooked("after-call.cloudformation.DescribeStacks", _with_outputs):
            return invoke(self.words(*words, **sections), self.environment)

    def client(self, service: str) -> Any:  # noqa: ANN401 - any client
        """Return a client of the test's own."""
        made: Any = boto3.client(service, endpoint_url=self.server.endpoint, region_name=REGION)  # type: ignore[call-overload]
        return made

    def stacks(self) -> list[str]:
        """Return the state of the stack, if there is one."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackStatus"] for stack in found if stack["StackName"] == self.name]


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with one_loader():
        yield


@pytest.fixture
def account(moto_server: Server, tmp_path: Path) -> Iterator[Account]:
    """Nothing of it is left."""
    found = Account(moto_server, tmp_path)
    yield found
    found.client("cloudformation").delete_stack(StackName=found.name)


def test_a_stack_is_made_and_says_what_the_settings_lack(account: Account) -> None:
    """What will be made is shown first; afterwards the roles, as the settings file takes them."""
    done = account.setup("--yes").done()
    assert f"Stack {account.name}: what would change" in done.stdout
    assert "LakeStore" in done.stdout
    role = f'archiver = "arn:aws:iam::{ACCOUNT}:role/{account.name}-archiver"'
    assert role in done.stdout.splitlines()
    assert "Done: the stack was made. Left: the tables and views (dynalake setup athena)." in done.stdout
    assert account.stacks() == ["CREATE_COMPLETE"]


def test_a_second_time_only_what_differs_is_done(account: Account) -> None:
    """Nobody needs to agree to nothing. A parameter that was given stays until another value is given."""
    account.setup("--yes", "--parameter", "ResultsDays=3").done()
    done = account.setup("--json").done()
    assert done.json()["state"] == "unchanged"
    assert done.json()["changes"] == []
    assert done.json()["outputs"].keys() == decoded()["Outputs"].keys()
    assert done.of("cloudformation", "ExecuteChangeSet") == []
    account.setup("--yes", policy={"purge": "delete"}).done()
    (stack,) = account.client("cloudformation").describe_stacks(StackName=account.name)["Stacks"]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    said = {"LakeBucket": account.name, "LakePrefix": "chat/", "AthenaWorkgroup": account.name, "PurgePolicy": "delete", "ResultsDays": "3"}
    assert parameters | said == parameters
    assert parameters.keys() == decoded()["Parameters"].keys()


def test_a_dry_run_shows_and_leaves_nothing(account: Account) -> None:
    """Neither a change set nor the empty stack that one begins, whatever is agreed to; of a stack that is there, the stack."""
    shown = account.setup("--dry-run", "--yes", "--json").done()
    assert shown.json()["state"] == "proposed"
    assert {"LakeStore", "PurgerRole"} <= {change["resource"] for change in shown.json()["changes"]}
    assert {change["action"] for change in shown.json()["changes"]} == {"add"}
    assert account.stacks() == []
    account.setup("--yes").done()
    account.setup("--dry-run", "--parameter", "ResultsDays=3").done()
    assert account.stacks() == ["CREATE_COMPLETE"]
    (stack,) = account.client("cloudformation").describe_stacks(StackName=account.name)["Stacks"]
    left = account.client("cloudformation").list_change_sets(StackName=account.name)["Summaries"]
    assert [one["ExecutionStatus"] for one in left if one["StackId"] == stack["StackId"]] == ["EXECUTE_COMPLETE"]


def test_without_consent_nothing_is_left(account: Account) -> None:
    """There is no terminal to ask on."""
    ended = account.setup()
    assert (ended.code, account.stacks()) == (3, [])
    assert "nothing was done: the changes were not agreed to" in ended.stderr


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, ["CREATE_COMPLETE"]), ("n\n", 3, []), ("", 1, [])])
def test_whoever_is_there_is_asked(account: Account, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: list[str]) -> None:
    """No, or an end in the middle of the question, leaves nothing behind."""
    monkeypatch.setattr(console, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    ended = CliRunner().invoke(app, account.words(), input=answer, env=account.environment)
    assert "changes to stack" in ended.output
    assert (ended.exit_code, account.stacks()) == (code, left)


def test_a_bucket_that_is_somebody_elses_is_refused_and_may_be_declared(account: Account) -> None:
    """It is left as it is then; the stack makes what is missing."""
    account.client("s3").create_bucket(Bucket=account.name)
    ended = account.setup("--yes")
    assert ended.code == 3
    assert f"bucket {account.name} is there already and is not the stack's" in ended.stderr
    account.setup("--yes", "--parameter", "LakeBucketExists=true").done()
    resources = account.client("cloudformation").list_stack_resources(StackName=account.name)["StackResourceSummaries"]
    names = {one["LogicalResourceId"] for one in resources}
    assert "ResultsStore" in names
    assert "LakeStore" not in names


@pytest.fixture
def session(account: Account, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session in this account."""
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    return boto3.Session(region_name=REGION)


def parameters(account: Account, **more: str) -> dict[str, str]:
    """Return what is looked at."""
    names = {"LakeBucket": account.name, "GlueDatabase": account.name.replace("-", "_"), "AthenaWorkgroup": account.name}
    return {**names, **more}


def test_where_nothing_is_there_nothing_is_in_the_way(account: Account, session: boto3.Session) -> None:
    """All three are the stack's to make; but a bucket that is said to be there must be."""
    require_free(session, None, parameters(account))
    with pytest.raises(InputError, match="is not there, although LakeBucketExists=true says so"):
        require_free(session, None, parameters(account, LakeBucketExists="true"))


def test_what_is_the_stacks_own_is_not_in_its_way(account: Account, session: boto3.Session) -> None:
    """Its bucket, its database, its workgroup; another one's are, each."""
    wanted = parameters(account)
    account.client("s3").create_bucket(Bucket=wanted["LakeBucket"])
    account.client("glue").create_database(DatabaseInput={"Name": wanted["GlueDatabase"]})
    account.client("athena").create_work_group(Name=wanted["AthenaWorkgroup"])
    owned = {"LakeStore": wanted["LakeBucket"], "LakeDatabase": wanted["GlueDatabase"], "LakeWorkgroup": wanted["AthenaWorkgroup"]}
    require_free(session, Found("id", {}, owned, {}), wanted)
    for name, said in (("LakeStore", "bucket .* LakeBucketExists=true"), ("LakeDatabase", "Glue database .* GlueDatabaseExists=true")):
        with pytest.raises(RefusedError, match=said):
            require_free(session, Found("id", {}, {**owned, name: "another"}, {}), wanted)
    declared = parameters(account, LakeBucketExists="true", GlueDatabaseExists="true")
    with pytest.raises(RefusedError, match=f"Athena workgroup {account.name} is there already"):
        require_free(session, None, declared)
    require_free(session, Found("id", {}, {"LakeWorkgroup": account.name}, {}), declared)


def test_a_bucket_that_is_closed_to_us_is_somebody_elses(account: Account, session: boto3.Session) -> None:
    """Its name is taken, in whichever account."""
    del session  # its environment is what counts
    with refused("HeadBucket", "403", 403)(), pytest.raises(RefusedError, match=f"bucket {account.name} is there already"):
        require_free(boto3.Session(region_name=REGION), None, parameters(account))
