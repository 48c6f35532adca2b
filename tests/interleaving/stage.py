"""Plays a scenario: a run is held at one of its calls, something else happens to the end, and one more whole run follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from archive.codec.values import Item
from archive.engine.batch_result import Batch, BatchResult
from archive.engine.session import Session, Timing
from archive.engine.stopping import Brake
from tests.answering import dynamodb_answer
from tests.archive.engine.workplace import TWO_DAYS, Ticks, Workplace, hooked, work_of
from tests.interleaving.gate import Gate, Side
from tests.interleaving.oracle import Oracle
from tests.interleaving.user import User

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

MODULES: Final = (1, 2)
_A_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """What was `before` the slow run began, and what happens `meanwhile`, while it is held.

    `alarms`: the slow run may find an attribute that nobody has archived, in the image of what it removed, and stop. `purges`: the
    slow run only purges. `undone`: messages get the values of an earlier version again: it may stand under superseded/.
    """

    name: str
    before: Callable[[Stage], None]
    meanwhile: Callable[[Stage], None]
    alarms: bool = False
    purges: bool = False
    undone: bool = False


class Index:
    """Answers a run's Queries as the index did when it was looked at."""

    def __init__(self) -> None:
        """Begin with nothing remembered: Queries go to the server."""
        self._answers: dict[str, bytes] = {}

    def forget(self) -> None:
        """Let Queries go to the server again."""
        self._answers.clear()

    def look(self, place: Workplace) -> None:
        """Remember what the index answers now, module by module."""
        with hooked(place.dynamodb, "before-parse.dynamodb.Query", self._remember):
            for module in MODULES:
                self._module = str(module)
                place.dynamodb.query(
                    TableName=place.table,
                    IndexName="ModuleAnalyticsIndex",
                    KeyConditionExpression="moduleId = :m",
                    ExpressionAttributeValues={":m": {"N": self._module}},
                )

    def _remember(self, response_dict: dict[str, Any], **_: object) -> None:
        self._answers[self._module] = response_dict["body"]

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        """Answer in the server's place (botocore's before-send), with the body that was remembered."""
        body = bytes(request.body) if isinstance(request.body, bytes | bytearray) else b""
        for module, remembered in self._answers.items():
            if b'":m": {"N": "%s"}' % module.encode() in body:
                return dynamodb_answer(request, remembered)
        return None


class Stage:
    """One table and one bucket, on which schedules are played one after the other, each from nothing."""

    def __init__(self, place: Workplace) -> None:
        """Make the sessions: of the run that is held, of those meanwhile, and of the last one."""
        self.place = place
        self._ticks = Ticks()
        self._gate = Gate()
        self._index = Index()
        self._numbers = count(1)
        self._removed: list[Item] = []
        keeping = place.with_policy(purge="keep")
        self._slow, self._other, self._keeper = self._session(place), self._session(place), self._session(keeping)
        self._gate.watch(self._slow.clients.dynamodb, self._slow.clients.s3, self._slow.purger_clients.dynamodb)
        self._slow.clients.dynamodb.meta.events.register("before-send.dynamodb.Query", self._index.answer)  # type: ignore[arg-type]  # it may answer
        self._new_lake = self._slow.record
        self.user = User(place.dynamodb, place.table)
        self.oracle = Oracle(place, self.user, self._removed)

    def _session(self, place: Workplace) -> Session:
        session = Session(place.config, "run", Timing(self._ticks.clock, self._ticks.sleep))
        session.purger_clients.dynamodb.meta.events.register("after-call.dynamodb.DeleteItem", self._note_removed)
        return session

    def _note_removed(self, parsed: dict[str, Any], **_: object) -> None:
        if "Error" not in parsed and parsed.get("Attributes"):
            self._removed.append(parsed["Attributes"])

    def _empty(self) -> None:
        """Begin from nothing: an empty table, an empty bucket, a lake that nobody has begun, a minute later."""
        place = self.place
        for item in place.items():
            place.dynamodb.delete_item(TableName=place.table, Key={name: item[name] for name in ("conversationId", "timestamp")})
        found = place.s3.list_object_versions(Bucket=place.bucket)
        everything = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        if everything:
            versions: Any = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in everything]
            place.s3.delete_objects(Bucket=place.bucket, Delete={"Objects": versions})
        for session in (self._slow, self._other, self._keeper):
            session.record = self._new_lake
            session.brake = Brake(session.store, session.keys, self._ticks.clock)
        self.user.history.clear()
        self._removed.clear()
        self._index.forget()
        self._ticks.seconds += _A_MINUTE

    def _run(self, session: Session, *, purges: bool = False) -> BatchResult:
        session.run = f"run-{next(self._numbers):06}"
        session.open_lake()
        work = work_of(session)
        result = work.mend(session.receipts.listing(TWO_DAYS))
        result.add((work.purge if purges else work.archive)(Batch(0, TWO_DAYS, MODULES)))
        return result

    def whole_run(self) -> BatchResult:
        """Archive and purge everything, in a run that nobody holds."""
        result = self._run(self._other)
        assert (result.failed, result.stopped) == ([], None), "a run that nobody disturbed raised an alarm"
        return result

    def archive_only(self) -> None:
        """Archive everything, and leave it at the table."""
        self._run(self._keeper)

    def look_at_index(self) -> None:
        """From now on, the slow run's index answers as it does now."""
        self._index.look(self.place)

    def calls(self, scenario: Scenario) -> int:
        """Return how many calls the slow run makes where nothing happens meanwhile."""
        self._empty()
        scenario.before(self)
        self._gate.arm(0, "before")
        self._run(self._slow, purges=scenario.purges)
        return len(self._gate.calls)

    def play(self, scenario: Scenario, at: int, side: Side) -> BatchResult:
        """Play one schedule and judge it; returns what the slow run did. The slow run is held at its call number `at`."""
        held_at = "after its end"
        try:
            self._empty()
            scenario.before(self)
            self._gate.arm(at, side)

            def meanwhile(operation: str) -> None:
                nonlocal held_at
                held_at = f"{side} its call {at} ({operation})" if operation else held_at
                if not scenario.alarms:  # between a removal and what mends it, the message is in memory alone
                    self.oracle.at_any_time(undone=scenario.undone)
                scenario.meanwhile(self)

            result = self._gate.held(lambda: self._run(self._slow, purges=scenario.purges), meanwhile)
            assert result.failed == [], result.failed
            assert scenario.alarms or result.stopped is None, result.stopped
            self.oracle.at_any_time(undone=scenario.undone)
            self.whole_run()
            self.oracle.at_rest(undone=scenario.undone)
        except Exception as error:
            message = f"{scenario.name}: the run was held {held_at}: {error}"
            raise AssertionError(message) from error
        return result
