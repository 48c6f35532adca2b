"""The commands that hold every run back, everywhere: stop and resume."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from archive.engine.session import Session
from archive.engine.stopping import POLL_SECONDS, put_up, take_down
from archive.model.window import iso
from flows.console import ConfigOption, console_for, errors_as_sentences, settings_of
from flows.operate import run_id


def stop(config: ConfigOption = None) -> None:
    """Put up the lake's stop sign: every run, wherever it is, ends in good order, and none starts until `resume`.

    Example: dynalake stop
    """
    with errors_as_sentences():
        now = datetime.now(UTC)
        session = Session(settings_of(config).config(), run_id("nightly", now))
        was_down = put_up(session.store, session.keys, f"put up by {getpass.getuser()} at {iso(now)}")
        text = (
            f"the stop sign is up; runs end within {POLL_SECONDS:.0f} s and what is in hand then"
            if was_down
            else "the stop sign was up already"
        )
        console_for(as_json=False).print(f"Done: {text}. Left: take it down with `dynalake resume`. Stopped because: done.")


def resume(config: ConfigOption = None) -> None:
    """Take the lake's stop sign down, so that runs may start again.

    Example: dynalake resume
    """
    with errors_as_sentences():
        session = Session(settings_of(config).config(), run_id("nightly", datetime.now(UTC)))
        was_up = take_down(session.store, session.keys)
        text = "the stop sign is down" if was_up else "there was no stop sign"
        console_for(as_json=False).print(f"Done: {text}. Left: nothing. Stopped because: done.")
