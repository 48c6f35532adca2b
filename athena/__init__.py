"""Describes the lake to Athena, and answers questions about it.

`tables` says, as values, which Glue tables lie over the objects that archive/ writes; `projection` refuses those that Athena would
reject or answer with no rows; `register` makes Glue hold them. `query` answers one read-only question: in Athena itself (`remote`), or
where there is none, with DuckDB over the same objects (`local`). For DuckDB the question is let in by `gate`, translated by `dialect`
(with what `infer` knows of types, and the macros in `macros`), and read from `objects`. `render` shows the answer.
Nothing here knows Prefect or the command line, and nothing here writes to the lake.
"""

from __future__ import annotations

from athena.config import AthenaConfig, Catalog
from athena.projection import validate_projection
from athena.query import Engine, query
from athena.register import register
from athena.render import FORMATS, Format, render
from athena.tables import Table, lake_tables, messages_table, receipts_table

__all__ = [
    "FORMATS",
    "AthenaConfig",
    "Catalog",
    "Engine",
    "Format",
    "Table",
    "lake_tables",
    "messages_table",
    "query",
    "receipts_table",
    "register",
    "render",
    "validate_projection",
]
