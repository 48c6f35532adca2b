"""The table spec: which attributes a message has, which columns they become, and which of them are keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from archive.errors import InputError

SPEC_VERSION: Final = 1
REMAINDER: Final = "remainder"
PARTITION_COLUMN: Final = "dt"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,254}")
_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_PLAIN_KINDS = ("string", "int64", "boolean", "timestamp")
MAX_DECIMAL_DIGITS: Final = 38


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`string`, `int64`, `boolean`, `timestamp` (milliseconds, UTC) or `decimal(precision, scale)`."""

    kind: str
    precision: int = 0
    scale: int = 0

    @classmethod
    def parse(cls, text: str) -> ColumnType:
        """Read the text form; raises InputError with the forms there are."""
        text = text.strip().lower()
        if text in _PLAIN_KINDS:
            return cls(text)
        if match := _DECIMAL.fullmatch(text):
            precision, scale = int(match[1]), int(match[2])
            if 1 <= precision <= MAX_DECIMAL_DIGITS and scale <= precision:
                return cls("decimal", precision, scale)
        message = f"{text!r} is not a column type; use string, int64, boolean, timestamp or decimal(precision, scale) (at most 38 digits)"
        raise InputError(message)

    def __str__(self) -> str:
        """Show the text form."""
        return f"decimal({self.precision},{self.scale})" if self.kind == "decimal" else self.kind


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute of the source (`attribute`) and the column (`name`) that holds it where it fits exactly."""

    attribute: str
    name: str
    type: ColumnType
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A (partition key, numeric time key) table with an index on (module, the same time key).

    The three attributes must be among `columns`, and the time key's column must be a timestamp.
    """

    partition_key: str
    time_key: str
    module_key: str
    columns: tuple[Column, ...]
    bloom_columns: tuple[str, ...] = ()
    _by_attribute: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a spec that could not be stored or registered."""
        by_attribute: dict[str, Column] = {}
        names: set[str] = {REMAINDER, PARTITION_COLUMN}
        for column in self.columns:
            if not _NAME.fullmatch(column.name):
                message = f"column name {column.name!r} must be lower-case letters, digits and underscores (Glue lower-cases names)"
                raise InputError(message)
            if column.name in names:
                message = f"two attributes map to the column {column.name!r}, or it is a reserved one; give each its own name"
                raise InputError(message)
            if column.attribute in by_attribute:
                message = f"attribute {column.attribute!r} is mapped twice; keep one of the two columns"
                raise InputError(message)
            names.add(column.name)
            by_attribute[column.attribute] = column
        for key in (self.partition_key, self.time_key, self.module_key):
            if key not in by_attribute:
                message = f"the key attribute {key!r} has no column; add it to [[source.columns]]"
                raise InputError(message)
        if by_attribute[self.time_key].type.kind != "timestamp":
            message = f"the time key {self.time_key!r} must have a column of type timestamp"
            raise InputError(message)
        if unknown := set(self.bloom_columns) - names:
            message = f"bloom filters are asked for {sorted(unknown)}, which no attribute has as its column; name columns there are"
            raise InputError(message)
        object.__setattr__(self, "_by_attribute", by_attribute)

    def column(self, attribute: str) -> Column:
        """Return the column of a declared attribute."""
        return self._by_attribute[attribute]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The declared attributes, in column order."""
        return tuple(column.attribute for column in self.columns)

    @property
    def primary_key(self) -> tuple[str, str]:
        """The attributes of the table's primary key: its partition key and its time key."""
        return self.partition_key, self.time_key

    @property
    def partition_column(self) -> str:
        """The column of the table's partition key (`conversation_id`)."""
        return self.column(self.partition_key).name

    @property
    def time_column(self) -> str:
        """The column of the time key (`sent_at`), floored to the millisecond and never null."""
        return self.column(self.time_key).name

    @property
    def module_column(self) -> str:
        """The column of the index's partition key (`module_id`)."""
        return self.column(self.module_key).name


def _column(attribute: str, name: str, kind: str, comment: str) -> Column:
    return Column(attribute, name, ColumnType.parse(kind), comment)


CHAT_MESSAGES: Final = TableSpec(
    partition_key="conversationId",
    time_key="timestamp",
    module_key="moduleId",
    columns=(
        _column("conversationId", "conversation_id", "string", "Conversation; partition key of the source table"),
        _column("timestamp", "sent_at", "timestamp", "When the message was sent (UTC, milliseconds); sort key of the source table"),
        _column("messageId", "message_id", "string", "Identifier of the message"),
        _column("moduleId", "module_id", "int64", "Module (course) the message belongs to"),
        _column("studentId", "student_id", "int64", "Student who holds the conversation"),
        _column("provider", "provider", "string", "AI provider that answered, such as openai or anthropic"),
        _column("model", "model", "string", "Model that answered"),
        _column("role", "role", "string", "Who speaks: student, assistant, system"),
        _column("content", "content", "string", "Text of the message"),
        _column("inputTokens", "input_tokens", "int64", "Tokens read by the model"),
        _column("outputTokens", "output_tokens", "int64", "Tokens written by the model"),
        _column("costUsd", "cost_usd", "decimal(18,9)", "Cost of the answer in US dollars"),
        _column("latencyMs", "latency_ms", "int64", "Time the answer took, in milliseconds"),
        _column("finishReason", "finish_reason", "string", "Why the model stopped"),
        _column("schemaVersion", "schema_version", "int64", "Version of the item's shape at the source"),
    ),
    bloom_columns=("conversation_id", "student_id"),
)
