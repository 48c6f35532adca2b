"""What a run is asked for, as typed models: the command line fills them from its options, Prefect's UI shows each as a form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import SkipJsonSchema

from archive.engine.planning import Request
from archive.errors import InputError
from archive.model.config import Module
from archive.model.plan import Command
from archive.model.spec import TableSpec
from archive.model.window import Window, iso, parse_instant
from archive.restore.plan import Request as RestoringRequest
from archive.restore.wanted import ALL_TIME, Wanted, values_of
from flows.settings import Settings

HOLD_DAYS: Final = 7
_MOST_MODULES_NAMED: Final = 5


def _instant(value: object) -> object:
    """Read texts as the command line does: a date is its midnight UTC, and a time needs a zone."""
    if not isinstance(value, str):
        return value
    try:
        return parse_instant(value)
    except InputError as error:
        raise ValueError(str(error)) from error


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]


def _without_default(schema: dict[str, Any]) -> None:
    """Leave a default of null out of the schema: Prefect's form would send it, and Prefect's server refuse it."""
    schema.pop("default", None)


def _empty(title: str, description: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Describe a field that may stay empty."""
    return Field(title=title, description=description, json_schema_extra=_without_default)


_MaybeInstant = Annotated[AwareDatetime | SkipJsonSchema[None], BeforeValidator(_instant)]
_MaybeText = str | SkipJsonSchema[None]
_FROM: Final = "Begin of the window: a time with a zone."
_TO: Final = "End of the window, exclusive: a time with a zone."
Modules = Annotated[
    tuple[str, ...], Field(title="Modules", description="Only these modules, one an entry, as the table has them. Without any: all.")
]
DryRun = Annotated[bool, Field(title="Dry run", description="Only make the plan, and show it as an artifact. Nothing is changed.")]


class Form(BaseModel):
    """What all forms share: no unknown fields, and no change afterwards. `str(form)` goes behind the command's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_serializer(mode="wrap")
    def _filled_in(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty, as the form does."""
        return {name: value for name, value in serialize(self).items() if value is not None}


class RunForm(Form, ABC):
    """A form of a command that moves messages from the table to the lake, or removes them."""

    command: ClassVar[Command]

    dry_run: DryRun = False

    @abstractmethod
    def asked(self, settings: Settings) -> Request:
        """Return the engine's request; raises InputError for an empty window, and for what the settings do not allow."""

    def __str__(self) -> str:
        """Say what is asked for."""
        return _dry_run("", self)


class NightlyForm(RunForm):
    """Everything before the cutoff."""

    command: ClassVar[Command] = "nightly"

    def asked(self, settings: Settings) -> Request:  # noqa: ARG002 - the settings allow it always
        """Return the engine's request."""
        return Request(self.command)


class WindowForm(RunForm):
    """A window, of some modules or all."""

    start: Annotated[Instant, Field(title="From", description=_FROM)]
    end: Annotated[Instant, Field(title="To", description=_TO)]
    modules: Modules = ()

    def asked(self, settings: Settings) -> Request:
        """Return the engine's request; raises InputError for an empty window, or a module that is none of the table's."""
        return Request(self.command, Window(self.start, self.end), modules_of(settings, self.modules))

    def __str__(self) -> str:
        """Say what is asked for."""
        return _dry_run(f" {iso(self.start)} to {iso(self.end)}{_of(self.modules)}", self)


class BackfillForm(WindowForm):
    """What to archive, and to purge as the policy says."""

    command: ClassVar[Command] = "backfill"


class PurgeForm(WindowForm):
    """What to purge that is in the lake already."""

    command: ClassVar[Command] = "purge"

    def asked(self, settings: Settings) -> Request:
        """Return the engine's request; raises InputError where the policy removes nothing, too."""
        request = super().asked(settings)
        if settings.policy.purge == "keep":
            message = '[policy] purge is "keep": set it to "delete" or "expire" before you purge'
            raise InputError(message)
        return request


