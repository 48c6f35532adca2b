"""Adds Glue's and Athena's own names for passing faults to what archive/ knows of AWS's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import ClientError

from archive import aws
from archive.errors import TransientServiceError

_PASSING: Final = frozenset({"ConcurrentModificationException", "OperationTimeoutException", "TooManyRequestsException"})


@contextmanager
def translated(operation: str, target: str) -> Iterator[None]:
    """Translate botocore's errors; `operation` is the IAM action (`glue:GetTable`), `target` the table, database or workgroup."""
    with aws.translated(operation, target):
        try:
            yield
        except ClientError as error:
            if aws.error_code(error) not in _PASSING:
                raise
            message = f"{operation} on {target} failed for now ({aws.error_code(error)}); run again later"
            raise TransientServiceError(message) from error
