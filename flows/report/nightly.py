"""Leaves a report in the lake after a nightly run. A report that cannot be made is a warning, and never ends a night."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from archive.engine.run import RunResult
from archive.engine.session import Session
from archive.errors import DynalakeError
from archive.model.window import parse_instant
from archive.s3 import LostRaceError
from athena import Event
from athena.endpoints import is_overridden
from flows import reporter
from flows.settings import Settings


@dataclass(frozen=True, slots=True)
class Left:
    """A report in the lake: its S3 URL, and where a browser finds it."""

    url: str
    link: str


def leave_report(settings: Settings, run: RunResult) -> Left | None:
    """Store the page of a nightly run below `reports/`, with the archiver's role; None where there is none.

    Whatever goes wrong is said, and swallowed: the run is over, and its record is stored.
    """
    if not settings.report.nightly or run.record.values["command"] != "nightly":
        return None
    try:
        return _leave(settings, str(run.record.values["run"]), str(run.record.values["ended_at"]))
    except DynalakeError as error:
        _warn(str(error))
    except Exception as error:  # noqa: BLE001 - a plot that cannot be drawn is no reason to call a night failed
        _warn(f"{type(error).__name__} while it was drawn; this is a bug of Dynalake, report it")
    return None


def _leave(settings: Settings, run: str, ended_at: str) -> Left:
    from flows.report.making import made  # noqa: PLC0415 - plots and a grammar of SQL, which are not needed while a run goes on
    from flows.report.page import page_of  # noqa: PLC0415

    session = Session(settings.config(), run)
    page = page_of(made(settings, session, parse_instant(ended_at), _nobody))
    key = session.keys.report(run)
    with suppress(LostRaceError):  # the key is this run's own: what is there is our own PUT, whose answer was lost
        session.store.put(key, page.encode(), None)
    url = f"s3://{session.store.bucket}/{key}"
    reporter.current().say(f"report: {url}")
    return Left(url, url if is_overridden(os.environ) else _console(session, key))


def _console(session: Session, key: str) -> str:
    """Return where the S3 console shows an object, and opens it."""
    query = urlencode({"region": session.clients.session.region_name, "prefix": key})
    return f"https://console.aws.amazon.com/s3/object/{session.store.bucket}?{query}"


def _warn(why: str) -> None:
    reporter.current().say(f"warning: there is no report of this night: {why}")


def _nobody(_: Event) -> None:
    """Hear nothing: the log of a night has no progress of questions."""
