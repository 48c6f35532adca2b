"""Runs obey holds: what was restored stays until its hold ends, whatever else they do."""

from __future__ import annotations

from typing import Any

from tests.builders import START_MS
from tests.integration.items import Message
from tests.integration.restored import DAY, ITEMS, expected, in_table, purge
from tests.integration.restoring import hooked, run
from tests.integration.sites import Site
from tests.integration.worlds import WINDOW, differences


def first_module() -> dict[Any, Message]:
    """Return the messages of module 1."""
    return expected([one for one in ITEMS if one["moduleId"] == {"N": "1"}])


def release_last(site: Site) -> None:
    """End the newest hold."""
    assert run(site, "release", run(site, "holds", "--json").json()[-1]["hold"]).code == 0


def test_a_run_leaves_held_messages_alone_and_says_so(purged_singly: Site) -> None:
    """Neither a backfill nor a purge touches them; after the release both may."""
    run(purged_singly, "restore", "--module", "1", "--yes")
    (hold,) = run(purged_singly, "holds", "--json").json()
    assert hold["hold"] in "".join(purged_singly.run("backfill", *WINDOW, "--yes").done().stdout.split())
    purged_singly.run("purge", *WINDOW, "--yes").done()
    assert not differences(in_table(purged_singly), first_module())
    release_last(purged_singly)
    purge(purged_singly)
    assert not purged_singly.left()


def test_what_is_not_held_is_purged_all_the_same(purged_singly: Site) -> None:
    """Another module, and the same module's other days."""
    run(purged_singly, "restore", "--module", "1", "--to", "2024-01-16", "--yes")
    run(purged_singly, "restore", "--from", "2024-01-01", "--until", "2050-01-01", "--yes")
    release_last(purged_singly)
    purge(purged_singly)
    day = {key: message for key, message in first_module().items() if key[1] < START_MS + DAY}
    assert not differences(in_table(purged_singly), day)


def test_a_restore_during_a_run_is_not_undone_by_it(purged_singly: Site) -> None:
    """The run was planned before the hold was made, and reads the restored messages: it does not purge them."""
    waiting = [purged_singly]

    def restore_now(params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's request
        if waiting and b"BETWEEN" in params["body"] and b'"Limit"' not in params["body"]:
            assert run(waiting.pop(), "restore", "--module", "1", "--yes").code == 0

    with hooked("before-call.dynamodb.Query", restore_now):
        purged_singly.run("backfill", *WINDOW, "--yes").done()
    assert not waiting
    assert not differences(in_table(purged_singly), first_module())
