"""One run at a time for a table, whatever its deployment, by a global concurrency limit of Prefect's where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.settings import get_current_settings


def limit_name(table: str) -> str:
    """Return the name of a table's limit."""
    return f"dynalake-{table}"


def one_run_of(table: str) -> None:
    """Make the limit of a table, or mend it: one run at a time."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(limit_name(table), 1)


@contextmanager
def turn(table: str) -> Iterator[None]:
    """Wait until no other run of the table has its turn. Without such a limit on the server there is nothing to wait for.

    It saves request units and dollars, no more: runs that overlap do no harm. So a turn that the server forgets ends no run.
    A server that was started for this run alone has nobody else to wait for.
    """
    if get_current_settings().api.url is None:
        yield
        return
    with concurrency(limit_name(table), strict=False, raise_on_lease_renewal_failure=False):
        yield
