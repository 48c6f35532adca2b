"""Makes boto3 clients for one role, and translates what AWS says into Dynalake's errors."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal
from zlib import crc32

import boto3
import botocore
from botocore import exceptions as boto_errors
from botocore.config import Config as BotoConfig
from botocore.credentials import CredentialProvider, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session as CoreSession

from archive.errors import DynalakeError, InputError, NotPermittedError, RefusedError, ServiceError, TransientServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

Half = Literal["archiver", "purger", "restorer"]

THROTTLES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "RequestLimitExceeded",
        "SlowDown",
    }
)
"""Codes that say that there were too many requests."""
FOR_NOW: Final = THROTTLES | frozenset(
    {
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "TransactionConflict",
        "TransactionConflictException",
        "InternalServerError",
    }
)
"""Codes of what may work when it is made again."""
READS: Final = frozenset(
    {
        "BatchGetItem",
        "BatchGetQueryExecution",
        "DescribeAlarms",
        "DescribeContinuousBackups",
        "DescribeTable",
        "DescribeTimeToLive",
        "GetBucketLifecycleConfiguration",
        "GetBucketVersioning",
        "GetDatabase",
        "GetMetricData",
        "GetObject",
        "GetTable",
        "HeadObject",
        "ListBackups",
        "ListObjectsV2",
        "ListQueryExecutions",
        "Query",
        "Scan",
    }
)
"""The operations that a dry run may make."""
DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "403"})
UNKNOWN_OPERATION: Final = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction"})
"""Codes of a server that has no such call."""
_ABSENT: Final = frozenset({"ResourceNotFoundException"})
_EXPIRED: Final = frozenset(
    {"AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId"}
    | {"InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException"}
    | {"RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired", "UnrecognizedClientException"}
)
_NO_ANSWER: Final = (
    boto_errors.ConnectionError,
    boto_errors.HTTPClientError,
    boto_errors.IncompleteReadError,
    ResponseParserError,
)
_SERVER_ERROR: Final = 500
_RETRIES: Final = 8
_SECONDS_TO_CONNECT: Final = 10
_SECONDS_TO_READ: Final = 60
_SOME_SECONDS: Final = 5
_USER_AGENT: Final = (
    f"dynalake/{version('dynalake')} Boto3/{boto3.__version__} Botocore/{botocore.__version__} Python/{platform.python_version()}"
)
"""What CloudTrail shows of who made a request. It is made once: botocore makes its own anew for each request, twice."""


class Clients:
    """Clients of one half of the work: the archiver's role reads and stores, the purger's removes."""

    def __init__(self, region: str | None, role: str | None, half: Half, connections: int, *, read_only: bool = False) -> None:
        """Assume `role` where one is given; `connections` is how many requests may be in flight at once.

        With `read_only`, every call that could change anything raises RefusedError before it is sent.
        """
        with translated("sts:AssumeRole" if role else "loading credentials", role or "the default credentials"):
            self.session = _session(region, role, half)
            options = BotoConfig(
                user_agent=_USER_AGENT,
                retries={"mode": "standard", "total_max_attempts": _RETRIES},
                connect_timeout=_SECONDS_TO_CONNECT,
                read_timeout=_SECONDS_TO_READ,
                max_pool_connections=connections,
            )
            self.dynamodb: DynamoDBClient = self.session.client("dynamodb", config=options)
            self.s3: S3Client = self.session.client("s3", config=options)
            self.glue: GlueClient = self.session.client("glue", config=options)
        self.dynamodb.meta.events.register("after-call.dynamodb", refuse_damaged)
        self._read_only = read_only
        self._impatient: dict[tuple[str, str | None], Any] = {}
        if read_only:
            for client in (self.dynamodb, self.s3, self.glue):
                client.meta.events.register_first("before-call", refuse_changes)

    def impatient(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - a client of any service
        """Return a client of a service that work goes on without: it tries twice, and waits seconds at most. As strict as the others."""
        if (made := self._impatient.get((service, region))) is not None:
            return made
        options = BotoConfig(
            user_agent=_USER_AGENT,
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=_SOME_SECONDS,
            read_timeout=2 * _SOME_SECONDS,
        )
        with translated("loading credentials", "the default credentials"):
            client = self.session.client(service, region_name=region, config=options)  # type: ignore[call-overload] # any service
        if self._read_only:
            client.meta.events.register_first("before-call", refuse_changes)
        self._impatient[service, region] = client
        return client


class _AssumedRole(CredentialProvider):
    """Gives botocore the credentials of a role; they are renewed before they expire, for a backfill takes longer than they last."""

    METHOD = "dynalake-assume-role"

    def __init__(self, renew: Callable[[], dict[str, str]]) -> None:
        """Assume the role at once, so that a refusal is known at the start."""
        super().__init__()
        self._credentials = RefreshableCredentials.create_from_metadata(renew(), renew, self.METHOD)

    def load(self) -> RefreshableCredentials:
        """Return the credentials that renew themselves."""
        return self._credentials


def refuse_changes(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's operation model
    """Refuse whatever is not known to only read: an operation that AWS adds later is refused too."""
    if model.name not in READS:
        message = f"{model.service_model.service_name}:{model.name} would change something, and this is a dry run; nothing was sent"
        raise RefusedError(message)


def refuse_damaged(http_response: Any, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
    """Refuse an answer of DynamoDB's whose bytes are not those that it sent.

    botocore asks again, but takes what it gets at its last try; and its parser takes JSON that was cut short for an answer without members.
    """
    promised = http_response.headers.get("x-amz-crc32")
    if promised is not None and int(promised) != crc32(http_response.content):
        message = f"dynamodb:{model.name} keeps being answered with damaged bytes; check the network, then run again"
        raise TransientServiceError(message)


def _session(region: str | None, role: str | None, half: Half) -> boto3.Session:
    session = boto3.Session(region_name=region)
    if role is None:
        return session
    sts = session.client("sts")

    def renew() -> dict[str, str]:
        secrets = sts.assume_role(RoleArn=role, RoleSessionName=f"dynalake-{half}")["Credentials"]
        return {
            "access_key": secrets["AccessKeyId"],
            "secret_key": secrets["SecretAccessKey"],
            "token": secrets["SessionToken"],
            "expiry_time": secrets["Expiration"].isoformat(),
        }

    core = CoreSession()
    core.get_component("credential_provider").providers.insert(0, _AssumedRole(renew))
    return boto3.Session(botocore_session=core, region_name=region)


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, such as ConditionalCheckFailedException."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_code(error: ClientError) -> int:
    """Return the HTTP status of an error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_for_now(error: ClientError) -> bool:
    """Say whether what was refused may work when it is made again."""
    return error_code(error) in FOR_NOW or status_code(error) >= _SERVER_ERROR


