"""What the stack is made from: its parameters, out of the settings, and what must not be there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from archive.aws import error_code, status_code, translated
from archive.errors import InputError, RefusedError
from archive.model.keys import LakeKeys
from flows.settings import Settings
from flows.stack import Found

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,54}")
_EVERYONES: Final = "primary"
_ABSENT_STATUS: Final = 404
_BUCKET_EXISTS: Final = "LakeBucketExists"
_DATABASE_EXISTS: Final = "GlueDatabaseExists"


def ours(settings: Settings) -> dict[str, str]:
    """Return the parameters that the settings say. Raises InputError where they name a workgroup that no stack can own."""
    if settings.athena.workgroup == _EVERYONES:
        message = (
            f"[athena] workgroup is {_EVERYONES!r}, which every account has and no stack can make; set another name, such as 'dynalake', "
            "and leave [athena] output out: the stack's workgroup says where results go"
        )
        raise InputError(message)
    return {
        "SourceTable": settings.source.table,
        "LakeBucket": settings.lake.bucket,
        "LakePrefix": LakeKeys.below(settings.lake.prefix).prefix,
        "GlueDatabase": settings.athena.database,
        "AthenaWorkgroup": settings.athena.workgroup,
        "PurgePolicy": settings.policy.purge,
    }


def named(name: str) -> str:
    """Return a name that a stack can have, and that its roles' names (64 characters at most) can begin with; raises InputError else."""
    if not _NAME.fullmatch(name):
        message = f"--stack {name!r} is not a stack's name; use letters, digits and dashes, 55 at most, and begin with a letter"
        raise InputError(message)
    return name


def given(words: Iterable[str]) -> dict[str, str]:
    """Read parameters as people write them, NAME=VALUE each."""
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            message = f"--parameter {word!r} is not NAME=VALUE, such as TransitionClass=STANDARD_IA"
            raise InputError(message)
        if name in found:
            message = f"--parameter {name} is given twice; keep one of the two"
            raise InputError(message)
        found[name] = value
    return found


def merged(known: Mapping[str, str | None], there: Found | None, said: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return the stack's parameters: those it has, then what the settings say, then what is given besides.

    `known` are the template's, with their defaults; what is a default is left out. Raises InputError for a parameter that the template
    does not have, or that is the settings' to say.
    """
    for name in more:
        if name in said:
            message = f"the parameter {name} is taken from the settings; change it there"
            raise InputError(message)
        if name not in known:
            message = f"the template has no parameter {name!r}; it has {', '.join(sorted(known.keys() - said.keys()))}"
            raise InputError(message)
    before = there.parameters if there else {}
    kept = {name: value for name, value in before.items() if name in known and value != known[name]}
    return {**kept, **said, **more}


def require_free(session: boto3.Session, there: Found | None, parameters: Mapping[str, str]) -> None:
    """Refuse what CloudFormation would fail at halfway: a bucket, database or workgroup that is there and is not the stack's.

    Raises RefusedError, InputError where one is said to be there and is not, ServiceError where AWS does not let us look.
    """
    owned = there.resources if there else {}
    bucket, database, workgroup = (parameters[name] for name in ("LakeBucket", "GlueDatabase", "AthenaWorkgroup"))
    exists = _bucket_is_there(session, bucket)
    if parameters.get(_BUCKET_EXISTS) == "true":
        if not exists:
            message = f"bucket {bucket} is not there, although {_BUCKET_EXISTS}=true says so; create it, or give {_BUCKET_EXISTS}=false"
            raise InputError(message)
    elif exists and owned.get("LakeStore") != bucket:
        raise RefusedError(_taken(f"bucket {bucket}", "[lake] bucket", _BUCKET_EXISTS))
    makes_database = parameters.get(_DATABASE_EXISTS) != "true" and owned.get("LakeDatabase") != database
    if makes_database and _database_is_there(session, database):
        raise RefusedError(_taken(f"Glue database {database}", "[athena] database", _DATABASE_EXISTS))
    if owned.get("LakeWorkgroup") != workgroup and _workgroup_is_there(session, workgroup):
        message = f"Athena workgroup {workgroup} is there already and is not the stack's; name another [athena] workgroup, or remove it"
        raise RefusedError(message)


def _taken(what: str, setting: str, parameter: str) -> str:
    return (
        f"{what} is there already and is not the stack's; give --parameter {parameter}=true to use it and leave it as it is, "
        f"name another {setting}, or import it into the stack (docs/deploy.md)"
    )


def _bucket_is_there(session: boto3.Session, bucket: str) -> bool:
    """Say whether the bucket is anybody's: names are shared by all accounts, so one that is closed to us is there too."""
    with translated("s3:ListBucket", f"bucket {bucket}"):
        try:
            session.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            if status_code(error) == _ABSENT_STATUS:
                return False
            if status_code(error) in (301, 403):
                return True
            raise
    return True


def _database_is_there(session: boto3.Session, database: str) -> bool:
    return _is_there(
        "glue:GetDatabase",
        f"database {database}",
        lambda: session.client("glue").get_database(Name=database),
        "EntityNotFoundException",
    )


def _workgroup_is_there(session: boto3.Session, workgroup: str) -> bool:
    return _is_there(
        "athena:GetWorkGroup",
        f"workgroup {workgroup}",
        lambda: session.client("athena").get_work_group(WorkGroup=workgroup).get("WorkGroup"),
        "InvalidRequestException",
    )


def _is_there(operation: str, target: str, look: Callable[[], Any], absent: str) -> bool:
    with translated(operation, target):
        try:
            return look() is not None
        except ClientError as error:
            if error_code(error) == absent:
                return False
            raise
