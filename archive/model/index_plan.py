"""Plans which indexes are added to a table that is there: what forbids it, and what each backfill writes and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from archive.errors import InputError, RefusedError
from archive.model.cost import GB, ITEM_OVERHEAD, write_units
from archive.model.described_table import Answer, indexes_in, is_provisioned, types_of, wrong_index, wrong_keys
from archive.model.prices import Prices
from archive.model.table_shape import is_infrequent
from archive.model.wanted_table import WantedIndex, WantedTable, attribute_definitions

MOST_INDEXES: Final = 20
"""Global secondary indexes of a table, by DynamoDB's default quota."""
MOST_UNITS: Final = 40_000
"""Read or write units a second that an index can have, by DynamoDB's default quota."""
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html


@dataclass(frozen=True, slots=True)
class Throughput:
    """Units a second of a new index of a provisioned table; None: not said."""

    read: int | None = None
    write: int | None = None


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """Which indexes are missing, which are being made, and what one backfill writes at most.

    `items` and `bytes` are the table's, hours old: an index holds what has its key. `dollars` are paid once for each index (None: the
    table is provisioned), `dollars_month` each month for its storage.
    """

    missing: tuple[WantedIndex, ...]
    being_made: tuple[str, ...]
    items: int
    bytes: int
    units: int
    dollars: Decimal | None
    dollars_month: Decimal

    def in_words(self) -> str:
        """Say what the backfills write and cost."""
        count = len(self.missing)
        paid = "of the provisioned units" if self.dollars is None else f"or about ${float(self.dollars * count):,.2f} once"
        return (
            f"{', '.join(index.name for index in self.missing)}: at most {self.items:,} items are copied into each, which writes about "
            f"{self.units * count:,} units in all, {paid}; then about ${float(self.dollars_month * count):,.2f} a month are stored "
            "(DynamoDB's counts are up to six hours old)"
        )

    def to_dict(self) -> dict[str, object]:
        """Return the plan for `--json`: for all missing indexes together."""
        count = len(self.missing)
        return {
            "missing": [index.name for index in self.missing],
            "being_made": list(self.being_made),
            "items": self.items,
            "write_units": self.units * count,
            "dollars_once": None if self.dollars is None else str(round(self.dollars * count, 6)),
            "dollars_a_month": str(round(self.dollars_month * count, 6)),
        }


def plan_indexes(table: Answer, wanted: WantedTable, throughput: Throughput, prices: Prices) -> IndexPlan:
    """Plan it. Raises RefusedError where the table is not as the settings say, cannot be changed now, or a quota would be exceeded.

    Raises InputError where the throughput is missing, too large, or of no use.
    """
    name, there = wanted.name, indexes_in(table)
    busy = tuple(index.name for index in there.values() if index.status != "ACTIVE")
    missing = tuple(index for index in wanted.indexes if index.name not in there)
    wrong = wrong_keys(table, wanted) or next((text for index in wanted.indexes if (text := wrong_index(table, index, wanted))), None)
    if wrong:
        message = f"table {name} cannot get its indexes: {wrong}"
        raise RefusedError(message)
    status = str(table.get("TableStatus"))
    if status != "ACTIVE" and not (status == "UPDATING" and busy):
        message = f"table {name} is {status}, and only an ACTIVE table can get an index; wait until it is, then run again"
        raise RefusedError(message)
    if missing and len(there) + len(missing) > MOST_INDEXES:
        message = (
            f"table {name} has {len(there)} indexes, and {len(missing)} more would be {len(there) + len(missing)}; DynamoDB's quota is "
            f"{MOST_INDEXES} a table: delete those that nobody reads"
        )
        raise RefusedError(message)
    items, size = int(table.get("ItemCount") or 0), int(table.get("TableSizeBytes") or 0)
    units = items * write_units(-(-size // items) or 1, 0) if items else 0
    provisioned, priced = is_provisioned(table), prices.of_class(infrequent=is_infrequent(table))
    if missing:
        _require(throughput, name, units, provisioned=provisioned)
    return IndexPlan(
        missing,
        busy,
        items,
        size,
        units,
        None if provisioned else priced.writes(units),
        (size + items * ITEM_OVERHEAD) * priced.table_gb_month / GB,
    )


def _require(throughput: Throughput, name: str, units: int, *, provisioned: bool) -> None:
    """Refuse units where a table has none, and their absence where it has some."""
    told = (throughput.read, throughput.write)
    if not provisioned:
        if told != (None, None):
            message = f"table {name} is paid for on demand, and so are its indexes; leave --read-units and --write-units out"
            raise InputError(message)
        return
    if throughput.read is None or throughput.write is None:
        message = (
            f"table {name} is provisioned, and so is each of its indexes: give --read-units and --write-units, the units a second of a "
            f"new index (its backfill writes about {units:,} units, and writes of messages are throttled where it has too few)"
        )
        raise InputError(message)
    if not all(1 <= rate <= MOST_UNITS for rate in (throughput.read, throughput.write)):
        message = (
            f"--read-units and --write-units are from 1 to {MOST_UNITS:,} a second, which is DynamoDB's quota for an index; correct them"
        )
        raise InputError(message)


def update_request(table: Answer, index: WantedIndex, wanted: WantedTable, throughput: Throughput) -> dict[str, Any]:
    """Return what UpdateTable is told to add one index: it names the types of all keys that the table has, and of the index's."""
    there = types_of(table)
    types: Mapping[str, str] = there | {name: wanted.types[name] for name in index.keys if name not in there}
    made = index.definition
    if is_provisioned(table):
        made["ProvisionedThroughput"] = {"ReadCapacityUnits": throughput.read, "WriteCapacityUnits": throughput.write}
    return {
        "TableName": wanted.name,
        "AttributeDefinitions": attribute_definitions(types),
        "GlobalSecondaryIndexUpdates": [{"Create": made}],
    }
