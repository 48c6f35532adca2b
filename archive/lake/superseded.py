"""Keeps rows that are superseded although their messages were already removed: a key that was used again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from archive.codec.conditions import key_of
from archive.codec.fit import row_schema
from archive.codec.items import items_of
from archive.codec.values import canonical
from archive.disk import local_disk
from archive.lake.order import Order
from archive.lake.parquet import sha256_of
from archive.lake.purge_records import PurgeRecords
from archive.lake.spool import Spool
from archive.lake.sweep import sweep
from archive.model.keys import LakeKeys
from archive.model.layout import Segment
from archive.s3 import LostRaceError, Store


def keep_superseded(store: Store, keys: LakeKeys, order: Order, segment: Segment, losers: Spool) -> int:
    """Store the losers whose messages may have been removed, under `superseded/`, before the PUT that drops them.

    Returns how many. A loser that a purge found changed is only an older version of a living message: not kept. The
    object is named by its content, so that a repeated merge stores it once.
    """
    if not losers.rows.get(segment):
        return 0
    may_be_removed = PurgeRecords(store, keys).may_be_removed(segment)
    if may_be_removed is None:
        return 0
    kept = 0
    with local_disk(), TemporaryDirectory(dir=losers.folder) as folder:
        path = Path(folder) / "superseded.parquet"
        with pq.ParquetWriter(path, row_schema(order.spec), compression="zstd", store_schema=False) as writer:
            for chunk in sweep(order, losers.runs(segment)):
                wanted = [may_be_removed(canonical(key_of(order.spec, item)).decode()) for item in items_of(order.spec, chunk)]
                rows = chunk.filter(wanted).select(row_schema(order.spec).names)
                kept += rows.num_rows
                writer.write_table(rows)
        if kept:
            sha256 = sha256_of(path)
            with suppress(LostRaceError):  # then the very rows are there already: the key is made from their hash
                store.put_file(keys.superseded(segment, sha256[:16]), path, sha256, None, {})
    return kept
