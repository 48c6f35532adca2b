"""Shows the lake's tables and views to people and to programs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from athena import Catalog
from athena.columns import MESSAGES_DESCRIPTION, RECORDS, TableColumn
from athena.views.view import views_of


def show_views(console: Console, catalog: Catalog) -> None:
    """Print every table and view with what it answers."""
    table = Table(title="Tables", title_justify="left")
    table.add_column("table", no_wrap=True)
    table.add_column("what it holds")
    for name in catalog.tables:
        table.add_row(Text(name), Text(_purpose(catalog, name)))
    console.print(table)
    table = Table(title="Views", title_justify="left")
    table.add_column("view", no_wrap=True)
    table.add_column("what it answers, and what it reads")
    for view in catalog.views.values():
        table.add_row(Text(view.name), Text(f"{view.purpose} {view.reads}"))
    console.print(table)
    for left_out in views_of(catalog.spec, catalog.config.table)[1]:
        console.print(f"There is no {left_out.name}: {left_out.why}.", highlight=False, markup=False)


def show_relation(console: Console, catalog: Catalog, name: str) -> None:
    """Print one table or view: what it is, its columns, and a view's example and SQL."""
    view = catalog.views.get(name)
    console.print(f"{name}: {_purpose(catalog, name)}", highlight=False, markup=False, soft_wrap=True)
    if view is not None:
        console.print(view.reads, highlight=False, markup=False, soft_wrap=True)
    table = Table()
    for heading in ("column", "type", "meaning"):
        table.add_column(heading)
    for column in catalog.relations[name]:
        table.add_row(Text(column.name), Text(column.type), Text(column.comment))
    console.print(table)
    if view is not None:
        console.print(f"Example: {view.example}\n\n{view.sql}", highlight=False, markup=False, soft_wrap=True)


def views_as_json(catalog: Catalog, name: str | None) -> dict[str, Any]:
    """Return all tables and views, or one of them, as JSON takes it."""
    if name is not None:
        view = catalog.views.get(name)
        about: dict[str, Any] = {"name": name, "purpose": _purpose(catalog, name), "columns": _columns(catalog.relations[name])}
        return about if view is None else {**about, "reads": view.reads, "example": view.example, "sql": view.sql}
    return {
        "tables": [{"name": table, "purpose": _purpose(catalog, table)} for table in catalog.tables],
        "views": [{"name": view.name, "purpose": view.purpose, "reads": view.reads} for view in catalog.views.values()],
        "left_out": [{"name": view.name, "why": view.why} for view in views_of(catalog.spec, catalog.config.table)[1]],
    }


def _columns(columns: tuple[TableColumn, ...]) -> list[dict[str, str]]:
    return [{"name": column.name, "type": column.type, "comment": column.comment} for column in columns]


def _purpose(catalog: Catalog, name: str) -> str:
    if name in catalog.views:
        return catalog.views[name].purpose
    return RECORDS[name].description if name in RECORDS else MESSAGES_DESCRIPTION
