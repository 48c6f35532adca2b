"""Turns rows of the lake back into the items they were made from."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from archive.codec.fit import tag_of
from archive.codec.values import Item, canonical_number, decode_plain
from archive.model.spec import REMAINDER, ColumnType, TableSpec


def items_of(spec: TableSpec, rows: pa.Table | pa.RecordBatch) -> list[Item]:
    """Return one item a row, in boto3's low-level form. What the remainder says of an attribute outranks its column."""
    items: list[Item] = [{} for _ in range(rows.num_rows)]
    for column in spec.columns:
        tag, attribute = tag_of(column.type), column.attribute
        for item, value in zip(items, _held(column.type, rows.column(column.name)), strict=True):
            if value is not None:
                item[attribute] = {tag: value}
    for item, text in zip(items, rows.column(REMAINDER).to_pylist(), strict=True):
        if text is not None:
            item.update(decode_plain(text))
    return items


def _held(kind: ColumnType, values: Any) -> list[Any]:  # noqa: ANN401 - a column
    """Return what the attribute values of a column hold; None where there is none."""
    if kind.kind == "decimal":
        return [None if value is None else canonical_number(str(value)) for value in values.to_pylist()]
    if tag_of(kind) == "N":
        values = values.cast(pa.int64()).cast(pa.string())
    held: list[Any] = values.to_pylist()
    return held
