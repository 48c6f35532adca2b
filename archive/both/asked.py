"""What is asked for: the messages of one module, student, provider or conversation in a window; and how the table finds them."""

from __future__ import annotations

from dataclasses import dataclass

from archive.dynamo_read import TableFacts, Way
from archive.errors import InputError
from archive.model.config import Module, Source
from archive.model.spec import TableSpec
from archive.model.table_facts import require_column
from archive.model.window import Window
from archive.restore.wanted import ALL_TIME, Wanted


@dataclass(frozen=True, slots=True)
class Asked:
    """The messages in `window` that have `value` in `column`, oldest or newest first, the first `limit` of them (None: all)."""

    column: str
    value: Module
    window: Window = ALL_TIME
    newest_first: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse to be asked for nothing."""
        if self.limit is not None and self.limit < 1:
            message = f"the limit must be at least 1, not {self.limit}"
            raise InputError(message)

    def wanted(self, spec: TableSpec, window: Window | None) -> Wanted:
        """Return which rows of the lake that means, within another window (None: at any time)."""
        return Wanted(spec, window, {self.column: (self.value,)})


@dataclass(frozen=True, slots=True)
class Access:
    """The way to the messages in the table; `whole`: it yields whole messages, else keys."""

    way: Way
    whole: bool


def access_of(asked: Asked, source: Source, facts: TableFacts) -> Access:
    """Return the way to what is asked for. Raises InputError where no index leads there."""
    spec = source.spec
    declared = next((column for column in spec.columns if column.name == asked.column), None)
    attribute = declared.attribute if declared else None
    if attribute == spec.partition_key and facts.key_types[attribute] != "B":
        return Access(Way(None, attribute, asked.value), whole=True)
    index = facts.index_by(attribute, spec.time_key) if attribute else None
    if declared is None or index is None or facts.key_types[declared.attribute] == "B":
        message = (
            f"table {source.table} has no index with the keys ({attribute or asked.column}, {spec.time_key}), so that its messages cannot "
            "be read that way; make one, or ask for what is archived with `dynalake query`"
        )
        raise InputError(message)
    require_column(declared, facts.key_types[declared.attribute], f"index {index.name}")
    return Access(Way(index.name, declared.attribute, asked.value), whole=index.attributes is None)
