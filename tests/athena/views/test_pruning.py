"""A question that names days reads the objects of these days, and of an object the row groups that can hold what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from archive.lake.parquet import SegmentWriter
from archive.model.spec import CHAT_MESSAGES
from athena import local
from athena.config import AthenaConfig, Catalog
from athena.objects import LakeObjects
from athena.views import View, views_of
from tests.athena.views.real_lake import RealLake, day_of
from tests.builders import KEYS, OWNER, keyed, message, text

VIEWS = {view.name: view for view in views_of(CHAT_MESSAGES, "messages")[0]}
MONTH = [date(2024, 3, 1) + timedelta(days=number) for number in range(31)]
WEEK = [date(2024, 3, 4) + timedelta(days=number) for number in range(7)]
FEBRUARY = [date(2024, 2, 1) + timedelta(days=number) for number in range(29)]
# What a user asks of a view, and the days of messages that are needed for it.
ASKED = {
    "modules_weekly": ("dt = DATE '2024-03-04'", WEEK),
    "modules_monthly": ("dt = DATE '2024-03-01'", MONTH),
    "modules_busiest": ("dt = DATE '2024-03-01' AND place <= 3", MONTH),
    "providers_monthly": ("dt = DATE '2024-03-01'", MONTH),
    "providers_month_over_month": ("dt = DATE '2024-03-01'", [*FEBRUARY, *MONTH]),
}
DAYS = ("dt BETWEEN DATE '2024-03-04' AND DATE '2024-03-10'", WEEK)


class Counting(pafs.FileSystemHandler):  # type: ignore[misc]  # pyarrow is untyped
    """A local file system that notes which files are opened, and how many bytes of them are read."""

    def __init__(self) -> None:
        """Pass everything on."""
        self._inner = pafs.LocalFileSystem()
        self.opened: list[str] = []
        self.read = 0

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def get_type_name(self) -> str:
        return "counting"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> Any:  # noqa: ANN401 - pyarrow's
        return self._inner.get_file_info(paths)

    def get_file_info_selector(self, selector: Any) -> Any:  # noqa: ANN401 - pyarrow's
        return self._inner.get_file_info(selector)

    def open_input_file(self, path: str) -> Any:  # noqa: ANN401 - pyarrow's
        self.opened.append(path)
        return _file(self, self._inner.open_input_file(path))

    def open_input_stream(self, path: str) -> Any:  # noqa: ANN401 - pyarrow's
        self.opened.append(path)
        return self._inner.open_input_stream(path)
