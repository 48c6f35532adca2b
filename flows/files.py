"""Writes the files that people ask for with --output."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EISDIR
from os import strerror
from pathlib import Path

from archive.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the system says of a file that cannot be written."""
    try:
        yield
    except OSError as error:
        message = f"the file {path} cannot be written ({error.strerror}); make room, or name another with --output"
        raise InputError(message) from error


def require_place(path: Path) -> None:
    """Refuse a file that could not be written, before anything is asked for it."""
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(EISDIR, strerror(EISDIR))
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-"):
            pass


def write_page(path: Path, page: str) -> int:
    """Write a page to a file, at once or not at all, and return its size in bytes. Raises InputError where that cannot be done."""
    data = page.encode()
    with writing(path):
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            beside = Path(file.name)
        try:
            beside.write_bytes(data)
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return len(data)
