"""Turns rows of the lake back into the items they were made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from archive.codec.fit import tag_of
from archive.codec.values import AttributeValue, Item, canonical_number, decode_plain
from archive.model.spec import REMAINDER, TableSpec


def _number(value: Any) -> AttributeValue:  # noqa: ANN401 - int or Decimal
    return {"N": canonical_number(str(value))}


_MAKERS: dict[str, Callable[[Any], AttributeValue]] = {
    "S": lambda value: {"S": value},
    "BOOL": lambda value: {"BOOL": value},
    "N": _number,
}


def items_of(spec: TableSpec, rows: pa.Table | pa.RecordBatch) -> list[Item]:
    """Return one item a row, in boto3's low-level form. What the remainder says of an attribute outranks its column."""
    items: list[Item] = [{} for _ in range(rows.num_rows)]
    for column in spec.columns:
        values = rows.column(column.name)
        if column.type.kind == "timestamp":
            values = values.cast(pa.int64())
        make, attribute = _MAKERS[tag_of(column.type)], column.attribute
        for item, value in zip(items, values.to_pylist(), strict=True):
            if value is not None:
                item[attribute] = make(value)
    for item, text in zip(items, rows.column(REMAINDER).to_pylist(), strict=True):
        if text is not None:
            item.update(decode_plain(text))
    return items
