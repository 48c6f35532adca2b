"""Turns the body of a DynamoDB answer into an Arrow batch, column by column, with few Python objects a message.

The structs are learned: each item is parsed into one msgspec Struct that has, for every declared attribute, a wrapper
with exactly the type tag its column holds, and for every other attribute name seen so far the untouched JSON. An item
that does not fit is parsed again the slow, exact way, and its names are learned for the next page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa

from archive.codec.answers import Answer, Capacity, parsed, wrong_answer
from archive.codec.fit import NumberColumn, fit, require_times, spool_schema, tag_of
from archive.codec.values import AttributeValue, Item, encode_plain, from_wire, to_plain
from archive.model.spec import Column, TableSpec

_MOST_LEARNED: Final = 64  # names beyond these are parsed the slow way: a struct of thousands of fields is slower still


class _S(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: str | None = msgspec.field(name="S")


class _N(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: str | None = msgspec.field(name="N")


class _Bool(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: bool | None = msgspec.field(name="BOOL")


class _StringOnly(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: str = msgspec.field(name="S")


class _NumberOnly(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: str = msgspec.field(name="N")


class _BoolOnly(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: bool = msgspec.field(name="BOOL")


_WRAPPERS: Final[dict[str, tuple[type, Any]]] = {
    "S": (_StringOnly, _S(None)),
    "N": (_NumberOnly, _N(None)),
    "BOOL": (_BoolOnly, _Bool(None)),
}
_NOTHING: Final = msgspec.Raw()


class _RawPage(Answer, gc=False, kw_only=True):
    items: list[msgspec.Raw] = msgspec.field(name="Items")


class _Undone(msgspec.Struct, gc=False):
    keys: list[Item] = msgspec.field(name="Keys")


class _RawBatch(msgspec.Struct, gc=False):
    responses: dict[str, list[msgspec.Raw]] = msgspec.field(name="Responses")
    undone: dict[str, _Undone] = msgspec.field(name="UnprocessedKeys", default_factory=dict)
    capacity: list[Capacity] | None = msgspec.field(name="ConsumedCapacity", default=None)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: `rows` in the spool's schema, where to go on (as the client takes it), and its read units (None: not told)."""

    rows: pa.RecordBatch
    last_key: Item | None
    units: float | None


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One BatchGetItem answer: `rows` in the spool's schema, and the keys DynamoDB left undone (as the client takes them)."""

    rows: pa.RecordBatch
    unprocessed: list[Item]
    units: float | None


