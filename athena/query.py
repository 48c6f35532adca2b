"""One way to ask, whichever engine answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from archive.errors import InputError, ServiceError
from athena.access import Access, Advice
from athena.config import Catalog
from athena.endpoints import is_overridden
from athena.objects import LakeObjects

if TYPE_CHECKING:
    from athena.parameters import Parameter

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
    sql: str, catalog: Catalog, *, parameters: Sequence[Parameter] = (), engine: Engine = "auto", access: Access | None = None
) -> pa.Table:
    """Return the answer to one question in Athena's SQL, from either engine with the same column names and types.

    Question marks in WHERE stand for the parameters, in their order. `access.told` hears of advice, progress and cost. Raises InputError
    for a question that is not one read-only query or that names what is not there, ServiceError for AWS's faults.
    """
    # Loaded when something is asked: DuckDB and a grammar of SQL take 30 MB, which no run that archives needs.
    from athena import local, remote  # noqa: PLC0415
    from athena.advice import Extent, advise  # noqa: PLC0415

    access = access or Access()
    chosen = choose_engine(engine, catalog.location, access.environ)
    objects = LakeObjects.at(catalog.location, access.session, access.environ)
    # Athena may be asked by somebody who may not list the lake: then there is no advice. DuckDB has to list it anyway.
    with suppress(ServiceError) if chosen == "athena" else nullcontext():
        for text in advise(sql, catalog, parameters, lambda: Extent.of(objects, access.opened().region_name)):
            access.told(Advice(text))
    if chosen == "duckdb":
        return local.ask(sql, catalog, objects, parameters)
    return remote.ask(sql, catalog, remote.Workgroup.of(catalog.config, access), access, parameters)
