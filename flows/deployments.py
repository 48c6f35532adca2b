"""The deployments of a table, as `dynalake serve` makes them; prefect.yaml has the same for a work pool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import Flow
from prefect.schedules import Cron
from prefect.settings import get_current_settings
from prefect.types.entrypoint import EntrypointType

from archive.errors import InputError, ServiceError
from flows.archive_flows import backfill, nightly, purge, sweep
from flows.restore_flow import restore
from flows.settings import Settings
from flows.turns import one_run_of


@dataclass(frozen=True, slots=True)
class Offer:
    """A flow that is deployed, and what becomes of a run of it that comes while another goes on."""

    flow: Flow[..., Any]
    collision: ConcurrencyLimitStrategy
    scheduled: bool = False


# A night does all that is left: one that comes too early is not worth waiting for. What a person asks for waits for its turn.
OFFERS: Final = (
    Offer(nightly, ConcurrencyLimitStrategy.CANCEL_NEW, scheduled=True),
    Offer(backfill, ConcurrencyLimitStrategy.ENQUEUE),
    Offer(purge, ConcurrencyLimitStrategy.ENQUEUE),
    Offer(restore, ConcurrencyLimitStrategy.ENQUEUE),
    Offer(sweep, ConcurrencyLimitStrategy.ENQUEUE),
)


def deployments(settings: Settings, config: Path | None) -> list[RunnerDeployment]:
    """Return the deployments of the settings' table; each is named after it. `config` is the settings file that its runs read."""
    table, schedule = settings.source.table, settings.schedule
    parameters = {} if config is None else {"config": str(config.resolve())}
    made: list[Any] = [
        offer.flow.to_deployment(
            name=table,
            schedule=Cron(schedule.cron, timezone=schedule.timezone) if offer.scheduled else None,
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=offer.collision),
            tags=["dynalake", offer.flow.name, table],
            parameters=parameters,
            paused=False,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for offer in OFFERS
    ]
    return made


def serve_all(settings: Settings, config: Path | None) -> None:
    """Register the deployments with the Prefect server, and run what is due on this machine until a signal ends it.

    Raises InputError where no server is named, ServiceError where none answers.
    """
    if get_current_settings().api.url is None:
        message = "dynalake serve needs a Prefect server: start one with `prefect server start`, and set PREFECT_API_URL to its address"
        raise InputError(message)
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        message = f"no Prefect server answers at PREFECT_API_URL ({type(problem).__name__}); start it, or correct that address"
        raise ServiceError(message) from problem
    one_run_of(settings.source.table)
    # Not paused while nobody serves (Prefect does not always get that done before it ends): what was due then begins at the next start.
    serve(*deployments(settings, config), pause_on_shutdown=False)
