"""One way to ask, whichever engine answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Literal

import boto3
import pyarrow as pa

from archive.aws import translated
from archive.errors import InputError
from athena.config import Catalog
from athena.endpoints import is_overridden
from athena.objects import LakeObjects

Engine = Literal["auto", "athena", "duckdb"]


def choose_engine(engine: Engine, location: str, environ: Mapping[str, str]) -> Literal["athena", "duckdb"]:
    """Return the engine that `auto` means: DuckDB for a local copy and where S3 is an emulator (its Athena knows no SQL), else Athena.

    Raises InputError for Athena over a local copy, which it cannot see.
    """
    if engine == "auto":
        return "duckdb" if not location.startswith("s3://") or is_overridden(environ) else "athena"
    if engine == "athena" and not location.startswith("s3://"):
        message = f"Athena cannot read the local directory {location}; ask with the engine duckdb"
        raise InputError(message)
    if engine not in ("athena", "duckdb"):
        message = f"there is no engine {engine!r}; use auto, athena or duckdb"
        raise InputError(message)
    return engine


def query(
    sql: str,
    catalog: Catalog,
    *,
    engine: Engine = "auto",
    session: boto3.Session | None = None,
    environ: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = time.sleep,
) -> pa.Table:
    """Return the answer to one question in Athena's SQL, from either engine with the same column names and types.

    Raises InputError for a question that is not one read-only query or that names what is not there, ServiceError for AWS's faults.
    """
    chosen = choose_engine(engine, catalog.location, environ)
    # Loaded when they are asked: DuckDB and a grammar of SQL take 30 MB, which no run that archives needs.
    if chosen == "duckdb":
        from athena import local  # noqa: PLC0415

        return local.ask(sql, catalog, LakeObjects.at(catalog.location, session, environ))
    with translated("loading credentials", "the default credentials"):
        client = (session or boto3.Session()).client("athena")
    from athena import remote  # noqa: PLC0415

    return remote.ask(sql, catalog, client, sleep)
