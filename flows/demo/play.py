"""Plays the main job on an embedded table and lake, and says what happens. Nothing leaves the process."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from archive.aws import Clients
from archive.codec.conditions import key_of
from archive.codec.items import items_of
from archive.codec.values import Item, canonical
from archive.dynamo_read import described
from archive.dynamo_table import SourceTable
from archive.engine.planning import Request, make_plan
from archive.engine.session import Session
from archive.engine.status import status_of
from archive.errors import ProofError
from archive.lake.parquet import SegmentFile
from archive.load import Target, load
from archive.model.config import PurgeMode
from archive.model.wanted_table import wanted_table
from athena import query
from athena.render import as_text
from flows.commands.archiving import Options, run_and_show
from flows.commands.asking import catalog_of
from flows.commands.setting_up import set_up_athena
from flows.demo.embedded import embedded
from flows.demo.messages import demo_messages, edited, late_messages, real_messages
from flows.forms import NightlyForm, PurgeForm, RunForm
from flows.settings import Settings, load_settings
from flows.show import show_plan, show_status

_SEED: Final = 20_260_101
_LATE: Final = 12
_EDITED: Final = 5

QUESTIONS: Final = (
    (
        "Which modules were busiest, and what did they cost?",
        """SELECT module_id, count(*) AS messages, count(DISTINCT student_id) AS students, sum(cost_usd) AS cost_usd
FROM messages GROUP BY module_id ORDER BY messages DESC LIMIT 5""",
    ),
    (
        "How fast does each model answer?",
        """SELECT provider, model, count(*) AS answers, round(avg(latency_ms)) AS mean_ms, sum(output_tokens) AS output_tokens
FROM messages WHERE role = 'assistant' AND provider IS NOT NULL GROUP BY 1, 2 ORDER BY answers DESC, model LIMIT 5""",
    ),
    (
        "How many messages a day, and how many have attributes that nobody declared?",
        "SELECT dt, count(*) AS messages, count(remainder) AS with_undeclared FROM messages GROUP BY dt ORDER BY dt DESC LIMIT 5",
    ),
)


def play(console: Console, file: Path | None, count: int, keep: Path | None) -> None:
    """Play the whole job. Raises ProofError if at the end a message is not where it has to be, exactly once and unchanged."""
    began = time.monotonic()
    now = datetime.now(UTC)
    random = Random(_SEED)  # noqa: S311 - made-up messages need no secrecy
    items = _messages(console, file, count, (now, random))
    with embedded(console) as clients:
        keeping = load_settings(None, {**os.environ, "DYNALAKE_POLICY__PURGE": "keep"})
        deleting = load_settings(None, os.environ)
        wanted = wanted_table(deleting.config().source, deleting.policy.ttl_attribute)
        SourceTable(clients.dynamodb, wanted, time.sleep).create(protected=False)
        _put(clients, deleting, items)
        console.print(f"Filled table ChatMessages with {len(items):,} messages.", highlight=False)
        expected = {_key(deleting, item): item for item in items}

        _head(console, "plan: what would be done, and what would it cost?")
        show_plan(console, make_plan(Session(deleting.config(), "demo"), Request("nightly"), now, lambda _: None))

        _head(console, "setup athena: tables over what will be there")
        for change in set_up_athena(keeping).changes:
            console.print(change, highlight=False)

        _head(console, "The first night only archives ([policy] purge = keep)")
        _run(NightlyForm(), "keep")

        _head(
            console,
            f"Then {_EDITED} archived messages are edited, and everything that is proved is purged (purge = delete, protocol = single)",
        )
        changed = _edit(clients, deleting, expected, random)
        _purge(deleting, now)
        console.print(f"The {changed} edited messages are not what was archived any more, so they stay.", highlight=False)

        _head(console, f"{_LATE} late messages come in; the next night merges them and the edited ones, and purges them")
        late = late_messages(now, _LATE, random)
        _put(clients, deleting, late)
        expected.update({_key(deleting, item): item for item in late})
        _run(NightlyForm(), "delete")

        _head(console, "status")
        show_status(console, status_of(Session(deleting.config(), "demo"), datetime.now(UTC)))
        _ask(console, deleting)
        _verify(console, clients, deleting, expected)
        if keep is not None:
            _copy(console, deleting, keep)
    console.print(f"Done: the demo took {time.monotonic() - began:.0f} s. Left: nothing. Stopped because: done.", highlight=False)


def _head(console: Console, text: str) -> None:
    console.print()
    console.print(Rule(Text(text), align="left"))


def _messages(console: Console, file: Path | None, count: int, given: tuple[datetime, Random]) -> list[Item]:
    if file is None:
        console.print(f"Making up {count:,} tutoring messages of several modules, over 30 days.", highlight=False)
        return demo_messages(given[0], count, given[1])
    items = real_messages(file)
    console.print(f"Taking whole modules of {file.name}, at most 5,000 messages: {len(items):,} messages.", highlight=False)
    return items


def _key(settings: Settings, item: Any) -> bytes:  # noqa: ANN401 - an item, as boto3 types it or we do
    return canonical(key_of(settings.source.spec(), item))


def _put(clients: Clients, settings: Settings, items: list[Item]) -> None:
    target = Target.of(described(clients.dynamodb, settings.source.table))
    load(clients.dynamodb, target, items, threads=1, sleep=time.sleep, progress=lambda _: None)


def _run(form: RunForm, purge: PurgeMode) -> None:
    """Run a command; a command reads its settings itself, and the demo's are variables of this process."""
    os.environ["DYNALAKE_POLICY__PURGE"] = purge
    run_and_show(form, None, Options(yes=True))