class PageDecoder:
    """Decodes answers for one spec. Keep one a thread: it learns attribute names, and shares nothing.

    `mark` names a TTL attribute that is Dynalake's own: where it is a whole number, it is not part of the message and
    goes to the spool's mark column instead.
    """

    def __init__(self, spec: TableSpec, mark: str | None = None) -> None:
        """Prepare for a spec; the first items of a new shape are read the slow way."""
        self._spec = spec
        self._mark = mark
        self._schema = spool_schema(spec)
        self._numbers = {column.name: NumberColumn(column.type) for column in spec.columns if tag_of(column.type) == "N"}
        self._declared = set(spec.attributes)
        self.seen: set[str] = set()
        """Every undeclared attribute name met so far."""
        self._learned: list[str] = []
        self._raw_page = msgspec.json.Decoder(_RawPage)
        self._raw_batch = msgspec.json.Decoder(_RawBatch)
        self._exact = msgspec.json.Decoder(Item)
        self._value = msgspec.json.Decoder(AttributeValue)
        self._learn_structs()

    def _learn_structs(self) -> None:
        fields: list[tuple[str, Any, Any]] = []
        names: dict[str, str] = {}
        for number, column in enumerate(self._spec.columns):
            if _can_be_a_field(column.attribute):
                wrapper, nothing = _WRAPPERS[tag_of(column.type)]
                fields.append((f"c{number}", wrapper, nothing))
                names[f"c{number}"] = column.attribute
        for number, name in enumerate(self._learned):
            fields.append((f"r{number}", msgspec.Raw, _NOTHING))
            names[f"r{number}"] = name
        item = msgspec.defstruct("Message", fields, rename=names, gc=False, forbid_unknown_fields=True)
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

    def query_page(self, body: bytes) -> Page:
        """Decode the body of a Query or Scan answer. Raises ProofError where it is not one."""
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
        return Page(self._rows(messages, slow), page.start_key, page.units)

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
        messages: list[Any] = []
        slow: dict[int, Item] = {}
        decode = self._item.decode
        for position, raw in enumerate(raw_items):
            try:
                messages.append(decode(raw))
            except (ValueError, RecursionError):
                messages.append(self._blank)
                slow[position] = parsed(self._exact, raw)
        return messages, slow

    def _rows(self, messages: list[Any], slow: dict[int, Item]) -> pa.RecordBatch:
        extras: dict[int, dict[str, Any]] = {}
        marks: dict[int, int] = {}
        patches = self._slow_values(slow, extras, marks)
        arrays = [self._column(number, column, messages, patches, extras) for number, column in enumerate(self._spec.columns)]
        self._collect_learned(messages, extras, marks)
        remainder: list[bytes | None] = [None] * len(messages)
        for position, plain in extras.items():
            remainder[position] = encode_plain(plain)
        arrays.append(pa.array(remainder, pa.binary()).cast(pa.string()))
        mark_column: list[int | None] = [None] * len(messages)
        for position, mark in marks.items():
            mark_column[position] = mark
        arrays.append(pa.array(mark_column, pa.int64()))
        self._learn()
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _slow_values(self, slow: dict[int, Item], extras: dict[int, dict[str, Any]], marks: dict[int, int]) -> dict[str, dict[int, Any]]:
        patches: dict[str, dict[int, Any]] = {}
        for position, item in slow.items():
            for attribute, value in item.items():
                if attribute in self._declared:
                    column = self._spec.column(attribute)
                    fitted, whole = fit(column.type, value)
                    patches.setdefault(column.name, {})[position] = fitted
                    if not whole:
                        extras.setdefault(position, {})[attribute] = to_plain(value)
                    continue
                self.seen.add(attribute)
                self._keep(position, attribute, value, (extras, marks))
        return patches

    def _keep(
        self,
        position: int,
        attribute: str,
        value: dict[str, Any],
        into: tuple[dict[int, dict[str, Any]], dict[int, int]],
    ) -> None:
        """Put an undeclared value where it belongs: our own TTL mark to the marks, all else to the remainder."""
        extras, marks = into
        plain = to_plain(value)
        if attribute == self._mark and type(plain) is int and plain >= 0:
            marks[position] = plain
        else:
            extras.setdefault(position, {})[attribute] = plain

    def _column(
        self,
        number: int,
        column: Column,
        messages: list[Any],
        patches: dict[str, dict[int, Any]],
        extras: dict[int, dict[str, Any]],
    ) -> pa.Array:
        field = f"c{number}"
        values = [getattr(message, field).v for message in messages] if hasattr(self._blank, field) else [None] * len(messages)
        for position, value in patches.get(column.name, {}).items():
            values[position] = value
        if numbers := self._numbers.get(column.name):
            array, left_over = numbers.cast(values)
            for position, text in left_over.items():
                extras.setdefault(position, {})[column.attribute] = to_plain({"N": text})
        else:
            array = pa.array(values, self._schema.field(column.name).type)
        if column.attribute == self._spec.time_key:
            require_times(array)
        return array

    def _collect_learned(self, messages: list[Any], extras: dict[int, dict[str, Any]], marks: dict[int, int]) -> None:
        for number, attribute in enumerate(self._learned):
            field = f"r{number}"
            for position, message in enumerate(messages):
                if raw := getattr(message, field):
                    self._keep(position, attribute, parsed(self._value, raw), (extras, marks))

    def _learn(self) -> None:
        new = [name for name in sorted(self.seen - set(self._learned)) if _can_be_a_field(name)]
        if new and len(self._learned) < _MOST_LEARNED:
            self._learned = (self._learned + new)[:_MOST_LEARNED]
            self._learn_structs()


def _can_be_a_field(name: str) -> bool:
    """Say whether msgspec can name a field so: it takes no quote, no backslash and no control character."""
    return all(character.isprintable() and character not in '"\\' for character in name)
