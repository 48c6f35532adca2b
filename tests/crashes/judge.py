"""Judges a scenario's table and lake from outside: by the items in the table, and by pyarrow and json alone in the lake."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.crashes.scenarios import EDITED, FIRST, LATE, MARK, Scenario
from tests.crashes.versions import Latest, Versions, records_of
from tests.integration.items import Key, Message, Wire, by_key, message_of
from tests.integration.lake import Stored
from tests.integration.receipts import check_receipts
from tests.integration.sites import Site

_A_PROBE: Final = "dynalake-probe-"


class Judge:
    """Knows what was written, and what the policy wants. Made when all is as it was before the command."""

    def __init__(self, site: Site, scenario: Scenario, versions: Versions) -> None:
        """Remember which messages were at the table."""
        self._site, self._scenario, self._versions = site, scenario, versions
        first, later = _messages(FIRST), _messages((*EDITED, *LATE)) if scenario.later else {}
        last = first | later
        self._moduleless = {key: message for key, message in last.items() if "moduleId" not in message}
        self._expected = {key: message for key, message in last.items() if key not in self._moduleless}
        self._used_again = {key: message for key, message in first.items() if key in later and scenario.past == "removed"}
        # An edit of a marked message is at the table, under its mark, until it is read again: docs/design.md on mode expire.
        self._edited = _messages(EDITED).keys() if scenario.past == "marked" and scenario.later else set()
        self._began_with, self._marked_before = self._table().keys(), self._marked()
        self._told_before = {stored.key for stored in versions.latest().get("purges", ())}

    def at_any_time(self) -> None:
        """Assert what holds at every instant, also in the middle of a command.

        Each message is at the table, and no TTL will remove it, or it is, value for value, in a segment, and in the version of it that
        a receipt vouches for. Nothing was removed or marked that no purge had said it would. What a key held before it was
        used again is kept. What was put back is held.
        """
        table, marked, latest = self._table(), self._marked(), self._versions.latest()
        lake, receipted = self._lake(latest), self._receipted(latest)
        assert lake.keys() <= self._expected.keys(), "the lake has a message that nobody wrote"
        for key, message in self._expected.items():
            if key in marked - self._edited or table.get(key) != message:
                found = {"table": table.get(key), "lake": lake.get(key), "receipted": receipted.get(key)}
                assert lake.get(key) == receipted.get(key) == message, f"{key} is lost: {found}"
        taken = (self._began_with - table.keys()) | (marked - self._marked_before)
        assert taken <= self._intended(latest), "something was removed that no intent tells of"
        superseded = [message for stored in latest.get("superseded", ()) for message in self._versions.messages(stored).values()]
        for key, message in self._used_again.items():
            assert lake[key] == message or message in superseded, f"what {key} held before is lost"
        assert table.keys() == self._began_with & table.keys() or "holds" in latest, "messages were put back, and nothing holds them"

    def at_rest(self) -> None:
        """Assert what holds after a whole run: one exact row a key, the table as the policy wants it, true receipts, and no spool."""
        self.at_any_time()
        assert self._lake(self._versions.latest()) == self._expected
        rest, marked = self._scenario.rest, self._marked()
        assert self._table() == self._moduleless | ({} if rest == "removed" else self._expected)
        assert marked <= self._expected.keys() if rest == "marked" else not marked
        assert rest != "marked" or self._expected.keys() - self._edited <= marked  # what was edited is marked by the next run
        check_receipts(self._site)
        spool = Path(str(self._site.settings["lake"]["spool_directory"]))
        assert not list(spool.glob("*/*")), "messages were left on the local disk"

    def _lake(self, latest: Latest) -> dict[Key, Message]:
        return self._all(latest.get("messages", ()))

    def _receipted(self, latest: Latest) -> dict[Key, Message]:
        """Return the rows of the versions that receipts name: a receipt may be missing, or one version behind."""
        return self._all(self._versions.named(receipt) for receipt in records_of(latest.get("receipts", ())))

    def _all(self, segments: Iterable[Stored]) -> dict[Key, Message]:
        return by_key(message for stored in segments for message in self._versions.messages(stored).values())

    def _intended(self, latest: Latest) -> set[Key]:
        """Return the keys of all messages that the command said it would remove or mark: they are told by position in a version."""
        found: set[Key] = set()
        told = records_of(stored for stored in latest.get("purges", ()) if stored.key not in self._told_before)
        for intent in (record for record in told if "ranges" in record):
            keys = list(self._versions.messages(self._versions.named(intent)))
            found.update(key for first, end in intent["ranges"] for key in keys[first:end])
        return found

    def _left(self) -> dict[Key, Message]:
        """Return what is in the table but for what a check of PartiQL made up: a crash may leave that (docs/design.md says so)."""
        left = by_key(self._site.left())
        return {key: message for key, message in left.items() if not str(key[0]).startswith(_A_PROBE)}

    def _table(self) -> dict[Key, Message]:
        """Return the table's messages, without the archiver's marks."""
        return {key: {name: value for name, value in message.items() if name != MARK} for key, message in self._left().items()}

    def _marked(self) -> set[Key]:
        return {key for key, message in self._left().items() if MARK in message}


def _messages(items: Iterable[Wire]) -> dict[Key, Message]:
    return by_key(map(message_of, items))