class SweepForm(RunForm):
    """Messages that no module's index holds: of a window, or all that may be archived."""

    command: ClassVar[Command] = "sweep"

    start: Annotated[_MaybeInstant, _empty("From", f"{_FROM} With a To, or neither.")] = None
    end: Annotated[_MaybeInstant, _empty("To", f"{_TO} With a From, or neither.")] = None

    def asked(self, settings: Settings) -> Request:  # noqa: ARG002 - the settings allow it always
        """Return the engine's request; raises InputError for half a window."""
        return Request(self.command, whole_or_none(self.start, self.end))

    def __str__(self) -> str:
        """Say what is asked for."""
        return _dry_run(f" {iso(self.start)} to {iso(self.end)}" if self.start and self.end else "", self)


class RestoreForm(Form):
    """Archived messages that come back. Prefect keeps what a form holds: so pupils and conversations are not asked for here."""

    start: Annotated[_MaybeInstant, _empty("From", f"{_FROM} Empty: from the first one on.")] = None
    end: Annotated[_MaybeInstant, _empty("To", f"{_TO} Empty: to the last one.")] = None
    modules: Modules = ()
    undo: Annotated[_MaybeText, _empty("Undo run", "Put back what the purge of this run removed.")] = None
    into_table: Annotated[_MaybeText, _empty("Into table", "Empty: into the source table.")] = None
    until: Annotated[_MaybeInstant, _empty("Hold until", f"Until when runs leave them alone. Empty: in {HOLD_DAYS} days.")] = None
    dry_run: DryRun = False

    def asked(self, spec: TableSpec, now: datetime) -> RestoringRequest:
        """Return what is to be restored; raises InputError for modules that are none, and for a hold that has passed."""
        values = {spec.module_column: values_of(spec, spec.module_column, self.modules)} if self.modules else {}
        window = Window(self.start or ALL_TIME.start, self.end or ALL_TIME.end) if self.start or self.end else None
        return RestoringRequest(Wanted(spec, window, values), held_until(self.until, now), self.undo, self.into_table)

    def __str__(self) -> str:
        """Say what is asked for."""
        ends = [f" from {iso(self.start)}"] if self.start else []
        ends += [f" to {iso(self.end)}"] if self.end else []
        undone = f" of {self.undo}" if self.undo else ""
        return _dry_run(f"{undone}{''.join(ends)}{_of(self.modules)}", self)


def _of(modules: tuple[str, ...]) -> str:
    if not modules:
        return ""
    return f" of {', '.join(modules)}" if len(modules) <= _MOST_MODULES_NAMED else f" of {len(modules)} modules"


def _dry_run(text: str, form: RunForm | RestoreForm) -> str:
    return f"{text} (dry run)" if form.dry_run else text


def whole_or_none(start: datetime | None, end: datetime | None) -> Window | None:
    """Return the window between two instants, or None without them; raises InputError for half a window."""
    if (start is None) != (end is None):
        message = "give --from and --to together, or neither for all that may be archived"
        raise InputError(message)
    return Window(start, end) if start and end else None


def held_until(until: datetime | None, now: datetime) -> datetime:
    """Return when a hold ends: in seven days unless told otherwise. Raises InputError for what has passed."""
    if until is None:
        return now.replace(microsecond=0) + timedelta(days=HOLD_DAYS)
    if until <= now:
        message = f"--until {iso(until)} has passed; name a time in the future, or leave it out for {HOLD_DAYS} days"
        raise InputError(message)
    return until


def modules_of(settings: Settings, names: tuple[str, ...]) -> tuple[Module, ...] | None:
    """Return modules as the index has them: numbers where the spec's module column is one; None for all."""
    if not names:
        return None
    spec = settings.source.spec()
    if spec.column(spec.module_key).type.kind == "string":
        return names
    try:
        return tuple(int(name) for name in names)
    except ValueError as error:
        message = f"--module takes whole numbers here ({spec.module_key} is a number)"
        raise InputError(message) from error
