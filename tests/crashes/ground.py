"""A small nasty table with its lake, which can be set back to how it was; and what has to hold there, at any time and at rest.

It judges from outside: by the items in the table, and by pyarrow and json alone in the lake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.builders import START_MS
from tests.crashes.death import DeadError, Death, Point
from tests.integration.items import Key, Message, Wire, by_key, message_of
from tests.integration.lake import messages_of
from tests.integration.receipts import check_receipts
from tests.integration.sites import Site, put

Rest = Literal["removed", "marked", "there"]
"""What the policy wants of archived messages: removed, marked with a TTL, or there as they were."""
THAT_RUN: Final = "the run before"
"""Stands in a command for the name of the run that archived what is before."""
_HOUR: Final = 3_600_000
_TYPES: Final[Wire] = {
    "content": {"S": "a line\nwith “quotes” and 😀"},
    "costUsd": {"N": "0.00012345678901"},
    "digits": {"N": "12345678901234567890.123456789012345678"},
    "binary": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "texts": {"SS": ["", "a"]},
    "numbers": {"NS": ["0", "1E-20"]},
    "binaries": {"BS": [b"", b"\x00"]},
    "list": {"L": [{"S": "1"}, {"L": []}]},
    "map": {"M": {"a.b": {"N": "4.50"}}},
}


def _message(name: str, hours: float, module: int | None, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    item = {"conversationId": {"S": name}, "timestamp": {"N": str(START_MS + int(hours * _HOUR))}, **more}
    return item if module is None else {**item, "moduleId": {"N": str(module)}}


_EVERY_TYPE = _message("every type", 1, 1, **_TYPES)
_SPARSE = _message("sparse", 2, 2)
_MOVES = _message("moves", 13, 1, studentId={"N": "7"})
_FIRST = (_EVERY_TYPE, _SPARSE, _MOVES, _message("another day", 49, 2, provider={"S": "openai"}), _message("no module", 1, None))
_THEN = (
    {**_EVERY_TYPE, "content": {"S": "edited"}, "new": {"M": {"rating": {"N": "5"}}}},
    {**_MOVES, "moduleId": {"N": "2"}},
    _message("late", 3, 1),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command that is to die, and what was before: an archive of the first messages that kept them or removed them, and later edits."""

    name: str
    command: tuple[str, ...]
    policy: tuple[tuple[str, object], ...]
    rest: Rest
    before: Literal["nothing", "archived", "archived and edited", "purged"] = "nothing"


