"""The command that runs the flows on this machine, on their schedule and when somebody asks: serve."""

from __future__ import annotations

import os

from flows.console import ConfigOption, errors_as_sentences, settings_of
from flows.settings import settings_file


def serve(config: ConfigOption = None) -> None:
    """Run the nights on their schedule, and what is asked for in Prefect's UI, on this machine, until it is ended.

    Needs a Prefect server (PREFECT_API_URL), and no work pool.
    Example: dynalake serve --config dynalake.toml
    """
    with errors_as_sentences():
        settings = settings_of(config)
        from flows.deployments import serve_all  # noqa: PLC0415 - importing Prefect takes seconds, and not every command needs it

        serve_all(settings, settings_file(config, os.environ))
