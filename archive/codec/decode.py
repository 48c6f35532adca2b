"""Turns the body of a DynamoDB answer into an Arrow batch, column by column, with few Python objects a message.

The structs are learned: each item is parsed into one msgspec Struct that has, for every declared attribute, a wrapper
with exactly the type tag its column holds, and for every other attribute name seen so far the shape that its values had.
An item that does not fit is parsed again the slow, exact way, and what was new about it is learned for the next page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import pyarrow as pa
from msgspec import UNSET

from archive.codec.answers import Answer, Capacity, parsed, wrong_answer
from archive.codec.fit import NumberColumn, fit, require_times, spool_schema, tag_of
from archive.codec.readers import Boolean, Number, Reader, Text, columns_of, plain_struct, reader_of, struct_of
from archive.codec.shapes import MOST_NAMES, UNKNOWN, Shape, can_be_a_field, learned
from archive.codec.values import AttributeValue, Item, encode_plain, from_wire, plain_number, to_plain
from archive.model.spec import Column, TableSpec

_ABSENT: Final[Any] = None
_WRAPPERS: Final[dict[str, tuple[type, Any]]] = {
    "S": (Text, Text(_ABSENT)),
    "N": (Number, Number(_ABSENT)),
    "BOOL": (Boolean, Boolean(_ABSENT)),
}

_NOTHING: Final = b"{}"
_LESSON: Final = 16  # items that are learned from before the rest of a page is tried again
_MOST_LESSONS: Final = 4


class _RawPage(Answer, gc=False, kw_only=True):
    items: list[msgspec.Raw] = msgspec.field(name="Items")


class _Undone(msgspec.Struct, gc=False):
    keys: list[Item] = msgspec.field(name="Keys")


class _RawBatch(msgspec.Struct, gc=False):
    responses: dict[str, list[msgspec.Raw]] = msgspec.field(name="Responses")
    undone: dict[str, _Undone] = msgspec.field(name="UnprocessedKeys", default_factory=dict)
    capacity: list[Capacity] | None = msgspec.field(name="ConsumedCapacity", default=None)


@dataclass(frozen=True, slots=True)
class QueryPage:
    """One Query or Scan answer, parsed: where to go on (as the client takes it), and its read units (None: not told).

    `rows` makes its rows, in the spool's schema; ask once, and before the decoder gets its next answer.
    """

    last_key: Item | None
    units: float | None
    rows: Callable[[], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One BatchGetItem answer: `rows` in the spool's schema, and the keys DynamoDB left undone (as the client takes them)."""

    rows: pa.RecordBatch
    unprocessed: list[Item]
    units: float | None


