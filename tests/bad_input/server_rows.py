"""Rows of docs/errors.md: what AWS, or the server in its place, answers; and every call that a role may not make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from tests.bad_input.injected import Meanwhile, damaged, denied, refused
from tests.bad_input.lake_rows import purged
from tests.bad_input.row import After, Given, Row, World, as_it_is, both, file, settings, variables
from tests.bad_input.world import ITEMS, WINDOW
from tests.integration.sites import create, put

_PLAN: Final = ("plan",)
_NIGHTLY: Final = ("nightly", "--yes")
_SETUP: Final = ("setup", "athena")
_RESTORE: Final = ("restore", "--module", "5", "--yes")
_LOAD: Final = ("load", "{folder}/messages.jsonl", "--yes")
_QUERY: Final = ("query", "SELECT 1 AS one", "--engine", "athena")
_ALARMS: Final = ("status", "--alarms")
_DOCTOR: Final = ("doctor",)
_DELETE: Final = settings(policy={"purge": "delete"})
_EXPIRE: Final = settings(policy={"purge": "expire"})
_PARTIQL: Final = settings(policy={"purge": "delete", "protocol": "partiql"})
_ROLE: Final = "arn:aws:iam::123456789012:role/archiver"
_A_LINE: Final = file("messages.jsonl", b'{"conversationId": "c", "timestamp": 1, "moduleId": 5}\n')


def _keys_only(world: World) -> World:
    """Return the world with a table whose index projects keys only, so that messages come by BatchGetItem."""
    client, name = world.site.servers.dynamodb.dynamodb(), f"{world.site.table}Keys"
    keys = {"conversationId": "S", "timestamp": "N", "moduleId": "N"}
    create(client, name, keys, "ModuleAnalyticsIndex", {"ProjectionType": "KEYS_ONLY"})
    put(client, name, ITEMS)
    return world.having(source={"table": name})


def _with_ttl(world: World) -> World:
    """Return the world in mode `expire`, with a table that has a TTL."""
    client = world.site.servers.dynamodb.dynamodb()
    client.update_time_to_live(TableName=world.site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    return _EXPIRE(world)


def _nowhere(world: World) -> World:
    """Return the world with a DynamoDB that nobody answers for."""
    gone = replace(world.site.servers.dynamodb, endpoint="http://127.0.0.1:9")
    return replace(world, site=replace(world.site, servers=replace(world.site.servers, dynamodb=gone)))


def _ran(*words: str) -> Given:
    def run(world: World) -> World:
        world.run(*words).done()
        return world

    return run


def _without_region(world: World) -> World:
    sections = {**world.site.settings, "source": {"table": world.site.table}}
    return replace(world, site=replace(world.site, settings=sections))


@dataclass(frozen=True, slots=True)
class Denied:
    """A call that the role may not make: the API's operation, the IAM action, and where it is met."""

    operation: str
    action: str
    words: tuple[str, ...]
    given: Given = as_it_is
    archived: bool = False
    after: After = After.UNCHANGED
    said: str = ""
    code: int = 5

    @property
    def row(self) -> Row:
        """The row that plays it."""
        said = self.said or f"{self.action} on … is not permitted; grant it to the role in use"
        before = " before a purge" if self.operation == "HeadObject" else ""
        return Row(
            f"`{self.action}`{before} is not permitted",
            self.words,
            said,
            self.code,
            self.given,
            denied(self.operation),
            self.after,
            self.archived,
        )


