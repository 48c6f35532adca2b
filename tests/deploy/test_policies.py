"""The roles of the template against what the commands really ask for: all of it is allowed, and little else is granted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.archive.engine.workplace import one_loader
from tests.deploy.iam import Request, Statement, allowed, granted, listed, matches
from tests.deploy.recorded import Call, table_arn
from tests.deploy.rendered import ACCOUNT, REGION, TEMPLATE, Rendered, decoded
from tests.deploy.scenario import Played, play_by_partiql, play_singly
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("deploy")  # the commands are played once

ROLES: Final = ("archiver", "purger", "restorer", "setup", "analyst")
HALVES: Final = ("archiver", "purger", "restorer")
_ATHENA: Final = "Athena asks for it itself, with the rights of whoever asks the question"
_CONSOLE: Final = "Athena's console asks for it, where analysts work"
# What is granted although no call that was recorded needs it, and why.
_REPORT: Final = "the night's report asks Athena; where AWS is an emulator, DuckDB answers"
_BACKUP: Final = "a backup is waited for until it is a minute old: tests/archive/engine/test_first_purge.py does so with another clock"
UNRECORDED: Final = {
    **{("archiver", "UseTheWorkgroup", f"athena:{action}QueryExecution"): _REPORT for action in ("Start", "Get", "Stop")},
    ("archiver", "UseTheWorkgroup", "athena:GetQueryResults"): _REPORT,
    ("archiver", "SeeTheBucket", "s3:GetBucketLocation"): _ATHENA,
    ("archiver", "WidenTheTables", "glue:GetDatabase"): _ATHENA,
    **{("archiver", "SeeResults", f"s3:{action}"): _ATHENA for action in ("ListBucket", "GetBucketLocation", "ListBucketMultipartUploads")},
    **{
        ("archiver", "StoreResults", f"s3:{action}"): _ATHENA
        for action in ("GetObject", "PutObject", "AbortMultipartUpload", "ListMultipartUploadParts")
    },
    ("archiver", "Notify", "sns:Publish"): "nothing goes wrong in the scenario: tests/flows/scheduling has somebody told",
    ("purger", "BackUpFirst", "dynamodb:CreateBackup"): _BACKUP,
    ("purger", "BackUpFirst", "dynamodb:DescribeBackup"): _BACKUP,
    ("purger", "ListBackups", "dynamodb:ListBackups"): _BACKUP,
    **{("analyst", "ReadTheCatalogue", f"glue:{action}"): _ATHENA for action in ("GetDatabase", "GetTable")},
    **{("analyst", "ReadTheCatalogue", f"glue:{action}"): _CONSOLE for action in ("GetDatabases", "GetTables")},
    **{(role, "UseTheWorkgroup", "athena:GetWorkGroup"): _CONSOLE for role in ("analyst", "setup")},
    **{(role, "UseTheWorkgroup", "athena:StopQueryExecution"): "an interrupted question is cancelled" for role in ("analyst", "setup")},
    ("setup", "UseTheWorkgroup", "athena:GetQueryResults"): "whoever sets up may look whether a view answers",
    ("analyst", "ReadTheLake", "s3:GetObject"): _ATHENA,
    ("analyst", "SeeTheLake", "s3:ListBucket"): _ATHENA,
    ("setup", "SeeTheLake", "s3:ListBucket"): "the lake is listed by pyarrow, whose calls are not botocore's",
    **{(role, "SeeTheLake", "s3:GetBucketLocation"): _ATHENA for role in ("analyst", "setup")},
    **{
        (role, "SeeResults", f"s3:{action}"): _ATHENA
        for role in ("analyst", "setup")
        for action in ("ListBucket", "GetBucketLocation", "ListBucketMultipartUploads")
    },
    **{
        (role, "StoreResults", f"s3:{action}"): _ATHENA
        for role in ("analyst", "setup")
        for action in ("GetObject", "PutObject", "AbortMultipartUpload", "ListMultipartUploadParts")
    },
}


def statements(stack: Rendered, role: str) -> list[Statement]:
    """Return what a role's policy says."""
    (policy,) = stack.properties(f"{role.title()}Role")["Policies"]
    found: list[Statement] = policy["PolicyDocument"]["Statement"]
    return found


def of_the_bucket(stack: Rendered) -> list[Statement]:
    """Return what the lake's bucket policy says."""
    found: list[Statement] = stack.properties("LakeStorePolicy")["PolicyDocument"]["Statement"]
    return found


def may(stack: Rendered, role: str, request: Request) -> bool:
    """Say whether a role may do something, the bucket's policy included."""
    return allowed(request, statements(stack, role), of_the_bucket(stack))


