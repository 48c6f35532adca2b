"""A table's turn, where there is no Prefect server whose limits anybody could share."""

from __future__ import annotations

import pytest

from flows import turns


def test_without_a_server_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that starts a Prefect of its own is not told of limits that cannot be there."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(turns, "concurrency", lambda *_, **__: pytest.fail("the server was asked for a turn"))
    with turns.turn("ChatMessages"):
        pass
