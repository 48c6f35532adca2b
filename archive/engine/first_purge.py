"""Makes an on-demand backup of the table before anything is removed from it for the first time, and remembers it in the lake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from archive.dynamo_backup import Backups
from archive.engine.session import Session
from archive.errors import TransientServiceError
from archive.model.backup import SETTLED, YOUNG, Backup, is_needed

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0
_PATIENCE: Final = 30 * 60.0  # seconds; a backup is there within minutes


def backup_is_due(session: Session) -> bool:
    """Say whether this run would make a backup first: the lake remembers none, and nothing was purged before."""
    policy, remembered = session.config.policy, session.record.backup
    if not is_needed(policy, remembered, purged_before=False):
        return False
    purged_before = next(session.store.list(session.keys.folder("purges")), None) is not None
    return is_needed(policy, remembered, purged_before=purged_before)


def back_up_once(session: Session, now: datetime, say: Callable[[str], None]) -> None:
    """Make the backup where one is due, and return when it can be restored from and nothing that is removed now can be missing in it.

    A crash before the lake remembers it leaves a backup that the next run finds and takes. Raises RefusedError where there can be
    no backup, and TransientServiceError where it takes too long: nothing was removed then.
    """
    if not backup_is_due(session):
        return
    source = session.config.source
    backups = Backups(session.purger_clients.dynamodb, source.table, session.facts.table_id)
    found = backups.newest(now - YOUNG)
    backup = found or backups.create(session.run)
    state = "there" if found else "being made"
    say(f"before the first purge: backup {backup.name} of table {source.table} is {state}; waiting until it is complete")
    _wait(session, backups, backup, 0.0 if found is None else (now - backup.at).total_seconds())
    session.remember_backup(backup)
    say(f"backup {backup.name} is complete; the lake remembers it, and later purges make none")


def _wait(session: Session, backups: Backups, backup: Backup, age: float) -> None:
    """Wait until a backup, `age` seconds old by now, is available and settled: it may lack what is removed within its first minute."""
    timing = session.timing
    began, pause = timing.clock(), _FIRST_PAUSE
    while not backups.is_available(backup):
        if timing.clock() - began > _PATIENCE:
            message = (
                f"backup {backup.name} of table {session.config.source.table} is still being made; nothing was removed: run again later"
            )
            raise TransientServiceError(message)
        timing.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    rest = SETTLED.total_seconds() - max(age, 0.0) - (timing.clock() - began)
    if rest > 0:
        timing.sleep(rest)
