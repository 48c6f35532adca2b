"""Chooses what executes batches: threads of this process, processes of this machine, or a Dask or Ray cluster, all by Prefect."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from prefect.settings import get_current_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from archive.errors import InputError
from flows.settings_sections import RunSection

_EXTRAS: Final = {"dask": "prefect_dask", "ray": "prefect_ray"}


def task_runner(run: RunSection) -> TaskRunner[Any]:
    """Return the Prefect task runner that `[run] engine`, `workers` and `address` ask for.

    Raises InputError where the engine's extra is not installed, or there is no Prefect server that all workers reach. Nothing is
    started or connected to yet.
    """
    if run.engine == "threads":
        return ThreadPoolTaskRunner(max_workers=run.workers)
    if get_current_settings().api.url is None:
        message = f'[run] engine = "{run.engine}" needs a Prefect server that all workers reach: start one, and set PREFECT_API_URL'
        raise InputError(message)
    if run.engine == "processes":
        return ProcessPoolTaskRunner(max_workers=run.workers)
    integration = _integration(run.engine)
    if run.engine == "ray":
        ray: TaskRunner[Any] = integration.RayTaskRunner(
            address=run.address, init_kwargs=None if run.address else {"num_cpus": run.workers}
        )
        return ray
    # One batch at a time in each process: a worker's clients, spool and share of the limits are its own.
    local = {"n_workers": run.workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    dask: TaskRunner[Any] = integration.DaskTaskRunner(address=run.address, cluster_kwargs=None if run.address else local)
    return dask


def _integration(engine: str) -> Any:  # noqa: ANN401 - a module that may be missing
    try:
        return import_module(_EXTRAS[engine])
    except ImportError as error:
        message = f'[run] engine = "{engine}" needs an extra that is not installed: pip install "dynalake[{engine}]"'
        raise InputError(message) from error