DENIALS: Final = [
    Denied("AssumeRole", "sts:AssumeRole", _PLAN, settings(roles={"archiver": _ROLE})),
    Denied("DescribeTable", "dynamodb:DescribeTable", _PLAN),
    Denied("Scan", "dynamodb:Scan", _PLAN),
    Denied("Query", "dynamodb:Query", _PLAN),
    Denied("BatchGetItem", "dynamodb:BatchGetItem", ("backfill", *WINDOW, "--yes"), both(_keys_only, _ran(*_NIGHTLY)), after=After.NOT_MOVED),
    Denied("DescribeContinuousBackups", "dynamodb:DescribeContinuousBackups", _NIGHTLY, _DELETE, after=After.DONE, code=0, said="warning: whether table … has point-in-time recovery is not known: dynamodb:DescribeContinuousBackups on table … is not permitted; grant it to the role in use"),
    Denied("DescribeTimeToLive", "dynamodb:DescribeTimeToLive", _NIGHTLY, _with_ttl, archived=True),
    Denied("DeleteItem", "dynamodb:DeleteItem", _NIGHTLY, _DELETE, archived=True, after=After.NOT_MOVED),
    Denied("UpdateItem", "dynamodb:UpdateItem", _NIGHTLY, _with_ttl, archived=True, after=After.NOT_MOVED),
    Denied("BatchExecuteStatement", "dynamodb:PartiQLDelete", _NIGHTLY, _PARTIQL, archived=True, after=After.NOT_MOVED, said="dynamodb:PartiQLDelete or PartiQLUpdate on table … is not permitted; grant it to the role in use"),
    Denied("PutItem", "dynamodb:PutItem", _RESTORE, purged, after=After.NOT_MOVED),
    Denied("BatchWriteItem", "dynamodb:BatchWriteItem", _LOAD, _A_LINE),
    Denied("ListObjectsV2", "s3:ListBucket", ("status",), archived=True),
    Denied("GetObject", "s3:GetObject", _PLAN, archived=True),
    Denied("HeadObject", "s3:GetObject", ("purge", *WINDOW, "--yes"), _DELETE, archived=True, after=After.NOT_MOVED),
    Denied("PutObject", "s3:PutObject", _NIGHTLY, archived=True),
    Denied("DeleteObject", "s3:DeleteObject", ("resume",), _ran("stop")),
    Denied("GetBucketVersioning", "s3:GetBucketVersioning", _NIGHTLY, _DELETE, archived=True),
    Denied("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", _NIGHTLY, _DELETE, archived=True),
    Denied("GetDatabase", "glue:GetDatabase", _SETUP),
    Denied("CreateDatabase", "glue:CreateDatabase", _SETUP),
    Denied("CreateTable", "glue:CreateTable", _SETUP),
    Denied("GetTable", "glue:GetTable", _NIGHTLY, after=After.NOT_MOVED),
    Denied("UpdateTable", "glue:UpdateTable", _NIGHTLY, _ran(*_SETUP), after=After.NOT_MOVED),
    Denied("StartQueryExecution", "athena:StartQueryExecution", _QUERY),
    Denied("GetQueryExecution", "athena:GetQueryExecution", _QUERY),
    Denied("GetQueryResults", "athena:GetQueryResults", _QUERY),
    Denied("PutMetricData", "cloudwatch:PutMetricData", _NIGHTLY, settings(policy={"purge": "delete"}, watch={"metrics": True}), after=After.DONE, code=0, said="warning: metrics were not published, and the run goes on without: cloudwatch:PutMetricData on namespace Dynalake is not permitted; grant it to the role in use"),
    Denied("GetMetricData", "cloudwatch:GetMetricData", _ALARMS, archived=True, code=0, said="not looked at: cloudwatch:GetMetricData on the metrics is not permitted; grant it to the role in use"),
    Denied("DescribeAlarms", "cloudwatch:DescribeAlarms", _ALARMS, archived=True, code=0, said="not looked at: cloudwatch:DescribeAlarms on alarms … is not permitted; grant it to the role in use"),
    Denied("ListQueryExecutions", "athena:ListQueryExecutions", _DOCTOR, archived=True, code=0, said="not looked at: Athena: recent questions (athena:ListQueryExecutions on workgroup primary is not permitted; grant it to the role in use)"),
    Denied("BatchGetQueryExecution", "athena:BatchGetQueryExecution", _DOCTOR, _ran(*_QUERY), archived=True, code=0, said="not looked at: Athena: recent questions (athena:BatchGetQueryExecution on workgroup primary is not permitted; grant it to the role in use)"),
]  # fmt: skip

_FIRST_RUN: Final = Row(
    "the same in a first run, which tries everything beforehand",
    _NIGHTLY,
    "the first run's checks failed (lake: list, conditional PUT, GET): s3:PutObject on … is not permitted; grant it to the role in use",
    3,
    meanwhile=denied("PutObject"),
)
NOT_PERMITTED: Final = [*(denial.row for denial in DENIALS), _FIRST_RUN]


def _server(what: str, said: str, meanwhile: Meanwhile, **more: Any) -> Row:  # noqa: ANN401 - fields of a row
    return Row(what, more.pop("words", _NIGHTLY), said, more.pop("code", 5), meanwhile=meanwhile, **more)


ANSWERS: Final = [
    Row("no answer", _PLAN, "dynamodb:DescribeTable on table … got no answer (EndpointConnectionError); check the network, then run again", 5, _nowhere),
    Row("no credentials", _PLAN, "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role", 5, variables(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")),
    Row("half of the credentials", _PLAN, "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role", 5, variables(AWS_SECRET_ACCESS_KEY="")),
    Row("no region", _PLAN, "there is no AWS region; set [source] region or AWS_DEFAULT_REGION", 2, both(_without_region, variables(AWS_DEFAULT_REGION=""))),
    Row("a profile that there is not", _PLAN, "there is no AWS profile of the name that AWS_PROFILE gives; correct it, or unset it", 2, variables(AWS_PROFILE="nobody")),
    _server("credentials that have expired", "dynamodb:Query on table … was refused (ExpiredTokenException): the credentials are wrong or have expired, or this machine's clock is wrong; renew them, or set it", refused("Query", "ExpiredTokenException")),
    _server("wrong credentials", "dynamodb:DescribeTable on table … was refused (UnrecognizedClientException): the credentials are wrong or have expired, or this machine's clock is wrong; renew them, or set it", refused("DescribeTable", "UnrecognizedClientException")),
    _server("throttling that does not end", "dynamodb:Query on table … failed for now (ThrottlingException); run again later", refused("Query", "ThrottlingException")),
    _server("errors of the server that do not end", "dynamodb:Scan on table … failed for now (InternalServerError); run again later", refused("Scan", "InternalServerError", 500)),
    _server("the same, of S3, in the middle", "s3:PutObject on … failed for now (InternalError); run again later", refused("PutObject", "InternalError", 500, after=7), after=After.ARCHIVED),
    _server("an answer with damaged bytes", "dynamodb:Query keeps being answered with damaged bytes; check the network, then run again", damaged("Query")),
    _server("a call that is refused for another reason", "dynamodb:Query on table … was refused (ValidationException); this is not expected, report it", refused("Query", "ValidationException")),
]  # fmt: skip
