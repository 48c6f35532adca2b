"""Clients for a role whose credentials last as long as the run, and AWS's errors in our words."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore import exceptions as boto_errors
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ExponentialBackoff

from archive.aws import READS, Clients, translated, wire
from archive.errors import DynalakeError, InputError, NotPermittedError, RefusedError, ServiceError, TransientServiceError
from tests.scripted import Answer, scripted
from tests.servers import REGION, Server

ROLE = "arn:aws:iam::123456789012:role/dynalake"


def _error(code: str, status: int) -> ClientError:
    answer: dict[str, Any] = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Query")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (_error("ThrottlingException", 400), TransientServiceError, "failed for now"),
        (_error("ProvisionedThroughputExceededException", 400), TransientServiceError, "failed for now"),
        (_error("TransactionConflictException", 400), TransientServiceError, "failed for now"),
        (_error("SlowDown", 503), TransientServiceError, "failed for now"),
        (_error("Whatever", 500), TransientServiceError, "failed for now"),
        (_error("AccessDeniedException", 400), NotPermittedError, "is not permitted; grant it"),
        (_error("ExpiredTokenException", 400), ServiceError, "credentials are wrong or have expired"),
        (_error("RequestExpired", 400), ServiceError, "credentials are wrong or have expired, or this machine's clock"),
        (_error("InvalidClientTokenId", 403), ServiceError, "credentials are wrong or have expired"),
        (_error("ResourceNotFoundException", 400), InputError, "table T does not exist"),
        (_error("ValidationException", 400), ServiceError, r"was refused \(ValidationException\)"),
        (boto_errors.NoCredentialsError(), ServiceError, "no AWS credentials"),
        (boto_errors.NoRegionError(), InputError, "no AWS region"),
        (boto_errors.EndpointConnectionError(endpoint_url="http://secret"), TransientServiceError, "got no answer"),
        (boto_errors.ReadTimeoutError(endpoint_url="http://secret"), TransientServiceError, "got no answer"),
        (boto_errors.ConnectionClosedError(endpoint_url="http://secret"), TransientServiceError, "got no answer"),
        (boto_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2), TransientServiceError, "got no answer"),
        (ResponseParserError("secret"), TransientServiceError, "got no answer"),
        (boto_errors.ProfileNotFound(profile="secret"), InputError, "no AWS profile"),
    ],
)
def test_what_aws_says_is_translated(error: Exception, kind: type[DynalakeError], sentence: str) -> None:
    """To one sentence that names the action and says what to do, and shows nothing of the message."""
    with pytest.raises(DynalakeError, match=sentence) as caught, translated("dynamodb:Query", "table T"):
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
    assert "secret" not in str(caught.value)


def test_a_refusal_without_a_code_is_that_of_expired_credentials_to_s3_alone() -> None:
    """S3 answers a HEAD without a body."""
    refusal = _error("400", 400)
    with pytest.raises(ServiceError, match="have expired"), translated("s3:GetObject", "k"):
        raise refusal
    with pytest.raises(ServiceError, match="not expected"), translated("dynamodb:Query", "table T"):
        raise refusal


def test_our_own_errors_pass() -> None:
    """What was translated already is not translated again."""
    error = InputError("as it is")
    with pytest.raises(InputError) as caught, translated("dynamodb:Query", "table T"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(("module", "value"), [(5, {"N": "5"}), (Decimal("5.5"), {"N": "5.5"}), ("maths", {"S": "maths"})])
def test_a_module_becomes_an_attribute_value(module: object, value: dict[str, str]) -> None:
    """Of its own type."""
    assert wire(module) == value


def test_a_role_is_assumed_and_its_credentials_renewed(moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill takes longer than a role's credentials last: they change before they expire, under the same clients."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    clients = Clients(REGION, ROLE, "purger", 4)
    credentials: Any = clients.session.get_credentials()
    first = credentials.get_frozen_credentials()
    assert first.access_key.startswith("ASIA")
    assert first.token
    assert credentials.get_frozen_credentials() == first
    credentials._expiry_time = datetime.now(UTC) + timedelta(seconds=5)  # noqa: SLF001 - else the test would take most of an hour
    second = credentials.get_frozen_credentials()
    assert second.access_key != first.access_key
    used: list[str] = []
    clients.dynamodb.meta.events.register(
        "before-send.dynamodb.ListTables", lambda request, **_: used.append(request.headers["Authorization"])
    )
    clients.dynamodb.list_tables()
    assert second.access_key in str(used[0])


def test_a_role_that_may_not_be_assumed_is_known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read or written."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(TransientServiceError, match=f"sts:AssumeRole on {ROLE} got no answer"):
        Clients(REGION, ROLE, "archiver", 4)


@pytest.mark.parametrize("body", [b'{"TableNames": ["T"]}', b'{"TableNames": ["'])
def test_bytes_that_stay_damaged_are_no_answer(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore hands on what it has at its last try, and takes JSON that was cut short for an answer that says nothing."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    with scripted([Answer(body, right=False)] * 8) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        clients = Clients(REGION, None, "purger", 4)
        with pytest.raises(TransientServiceError, match="dynamodb:ListTables keeps being answered with damaged bytes"):
            clients.dynamodb.list_tables()


def test_without_a_role_the_callers_credentials_are_used(moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """And as many requests may be in flight as was said."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    clients = Clients(REGION, None, "archiver", 7)
    assert clients.session.get_credentials().access_key == "testing"  # type: ignore[union-attr]
    assert json.dumps(clients.dynamodb.list_tables()["TableNames"])
    assert clients.dynamodb.meta.config.max_pool_connections == 7  # type: ignore[attr-defined]


def test_every_request_says_that_it_is_dynalakes(moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that CloudTrail shows it; S3, DynamoDB, and the services that work goes on without."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    clients = Clients(REGION, None, "archiver", 4)
    seen: list[str] = []
    for client in (clients.dynamodb, clients.s3, cloudwatch := clients.impatient("cloudwatch")):
        client.meta.events.register("before-send", lambda request, **_: seen.append(request.headers["User-Agent"]))
    clients.dynamodb.list_tables()
    clients.s3.list_buckets()
    cloudwatch.describe_alarms()
    assert len(seen) == 3
    assert all(re.match(r"b?'?dynalake/\d+\.\d+\.\d+ Boto3/", str(agent)) for agent in seen)


@pytest.mark.parametrize("service", ["cloudwatch", "athena"])
def test_clients_of_other_services_are_as_strict_and_less_patient(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run's refuse what is not known to only read; each is made once; and none keeps a run waiting for minutes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    client = Clients("us-east-1", None, "archiver", 1, read_only=True).impatient(service)
    model = client.meta.service_model
    refused = [name for name in model.operation_names if name not in READS]
    assert len(refused) > 20
    for name in refused:
        with pytest.raises(RefusedError, match="would change something"):
            client.meta.events.emit_until_response(f"before-call.{service}.{name}", model=model.operation_model(name))
    clients = Clients("us-east-1", None, "archiver", 1)
    assert clients.impatient(service) is clients.impatient(service)
    assert clients.impatient(service, "eu-central-1").meta.region_name == "eu-central-1"
    options = clients.impatient(service).meta.config
    assert options.retries["total_max_attempts"] * (options.connect_timeout + options.read_timeout) <= 30
