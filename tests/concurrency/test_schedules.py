"""A model explores schedules of whole steps: writes of the user, runs of every command, holds and lost receipts, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from archive.codec.values import Item
from archive.engine.planning import Request
from archive.lake.holds import Holds
from archive.model.hold import Hold
from archive.model.window import Window, parse_instant
from tests.archive.engine.workplace import DAY_MS, NOW, TWO_DAYS, Workplace, make_workplace, message, one_loader
from tests.concurrency.runs import Runs
from tests.interleaving.oracle import Oracle
from tests.interleaving.user import User, key_of
from tests.servers import Server

_BUCKETS: Final = count(1)
_MODULES: Final = st.sampled_from((1, 2))
_KEYS: Final = st.sampled_from([(f"conversation-{number}", number % 2 * DAY_MS + number) for number in range(5)])
_WINDOWS: Final = st.sampled_from(
    (
        Window(TWO_DAYS.start, parse_instant("2024-01-16")),
        Window(parse_instant("2024-01-16"), TWO_DAYS.end),
        Window(parse_instant("2024-01-15T12:00Z"), parse_instant("2024-01-16T12:00Z")),
    )
)
_UNTIL: Final = parse_instant("2025-01-01")


class Schedule(RuleBasedStateMachine):
    """One table and one lake, empty at first."""

    def __init__(self, place: Workplace) -> None:
        """Empty the table, and begin a lake in a bucket of its own."""
        super().__init__()
        for item in place.items():
            place.dynamodb.delete_item(TableName=place.table, Key={name: item[name] for name in ("conversationId", "timestamp")})
        bucket = f"schedule-{next(_BUCKETS)}"
        place.s3.create_bucket(Bucket=bucket)
        place.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.place = place.with_lake(bucket=bucket)
        self.user, self.runs = User(place.dynamodb, place.table), Runs(self.place)
        self.oracle = Oracle(self.place, self.user, self.runs.removed)
        self.held: dict[str, int] = {}
        self.versions = count(1)

    def _text(self) -> dict[str, Any]:
        """Return a content that no other version has."""
        return {"S": f"version {next(self.versions)}"}

    def _item(self, key: tuple[str, int], module: int) -> Item:
        return {**message(*key, module), "content": self._text()}

    def _written(self) -> list[Item]:
        return [versions[-1] for versions in self.user.history.values() if versions[-1]]

    @initialize(module=_MODULES)
    def begin(self, module: int) -> None:
        """Never begin with nothing."""
        self.user.put(self._item(("conversation-0", 0), module))

    @rule(key=_KEYS, module=_MODULES)
    def put(self, key: tuple[str, int], module: int) -> None:
        """Write a message, or use its key again."""
        self.user.put(self._item(key, module))

    @precondition(lambda self: self._written())
    @rule(data=st.data(), module=st.none() | _MODULES)
    def edit(self, data: st.DataObject, module: int | None) -> None:
        """Edit a message, if it is still at the table; it may change its module."""
        item = data.draw(st.sampled_from(self._written()))
        more = {} if module is None else {"moduleId": {"N": str(module)}}
        self.user.edit(item, content=self._text(), **more)

    @precondition(lambda self: self._written())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete a message, if it is still at the table."""
        self.user.delete(data.draw(st.sampled_from(self._written())))

    @rule(
        command=st.sampled_from(("backfill", "purge")),
        window=st.just(TWO_DAYS) | _WINDOWS,
        modules=st.none() | st.tuples(_MODULES),
    )
    def part(self, command: Any, window: Window, modules: tuple[int, ...] | None) -> None:  # noqa: ANN401 - a Command
        """Archive and purge, or only purge: all, a window, a module, or a module in a window."""
        self._run(Request(command, window, modules))

    @rule(purge=st.sampled_from(("delete", "keep")))
    def night(self, purge: str) -> None:
        """Run as the schedule does, and remove what was archived or keep it."""
        self._run(Request("nightly"), purge=purge)

    @rule(module=_MODULES)
    def hold(self, module: int) -> None:
        """Hold a module's messages, as a restore does."""
        session = self.runs.session()
        Holds(session.store, session.keys).ensure(Hold(session.run, (module,), TWO_DAYS, _UNTIL, "restored", NOW))
        if module not in self.held.values():
            self.held[session.run] = module

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        """End a hold."""
        run, _ = self.held.popitem()
        session = self.runs.session()
        Holds(session.store, session.keys).release(run, NOW)

    @precondition(lambda self: self.place.keys("receipts"))
    @rule(data=st.data())
    def lose_a_receipt(self, data: st.DataObject) -> None:
        """Leave an object as a run leaves it that dies before the receipt."""
        self.place.s3.delete_object(Bucket=self.place.bucket, Key=data.draw(st.sampled_from(self.place.keys("receipts"))))

    def _run(self, request: Request, **policy: str) -> None:
        """Run, and see that what is held stays at the table."""
        before = self._held_at_the_table()
        self.runs.run(request, **policy)
        assert before <= self._held_at_the_table(), "messages that are held were removed"

    def _held_at_the_table(self) -> set[tuple[str, int]]:
        held = {str(module) for module in self.held.values()}
        return {key_of(item) for item in self.place.items() if item["moduleId"]["N"] in held}

    @invariant()
    def nothing_is_lost(self) -> None:
        """Hold at every instant: nothing is lost, nothing stands twice, nothing was made up."""
        self.oracle.at_any_time()

    def teardown(self) -> None:
        """End all holds; after one whole run everything is in the lake, once, and its receipts are true."""
        while self.held:
            self.release()
        self.runs.run(Request("backfill", TWO_DAYS))
        self.oracle.at_rest()


@pytest.fixture(scope="module")
def place(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A table that every schedule empties first."""
    with pytest.MonkeyPatch.context() as patch, one_loader():
        patch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
        yield make_workplace(moto_server, tmp_path_factory.mktemp("schedules"))


def _explore(place: Workplace, examples: int, steps: int, *, fixed: bool) -> None:
    run_state_machine_as_test(
        lambda: Schedule(place),  # type: ignore[arg-type]  # it takes whatever makes one
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=fixed,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_some_schedules(place: Workplace) -> None:
    """A few that are the same each time."""
    _explore(place, 5, 10, fixed=True)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_many_schedules(place: Workplace) -> None:
    """More of them, longer, and different each time."""
    _explore(place, 20, 12, fixed=False)
