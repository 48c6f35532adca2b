"""Rows of docs/errors.md: options, arguments, and files that a command is given."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.bad_input.row import After, Given, Row, World, file, settings
from tests.bad_input.world import SECRET, WINDOW
from tests.servers import free_port

_DELETE: Final = settings(policy={"purge": "delete"})


@contextmanager
def _no_server() -> Iterator[None]:
    """Name a port where nobody listens."""
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        yield


_TOMORROW: Final = f"{datetime.now(UTC).date() + timedelta(days=1)}"
_LINE: Final = f'{{"conversationId": "{SECRET}", "timestamp": 1, "moduleId": 5}}\n'
_LOAD: Final = ("load", "{folder}/messages.jsonl", "--yes")


def _lines(text: str | bytes) -> Given:
    return file("messages.jsonl", text if isinstance(text, bytes) else text.encode())


def _window(start: str, end: str, said: str, what: str) -> Row:
    return Row(what, ("backfill", "--from", start, "--to", end, "--yes"), said, 2)


def _folder(world: World) -> World:
    (world.folder / "taken").mkdir()
    return world


WINDOWS: Final = [
    _window("2024-01-02", "2024-01-02", "the window from … to … is empty; --from must lie before --to", "an empty window"),
    _window("2024-01-02", "2024-01-01", "the window from … to … is empty; --from must lie before --to", "a reversed window"),
    _window("2024-01-01", _TOMORROW, "--to … is after …: messages are archived when they are 90 days old and their whole day is; use --to … or earlier, or lower [policy] retention_days", "a window that reaches into the retention, or the future"),
    Row("the same, for `purge`", ("purge", "--from", "2024-01-01", "--to", _TOMORROW, "--yes"), "--to … is after …: messages are archived when they are 90 days old and their whole day is; use --to … or earlier, or lower [policy] retention_days", 2, _DELETE),
    _window("2024-01-01T12:00", "2024-02-01", "'2024-01-01T12:00' has no time zone; write 2024-01-01T12:00Z for UTC", "a time without a zone"),
    _window("yesterday", "2024-02-01", "'yesterday' is not a date (2024-01-31) or an ISO time with a zone (2024-01-31T12:00Z)", "what is no date"),
    _window("2024-02-30", "2024-03-01", "'2024-02-30' is not a date (2024-01-31) or an ISO time with a zone (2024-01-31T12:00Z)", "a day that there is not"),
    Row("one end of the window only", ("plan", "--from", "2024-01-01"), "give --from and --to together, or neither for all that may be archived", 2),
    Row("the same, for `sweep`", ("sweep", "--to", "2024-01-01"), "give --from and --to together, or neither for all that may be archived", 2),
    Row("no window at all", ("backfill",), "Missing option '--from'", 2),
]  # fmt: skip

OPTIONS: Final = [
    Row("a command that there is not", ("archive",), "No such command 'archive'", 2),
    Row("an option that there is not", ("nightly", "--force"), "No such option: --force", 2),
    Row("no messages a month", ("costs", "--messages", "0"), "--messages 0 is no number of messages a month; give one from 1 to 1,000,000,000,000", 2),
    Row("messages a month that are no number", ("costs", "--messages", "many"), "Invalid value for '--messages'", 2),
    Row("an item larger than DynamoDB takes", ("costs", "--item-bytes", "409601"), "--item-bytes 409,601 is no size of an item; give one from 1 to 409,600", 2),
    Row("a size for a table that is looked at", ("costs", "--table", "--item-bytes", "2048"), "--item-bytes cannot be given with --table, which knows the size of its items; leave one of the two out", 2),
    Row("the costs of a table that is not there", ("costs", "--table"), "table … does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, settings(source={"table": "Nowhere"})),
    Row("a module of the wrong type", ("backfill", *WINDOW, "--module", "algebra"), "--module takes whole numbers here (moduleId is a number)", 2),
    Row("a module without messages", ("backfill", *WINDOW, "--module", "404", "--yes"), "Done: 0 messages read", 0, after=After.NOT_MOVED),
    Row("a purge while the mode is `keep`", ("purge", *WINDOW, "--yes"), '[policy] purge is "keep": set it to "delete" or "expire" before you purge', 2),
    Row("no `--yes`, and no terminal to ask on", ("nightly",), "nothing was done: the plan was not agreed to", 3, _DELETE),
    Row("the same, for `load`", ("load", "{folder}/messages.jsonl"), "nothing was written: give --yes to load without being asked", 3, _lines(_LINE)),
    Row("the same, for `restore`", ("restore", "--module", "5"), "nothing was done: the plan was not agreed to", 3, archived=True),
    Row("an engine that there is not", ("query", "SELECT 1", "--engine", "spark"), "--engine 'spark' is not known; use auto, athena or duckdb", 2),
    Row("a format that there is not", ("query", "SELECT 1", "--format", "xml"), "--format 'xml' is not known; use table, csv, json or parquet", 2),
    Row("parquet without a file", ("query", "SELECT 1", "--format", "parquet"), "--format parquet needs --output FILE", 2),
    Row("a question that changes something", ("query", "DROP TABLE messages"), "DROP is refused: a question is one SELECT statement (or WITH ... SELECT), which only reads", 2),
    Row("two questions", ("query", "SELECT 1; SELECT 2"), "there are several statements; ask one question at a time", 2),
    Row("what is no SQL", ("query", "SELEC 1"), "SELEC is refused: a question is one SELECT statement (or WITH ... SELECT), which only reads", 2),
    Row("a column that there is not", ("query", "SELECT nothing FROM messages"), "there is no column or table 'nothing'; messages has the columns …", 2, archived=True),
    Row("more values than question marks", ("query", "SELECT 1 FROM messages WHERE module_id = ?", "-p", "5", "-p", "6"), "the question has 1 question mark, but 2 parameters were given; give one for each", 2, archived=True),
    Row("a view that there is not", ("views", "modules_dayly"), "there is no table 'modules_dayly'; did you mean modules_daily", 2),
    Row("something that is not set up", ("setup", "glue"), "there is nothing called 'glue' to set up; write dynalake setup stack, or dynalake setup athena", 2),
    Row("an answer's file that cannot be written", ("query", "SELECT 1", "--format", "csv", "--output", "{folder}/taken"), "the file … cannot be written (Is a directory); make room, or name another with --output", 2, _folder),
    Row("messages of nobody in particular", ("messages", *WINDOW), "give one of --module, --student, --provider and --conversation", 2),
    Row("messages of two at once", ("messages", "--module", "5", "--student", "1"), "give one of --module, --student, --provider and --conversation", 2),
    Row("messages of a student who is no number", ("messages", "--student", "anna"), "student_id is a column of type int64; give a number that it can hold", 2),
    Row("messages in an empty window", ("messages", "--module", "5", "--from", "2024-01-02", "--to", "2024-01-02"), "the window from … to … is empty; --from must lie before --to", 2),
    Row("messages in a reversed window", ("messages", "--module", "5", "--from", "2024-01-02", "--to", "2024-01-01"), "the window from … to … is empty; --from must lie before --to", 2),
    Row("no messages at all", ("messages", "--module", "5", "--limit", "0"), "the limit must be at least 1, not 0", 2),
    Row("a limit that is no number", ("messages", "--module", "5", "--limit", "ten"), "Invalid value for '--limit'", 2),
    Row("a report that cannot be written", ("report", "--output", "{folder}/none/page.html"), "the file … cannot be written (No such file or directory); make room, or name another with --output", 2),
    Row("a report in the place of a folder", ("report", "--output", "{folder}/taken"), "the file … cannot be written (Is a directory); make room, or name another with --output", 2, _folder),
    Row("a report of no months", ("report", "--months", "0"), "--months must be from 1 to 600, not 0", 2),
    Row("a file for messages that cannot be written", ("messages", "--module", "5", "--output", "{folder}/none/messages.jsonl"), "the file … cannot be written (No such file or directory); make room, or name another with --output", 2, archived=True),
    Row("messages before there is a lake", ("messages", "--module", "404"), "warning: there is no lake at …; all is from the table", 0),
    Row("a restore of nothing in particular", ("restore",), "say what to restore: --module, --student, --conversation, --from and --to, or --run", 2, archived=True),
    Row("a run that purged nothing, or is not known", ("restore", "--run", "20240601T030000.000000Z-nightly"), "no purge of a run 20240601T030000.000000Z-nightly is recorded in this lake; name one that has a record under lake/runs/", 2, archived=True),
    Row("a run's name that is none", ("restore", "--run", "../../x"), "no purge of a run ../../x is recorded in this lake; name one that has a record under lake/runs/", 2, archived=True),
    Row("two places to restore to", ("restore", "--module", "5", "--into-table", "T", "--into-file", "f"), "give --into-table or --into-file, not both", 2, archived=True),
    Row("a hold on another place than the source table", ("restore", "--module", "5", "--into-file", "f", "--until", "2050-01-01"), "--until says how long the source table's messages are held; it cannot be given with --into-table or --into-file", 2, archived=True),
    Row("a hold until a time that has passed", ("restore", "--module", "5", "--until", "2020-01-01"), "--until 2020-01-01T00:00:00Z has passed; name a time in the future, or leave it out for 7 days", 2, archived=True),
    Row("a restore into a table that is not there", ("restore", "--module", "5", "--into-table", "Nowhere", "--yes"), "table Nowhere does not exist in this account and region (dynamodb:DescribeTable); check the settings", 2, archived=True),
    Row("a restore into a file that cannot be written", ("restore", "--module", "5", "--into-file", "{folder}/none/messages.jsonl", "--yes"), "the file … cannot be written (No such file or directory); make room, or name another with --into-file", 2, archived=True, after=After.NOT_MOVED),
    Row("a restore from a lake that is not there", ("restore", "--module", "5"), "there is no lake at …; set [lake] bucket and prefix to one that has been archived to", 2),
    Row("no Prefect server to serve for", ("serve",), "dynalake serve needs a Prefect server: start one with `prefect server start`, and set PREFECT_API_URL to its address", 2),
    Row("a Prefect server that does not answer", ("serve",), "no Prefect server answers at PREFECT_API_URL (ConnectError); start it, or correct that address", 5, meanwhile=_no_server),
    Row("a hold that there is not", ("release", "none"), "there is no hold none; `dynalake holds` lists those there are", 2, archived=True),
]  # fmt: skip

FILES: Final = [
    Row("a file that is not there", _LOAD, "the file … does not exist; name an existing one", 2),
    Row("a folder", ("load", "{folder}/taken", "--yes"), "the file … cannot be read (Is a directory); make it readable, or name another", 2, _folder),
    Row("an empty file", _LOAD, "messages.jsonl holds no items; name a file with one JSON object a line", 2, _lines("\n")),
    Row("a line that is no JSON", _LOAD, "line 2 of messages.jsonl is not a JSON object; write one whole object a line, in UTF-8", 2, _lines(f'{_LINE}{{"{SECRET}\n')),
    Row("a line that is no object", _LOAD, "line 1 of messages.jsonl is JSON, but not an object; write one whole object a line", 2, _lines(f'["{SECRET}"]\n')),
    Row("an item without a key", _LOAD, "line 2 of messages.jsonl has no timestamp, a key of the table; add it", 2, _lines(f'{_LINE}{{"conversationId": "{SECRET}"}}\n')),
    Row("a key of the wrong type", _LOAD, "line 1 of messages.jsonl has a timestamp of the wrong type; as a key of the table or of an index it must be a number", 2, _lines(f'{{"conversationId": "{SECRET}", "timestamp": "1"}}\n')),
    Row("an index's key of the wrong type", _LOAD, "line 1 of messages.jsonl has a moduleId of the wrong type; as a key of the table or of an index it must be a number", 2, _lines(_LINE.replace(": 5", ': "5"'))),
    Row("a number of 39 digits", _LOAD, "line 1 of messages.jsonl has a number with more than 38 digits or out of DynamoDB's range; write it as a text", 2, _lines(_LINE.replace("}", f', "cost": {"1" * 39}}}'))),
    Row("a name that stands twice", _LOAD, "line 1 of messages.jsonl has an object with the same name twice; keep one", 2, _lines(_LINE.replace("}", ', "moduleId": 5}'))),
    Row("an item of more than 400 KB", _LOAD, "line 1 of messages.jsonl is an item of … bytes, and DynamoDB takes 409,600 at most; shorten it", 2, _lines(_LINE.replace("}", f', "content": "{"x" * 410_000}"}}'))),
    Row("not UTF-8", _LOAD, "line 1 of messages.jsonl is not a JSON object; write one whole object a line, in UTF-8", 2, _lines(b'{"conversationId": "\xff"}\n')),
    Row("a `.gz` that is cut short", _LOAD, "messages.jsonl is damaged or cut short as a gzip file; get it again", 2, _lines(gzip.compress(_LINE.encode())[:-9])),
]  # fmt: skip
