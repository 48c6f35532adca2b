"""Reads that are paid for: each takes its cost from the governor before it is sent, and pays what it was when it is answered.

Bodies are taken raw (`archive/raw_bodies.py`); whoever reads says what parses them. Pages of messages are read ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyarrow as pa

from archive.attempts import attempts, watch
from archive.aws import translated
from archive.codec.answers import KeysPage
from archive.codec.decode import BatchPage, PageDecoder
from archive.errors import DynalakeError
from archive.governor import Governor
from archive.model.budget import Cost, read_cost
from archive.model.config import Module
from archive.model.cost import PAGE_BYTES, page_units
from archive.raw_bodies import keep_raw_bodies, raw_body

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FULL_PAGE: Final = float(page_units(PAGE_BYTES))
_UNIT_BYTES: Final = 8_192  # an eventually consistent read unit: two times 4 KB
_T = TypeVar("_T", bound=BatchPage | KeysPage)
_Kind = tuple[str, Module | None, int | None]
"""Operation, module (or what else messages are found by) and limit: reads of one kind cost about the same."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A read that was answered: its raw body, and what was taken for it."""

    body: bytes
    kind: _Kind
    cost: Cost
    index: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages: `rows` in the spool's schema. `complete`: there are no more of them."""

    rows: pa.RecordBatch
    complete: bool


class PaidReads:
    """Makes the reads of one table. Threads may share it; each brings its own decoder.

    Decoding takes turns, page by page: it is Python, of which only one thread runs at a time anyhow, and threads that take the
    interpreter from each other within a page cost more than those that wait for it (docs/performance.md).
    """

    def __init__(self, client: DynamoDBClient, table: str, governor: Governor) -> None:
        """Take the client's raw bodies; once, however often it is asked for."""
        self._table, self._governor = table, governor
        self._last: dict[_Kind, float] = {}
        self._turn = Lock()
        watch(client)
        keep_raw_bodies(client)

    def read(
        self,
        operation: str,
        call: Callable[..., Any],
        request: dict[str, Any],
        *,
        parse: Callable[[bytes], _T],
        module: Module | None = None,
    ) -> _T:
        """Make one read, parse its raw body, and pay what it cost. `module` is the one whose messages a Query asks for."""
        fetched = self._fetch(operation, call, request, module)
        answer = parse(fetched.body)
        self._settle(fetched, answer.units)
        return answer

    def pages(
        self, operation: str, call: Callable[..., Any], request: dict[str, Any], decoder: PageDecoder, module: Module | None = None
    ) -> Generator[Page, None, None]:
        """Yield the pages of a Query or Scan of messages. While one is decoded and used, the next one is already under way.

        Where the request has a Limit, somebody only looks: then no page is read before it is asked for. Close the iterator where
        it is not read to its end: that waits for the page that is under way.
        """
        following: Future[_Fetched] | None = None
        with ThreadPoolExecutor(1, "page") as ahead:
            try:
                fetched = self._fetch(operation, call, request, module)
                while True:
                    with self._turn:
                        page = decoder.query_page(fetched.body)
                    self._settle(fetched, page.units)
                    if page.last_key:
                        request = {**request, "ExclusiveStartKey": page.last_key}
                        if "Limit" not in request:
                            following = ahead.submit(self._fetch, operation, call, request, module)
                    with self._turn:
                        rows = page.rows()
                    yield Page(rows, complete=not page.last_key)
                    if not page.last_key:
                        return
                    under_way, following = following, None
                    fetched = under_way.result() if under_way else self._fetch(operation, call, request, module)
            finally:
                if following is not None:  # nobody wants this page any more
                    self._settle_unread(following)

    def _fetch(self, operation: str, call: Callable[..., Any], request: dict[str, Any], module: Module | None) -> _Fetched:
        """Make one read, after taking what it probably costs: as much as the last one of its kind and module, or a full page."""
        kind = (operation, module, request.get("Limit"))
        index = request.get("IndexName")
        cost = read_cost(self._last.get(kind, _FULL_PAGE), index, module)
        self._governor.take(cost)
        if operation != "BatchGetItem":
            request = {"TableName": self._table, **request}
        with translated(f"dynamodb:{operation}", f"table {self._table}"), attempts(self._governor, cost):
            # A read uses the table or one index: the total says how much.
            answer = call(**request, ReturnConsumedCapacity="TOTAL")
        return _Fetched(raw_body(answer), kind, cost, index)

    def _settle_unread(self, following: Future[_Fetched]) -> None:
        """Pay for a page that nobody wants any more. One that failed was not paid for, and its failure is of no interest now."""
        with suppress(DynalakeError):
            self._settle(following.result(), None)

    def _settle(self, fetched: _Fetched, told: float | None) -> None:
        """Pay what a read cost: the units that its answer told, or as many as its bytes are."""
        units = self._last[fetched.kind] = len(fetched.body) / _UNIT_BYTES if told is None else told
        self._governor.settle(fetched.cost, known=read_cost(units, fetched.index, fetched.kind[1]))
