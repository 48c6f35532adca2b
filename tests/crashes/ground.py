"""One scenario's table and lake, which can be set back to how they were before its command, so that it can die again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from athena import Since, lake_tables, register
from athena.register import update_stored
from flows.settings import load_settings
from tests.crashes.death import Call, DeadError, Death, Point
from tests.crashes.judge import Judge
from tests.crashes.scenarios import EDITED, FIRST, LATE, MARK, THAT_RUN, WINDOW, Scenario
from tests.crashes.versions import Versions
from tests.integration.items import Wire
from tests.integration.sites import Site, put

_BY: Final = {"archived": "keep", "marked": "expire", "removed": "delete"}


class Ground:
    """One scenario's table and lake. `point` plays the command from the same beginning each time."""

    def __init__(self, site: Site, scenario: Scenario) -> None:
        """Make what is before, and remember it."""
        source: dict[str, Any] = {"earliest": "2024-01-15"}
        if site.servers.dynamodb.name == "ministack":
            source["modules"] = [1, 2]
        # One request is in flight at a time, so that calls have an order.
        self._site = site.with_settings(source=source, lake={"segment": "12h"}, limits={"streams": 1, "segments": 1, "purge_requests": 1})
        self._scenario = scenario
        self._dynamodb = site.servers.dynamodb.dynamodb()
        self._versions = Versions(site.servers.s3.s3(), site.bucket, site.prefix)
        self._glue = site.servers.rest.glue()
        self._register()
        self._first = self._past()
        self._tables = self._registered()
        self._items = self._scan()
        self._stored = self._versions.all()
        self._judge = Judge(self._site, scenario, self._versions)

    def _register(self) -> None:
        """Make Athena's tables as in an empty lake: the command has to widen what they cover."""
        today = datetime.now(UTC).date()
        tables = lake_tables(load_settings(self._site.config(), {}).config(), "messages", Since(today, today))
        register(self._glue, self._database, tables)

    def _past(self) -> str:
        """Do what was before; returns the name of the run, where there was one."""
        scenario, site = self._scenario, self._site
        put(self._dynamodb, site.table, FIRST)
        run = ""
        if scenario.past != "nothing":
            run = self._run(("backfill", *WINDOW), {"purge": _BY[scenario.past], "protocol": "single"})
        if scenario.tried:
            site.with_settings(policy=dict(scenario.policy)).run("check").done()
        if scenario.later:
            marks = {_key(item): {MARK: item[MARK]} for item in self._scan() if MARK in item}
            put(self._dynamodb, site.table, [{**item, **marks.get(_key(item), {})} for item in (*EDITED, *LATE)])
        return run

    def _run(self, command: tuple[str, ...], policy: dict[str, object]) -> str:
        """Run a command to its end, and return its run's name."""
        outcome = self._site.with_settings(policy=policy).run(*command, "--yes", "--json")
        return str(outcome.done().json()["run"])

    def _command(self) -> None:
        scenario = self._scenario
        self._run(tuple(self._first if word == THAT_RUN else word for word in scenario.command), dict(scenario.policy))

    def calls(self) -> list[Call]:
        """Return what the command calls where nothing happens to it."""
        self.set_back()
        death = Death(None)
        with death.awaited():
            self._command()
        self._judge_rest()
        return death.calls

    def point(self, point: Point) -> None:
        """Let the command die at a point, judge what that has left, and, where that is new, run the command again to its end."""
        self.set_back()
        try:
            self.die(point)
            if point.way == "lost":  # it went on
                self._judge_rest()
            elif point.is_new:
                self.finish()
            else:
                self._judge.at_any_time()
        except Exception as error:
            message = f"{self._scenario.name}, {point}: {error}"
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
        self._judge.at_any_time()
        self._command()
        self._judge_rest()

    def _judge_rest(self) -> None:
        """Judge what a command has left that came to its end: table and lake, and that Athena sees all of it."""
        self._judge.at_rest()
        first = min(key.split("dt=")[1][:10] for key in self._site.lake.keys("messages"))
        for name in ("messages", "receipts", "purges"):
            assert self._registered()[name]["Parameters"]["projection.dt.range"] <= f"{first},NOW", name

    def set_back(self) -> None:
        """Make table, lake and catalogue as they were before the command. What is left is left with its very versions."""
        before, now = {_key(item): item for item in self._items}, {_key(item): item for item in self._scan()}
        for key, item in now.items():
            if before.get(key) != item:
                self._dynamodb.delete_item(
                    TableName=self._site.table, Key={"conversationId": item["conversationId"], "timestamp": item["timestamp"]}
                )
        put(self._dynamodb, self._site.table, [item for key, item in before.items() if now.get(key) != item])
        self._versions.remove(self._versions.all() - self._stored)
        for name, table in self._registered().items():
            if table["Parameters"] != self._tables[name]["Parameters"]:
                update_stored(self._glue, self._database, self._tables[name], {})

    @property
    def _database(self) -> str:
        return str(self._site.settings["athena"]["database"])

    def _registered(self) -> dict[str, Any]:
        return {table["Name"]: table for table in self._glue.get_tables(DatabaseName=self._database)["TableList"]}

    def _scan(self) -> list[Wire]:
        items: list[Wire] = self._dynamodb.scan(TableName=self._site.table, ConsistentRead=True)["Items"]
        return items


def _key(item: Wire) -> tuple[str, str]:
    return item["conversationId"]["S"], item["timestamp"]["N"]
