"""How Prefect is set up when a command starts it: quiet, quick, and without calls home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_LEVEL,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    PREFECT_SERVER_LOGGING_LEVEL,
    temporary_settings,
)

_SECONDS_TO_START = 90


@contextmanager
def quiet_prefect() -> Iterator[None]:
    """Run flows without the heartbeat thread (each synchronous flow would wait a second for it) and without its chatter."""
    settings = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: _SECONDS_TO_START,
        PREFECT_LOGGING_LEVEL: "ERROR",
        PREFECT_SERVER_LOGGING_LEVEL: "ERROR",
    }
    with temporary_settings(settings):
        yield
