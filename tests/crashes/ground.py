"""One scenario's table and lake, which can be set back to how they were; and what has to hold there, at any time and at rest.

It judges from outside: by the items in the table, and by pyarrow and json alone in the lake.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tests.crashes.death import DeadError, Death, Point
from tests.crashes.scenarios import EDITED, FIRST, LATE, THAT_RUN, WINDOW, Scenario
from tests.crashes.versions import Versions, records_of
from tests.integration.items import Key, Message, Wire, by_key, message_of
from tests.integration.receipts import check_receipts
from tests.integration.sites import Site, put

_MARK: Final = "expiresAt"
_BEFORE: Final = {"archived": "keep", "marked": "expire", "removed": "delete"}
_A_PROBE: Final = "dynalake-probe-"


class Ground:
    """One scenario's table and lake. `point` plays the command from the same beginning each time."""

    def __init__(self, site: Site, scenario: Scenario) -> None:
        """Make what is before, and remember it."""
        source: dict[str, Any] = {"earliest": "2024-01-15"}
        if site.servers.dynamodb.name == "ministack":
            source["modules"] = [1, 2]
        self._site = site.with_settings(source=source, lake={"segment": "12h"}, limits={"streams": 1, "purge_requests": 1})
        self._scenario = scenario
        self._dynamodb = site.servers.dynamodb.dynamodb()
        self._versions = Versions(site.servers.s3.s3(), site.bucket, site.prefix)
        put(self._dynamodb, site.table, FIRST)
        self._past()
        last = {_key(item): item for item in FIRST} | ({_key(item): item for item in (*EDITED, *LATE)} if scenario.later else {})
        self._expected = by_key(message_of(item) for item in last.values() if "moduleId" in item)
        self._moduleless = by_key(message_of(item) for item in last.values() if "moduleId" not in item)
        self._used_again = by_key(
            message_of(item) for item in FIRST if scenario.past == "removed" and scenario.later and item not in last.values()
        )
        self._items = self._scan()
        self._began_with = self._table().keys()
        self._stored = self._versions.all()

    def _past(self) -> None:
        scenario, site = self._scenario, self._site
        if scenario.past != "nothing":
            self._first = self._run(("backfill", *WINDOW), {"purge": _BEFORE[scenario.past], "protocol": "single"})
        if scenario.tried:
            site.with_settings(policy=dict(scenario.policy)).run("check").done()
        if scenario.later:
            marks = {_key(item): {_MARK: item[_MARK]} for item in self._scan() if _MARK in item}
            put(self._dynamodb, site.table, [{**item, **marks.get(_key(item), {})} for item in (*EDITED, *LATE)])

    def _run(self, command: tuple[str, ...], policy: dict[str, object]) -> str:
        """Run a command to its end, and return its run's name."""
        outcome = self._site.with_settings(policy=policy).run(*command, "--yes", "--json")
        outcome.done()
        return str(outcome.json()["run"])

    def _command(self) -> None:
        scenario = self._scenario
        self._run(tuple(self._first if word == THAT_RUN else word for word in scenario.command), dict(scenario.policy))

    def calls(self) -> list[str]:
        """Return the operations that the command calls where nothing happens to it."""
        self.set_back()
        death = Death(Point(0, "before"))
        with death.awaited():
            self._command()
        self._at_rest()
        return death.calls

    def point(self, point: Point) -> None:
        """Let the command die at a point, and run it again to its end."""
        self.set_back()
        try:
            self.die(point)
            self.finish()
        except Exception as error:
            message = f"{self._scenario.name}: {point}: {error}"
            raise AssertionError(message) from error

    def die(self, point: Point) -> None:
        """Run the command as far as that point; where an answer is lost, it goes on to its end."""
        death = Death(point)
        with death.awaited():
            try:
                self._command()
            except DeadError:
                assert point.way != "lost"
            else:
                assert point.way == "lost", "the command came to its end"
        assert death.came, "the command did not come to this call"

    def finish(self) -> None:
        """Judge what a death has left, run the command again to its end, and judge that."""
        self._judge()
        self._command()
        self._judge()
        self._at_rest()

    def _judge(self) -> None:
        """Assert what holds at every instant.

        Each message is at the table, or, value for value, in a segment that a receipt vouches for. Nothing is gone or marked
        that no purge meant to remove. What a key held before it was used again is kept. What was put back is held.
        """
        table, latest = self._table(), self._versions.latest()
        lake = by_key(message for stored in latest.get("messages", ()) for message in self._versions.messages(stored).values())
        assert lake.keys() <= self._expected.keys(), "the lake has a message that nobody wrote"
        receipted = by_key(
            message for receipt in records_of(latest.get("receipts", [])) for message in self._versions.messages(self._versions.named(receipt)).values()
        )
        doomed = self._marked()
        for key, message in self._expected.items():
            if table.get(key) != message or key in doomed:
                assert lake.get(key) == receipted.get(key) == message, f"{key} is lost: {table.get(key)}, {lake.get(key)}, {receipted.get(key)}"
        assert (self._began_with - table.keys()) | doomed <= self._intended(records_of(latest.get("purges", []))), "no intent told of a purge"
        superseded = [message for stored in latest.get("superseded", ()) for message in self._versions.messages(stored).values()]
        for key, message in self._used_again.items():
            assert lake[key] == message or message in superseded, f"what {key} held before is lost"
        if table.keys() - self._began_with:
            assert "holds" in latest, "messages were put back, and nothing holds them"

    def _intended(self, records: list[dict[str, Any]]) -> set[Key]:
        """Return the keys of all messages that purges meant to remove or mark: they are told by position in a version."""
        found: set[Key] = set()
        for intent in (record for record in records if "ranges" in record):
            keys = list(self._versions.messages(self._versions.named(intent)))
            found.update(key for first, end in intent["ranges"] for key in keys[first:end])
        return found

    def _at_rest(self) -> None:
        """Assert what holds after a whole run: one exact row a key, the table as the policy wants it, true receipts, and no spool."""
        lake = by_key(
            message for stored in self._versions.latest()["messages"] for message in self._versions.messages(stored).values()
        )
        assert lake == self._expected
        rest = self._scenario.rest
        assert self._table() == self._moduleless | ({} if rest == "removed" else self._expected)
        # What was marked and is edited is archived anew and unmarked first; the next run marks it.
        unmarked = {_key_of(item) for item in EDITED} if self._scenario.past == "marked" else set()
        marked = self._marked()
        assert marked <= self._expected.keys() if rest == "marked" else not marked
        assert rest != "marked" or self._expected.keys() - unmarked <= marked
        check_receipts(self._site)
        spool = Path(str(self._site.settings["lake"]["spool_directory"]))
        assert not list(spool.glob("*/*")), "messages were left on the local disk"

    def _left(self) -> list[Message]:
        """Return what is in the table but for what a check of PartiQL made up: a crash may leave that (docs/design.md says so)."""
        messages = map(message_of, self._scan())
        return [message for message in messages if not str(message["conversationId"][1]).startswith(_A_PROBE)]

    def _table(self) -> dict[Key, Message]:
        """Return the table's messages, without the archiver's marks."""
        return by_key({name: value for name, value in message.items() if name != _MARK} for message in self._left())

    def _marked(self) -> set[Key]:
        return {key for key, message in by_key(self._left()).items() if _MARK in message}

    def set_back(self) -> None:
        """Make table, lake and catalogue as they were before the command. What is left is left with its very versions."""
        before, now = {_key(item): item for item in self._items}, {_key(item): item for item in self._scan()}
        for key, item in now.items():
            if before.get(key) != item:
                self._dynamodb.delete_item(
                    TableName=self._site.table, Key={"conversationId": item["conversationId"], "timestamp": item["timestamp"]}
                )
        put(self._dynamodb, self._site.table, [item for key, item in before.items() if now.get(key) != item])
        for version in self._versions.all() - self._stored:
            self._versions.remove(version)
        glue = self._site.servers.rest.glue()
        database = str(self._site.settings["athena"]["database"])
        if any(found["Name"] == database for found in glue.get_databases()["DatabaseList"]):
            for table in glue.get_tables(DatabaseName=database)["TableList"]:
                glue.delete_table(DatabaseName=database, Name=table["Name"])
            glue.delete_database(Name=database)

    def _scan(self) -> list[Wire]:
        items: list[Wire] = self._dynamodb.scan(TableName=self._site.table, ConsistentRead=True)["Items"]
        return items


def _key(item: Wire) -> tuple[str, str]:
    return item["conversationId"]["S"], item["timestamp"]["N"]


def _key_of(item: Wire) -> Key:
    message = message_of(item)
    return message["conversationId"][1], message["timestamp"][1]