@contextmanager
def translated(operation: str, target: str) -> Iterator[None]:
    """Translate botocore's errors; `operation` is the IAM action, `target` the table, bucket or key."""
    try:
        yield
    except ClientError as error:
        raise _of_client_error(error, operation, target) from error
    except (boto_errors.NoCredentialsError, boto_errors.PartialCredentialsError) as error:
        message = "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role"
        raise ServiceError(message) from error
    except boto_errors.NoRegionError as error:
        message = "there is no AWS region; set [source] region or AWS_DEFAULT_REGION"
        raise InputError(message) from error
    except boto_errors.ProfileNotFound as error:
        message = "there is no AWS profile of the name that AWS_PROFILE gives; correct it, or unset it"
        raise InputError(message) from error
    except boto_errors.InvalidRegionError as error:
        message = "the region is not the name of one; correct [source] region or AWS_DEFAULT_REGION"
        raise InputError(message) from error
    except _NO_ANSWER as error:
        message = f"{operation} on {target} got no answer ({type(error).__name__}); check the network, then run again"
        raise TransientServiceError(message) from error
    except BotoCoreError as error:
        message = f"{operation} on {target} could not be made ({type(error).__name__}); check the credentials and the endpoint"
        raise ServiceError(message) from error


def _of_client_error(error: ClientError, operation: str, target: str) -> DynalakeError:
    code = error_code(error)
    if is_for_now(error):
        return TransientServiceError(f"{operation} on {target} failed for now ({code}); run again later")
    if code in DENIED:
        return NotPermittedError(f"{operation} on {target} is not permitted; grant it to the role in use")
    # S3 answers a HEAD without a body, and so without a code: 400 is what credentials get that have expired.
    if code in _EXPIRED or (code == "400" and operation.startswith("s3:")):
        return ServiceError(
            f"{operation} on {target} was refused ({code}): the credentials are wrong or have expired, or this machine's clock is wrong; "
            "renew them, or set it"
        )
    if code == "NoSuchBucket":
        return InputError(f"the bucket of {target} does not exist ({operation}); correct [lake] bucket, or create it")
    if code in _ABSENT:
        return InputError(f"{target} does not exist in this account and region ({operation}); check the settings")
    return ServiceError(f"{operation} on {target} was refused ({code}); this is not expected, report it")


def wire(module: Any) -> dict[str, str]:  # noqa: ANN401 - int, str or Decimal
    """Return a module's value as an attribute value."""
    return {"S": module} if isinstance(module, str) else {"N": str(module)}
