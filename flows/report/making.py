"""Makes a report of a lake as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from archive.engine.session import Session
from athena import Access, Event
from flows.commands.asking import catalog_of
from flows.report.asking import About, Lake, gather
from flows.report.choosing import Wanted
from flows.report.figures import Figures
from flows.settings import Settings


def made(settings: Settings, session: Session, now: datetime, told: Callable[[Event], None], months: int | None = None) -> Figures:
    """Return the figures of a lake, asked with the session's credentials. `told` hears what Athena reads; `months` replaces the setting.

    Raises what `status_of` and `athena.query` raise.
    """
    lake = Lake(catalog_of(settings), Access(session=session.clients.session, told=told))
    wanted = Wanted(months or settings.report.months, settings.report.most_bytes)
    return gather(lake, About.of(session, now), wanted, now)