class PageDecoder:
    """Decodes answers for one spec. Keep one a thread: it learns attribute names and shapes, and shares nothing.

    `mark` names a TTL attribute that is Dynalake's own: where it is a whole number, it is not part of the message and
    goes to the spool's mark column instead.
    """

    def __init__(self, spec: TableSpec, mark: str | None = None) -> None:
        """Prepare for a spec; the first items of a new shape are read the slow way."""
        self._spec = spec
        self._mark = None if mark in spec.attributes else mark
        self._schema = spool_schema(spec)
        self._numbers = {column.name: NumberColumn(column.type) for column in spec.columns if tag_of(column.type) == "N"}
        self._parsed = [column for column in spec.columns if can_be_a_field(column.attribute)]
        self._declared = set(spec.attributes)
        self.seen: set[str] = set()
        """Every undeclared attribute name met so far."""
        self._shapes: dict[str, Shape] = {}
        self._raw_page = msgspec.json.Decoder(_RawPage)
        self._raw_batch = msgspec.json.Decoder(_RawBatch)
        self._exact = msgspec.json.Decoder(Item)
        self._learn_structs()

    def _learn_structs(self) -> None:
        self._readers: dict[str, Reader] = {name: reader_of(shape) for name, shape in self._shapes.items()}
        self._plain = plain_struct(list(self._readers))
        item = struct_of(
            "Message",
            {column.attribute: _WRAPPERS[tag_of(column.type)] for column in self._parsed}
            | {name: (reader.wire, reader.nothing) for name, reader in self._readers.items()},
            forbid_unknown_fields=True,
        )
        page = msgspec.defstruct(
            "QueryPage",
            [("items", list[item], msgspec.field(name="Items"))],  # type: ignore[valid-type]
            bases=(Answer,),
            gc=False,
            kw_only=True,
        )
        self._blank = item()
        self._item: msgspec.json.Decoder[Any] = msgspec.json.Decoder(item)
        self._page: msgspec.json.Decoder[Any] = msgspec.json.Decoder(page)

    def query_page(self, body: bytes) -> QueryPage:
        """Parse the body of a Query or Scan answer. This, or making its rows, raises ProofError where it is not one."""
        slow: dict[int, Item] = {}
        try:
            page = self._page.decode(body)
            messages = page.items
        except msgspec.ValidationError:
            page = parsed(self._raw_page, body)
            messages, slow = self._one_by_one(page.items)
        except (ValueError, RecursionError) as error:
            raise wrong_answer() from error
        if page.count != len(messages):
            raise wrong_answer()
        return QueryPage(page.start_key, page.units, partial(self._rows, messages, slow))

    def batch_page(self, body: bytes, table: str) -> BatchPage:
        """Decode the body of a BatchGetItem answer for one table. Raises ProofError where it is not one."""
        page = parsed(self._raw_batch, body)
        if not {table}.issuperset([*page.responses, *page.undone]):
            raise wrong_answer()
        messages, slow = self._one_by_one(page.responses.get(table, []))
        units = sum(part.units or 0.0 for part in page.capacity) if page.capacity else None
        undone = page.undone[table].keys if table in page.undone else []
        return BatchPage(self._rows(messages, slow), [from_wire(key) for key in undone], units)

    def rows(self, items: list[Item]) -> pa.RecordBatch:
        """Decode items that are at hand already, the slow, exact way."""
        return self._rows([self._blank] * len(items), dict(enumerate(items)))

    def _one_by_one(self, raw_items: list[msgspec.Raw]) -> tuple[list[Any], dict[int, Item]]:
        """Parse items of which some do not fit: those the slow way. Where they are many, some are learned from first."""
        for _ in range(_MOST_LESSONS):
            messages, misfits = self._try_each(raw_items)
            lesson = [parsed(self._exact, raw_items[position]) for position in misfits[:_LESSON]]
            if len(misfits) <= _LESSON or not self._learn(lesson):
                break
        else:
            messages, misfits = self._try_each(raw_items)
        return messages, {position: parsed(self._exact, raw_items[position]) for position in misfits}

    def _try_each(self, raw_items: list[msgspec.Raw]) -> tuple[list[Any], list[int]]:
        """Parse items into the learned structs; return a blank for each that does not fit, and the positions of those."""
        messages: list[Any] = []
        misfits: list[int] = []
        decode = self._item.decode
        for position, raw in enumerate(raw_items):
            try:
                messages.append(decode(raw))
            except (ValueError, RecursionError):
                messages.append(self._blank)
                misfits.append(position)
        return messages, misfits

    def _rows(self, messages: list[Any], slow: dict[int, Item]) -> pa.RecordBatch:
        wires = columns_of(messages, len(self._parsed) + len(self._readers))
        declared = {column.name: wire for column, wire in zip(self._parsed, wires, strict=False)}
        extras: dict[int, dict[str, Any]] = {}
        patches = self._slow_values(slow, extras)
        arrays = [
            self._column(column, declared.get(column.name), len(messages), patches.get(column.name, {}), extras)
            for column in self._spec.columns
        ]
        learned_columns = {
            name: reader.plain(wire) for (name, reader), wire in zip(self._readers.items(), wires[len(self._parsed) :], strict=True)
        }
        marks = self._take_marks(learned_columns, extras, len(messages))
        arrays += [self._remainder(learned_columns, extras, len(messages)), pa.array(marks, pa.int64())]
        self._learn(slow.values())
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _slow_values(self, slow: dict[int, Item], extras: dict[int, dict[str, Any]]) -> dict[str, dict[int, Any]]:
        """Return by column and position what the columns hold of slow items; all else goes to `extras`."""
        patches: dict[str, dict[int, Any]] = {}
        for position, item in slow.items():
            for attribute, value in item.items():
                if attribute in self._declared:
                    column = self._spec.column(attribute)
                    fitted, whole = fit(column.type, value)
                    patches.setdefault(column.name, {})[position] = fitted
                    if whole:
                        continue
                extras.setdefault(position, {})[attribute] = to_plain(value)
        return patches

    def _column(
        self,
        column: Column,
        wires: Sequence[Any] | None,
        count: int,
        patches: dict[int, Any],
        extras: dict[int, dict[str, Any]],
    ) -> pa.Array:
        values = [None] * count if wires is None else [wire.v for wire in wires]
        for position, value in patches.items():
            values[position] = value
        if numbers := self._numbers.get(column.name):
            array, left_over = numbers.cast(values)
            for position, text in left_over.items():
                extras.setdefault(position, {})[column.attribute] = plain_number(text)
        else:
            array = pa.array(values, self._schema.field(column.name).type)
        if column.attribute == self._spec.time_key:
            require_times(array)
        return array

    def _take_marks(self, learned_columns: dict[str, list[Any]], extras: dict[int, dict[str, Any]], count: int) -> list[int | None]:
        """Take our own TTL marks out of what is going to the remainder."""
        marks: list[int | None] = [None] * count
        if self._mark is None:
            return marks
        column = learned_columns.get(self._mark, [])
        for position, plain in enumerate(column):
            if _is_mark(plain):
                marks[position], column[position] = plain, UNSET
        for position, plain in extras.items():
            if _is_mark(plain.get(self._mark)):
                marks[position] = plain.pop(self._mark)
        return marks

    def _remainder(self, learned_columns: dict[str, list[Any]], extras: dict[int, dict[str, Any]], count: int) -> pa.Array:
        """Return as JSON text what no column holds; null where there is nothing."""
        columns = learned_columns.values()
        lines = list(map(encode_plain, map(self._plain, *columns))) if columns else [_NOTHING] * count
        for position, plain in extras.items():
            more = {name: column[position] for name, column in learned_columns.items() if column[position] is not UNSET}
            lines[position] = encode_plain(more | plain)
        printed = pa.array([None if line == _NOTHING else line for line in lines], pa.binary())
        return printed.view(pa.string())  # what was printed is UTF-8, and need not be looked at once more

    def _learn(self, items: Iterable[Item]) -> bool:
        """Learn what is new about items that did not fit, so that their like are parsed at once; say whether there was anything."""
        values: dict[str, list[AttributeValue]] = {}
        for item in items:
            for name in item.keys() - self._declared:
                values.setdefault(name, []).append(item[name])
        self.seen |= values.keys()
        before = dict(self._shapes)
        for name in sorted(values):
            if name in self._shapes or (len(self._shapes) < MOST_NAMES and can_be_a_field(name)):
                self._shapes[name] = learned(self._shapes.get(name, UNKNOWN), values[name])
        if self._shapes == before:
            return False
        self._learn_structs()
        return True


def _is_mark(plain: object) -> bool:
    return type(plain) is int and plain >= 0