class Ground:
    """One scenario's table and lake. `point` plays the command from the same beginning each time."""

    def __init__(self, site: Site, scenario: Scenario) -> None:
        """Make what is before, and remember it."""
        self._site = site.with_settings(
            source={"modules": [1, 2], "earliest": "2024-01-15"}
            if site.servers.dynamodb.name == "ministack"
            else {"earliest": "2024-01-15"},
            lake={"segment": "12h"},
            limits={"streams": 1, "purge_requests": 1},
        )
        self._scenario = scenario
        self._dynamodb = site.servers.dynamodb.dynamodb()
        self._s3 = site.servers.s3.s3()
        source = list(_FIRST)
        put(self._dynamodb, site.table, source)
        if scenario.before != "nothing":
            self._first = self._run(
                ("backfill", *_WINDOW), {**dict(scenario.policy), "purge": "delete" if scenario.before == "purged" else "keep"}
            )
        if scenario.before == "archived and edited":
            put(self._dynamodb, site.table, _THEN)
            source = list({_key(item): item for item in (*source, *_THEN)}.values())
        self._expected = by_key(message_of(item) for item in source if "moduleId" in item)
        self._moduleless = by_key(message_of(item) for item in source if "moduleId" not in item)
        self._items: list[Wire] = self._scan()
        self._versions = self._all_versions()

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
        self._at_rest()

    def _judge(self) -> None:
        """Assert what holds at every instant: each message is at the table or in the lake, value for value, and none stands twice."""
        table, lake = self._table(), self._lake()
        for key, message in self._expected.items():
            assert message in (table.get(key), lake.get(key)), f"{key} is lost: the table has {table.get(key)}, the lake {lake.get(key)}"
        assert lake.keys() <= self._expected.keys(), "the lake has a message that nobody wrote"

    def _at_rest(self) -> None:
        """Assert what holds after a whole run: one exact row a key, the table as the policy wants it, and true receipts."""
        assert self._lake() == self._expected
        marked = {key for key, message in by_key(self._left()).items() if "expiresAt" in message}
        rest = self._scenario.rest
        assert self._table() == self._moduleless | ({} if rest == "removed" else self._expected)
        assert marked == (self._expected.keys() if rest == "marked" else set())
        check_receipts(self._site)

    def _table(self) -> dict[Key, Message]:
        """Return the table's messages, without the archiver's marks."""
        return by_key({name: value for name, value in message.items() if name != "expiresAt"} for message in self._left())

    def _left(self) -> list[Message]:
        """Return what is in the table but for what a check of PartiQL made up: a crash may leave that (docs/design.md says so)."""
        return [message for message in self._site.left() if not str(message["conversationId"][1]).startswith("dynalake-probe-")]

    def _lake(self) -> dict[Key, Message]:
        return by_key(message for stored in self._site.lake.all("messages").values() for message in messages_of(stored))

    def set_back(self) -> None:
        """Make table, lake and catalogue as they were before the command. What is left is left with its very versions."""
        before, now = {_key(item): item for item in self._items}, {_key(item): item for item in self._scan()}
        for key, item in now.items():
            if before.get(key) != item:
                self._dynamodb.delete_item(
                    TableName=self._site.table, Key={"conversationId": item["conversationId"], "timestamp": item["timestamp"]}
                )
        put(self._dynamodb, self._site.table, [item for key, item in before.items() if now.get(key) != item])
        for name, version in self._all_versions() - self._versions:
            self._s3.delete_object(Bucket=self._site.bucket, Key=name, VersionId=version)
        glue = self._site.servers.rest.glue()
        database = str(self._site.settings["athena"]["database"])
        if any(found["Name"] == database for found in glue.get_databases()["DatabaseList"]):
            for table in glue.get_tables(DatabaseName=database)["TableList"]:
                glue.delete_table(DatabaseName=database, Name=table["Name"])
            glue.delete_database(Name=database)

    def _scan(self) -> list[Wire]:
        items: list[Wire] = self._dynamodb.scan(TableName=self._site.table, ConsistentRead=True)["Items"]
        return items

    def _all_versions(self) -> set[tuple[str, str]]:
        """Return (key, version id) of all objects' versions; there are fewer than a page holds."""
        answer = self._s3.list_object_versions(Bucket=self._site.bucket)
        assert not answer["IsTruncated"]
        return {(found["Key"], found["VersionId"]) for found in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ()))}


_WINDOW: Final = ("--from", "2024-01-15", "--to", "2024-01-18")


def _key(item: Wire) -> tuple[str, str]:
    return item["conversationId"]["S"], item["timestamp"]["N"]


_SINGLE, _PARTIQL = ("protocol", "single"), ("protocol", "partiql")
_DELETE, _EXPIRE, _KEEP = ("purge", "delete"), ("purge", "expire"), ("purge", "keep")
SINGLY: Final = (
    Scenario("backfill, keep", ("backfill", *_WINDOW), (_KEEP,), "there", "archived and edited"),
    Scenario("backfill, delete", ("backfill", *_WINDOW), (_DELETE, _SINGLE), "removed"),
    Scenario("backfill, expire", ("backfill", *_WINDOW), (_EXPIRE, _SINGLE), "marked"),
    Scenario("nightly, delete", ("nightly",), (_DELETE, _SINGLE), "removed", "archived and edited"),
    Scenario("purge, delete", ("purge", *_WINDOW), (_DELETE, _SINGLE), "removed", "archived"),
    Scenario("purge, expire", ("purge", *_WINDOW), (_EXPIRE, _SINGLE), "marked", "archived"),
    Scenario("restore", ("restore", *_WINDOW), (_DELETE, _SINGLE), "there", "purged"),
    Scenario("restore of a run", ("restore", "--run", THAT_RUN), (_DELETE, _SINGLE), "there", "purged"),
)
"""By single calls, with modules discovered: on moto."""
BY_PARTIQL: Final = (
    Scenario("backfill, delete by PartiQL", ("backfill", *_WINDOW), (_DELETE, _PARTIQL), "removed", "archived and edited"),
    Scenario("purge, expire by PartiQL", ("purge", *_WINDOW), (_EXPIRE, _PARTIQL), "marked", "archived"),
    Scenario("restore by PartiQL", ("restore", *_WINDOW), (_DELETE, _PARTIQL), "there", "purged"),
)
"""By PartiQL, with modules named: on MiniStack."""
