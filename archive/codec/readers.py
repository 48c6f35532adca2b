"""Reads values of a learned shape, a whole page's at a time: parsed into structs, then made plain column by column.

What comes out is what `to_plain` makes of the same values, ready to be printed: structs whose fields are the members that
are there. Python takes a step for each member of a shape, and none for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, UnsetType

from archive.codec.answers import parsed
from archive.codec.shapes import Shape
from archive.codec.values import AttributeValue, plain_number, to_plain


class Text(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A value of type S."""

    v: str = msgspec.field(name="S")


class Number(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A value of type N."""

    v: str = msgspec.field(name="N")


class Boolean(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A value of type BOOL."""

    v: bool = msgspec.field(name="BOOL")


class _Null(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: bool = msgspec.field(name="NULL")


class _Unknown(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    v: None = msgspec.field(name="no value has this type, so that the first one is learned")


@dataclass(frozen=True, slots=True)
class Reader:
    """How values of one shape are read: `wire` is what msgspec parses one into, `nothing` stands for one that is absent.

    `plain` makes a page's worth of them plain, in their order; those that are absent are UNSET, which is never printed.
    """

    wire: Any
    nothing: Any
    plain: Callable[[Sequence[Any]], list[Any]]


def reader_of(shape: Shape) -> Reader:
    """Return the reader of a shape."""
    if shape.tag == "M":
        return _map_reader(shape)
    if shape.element is not None:
        return _list_reader(shape.element)
    return _READERS[shape.tag]


def struct_of(name: str, fields: dict[str, tuple[Any, Any]], **options: Any) -> Any:  # noqa: ANN401 - msgspec's
    """Make a struct type whose fields are named by attributes: each with its type and its default, in this order."""
    numbered = list(enumerate(fields.items()))
    return msgspec.defstruct(
        name,
        [(f"f{number}", kind, default) for number, (_, (kind, default)) in numbered],
        rename={f"f{number}": attribute for number, (attribute, _) in numbered},
        gc=False,
        **options,
    )


def plain_struct(names: Sequence[str]) -> Any:  # noqa: ANN401 - msgspec's
    """Make the struct type that is printed as an object of these names; what is UNSET is left out."""
    return struct_of("Plain", dict.fromkeys(names, (Any, UNSET)))


def columns_of(structs: Sequence[Any], count: int) -> list[tuple[Any, ...]]:
    """Turn structs of `count` fields into columns of their fields."""
    return list(zip(*map(msgspec.structs.astuple, structs), strict=True)) or [()] * count


def _map_reader(shape: Shape) -> Reader:
    readers = [reader_of(member) for member in shape.members.values()]
    fields = {name: (reader.wire, reader.nothing) for name, reader in zip(shape.members, readers, strict=True)}
    members = struct_of("Members", fields, frozen=True, forbid_unknown_fields=True)
    wire = _tagged("M", members)
    target = plain_struct(list(shape.members))

    def plain(maps: list[Any]) -> list[Any]:
        if not readers:
            return [target() for _ in maps]
        columns = columns_of(maps, len(readers))
        return list(map(target, *(reader.plain(column) for reader, column in zip(readers, columns, strict=True))))

    return Reader(wire, wire(UNSET), _where_present(plain))


def _list_reader(element: Shape) -> Reader:
    reader = reader_of(element)
    wire = _tagged("L", list[reader.wire])  # type: ignore[name-defined]

    def plain(lists: list[Any]) -> list[Any]:
        members = iter(reader.plain(list(chain.from_iterable(lists))))
        return [list(islice(members, len(one))) for one in lists]

    return Reader(wire, wire(UNSET), _where_present(plain))


def _tagged(tag: str, kind: Any) -> Any:  # noqa: ANN401 - msgspec's
    return msgspec.defstruct("Tagged", [("v", kind, msgspec.field(name=tag))], frozen=True, gc=False, forbid_unknown_fields=True)


def _where_present(plain: Callable[[list[Any]], list[Any]]) -> Callable[[Sequence[Any]], list[Any]]:
    """Extend what makes values plain to columns of tagged ones, some of which are absent."""

    def column(wires: Sequence[Any]) -> list[Any]:
        values = [wire.v for wire in wires]
        present = [value for value in values if value is not UNSET]
        if len(present) == len(values):
            return plain(present)
        made = iter(plain(present))
        return [UNSET if value is UNSET else next(made) for value in values]

    return column


def _as_they_are(wires: Sequence[Any]) -> list[Any]:
    return [wire.v for wire in wires]


def _nulls(wires: Sequence[Any]) -> list[Any]:
    return [UNSET if wire.v is UNSET else None for wire in wires]


@lru_cache(maxsize=65_536)
def _number(text: str | UnsetType) -> object:
    return UNSET if text is UNSET else plain_number(text)


def _numbers(wires: Sequence[Any]) -> list[Any]:
    return list(map(_number, [wire.v for wire in wires]))


_value = msgspec.json.Decoder(AttributeValue)


def _anything(wires: Sequence[msgspec.Raw]) -> list[Any]:
    return [to_plain(parsed(_value, raw)) if raw else UNSET for raw in wires]


_ABSENT: Final = cast("Any", UNSET)
_READERS: Final = {
    "S": Reader(Text, Text(_ABSENT), _as_they_are),
    "N": Reader(Number, Number(_ABSENT), _numbers),
    "BOOL": Reader(Boolean, Boolean(_ABSENT), _as_they_are),
    "NULL": Reader(_Null, _Null(_ABSENT), _nulls),
    "unknown": Reader(_Unknown, _Unknown(_ABSENT), _as_they_are),
    "anything": Reader(msgspec.Raw, msgspec.Raw(), _anything),
}
