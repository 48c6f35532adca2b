"""A model explores small histories: writes, edits, deletions, keys used again, runs of every command, and an index that lags."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from archive.codec.values import Item
from archive.engine.planning import Request
from tests.archive.engine.workplace import DAY_MS, TWO_DAYS, Workplace, message
from tests.interleaving.oracle import MARK
from tests.interleaving.user import Key, key_of
from tests.stale.stale import Stale

_MODULES: Final = st.sampled_from((1, 2))
_KEYS: Final = st.sampled_from([(f"conversation-{number}", number % 2 * DAY_MS + number) for number in range(3)])
_REQUESTS: Final = st.sampled_from((Request("backfill", TWO_DAYS), Request("nightly"), Request("purge", TWO_DAYS)))


class History(RuleBasedStateMachine):
    """One table, one lake, and one index that lags."""

    def __init__(self, place: Workplace) -> None:
        """Wait for the policy."""
        super().__init__()
        self._place = place
        self._versions = count(1)
        self._marked: dict[Key, int] = {}

    @initialize(purge=st.sampled_from(("delete", "delete", "expire")), key=_KEYS, module=_MODULES)
    def begin(self, purge: str, key: tuple[str, int], module: int) -> None:
        """Begin with one message that the index shows."""
        self.stale = Stale(self._place, purge)
        self.stale.put(self._item(key, module))

    def _item(self, key: tuple[str, int], module: int) -> Item:
        return message(*key, module, f"version {next(self._versions)}")

    def _written(self) -> list[Item]:
        return [versions[-1] for versions in self.stale.user.history.values() if versions[-1]]

    @rule(key=_KEYS, module=_MODULES, shown=st.booleans())
    def put(self, key: tuple[str, int], module: int, *, shown: bool) -> None:
        """Write a message, or use its key again."""
        self.stale.put(self._item(key, module), shown=shown)

    @precondition(lambda self: self._written())
    @rule(data=st.data(), module=st.none() | _MODULES)
    def edit(self, data: st.DataObject, module: int | None) -> None:
        """Edit a message, if it is still at the table; it may change its module."""
        item = data.draw(st.sampled_from(self._written()))
        more: dict[str, Any] = {} if module is None else {"moduleId": {"N": str(module)}}
        with self.stale.told():
            self.stale.user.edit(item, content={"S": f"version {next(self._versions)}"}, **more)

    @precondition(lambda self: self._written())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete a message, if it is still at the table."""
        with self.stale.told():
            self.stale.user.delete(data.draw(st.sampled_from(self._written())))

    @precondition(lambda self: self.stale.index.behind)
    @rule(data=st.data(), steps=st.sampled_from((1, 1, 2, None)))
    def catch_up(self, data: st.DataObject, steps: int | None) -> None:
        """Let some entries show later versions."""
        self.stale.index.catch_up(data.draw(st.lists(st.sampled_from(self.stale.index.behind), min_size=1, unique=True)), steps)

    @rule(request=_REQUESTS)
    def run(self, request: Request) -> None:
        """Run as the policy says."""
        self.stale.run(request)
        written = self.stale.user.history
        for item in self.stale.place.items():
            if MARK in item:
                self._marked.setdefault(key_of(item), len(written[key_of(item)]))

    @precondition(lambda self: self.stale.purge == "delete")
    @rule()
    def keep(self) -> None:
        """Archive, and remove nothing."""
        self.stale.run(purge="keep")

    @precondition(lambda self: self.stale.purge == "expire")
    @rule()
    def expire(self) -> None:
        """Let DynamoDB remove what is marked; not what was edited since: docs/design.md says what that would cost."""
        stale = self.stale
        with stale.told():
            for item in stale.place.items():
                key = key_of(item)
                if MARK in item and self._marked.get(key) == len(stale.user.history[key]):
                    stale.place.dynamodb.delete_item(
                        TableName=stale.place.table, Key={name: item[name] for name in ("conversationId", "timestamp")}
                    )
                    stale.runs.removed.append(item)

    def teardown(self) -> None:
        """Let the index catch up, run again, and judge."""
        if hasattr(self, "stale"):
            self.stale.finish()


def _explore(place: Workplace, examples: int, *, fixed: bool) -> None:
    run_state_machine_as_test(
        lambda: History(place),  # type: ignore[arg-type]  # it takes whatever makes one
        settings=settings(
            max_examples=examples,
            stateful_step_count=9,
            derandomize=fixed,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_some_histories(place: Workplace) -> None:
    """A few that are the same each time."""
    _explore(place, 6, fixed=True)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_many_histories(place: Workplace) -> None:
    """More of them, different each time."""
    _explore(place, 50, fixed=False)
