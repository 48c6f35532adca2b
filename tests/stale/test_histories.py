"""A model explores small histories: writes, edits, deletions, keys used again, runs of every command, and an index that lags."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Final, Literal

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from archive.engine.planning import Request
from tests.archive.engine.workplace import DAY_MS, TWO_DAYS, Workplace, message
from tests.interleaving.oracle import MARK
from tests.interleaving.user import GONE, Key, key_of
from tests.stale.stale import Stale

_KEYS: Final = (("conversation-0", 0), ("conversation-1", DAY_MS + 1))
_REQUESTS: Final = {"backfill": Request("backfill", TWO_DAYS), "nightly": Request("nightly"), "purge": Request("purge", TWO_DAYS)}


@dataclass(frozen=True, slots=True)
class Act:
    """What the user does to one message: edit it (or write it, if it is not there), delete it, or replace it."""

    kind: Literal["edit", "delete", "put"]
    key: int
    module: int


@dataclass(frozen=True, slots=True)
class Night:
    """What the user does by day, and the run of the night; `behind` says by how many versions the index's entries lag then, in turn."""

    acts: tuple[Act, ...]
    command: str
    behind: tuple[int, ...]


_ACTS: Final = st.builds(
    Act, st.sampled_from(("edit", "edit", "edit", "put", "delete")), st.sampled_from((0, 1)), st.sampled_from((1, 1, 2))
)
_NIGHTS: Final = st.builds(
    Night,
    st.lists(_ACTS, max_size=2).map(tuple),
    st.sampled_from(("backfill", "backfill", "nightly", "purge", "keep", "expire")),
    st.lists(st.sampled_from((0, 0, 1, 2, 3)), min_size=1, max_size=4).map(tuple),
)


@dataclass(slots=True)
class History:
    """Plays nights on one table, one lake and one index."""

    stale: Stale
    versions: count[int] = field(default_factory=lambda: count(1))
    marked: dict[Key, int] = field(default_factory=dict)
    """How many versions a message had when it was marked."""

    def act(self, act: Act) -> None:
        """Let the user do something."""
        conversation, moment = _KEYS[act.key]
        item = message(conversation, moment, act.module, f"version {next(self.versions)}")
        user = self.stale.user
        written = user.history.get(key_of(item), [GONE])[-1]
        with self.stale.told():
            if act.kind == "delete" and written:
                user.delete(written)
            elif act.kind == "edit" and written:
                user.edit(written, content=item["content"], moduleId=item["moduleId"])
            else:
                user.put(item)

    def night(self, night: Night) -> None:
        """Let a day pass, and a run."""
        for act in night.acts:
            self.act(act)
        for entry, behind in zip(self.stale.index.entries, cycle(night.behind), strict=False):
            self.stale.index.show(entry, behind)
        if night.command in _REQUESTS:
            self.stale.run(_REQUESTS[night.command])
        elif self.stale.purge == "delete":
            self.stale.run(purge="keep")
        else:
            self._expire()
        versions = self.stale.user.history
        for item in self.stale.place.items():
            if MARK in item:
                self.marked.setdefault(key_of(item), len(versions[key_of(item)]))

    def _expire(self) -> None:
        """Let DynamoDB remove what is marked; not what was edited since: docs/design.md says what that would cost."""
        stale = self.stale
        with stale.told():
            for item in stale.place.items():
                if MARK in item and self.marked.get(key_of(item)) == len(stale.user.history[key_of(item)]):
                    key = {name: item[name] for name in ("conversationId", "timestamp")}
                    stale.place.dynamodb.delete_item(TableName=stale.place.table, Key=key)
                    stale.runs.removed.append(item)


def _explore(place: Workplace, purge: str, examples: int, *, fixed: bool) -> None:
    @settings(
        max_examples=examples,
        derandomize=fixed,
        database=None,
        deadline=None,
        phases=[Phase.generate] if fixed else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_NIGHTS, min_size=4, max_size=6))
    def explore(nights: list[Night]) -> None:
        history = History(Stale(place, purge))
        for number in (0, 1):
            history.act(Act("put", number, 1))
        for night in nights:
            history.night(night)
        history.stale.finish()

    explore()


@pytest.mark.parametrize(("purge", "examples"), [("delete", 6), ("expire", 2)])
def test_some_histories(place: Workplace, purge: str, examples: int) -> None:
    """A few that are the same each time."""
    _explore(place, purge, examples, fixed=True)


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("purge", "examples"), [("delete", 16), ("expire", 8)])
def test_many_histories(place: Workplace, purge: str, examples: int) -> None:
    """More of them, different each time."""
    _explore(place, purge, examples, fixed=False)