@pytest.fixture(scope="module")
def played(moto_server: Server, ministack_server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """Every command, played once by single calls, and what PartiQL does besides."""
    with one_loader():
        return [
            play_singly(moto_server, tmp_path_factory.mktemp("singly")),
            play_by_partiql(ministack_server, moto_server, tmp_path_factory.mktemp("partiql")),
        ]


def recorded(played: list[Played]) -> Iterator[tuple[Rendered, Call]]:
    """Yield every call with the stack that is meant for it."""
    for one in played:
        yield from ((one.stack, call) for call in one.calls)


def test_every_role_was_at_work(played: list[Played]) -> None:
    """A recording that misses one would prove nothing of it; and nobody works outside of the roles."""
    assert {call.role for _, call in recorded(played)} == set(ROLES)


def test_the_recording_is_of_the_calls_that_matter(played: list[Played]) -> None:
    """Conditional removals one by one and in batches, by PartiQL and without; what is put back; versions; tables and views."""
    calls = {(call.role, need.action) for _, call in recorded(played) for need in call.needs}
    assert calls >= {
        ("archiver", "dynamodb:Scan"),
        ("archiver", "dynamodb:BatchGetItem"),
        ("archiver", "s3:GetObjectVersion"),
        ("archiver", "glue:UpdateTable"),
        ("purger", "dynamodb:DeleteItem"),
        ("purger", "dynamodb:UpdateItem"),
        ("purger", "dynamodb:PartiQLDelete"),
        ("purger", "dynamodb:PartiQLUpdate"),
        ("restorer", "dynamodb:PutItem"),
        ("restorer", "dynamodb:PartiQLInsert"),
        ("setup", "athena:StartQueryExecution"),
        ("analyst", "athena:GetQueryResults"),
    }


def test_every_call_is_allowed_to_the_role_that_makes_it(played: list[Played]) -> None:
    """Each operation, on each resource, with the headers it carried."""
    denied = {call.kind for stack, call in recorded(played) if not all(may(stack, call.role, need) for need in call.needs)}
    assert denied == set()


def test_every_put_into_the_lake_is_conditional(played: list[Played]) -> None:
    """So the bucket's policy could refuse others below the whole prefix."""
    puts = [need for _, call in recorded(played) for need in call.needs if need.action == "s3:PutObject"]
    assert len(puts) > 10
    assert [put for put in puts if not {"s3:if-none-match", "s3:if-match"} & put.context.keys()] == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_granted_that_no_call_needs(role: str, played: list[Played]) -> None:
    """Each action of each statement is met in the recording, or stands in the list above with its reason; no line there is idle."""
    needed = {
        (sid, action)
        for stack, call in recorded(played)
        if call.role == role
        for sid, action, statement in granted(statements(stack, role))
        for need in call.needs
        if matches(statement, need)
    }
    idle = {(sid, action) for sid, action, _ in granted(statements(played[0].stack, role))} - needed
    assert idle == {(sid, action) for owner, sid, action in UNRECORDED if owner == role}


def _forbidden() -> Iterator[tuple[str, Request]]:
    """Yield what must be denied to each role."""
    table, lake = table_arn("ChatMessages"), "arn:aws:s3:::my-lake/dynalake"
    segment = f"{lake}/messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet"
    there = {"aws:SecureTransport": "true", "s3:ObjectCreationOperation": "true"}
    for role in ROLES:
        yield role, Request("dynamodb:BatchWriteItem", table)
        for action in ("DeleteTable", "UpdateTable", "UpdateTimeToLive", "PartiQLSelect", "TransactWriteItems"):
            yield role, Request(f"dynamodb:{action}", table)
        for action in ("DeleteObject", "DeleteObjectVersion", "PutObjectRetention", "BypassGovernanceRetention"):
            yield role, Request(f"s3:{action}", segment, there)
        for action in ("PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration", "DeleteBucket"):
            yield role, Request(f"s3:{action}", "arn:aws:s3:::my-lake", there)
        yield role, Request("s3:PutObject", segment, there)
        yield role, Request("s3:GetObject", segment, {"aws:SecureTransport": "false"})
        yield role, Request("dynamodb:Query", table_arn("Another"))
        yield role, Request("glue:DeleteTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/dynalake/messages")
        yield role, Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/dynalake-archiver")
    yield "archiver", Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/DynamoDB"})
    for role in ("archiver", "setup", "analyst"):
        for action in ("DeleteItem", "UpdateItem", "PutItem", "PartiQLDelete", "PartiQLUpdate", "PartiQLInsert"):
            yield role, Request(f"dynamodb:{action}", table)
    for role in ("purger", "restorer"):
        for action in ("GetObject", "PutObject"):
            yield role, Request(f"s3:{action}", f"{lake}/receipts/x.json", there | {"s3:if-none-match": "*"})
    yield "restorer", Request("dynamodb:PartiQLDelete", table)
    yield "restorer", Request("dynamodb:PutItem", table_arn("Elsewhere"))
    yield "restorer", Request("dynamodb:DeleteItem", table, {"dynamodb:LeadingKeys": "a-conversation"})
    yield "restorer", Request("dynamodb:DeleteItem", table)
    yield "purger", Request("dynamodb:PartiQLInsert", table)
    for role in ("setup", "analyst"):
        yield role, Request("s3:PutObject", segment, there | {"s3:if-none-match": "*"})
        yield role, Request("dynamodb:Query", f"{table}/index/ModuleAnalyticsIndex")
    yield "analyst", Request("s3:GetObject", f"{lake}/quarantine/x.json", there)
    yield "analyst", Request("glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/dynalake/messages")


@pytest.mark.parametrize(
    ("role", "request_"),
    [pytest.param(role, one, id=f"{role}-{one.action}-{number}") for number, (role, one) in enumerate(_forbidden())],
)
def test_what_is_forbidden_is_denied(role: str, request_: Request) -> None:
    """Whatever else a role may do."""
    assert not may(Rendered.of(), role, request_)


@pytest.mark.parametrize("headers", [{"s3:if-none-match": "*"}, {"s3:if-match": '"etag"'}])
def test_a_conditional_put_of_a_segment_is_allowed_to_the_archiver(headers: dict[str, str]) -> None:
    """With either header; and a part of an upload, which carries neither, is not the bucket policy's to refuse."""
    put = Request("s3:PutObject", "arn:aws:s3:::my-lake/dynalake/messages/x.parquet", {"aws:SecureTransport": "true"})
    stack = Rendered.of()
    assert may(stack, "archiver", replace(put, context={**put.context, "s3:ObjectCreationOperation": "true", **headers}))
    assert may(stack, "archiver", replace(put, context={**put.context, "s3:ObjectCreationOperation": "false"}))


def test_a_lake_without_a_prefix_has_its_policies_too() -> None:
    """The whole bucket is the lake then."""
    stack = Rendered.of(LakePrefix="")
    there = {"aws:SecureTransport": "true", "s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}
    put = Request("s3:PutObject", "arn:aws:s3:::my-lake/messages/x.parquet", there)
    assert may(stack, "archiver", put)
    del there["s3:if-none-match"]
    assert not may(stack, "archiver", put)


def test_the_restorer_may_write_to_the_table_that_is_named_besides() -> None:
    """And the purger still may not."""
    stack = Rendered.of(RestoreTable="Restored*")
    put = Request("dynamodb:PutItem", table_arn("Restored2"))
    assert may(stack, "restorer", put)
    assert not may(stack, "purger", put)


def test_the_key_is_only_for_those_who_use_the_lake() -> None:
    """With KMS, whoever reads or writes objects may use the key; without, nobody is granted one."""
    for values in ({"Encryption": "SSE-KMS"}, {"Encryption": "SSE-KMS", "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/ours"}, {}):
        stack = Rendered.of(**values)
        key = values.get("KmsKeyArn", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/made")
        users = {role for role in ROLES if may(stack, role, Request("kms:Decrypt", key))}
        assert users == ({"archiver", "setup", "analyst"} if values else set())
        assert all(not may(stack, role, Request("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/another")) for role in ROLES)


def trusted(stack: Rendered, role: str) -> list[str]:
    """Return who may assume a role."""
    (statement,) = stack.properties(f"{role.title()}Role")["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
    return listed(statement["Principal"]["AWS"])


def test_who_may_assume_the_roles_is_a_parameter() -> None:
    """Operators and analysts apart; where nobody is named, the account's own IAM decides, and no other account."""
    runner, analysts = f"arn:aws:iam::{ACCOUNT}:role/runner", f"arn:aws:iam::{ACCOUNT}:role/analysts"
    stack = Rendered.of(OperatorPrincipals=runner, AnalystPrincipals=f"{analysts},{runner}")
    assert all(trusted(stack, role) == [runner] for role in (*HALVES, "setup"))
    assert trusted(stack, "analyst") == [analysts, runner]
    assert all(trusted(Rendered.of(), role) == [f"arn:aws:iam::{ACCOUNT}:root"] for role in ROLES)


NO_RESOURCE: Final = {"cloudwatch:PutMetricData", "cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "dynamodb:ListBackups"}
"""Actions that know no resource."""


def test_no_statement_of_a_role_is_for_everything() -> None:
    """No action has a wildcard, and no resource that is allowed is all of a service's, where the action knows one."""
    for role in ROLES:
        for statement in statements(Rendered.of(Encryption="SSE-KMS"), role):
            assert all("*" not in action for action in listed(statement["Action"]))
            if statement["Effect"] == "Allow" and not NO_RESOURCE.issuperset(listed(statement["Action"])):
                assert all(resource.count(":") >= 5 and not resource.endswith(":*") for resource in listed(statement["Resource"]))


@pytest.mark.parametrize("role", ["purger", "restorer"])
def test_batches_without_conditions_are_denied_expressly(role: str) -> None:
    """Whatever another policy should grant to the role one day."""
    denials = [statement for statement in statements(Rendered.of(), role) if statement["Effect"] == "Deny"]
    assert any(matches(denial, Request("dynamodb:BatchWriteItem", table_arn("Any"))) for denial in denials)


def test_the_template_says_what_iam_cannot_do() -> None:
    """Whoever reads the roles is told that no policy demands a condition."""
    text = " ".join(line.strip("# ") for line in TEMPLATE.read_text(encoding="utf-8").splitlines())
    assert "IAM cannot demand that a write to DynamoDB carries a condition" in text
    assert decoded()["Description"]
