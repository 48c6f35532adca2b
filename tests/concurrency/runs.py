"""Runs as the command line makes them, each with a session of its own, on one table and one lake; and a count of what they removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from archive.codec.values import Item
from archive.engine.batch import BatchResult
from archive.engine.planning import Request, make_plan
from archive.engine.run import execute_plan, one_by_one
from archive.engine.session import Session, Timing
from archive.model.window import Window
from tests.archive.engine.workplace import NOW, Ticks, Workplace, ignore, work_of

_NUMBERS: Final = count(1)


@dataclass(slots=True)
class Runs:
    """Makes runs on one place. `removed` are the images of all that they removed by single deletes."""

    place: Workplace
    removed: list[Item] = field(default_factory=list)

    def session(self, **policy: Any) -> Session:  # noqa: ANN401 - the fields of Policy
        """Open the table and the lake for one more run, under a changed policy where one is given."""
        ticks = Ticks()
        config = (self.place.with_policy(**policy) if policy else self.place).config
        session = Session(config, f"run-{next(_NUMBERS):06}", Timing(ticks.clock, ticks.sleep))
        if config.policy.purge != "keep":
            session.purger_clients.dynamodb.meta.events.register("after-call.dynamodb.DeleteItem", self._note)
        return session

    def _note(self, parsed: dict[str, Any], **_: object) -> None:
        if "Error" not in parsed and parsed.get("Attributes"):
            self.removed.append(parsed["Attributes"])

    def run(self, request: Request, **policy: Any) -> BatchResult:  # noqa: ANN401 - the fields of Policy
        """Plan and perform one run to its end, without checks, consent, catalogue and Prefect."""
        session = self.session(**policy)
        plan = make_plan(session, request, NOW, ignore)
        session.open_lake()
        session.require_purgeable()
        work = work_of(session)
        total = BatchResult()
        if plan.window is not None:
            total.add(work.mend(session.receipts.listing(Window(session.config.source.earliest, plan.window.end))))
        execute_plan(session, plan, one_by_one(work.purge if request.command == "purge" else work.archive), ignore, total)
        assert (total.failed, total.stopped) == ([], None), f"{request.command} raised an alarm"
        return total
