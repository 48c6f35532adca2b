"""Sets the lake up in Glue and Athena: database, tables, and the views that its table spec allows. May be repeated.

Views are made by Athena's own CREATE OR REPLACE VIEW, which checks them and works out their types; the form in which Glue keeps a view is
not documented (docs/adr/0018). Their comments, and the mark by which an unchanged view is known, are then added in Glue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Self

from archive.errors import RefusedError, ServiceError
from archive.model.config import Config
from athena.access import Access
from athena.config import Catalog
from athena.endpoints import endpoint_of
from athena.faults import translated
from athena.objects import LakeObjects
from athena.register import register, stored_table, update_stored
from athena.remote import Workgroup, start, wait
from athena.tables import Since, lake_tables
from athena.views.view import View, views_of

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

FINGERPRINT: Final = "dynalake.view"
"""The table parameter that holds a view's fingerprint."""
_VIEW: Final = "VIRTUAL_VIEW"


@dataclass(frozen=True, slots=True)
class SetUp:
    """What was changed, one sentence each, and what could not be made and why."""

    changes: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, config: Config, catalog: Catalog, access: Access, today: date) -> Self:
        """Make what is missing, update what differs.

        Raises RefusedError where a view's name is a table's, ServiceError for AWS's faults.
        """
        objects = LakeObjects.at(catalog.location, access.session, access.environ)
        with translated("loading credentials", "the default credentials"):
            glue = access.opened().client("glue")
        tables = lake_tables(config, catalog.config.table, _since(objects, today))
        changes = register(glue, catalog.config.database, tables)
        views, left_out = views_of(catalog.spec, catalog.config.table)
        reasons = [f"view {view.name}: {view.why}" for view in left_out]
        if endpoint_of("athena", access.environ):
            reasons.append("the other views: an emulator's Athena knows no SQL; `dynalake query` answers them with DuckDB")
        else:
            changes += _make_views(glue, catalog, access, views)
        return cls(tuple(changes), tuple(reasons))


def _since(objects: LakeObjects, today: date) -> Since:
    """Return from when on partitions may be there; each run that goes further back widens it."""
    messages, runs = (min((file.dt for file in objects.files(family)), default=today) for family in ("messages", "runs"))
    return Since(min(messages, today), min(runs, today))


def fingerprint(view: View) -> str:
    """Return what changes whenever a view's query, columns or comments do."""
    return hashlib.sha256(json.dumps([view.sql, view.purpose, [column.glue_input() for column in view.columns]]).encode()).hexdigest()


def _make_views(glue: GlueClient, catalog: Catalog, access: Access, views: tuple[View, ...]) -> list[str]:
    database = catalog.config.database
    wanted = [view for view in views if _differs(stored_table(glue, database, view.name), view, database)]
    if not wanted:
        return []
    workgroup = Workgroup.of(catalog.config, access)
    started = [(view, start(workgroup, f'CREATE OR REPLACE VIEW "{database}"."{view.name}" AS\n{view.sql}', {})) for view in wanted]
    for view, query in started:
        wait(workgroup, query, access, catalog)
        _describe(glue, database, view)
    return [f"made view {database}.{view.name}" for view in wanted]


def _differs(there: Mapping[str, Any] | None, view: View, database: str) -> bool:
    if there is None:
        return True
    if there.get("TableType") != _VIEW:
        message = f"{database}.{view.name} is a table that is not Dynalake's; name another [athena] database, or move that table away"
        raise RefusedError(message)
    return bool(there.get("Parameters", {}).get(FINGERPRINT) != fingerprint(view))


def _describe(glue: GlueClient, database: str, view: View) -> None:
    there = stored_table(glue, database, view.name)
    if there is None:
        message = f"Athena says that it made the view {database}.{view.name}, but Glue does not have it; set up again"
        raise ServiceError(message)
    comments = {column.name: column.comment for column in view.columns}
    storage = there.get("StorageDescriptor", {})
    columns = [{**column, "Comment": comments.get(column["Name"], "")} for column in storage.get("Columns", [])]
    described = {
        "Description": view.purpose,
        "StorageDescriptor": {**storage, "Columns": columns},
        "Parameters": {**there.get("Parameters", {}), FINGERPRINT: fingerprint(view)},
    }
    update_stored(glue, database, there, described)