def _purge(settings: Settings, now: datetime) -> None:
    window = make_plan(Session(settings.config(), "demo"), Request("nightly"), now, lambda _: None).window
    if window is not None:
        _run(PurgeForm(start=window.start, end=window.end), "delete")


def _edit(clients: Clients, settings: Settings, expected: dict[bytes, Item], random: Random) -> int:
    """Edit some messages that were archived: the oldest ones."""
    time_key = settings.source.spec().time_key
    oldest = sorted(expected, key=lambda key: int(expected[key][time_key]["N"]))[:_EDITED]
    for key in oldest:
        expected[key] = edited(expected[key], random)
        clients.dynamodb.put_item(TableName=settings.source.table, Item=expected[key])
    return len(oldest)


def _ask(console: Console, settings: Settings) -> None:
    for question, sql in QUESTIONS:
        _head(console, question)
        console.print(sql, style="dim", highlight=False)
        console.print(as_text(query(sql, catalog_of(settings)), console.width), highlight=False, markup=False)


def _verify(console: Console, clients: Clients, settings: Settings, expected: dict[bytes, Item]) -> None:
    """Look every message up: in the table or in the lake, once, and equal in every attribute."""
    _head(console, "Is every message where it has to be?")
    pages = clients.dynamodb.get_paginator("scan").paginate(TableName=settings.source.table)
    in_table = {_key(settings, item): canonical(cast("Item", item)) for page in pages for item in page["Items"]}
    in_lake: dict[bytes, bytes] = {}
    rows = 0
    for segment in _segments(settings):
        for item in segment:
            rows += 1
            in_lake[_key(settings, item)] = canonical(item)
    wrong = [key for key, item in expected.items() if canonical(item) not in (in_table.get(key), in_lake.get(key))]
    if wrong or rows != len(in_lake) or in_table.keys() & in_lake.keys():
        message = f"{len(wrong)} messages are not where they have to be; this is a bug of Dynalake, report it"
        raise ProofError(message)
    console.print(
        f"Yes: of {len(expected):,} messages {len(in_lake):,} are in the lake, each once, and {len(in_table):,} still in the table, "
        "equal in every attribute to what was written.",
        highlight=False,
    )


def _segments(settings: Settings) -> list[list[Item]]:
    session = Session(settings.config(), "demo")
    found: list[list[Item]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, listed in enumerate(session.store.list(session.keys.folder("messages"))):
            path = Path(folder) / f"{number}.parquet"
            session.store.fetch(listed.key, path)
            file = SegmentFile(path, session.order)
            found.append([item for group in file.groups() for item in items_of(settings.source.spec(), group)])
            file.close()
    return found


def _copy(console: Console, settings: Settings, folder: Path) -> None:
    session = Session(settings.config(), "demo")
    number = 0
    for number, listed in enumerate(session.store.list(""), 1):  # noqa: B007 - it is the count
        path = folder / listed.key
        path.parent.mkdir(parents=True, exist_ok=True)
        session.store.fetch(listed.key, path)
    console.print(f"Copied {number} objects to {folder}.", highlight=False)
