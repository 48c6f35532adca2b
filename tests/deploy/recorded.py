"""Records what the commands really ask AWS for, and as whom; and says which IAM actions each call needs, on what.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import botocore
from botocore.session import Session

from tests.deploy.iam import Request
from tests.deploy.rendered import ACCOUNT, REGION

_ROLE = re.compile(r".*:role/(?:.*-)?(\w+)")
_STATEMENT = re.compile(r'(DELETE|UPDATE|INSERT|SELECT)\b.*?"([\w.-]+)"', re.DOTALL)
_TABLES: Final = frozenset(
    {"DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups", "DeleteItem", "UpdateItem", "PutItem", "GetItem", "Query", "Scan"}
)
_BUCKETS: Final = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
}
_CATALOGUE: Final = frozenset({"GetDatabase", "GetTable", "CreateTable", "UpdateTable"})
_WORKGROUP: Final = frozenset(
    {"StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution", "ListQueryExecutions", "BatchGetQueryExecution"}
)
_METRICS: Final = frozenset({"PutMetricData", "GetMetricData", "DescribeAlarms"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call: by which role, which operation of which service, and the IAM requests that have to be allowed for it."""

    role: str
    service: str
    operation: str
    needs: tuple[Request, ...]

    @property
    def kind(self) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
        """Calls of one kind need the same: role, service, operation, and each action with the kind of its resource."""
        return self.role, self.service, self.operation, tuple((need.action, kind_of(need.resource)) for need in self.needs)


def kind_of(arn: str) -> str:
    """Return an ARN without the names in it: `dynamodb table/index`, `s3 lake/messages`, ..."""
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    parts = resource.split("/")
    if service == "s3":
        return "s3 bucket" if len(parts) == 1 else f"s3 {parts[1] if len(parts) == 2 else parts[2 if parts[1] == 'lake' else 1]}"
    return f"{service} {'/'.join(parts[::2])}"


@contextmanager
def recording(own: str, workgroup: str = "primary") -> Iterator[list[Call]]:
    """Note every call of clients that are made meanwhile.

    `own` is the role that stands for credentials nobody assumed; `workgroup` the one that queries run in, which a query's id does not tell.
    """
    calls: list[Call] = []
    roles: dict[str, str] = {}

    def assumed(**event: Any) -> None:  # noqa: ANN401 - botocore's own
        parsed = event["parsed"]
        name = _ROLE.fullmatch(str(parsed["AssumedRoleUser"]["Arn"]).replace(":assumed-role/", ":role/").rsplit("/", 1)[0])
        assert name is not None
        roles[parsed["Credentials"]["AccessKeyId"]] = name[1]

    def initialize(session: Session) -> None:
        def note(**event: Any) -> None:  # noqa: ANN401 - botocore's own
            params, model = event["params"], event["model"]
            credentials = session.get_credentials()
            role = roles.get(credentials.access_key or "", own) if credentials else own
            service = model.service_model.service_name
            if service != "sts":
                calls.append(Call(role, service, model.name, needs(service, model.name, {"WorkGroup": workgroup, **params})))

        session.register("before-parameter-build", note)
        session.register("after-call.sts.AssumeRole", assumed)

    botocore.register_initializer(initialize)
    try:
        yield calls
    finally:
        botocore.unregister_initializer(initialize)


def needs(service: str, operation: str, params: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return what IAM is asked for one call. An operation that is not known here is an error: it needs a line, and a grant."""
    found = tuple(
        {"dynamodb": _dynamodb, "s3": _s3, "glue": _glue, "athena": _athena, "cloudwatch": _cloudwatch}[service](operation, params)
    )
    assert found, f"{service}:{operation}"
    return found


def table_arn(name: str) -> str:
    """Return a table's ARN."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _dynamodb(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    if operation in ("BatchExecuteStatement", "ExecuteStatement"):
        statements = params["Statements"] if operation.startswith("Batch") else [params]
        for verb, table in sorted({_spoken(statement["Statement"]) for statement in statements}):
            yield Request(f"dynamodb:PartiQL{verb.title()}", table_arn(table))
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table in params["RequestItems"]:
            yield Request(f"dynamodb:{operation}", table_arn(table))
    elif operation in _TABLES:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        leading = params.get("Key", {}).get("conversationId", {}).get("S")
        context = {"dynamodb:LeadingKeys": leading} if leading else {}
        yield Request(f"dynamodb:{operation}", table_arn(params["TableName"]) + index, context)


def _spoken(statement: str) -> tuple[str, str]:
    found = _STATEMENT.match(statement)
    assert found is not None, statement
    return found[1], found[2]


def _s3(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    context = {"aws:SecureTransport": "true"}  # AWS's endpoints are https
    if operation in _BUCKETS:
        yield Request(f"s3:{_BUCKETS[operation]}", bucket, context)
    elif operation in ("GetObject", "HeadObject"):
        yield Request("s3:GetObjectVersion" if "VersionId" in params else "s3:GetObject", f"{bucket}/{params['Key']}", context)
    elif operation == "DeleteObject":
        yield Request("s3:DeleteObjectVersion" if "VersionId" in params else "s3:DeleteObject", f"{bucket}/{params['Key']}", context)
    elif operation == "PutObject":
        headers = {"s3:if-none-match": params.get("IfNoneMatch"), "s3:if-match": params.get("IfMatch")}
        sent = {key: str(value) for key, value in headers.items() if value is not None}
        yield Request("s3:PutObject", f"{bucket}/{params['Key']}", {**context, **sent, "s3:ObjectCreationOperation": "true"})


def _glue(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    if operation not in _CATALOGUE:
        return
    database = params.get("DatabaseName") or params["Name"]
    yield Request(f"glue:{operation}", f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog")
    yield Request(f"glue:{operation}", f"arn:aws:glue:{REGION}:{ACCOUNT}:database/{database}")
    if operation != "GetDatabase":
        table = params["TableInput"]["Name"] if "TableInput" in params else params["Name"]
        yield Request(f"glue:{operation}", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{database}/{table}")


def _athena(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    if operation in _WORKGROUP:
        yield Request(f"athena:{operation}", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{params['WorkGroup']}")


def _cloudwatch(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    if operation in _METRICS:
        context = {"cloudwatch:namespace": params["Namespace"]} if "Namespace" in params else {}
        yield Request(f"cloudwatch:{operation}", "*", context)
