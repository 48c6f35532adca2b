"""Local files whose reads are counted, for pyarrow and for DuckDB."""

from __future__ import annotations

import io
import os
from threading import local
from typing import Any

import pyarrow.fs as pafs
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]


class CountedFiles(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system of fsspec's kind; `bytes` is what was read so far."""

    protocol = ("counted",)
    cachable = False

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - fsspec's
        """Count from 0."""
        super().__init__(**options)
        self.bytes = 0

    def for_pyarrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return it as pyarrow's kind."""
        return pafs.PyFileSystem(pafs.FSSpecHandler(self))

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:  # noqa: ANN401 - a file
        return _Counted(self, path) if mode == "rb" else super()._open(path, mode)


class _Counted(io.RawIOBase):
    """One open file, unbuffered: what is asked for is what is read.

    Each thread has a position of its own: DuckDB seeks, and then reads, in several.
    """

    def __init__(self, files: CountedFiles, path: str) -> None:
        self._files = files
        self._descriptor = os.open(path, os.O_RDONLY)
        self._at = local()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at.position = base[whence] + offset
        return self.tell()

    def tell(self) -> int:
        return int(getattr(self._at, "position", 0))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever has a buffer
        count = os.preadv(self._descriptor, [buffer], self.tell())
        self._at.position = self.tell() + count
        self._files.bytes += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
