"""What AWS asks for what Dynalake uses: list prices with their date and source, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Prices:
    """List prices of one region in US dollars, without free tiers, discounts and taxes. GB and TB are powers of 1024."""

    region: str
    as_of: date
    sources: tuple[str, ...]
    write_million: Decimal  # on-demand write request units
    read_million: Decimal  # on-demand read request units
    table_gb_month: Decimal  # DynamoDB standard storage
    lake_gb_month: Decimal  # S3 Standard storage, first 50 TB
    put_thousand: Decimal  # S3 PUT, COPY, POST and LIST
    get_thousand: Decimal  # S3 GET and everything else
    scan_tb: Decimal  # Athena, data scanned


US_EAST_1: Final = Prices(
    region="us-east-1",
    as_of=date(2024, 11, 1),
    sources=(
        "Amazon DynamoDB pricing, on-demand capacity (halved on 2024-11-01)",
        "Amazon S3 pricing, S3 Standard",
        "Amazon Athena pricing, SQL queries by data scanned",
    ),
    write_million=Decimal("0.625"),
    read_million=Decimal("0.125"),
    table_gb_month=Decimal("0.25"),
    lake_gb_month=Decimal("0.023"),
    put_thousand=Decimal("0.005"),
    get_thousand=Decimal("0.0004"),
    scan_tb=Decimal(5),
)
_BY_REGION: Final = {prices.region: prices for prices in (US_EAST_1,)}


def prices_of(region: str | None) -> Prices:
    """Return a region's prices, or those of us-east-1 where no others are known: the value's `region` says which they are."""
    return _BY_REGION.get(region or US_EAST_1.region, US_EAST_1)
