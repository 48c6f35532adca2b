"""What a report shows, as plain values: what is drawn is here, and nothing here is drawn otherwise."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from archive.engine.status import Status
from archive.model.prices import Prices
from archive.model.saving import Item, Month
from archive.model.window import iso

Period = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One `dt` of the lake: `first` to `last` are the days that it is of; `removed` left the table, or were marked."""

    dt: date
    first: date
    last: date
    messages: int
    bytes: int
    removed: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Hole:
    """Days, `first` to `last`, of which nothing is stored: nobody wrote (`is_complete`), or they are not archived as far as is known."""

    first: date
    last: date
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Hot:
    """Messages that are in the table alone, about: the table's count, which is hours old, less those that the lake has too.

    They are of the days `first` to `last`; of which day how many are is not known without reading them.
    """

    messages: int
    first: date
    last: date

    @property
    def a_day(self) -> float:
        """The mean of a day."""
        return self.messages / ((self.last - self.first).days + 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """The partitions `first` to `last` that the figures about messages are of, and the periods that these are cut into.

    `wanted` is the first one that was asked for: before `first`, where more than `most_bytes` would have had to be read.
    """

    first: date
    last: date
    wanted: date
    most_bytes: int
    period: Period


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """One module in one period; `module` None: messages of no module. Costs beside `cost_usd` are in the remainder of so many messages."""

    period: date
    module: str | None
    messages: int
    cost_usd: Decimal
    cost_in_remainder: int


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One provider's model in one period. `finished` is of how many messages it is known whether they ended in an error."""

    period: date
    provider: str
    model: str | None
    messages: int
    tokens: int
    tokens_in_remainder: int
    cost_usd: Decimal
    cost_in_remainder: int
    finished: int
    errors: int


@dataclass(frozen=True, slots=True)
class Drift:
    """An attribute in the remainder, by the type of its values, in one period. `share` is of all messages of that period."""

    period: date
    attribute: str
    type: str
    messages: int
    share: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run's record, newest last. `why` is `done`, or what ended it."""

    run: str
    command: str
    purge: str
    started_at: datetime
    seconds: float
    why: str
    added: int
    replaced: int
    removed: int
    restored: int
    changed: int
    refused: int
    surprises: int
    failed_segments: int
    throttles: int
    read_units: float
    write_units: float
    behind_days: int | None

    @property
    def is_done(self) -> bool:
        """Whether it came to its end."""
        return self.why == "done"

    @property
    def alarms(self) -> int:
        """How much of it went otherwise than it should: segments stopped, messages refused, surprises."""
        return self.failed_segments + self.refused + self.surprises


@dataclass(frozen=True, slots=True)
class Table:
    """The source table as DescribeTable has it, which is hours old, and what is done with its messages."""

    name: str
    items: int
    bytes: int
    purge: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a report shows. `item` None: it is not known what a message takes in the table. `left_out`: views, and why."""

    made_at: datetime
    version: str
    location: str
    status: Status
    table: Table
    item: Item | None
    prices: Prices
    partitions: tuple[Partition, ...]
    holes: tuple[Hole, ...]
    hot: Hot | None
    months: tuple[Month, ...]
    shown: Shown | None
    modules: tuple[ModuleUse, ...]
    models: tuple[ModelUse, ...]
    drift: tuple[Drift, ...]
    runs: tuple[Run, ...]
    left_out: dict[str, str]

    @property
    def messages(self) -> int:
        """Messages in the lake."""
        return sum(partition.messages for partition in self.partitions)

    @property
    def bytes(self) -> int:
        """Bytes in the lake."""
        return sum(partition.bytes for partition in self.partitions)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`; the status is as `dynalake status --json` has it."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name != "status"}
        return {**values, "status": self.status.to_dict()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any figure
    """Return what JSON takes: dataclasses as dictionaries, instants as ISO texts of UTC; days and decimals are texts in the end."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return iso(value) if isinstance(value, datetime) else value
