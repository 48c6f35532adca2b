"""Describes the lake to Athena, and answers questions about it.

`tables` says, as values, which Glue tables lie over the objects that archive/ writes (`columns` are theirs); `projection` refuses those
that Athena would reject or answer with no rows; `register` makes Glue hold them, and `setup` the views (`views/`) as well. `query`
answers one read-only question: in Athena itself (`remote`), or where there is none, with DuckDB over the same objects (`local`). `advice`
says first what the answer would not say. For DuckDB the question is let in by `gate`, translated by `dialect` (with what `infer` knows of
types, and the macros in `macros`), and read from `objects`, as far as `pruning` finds it needed. `render` shows the answer.
Nothing here knows Prefect or the command line, and nothing here writes to the lake. What runs need is exported here; what loads DuckDB or
a grammar of SQL (30 MB) is imported from its own module, where something is asked.
"""

from __future__ import annotations

from athena.access import Access, Advice, Answered, Event, Progress
from athena.config import AthenaConfig, Catalog
from athena.projection import validate_projection
from athena.query import Engine, query
from athena.register import register, widen
from athena.render import FORMATS, Format, render
from athena.tables import Since, Table, lake_tables, messages_table, records_table

__all__ = [
    "FORMATS",
    "Access",
    "Advice",
    "Answered",
    "AthenaConfig",
    "Catalog",
    "Engine",
    "Event",
    "Format",
    "Progress",
    "Since",
    "Table",
    "lake_tables",
    "messages_table",
    "query",
    "records_table",
    "register",
    "render",
    "validate_projection",
    "widen",
]
