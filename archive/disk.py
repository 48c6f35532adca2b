"""Translates what the local disk says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archive.errors import LocalDiskError


@contextmanager
def local_disk() -> Iterator[None]:
    """Turn a failure of the local disk (full, read-only, broken) into one sentence. Nothing was stored or removed."""
    try:
        yield
    except OSError as error:
        message = f"the local disk failed ({error.strerror or type(error).__name__}); free space below [lake] spool_directory"
        raise LocalDiskError(message) from error
