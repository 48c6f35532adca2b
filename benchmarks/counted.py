"""Local files whose reads are counted, for pyarrow and for DuckDB."""

from __future__ import annotations

import io
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


class _Counted(io.FileIO):
    """One open file, unbuffered: what is asked for is what is read."""

    def __init__(self, files: CountedFiles, path: str) -> None:
        self._files = files
        super().__init__(path, "rb")

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._files.bytes += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever has a buffer
        count = super().readinto(buffer)
        self._files.bytes += count
        return count
