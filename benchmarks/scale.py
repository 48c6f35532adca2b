"""Computes what tables of 1 million to 1 billion messages a month need, from quotas, prices and measured rates, and writes docs/scale.md.

Nothing is measured here. `python -m benchmarks.scale` writes the document; a test holds it against what this module computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Final

from archive.model.cost import BUSIEST_PROVIDER, SECONDS_A_DAY, Work, WriteRates, price_archive, purge_rate, query_units
from archive.model.prices import US_EAST_1

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "scale.md"
VOLUMES: Final = (10**6, 10**7, 10**8, 10**9)
ITEM_BYTES: Final = 2_048
INDEXES: Final = 3
MODULES: Final = 1_000
_DAYS_A_MONTH: Final = 30
_JSON_BYTES: Final = 2_000  # a message as it comes over HTTP
_LAKE_SHARE: Final = 0.25  # of an item's bytes, as zstd 3 leaves them: measured on the real messages
_SPOOL_BYTES: Final = 4 * 10**9
_LENGTHS: Final = {f"{hours} h": timedelta(hours=hours) for hours in (24, 12, 6, 3, 1)} | {
    f"{minutes} min": timedelta(minutes=minutes) for minutes in (15, 5, 1)
}
READ_MB_A_CORE: Final = 40.0
"""MB of JSON a second and core from HTTP to stored Parquet: a little less than on one core in benchmarks/results/read_path.json."""
PURGES_A_CORE: Final = 5_000.0
"""Messages a second and core, removed conditionally: a little less than in benchmarks/results/purge.json."""
DEFAULTS: Final = WriteRates(2_000, 2_000, 500)
"""What `[limits]` lets a run write."""
SHARES: Final = (Decimal("0.8"), BUSIEST_PROVIDER, Decimal("0.34"))
"""How much of the messages the busiest provider may have."""
_READS_BY_DEFAULT: Final = 4_000.0


@dataclass(frozen=True, slots=True)
class Scale:
    """What a table with so many messages a month needs. Hours and dollars are of one day's inflow, unless they say otherwise."""

    month: int
    segment: str
    rows_a_segment: int
    object_mb: float
    objects_a_year: int
    batches_a_day: int
    read_units_a_day: int
    reading_hours: float
    reading_core_hours: float
    purge_hours: float | None
    purging_core_hours: float
    dollars_a_month: Decimal
    born_with_ttl_dollars: Decimal
    saved_a_month: Decimal
    lake_gb_a_year: float
    week_of_a_module_mb: float


def scale(month: int) -> Scale:
    """Compute one volume."""
    day = month // _DAYS_A_MONTH
    name, length = _segment(day)
    segments_a_day = timedelta(days=1) // length
    lake_day = day * ITEM_BYTES * _LAKE_SHARE
    batches = max(1, ceil(day * ITEM_BYTES / (_SPOOL_BYTES / 2)))
    units = float(query_units(day, ITEM_BYTES))
    monthly = Work(
        month, ITEM_BYTES, INDEXES, MODULES * batches * _DAYS_A_MONTH, segments_a_day * _DAYS_A_MONTH, int(lake_day) * _DAYS_A_MONTH
    )
    delete, keep = (price_archive(monthly, mode, US_EAST_1) for mode in ("delete", "keep"))
    rate = purge_rate(day, ITEM_BYTES, INDEXES, DEFAULTS, BUSIEST_PROVIDER)
    return Scale(
        month=month,
        segment=name,
        rows_a_segment=day // segments_a_day,
        object_mb=lake_day / segments_a_day / 1e6,
        objects_a_year=2 * 365 * segments_a_day,
        batches_a_day=batches,
        read_units_a_day=round(units),
        reading_hours=units / _READS_BY_DEFAULT / 3600,
        reading_core_hours=day * _JSON_BYTES / 1e6 / READ_MB_A_CORE / 3600,
        purge_hours=None if rate.hours is None else float(rate.hours),
        purging_core_hours=day / PURGES_A_CORE / 3600,
        dollars_a_month=delete.once,
        born_with_ttl_dollars=keep.once,
        saved_a_month=delete.saved_month,
        lake_gb_a_year=lake_day * 365 / 1e9,
        week_of_a_module_mb=lake_day * 7 / MODULES / 1e6,
    )


