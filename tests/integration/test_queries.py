"""Analysts' questions over a whole lake, answered by DuckDB, held against sums that are made from the source alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.integration.items import Message
from tests.integration.worlds import World

_ROOT = Path(__file__).parents[2]
_INT64 = 2**63
_BY_MODULE = """
SELECT module_id, count(*) AS messages, count(DISTINCT conversation_id) AS conversations, sum(cost_usd) AS dollars,
       sum(output_tokens) AS tokens, min(sent_at) AS first, max(sent_at) AS last
FROM messages GROUP BY module_id
"""
_RATED = """
SELECT json_extract_scalar(remainder, '$.metadata.source') AS source, count(*) AS messages
FROM messages WHERE dt BETWEEN DATE '2024-03-01' AND DATE '2024-03-31' GROUP BY 1
"""


def test_sums_by_module_are_those_of_the_source(kept: World) -> None:
    """Asked by a process of its own, whose standard output is JSON and nothing else; each number to the last digit."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "query", _BY_MODULE, "--format", "json"]
    environment = {**os.environ, **kept.site.servers.environment()}
    done = subprocess.run(
        [*command, "--config", str(kept.site.config())],
        env=environment,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = {row["module_id"]: row for row in json.loads(done.stdout)}
    by_module: dict[int | None, list[Message]] = {}
    for message in kept.expected.values():
        by_module.setdefault(_module(message), []).append(message)
    expected = {module: _sums(module, messages) for module, messages in by_module.items()}
    assert found == expected


def _module(message: Message) -> int | None:
    """Return what the column holds: nothing, where the module is no whole number of 64 bits."""
    module: int | None = _fitting(message, "moduleId", _is_int64)
    return module


def _fitting(message: Message, attribute: str, fits: Callable[[Decimal], bool]) -> Any:  # noqa: ANN401 - int or Decimal
    tag, inner = message.get(attribute, ("NULL", None))
    if tag != "N" or not fits(inner):
        return None
    return int(inner) if fits is _is_int64 else inner


def _is_int64(number: Decimal) -> bool:
    return -_INT64 <= number < _INT64 and number == int(number)


def _is_cost(number: Decimal) -> bool:
    """Say whether a decimal(18,9) holds it."""
    return abs(number) < 10**9 and number * 10**9 == int(number * 10**9)


def _sums(module: int | None, messages: list[Message]) -> dict[str, Any]:
    costs = [cost for message in messages if (cost := _fitting(message, "costUsd", _is_cost)) is not None]
    tokens = [count for message in messages if (count := _fitting(message, "outputTokens", _is_int64)) is not None]
    times = [int(message["timestamp"][1] // 1) for message in messages]
    return {
        "module_id": module,
        "messages": len(messages),
        "conversations": len({message["conversationId"][1] for message in messages}),
        "dollars": f"{sum(costs):.9f}" if costs else None,
        "tokens": sum(tokens) if tokens else None,
        "first": _iso(min(times)),
        "last": _iso(max(times)),
    }


def _iso(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}"


def test_the_remainder_of_one_month_can_be_asked(kept: World) -> None:
    """As JSON, by path; the month is `dt`, and nothing outside of it is counted."""
    rows = kept.site.run("query", _RATED, "--format", "json").done().json()
    first, last = (Decimal(int(datetime(2024, month, 1, tzinfo=UTC).timestamp()) * 1000) for month in (3, 4))
    expected: dict[str | None, int] = {}
    for message in kept.expected.values():
        if first <= message["timestamp"][1] < last:
            source = message.get("metadata", ("M", {}))[1].get("source", ("NULL", None))[1]
            expected[source] = expected.get(source, 0) + 1
    assert {row["source"]: row["messages"] for row in rows} == expected
