"""Runs as the command line makes them, each with a session of its own, on one table and one lake; and a count of what they removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from archive.codec.values import Item
from archive.engine.batch_result import BatchResult
from archive.engine.planning import Request, make_plan
from archive.engine.run import execute_plan, finish, one_by_one
from archive.engine.session import Session, Timing
from archive.errors import DynalakeError
from tests.archive.engine.workplace import NOW, Ticks, Workplace, ignore, work_of

_NUMBERS: Final = count(1)


@dataclass(slots=True)
class Runs:
    """Makes runs on one place. `removed` are the images of all that they removed."""

    place: Workplace
    removed: list[Item] = field(default_factory=list)

    def session(self, **policy: Any) -> Session:  # noqa: ANN401 - the fields of Policy
        """Open the table and the lake for one more run, under a changed policy where one is given."""
        ticks = Ticks()
        config = (self.place.with_policy(**policy) if policy else self.place).config
        session = Session(config, f"run-{next(_NUMBERS):06}", Timing(ticks.clock, ticks.sleep))
        if config.policy.purge != "keep":
            for operation in ("DeleteItem", "BatchExecuteStatement"):
                session.purger_clients.dynamodb.meta.events.register(f"after-call.dynamodb.{operation}", self._note)
        return session

    def _note(self, parsed: dict[str, Any], **_: object) -> None:
        answers = parsed.get("Responses", [parsed]) if "Error" not in parsed else []
        images = [answer.get("Attributes") or answer.get("Item") for answer in answers if "Error" not in answer]
        self.removed += [image for image in images if image and not image["conversationId"]["S"].startswith("dynalake-probe-")]

    def run(self, request: Request, **policy: Any) -> BatchResult:  # noqa: ANN401 - the fields of Policy
        """Plan and perform one run to its end, without checks, consent, catalogue and Prefect; raise what the command would end with."""
        total = BatchResult()
        error = self.attempt(request, total, **policy)
        if error is not None:
            error.add_note(f"the run was: {request.command} of {request.window}")
            raise error
        return total

    def attempt(self, request: Request, total: BatchResult, **policy: Any) -> DynalakeError | None:  # noqa: ANN401 - the fields of Policy
        """Do the same, and return the error that the command would end with. `total` grows by what was done."""
        error: DynalakeError | None = None
        try:
            session = self.session(**policy)
            plan = make_plan(session, request, NOW, ignore)
            session.open_lake()
            session.require_purgeable()
        except DynalakeError as refusal:
            return refusal
        work = work_of(session)
        try:
            total.add(work.mend(session.listing(NOW)))
            execute_plan(session, plan, one_by_one(work.purge if request.command == "purge" else work.archive), ignore, total)
        except DynalakeError as stopped:
            error = stopped
        return finish(session, plan, total, error, (NOW, NOW), 0.0).error