def keeps_up_to(busiest: Decimal) -> int:
    """Return up to how many messages a month a purge keeps up with, if the busiest provider has such a share of them."""
    low, high = 0, 10**11
    while high - low > 10**5:
        middle = (low + high) // 2
        rate = purge_rate(middle // _DAYS_A_MONTH, ITEM_BYTES, INDEXES, DEFAULTS, busiest)
        low, high = (middle, high) if rate.keeps_up else (low, middle)
    return round(low, -6)


def _segment(day: int) -> tuple[str, timedelta]:
    """Return the longest segment of which two fit the spool."""
    for name, length in _LENGTHS.items():
        if day * ITEM_BYTES * (length / timedelta(days=1)) <= _SPOOL_BYTES / 2:
            return name, length
    return name, length


def document() -> str:
    """Return docs/scale.md."""
    scales = [scale(month) for month in VOLUMES]
    rows = [
        ("messages a day", [f"{one.month // _DAYS_A_MONTH:,}" for one in scales]),
        ("segment length (`[lake] segment`)", [one.segment for one in scales]),
        ("messages a segment", [f"{one.rows_a_segment:,}" for one in scales]),
        ("MB an object", [f"{one.object_mb:,.1f}" for one in scales]),
        ("S3 objects a year (segments and receipts)", [f"{one.objects_a_year:,}" for one in scales]),
        ("GB of lake a year", [f"{one.lake_gb_a_year:,.0f}" for one in scales]),
        ("batches (Prefect tasks) a day", [f"{one.batches_a_day:,}" for one in scales]),
        ("read units a day", [f"{one.read_units_a_day:,}" for one in scales]),
        (f"hours of reading at {_READS_BY_DEFAULT:,.0f} read units a second", [f"{one.reading_hours:,.2f}" for one in scales]),
        (f"core hours of reading, at {READ_MB_A_CORE:,.0f} MB a second and core", [f"{one.reading_core_hours:,.2f}" for one in scales]),
        ("hours of purging with the default limits", [_told(one.purge_hours) for one in scales]),
        (
            f"core hours of purging, at {PURGES_A_CORE:,.0f} messages a second and core",
            [f"{one.purging_core_hours:,.2f}" for one in scales],
        ),
        ("dollars a month: archive and delete", [f"{one.dollars_a_month:,.2f}" for one in scales]),
        ("dollars a month: archive, messages born with a TTL", [f"{one.born_with_ttl_dollars:,.2f}" for one in scales]),
        ("dollars saved in each later month, by a month that was archived and deleted", [f"{one.saved_a_month:,.2f}" for one in scales]),
        ("MB that Athena reads for one module's week (of 1,000 equal ones)", [f"{one.week_of_a_module_mb:,.2f}" for one in scales]),
    ]
    head = ["", *(f"{one.month // 10**6:,} million a month" for one in scales)]
    table = [f"| {' | '.join(head)} |", f"|---|{'---:|' * len(scales)}", *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)]
    return _TEXT.format(
        table="\n".join(table),
        busiest=f"{BUSIEST_PROVIDER:.0%}",
        shares="\n".join(f"| {share:.0%} | {keeps_up_to(share) // 10**6:,} million |" for share in SHARES),
        workers=f"{ceil(scales[-1].reading_core_hours + scales[-1].purging_core_hours)}",
        region=US_EAST_1.region,
        as_of=US_EAST_1.as_of,
    )


def _told(hours: float | None) -> str:
    if hours is None or hours > SECONDS_A_DAY / 3600:
        return "cannot keep up" if hours is None else f"{hours:,.0f}: cannot keep up"
    return f"{hours:,.2f}"


_TEXT: Final = """# Scale

What a table needs, from 1 million to 1 billion messages a month: computed by `benchmarks/scale.py` from DynamoDB's documented quotas,
the prices of {region} as of {as_of}, the arithmetic of `archive/model/cost.py`, and rates that were measured
([performance](performance.md)). Nothing of this has run at that size, nor on AWS. Messages are of 2 KB, in three full indexes and 1,000
modules; the busiest provider has {busiest} of them. Limits are the defaults of `[limits]`.

{table}

## What limits

**Purging, by the busiest provider.** Each delete is also a write to each index, and one value of an index's partition key takes 1,000 write
units a second. The governor uses half of that, and the inflow itself some. So no setting makes a purge keep up with more than this;
from then on **only a TTL that is set when the message is written** does (`[policy] purge = "keep"`), and that costs nothing:

| the busiest provider has | a purge keeps up with, a month |
|---:|---:|
{shares}

**Reading** is limited by `[limits] read_units`, then by the table's quota (40,000 units a second are 320 MB a second), then by cores.

**Cores.** A day of 1 billion a month takes about {workers} core hours in all. `[run] engine` and `workers` spread batches over processes of
one machine, or over a Dask or Ray cluster. Each process has its part of `[limits]`: more workers do not write faster than one may.

## What to set

- **Segment length**: as in the table, the longest of which two fit a spool of 4 GB. Longer segments are larger objects, which Athena
  likes; shorter ones are rewritten faster when late messages come.
- **Modules**: discovery is one read a module and run, and a module with messages costs one Query a batch.
- **S3**: three requests a segment to archive, and about four more to purge it; a lifecycle rule for old versions, and none for `messages/`.
- **Glue**: no partitions are registered; projection computes them, so there is nothing to crawl, and no limit to reach.
- **Athena**: rows are sorted by module, so that a module's week reads a thousandth of seven days' bytes, but at least a row group of each
  object: with short segments, most of such a question is requests.
- **Late messages** rewrite an object of 64 MiB or more only when there are enough of them (`late_rows`, `late_days`).
"""


def main() -> None:
    """Write docs/scale.md."""
    DOCUMENT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
