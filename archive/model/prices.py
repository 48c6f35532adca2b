"""What AWS asks for what Dynalake uses: list prices by region, each with its date and source, as data (prices.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

_MILLION: Final = 10**6
Overrides = tuple[tuple[str, Decimal], ...]
"""Prices by their names that go before the list's: what somebody really pays."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of one region in US dollars, without free tiers, discounts and taxes. GB and TB are powers of 1024.

    `as_of` is the day of the oldest one. `borrowed` names those that are not known of this region, and are another's;
    `overridden` those that the settings replaced.
    """

    region: str
    as_of: date
    sources: tuple[str, ...]
    write_million: Decimal  # on-demand write request units
    read_million: Decimal  # on-demand read request units
    replicated_write_million: Decimal  # the same, of a table with replicas (its indexes pay write_million)
    table_gb_month: Decimal  # DynamoDB storage, Standard
    ia_write_million: Decimal  # the same of the table class Standard-Infrequent Access
    ia_read_million: Decimal
    ia_table_gb_month: Decimal
    write_unit_hour: Decimal  # provisioned write unit
    read_unit_hour: Decimal
    reserved_year_write: Decimal  # a write unit that is reserved for a year: once ...
    reserved_year_write_hour: Decimal  # ... and each hour
    reserved_year_read: Decimal
    reserved_year_read_hour: Decimal
    reserved_three_years_write: Decimal
    reserved_three_years_write_hour: Decimal
    reserved_three_years_read: Decimal
    reserved_three_years_read_hour: Decimal
    recovery_gb_month: Decimal  # point-in-time recovery, of the table's size
    backup_gb_month: Decimal  # a backup on demand
    export_gb: Decimal  # an export to S3, of the table's size
    lake_gb_month: Decimal  # S3 Standard storage, first 50 TB
    put_thousand: Decimal  # S3 PUT, COPY, POST and LIST
    get_thousand: Decimal  # S3 GET and everything else
    lake_ia_gb_month: Decimal  # S3 Standard-IA: storage, moving an object there, reading from it
    lake_ia_move_thousand: Decimal
    lake_ia_read_gb: Decimal
    lake_instant_gb_month: Decimal  # S3 Glacier Instant Retrieval, likewise
    lake_instant_move_thousand: Decimal
    lake_instant_read_gb: Decimal
    scan_tb: Decimal  # Athena, data scanned
    borrowed: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()

    def reads(self, units: Decimal | int) -> Decimal:
        """Return what read request units cost."""
        return units * self.read_million / _MILLION

    def writes(self, units: Decimal | int) -> Decimal:
        """Return what write request units cost."""
        return units * self.write_million / _MILLION

    def of_class(self, *, infrequent: bool) -> Prices:
        """Return what a table of a class costs: Standard-Infrequent Access has units and storage of its own."""
        if not infrequent:
            return self
        return replace(
            self,
            write_million=self.ia_write_million,
            replicated_write_million=self.ia_write_million,
            read_million=self.ia_read_million,
            table_gb_month=self.ia_table_gb_month,
        )


PRICE_NAMES: Final = tuple(field.name for field in fields(Prices) if field.type == "Decimal")
_HOME: Final = "us-east-1"


def _load() -> dict[str, Prices]:
    """Read prices.toml, which is part of the package."""
    tables: dict[str, Any] = tomllib.loads(files("archive.model").joinpath("prices.toml").read_text(encoding="utf-8"))
    sources = tables.pop("sources")
    return {region: _of_region(region, {**tables[_HOME], **own}, own, sources) for region, own in tables.items()}


def _of_region(region: str, known: Mapping[str, Any], own: Mapping[str, Any], sources: Mapping[str, str]) -> Prices:
    amounts: dict[str, Any] = {name: Decimal(price["usd"]) for name, price in known.items()}
    return Prices(
        region=region,
        as_of=min(price["as_of"] for price in known.values()),
        sources=tuple(sources[name] for name in dict.fromkeys(price["source"] for price in known.values())),
        borrowed=tuple(name for name in known if name not in own),
        **amounts,
    )


_BY_REGION: Final = _load()
US_EAST_1: Final = _BY_REGION[_HOME]
REGIONS: Final = tuple(_BY_REGION)


def prices_of(region: str | None, overrides: Overrides = ()) -> Prices:
    """Return a region's prices, or those of us-east-1 where no others are known: the value's `region` says which they are.

    `overrides` go before the list.
    """
    listed = _BY_REGION.get(region or _HOME, US_EAST_1)
    changes: dict[str, Any] = dict(overrides)
    return replace(listed, overridden=tuple(changes), **changes) if changes else listed


def region_of(arn: str) -> str | None:
    """Return the region that an ARN names, or None."""
    parts = arn.split(":")
    return parts[3] or None if len(parts) > 3 else None  # noqa: PLR2004 - arn:partition:service:region:...
