"""Prices: complete, dated, with a source each, by region, and overridden by name."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from archive.model.prices import PRICE_NAMES, REGIONS, US_EAST_1, Prices, prices_of, region_of

TABLES: dict[str, Any] = tomllib.loads(files("archive.model").joinpath("prices.toml").read_text())


def test_every_price_is_known_of_the_first_region() -> None:
    """It is what others borrow from; the file has no price that nothing reads."""
    assert set(TABLES["us-east-1"]) == set(PRICE_NAMES)
    assert set(PRICE_NAMES) == {field.name for field in fields(Prices)} - {"region", "as_of", "sources", "borrowed", "overridden"}
    assert US_EAST_1.borrowed == US_EAST_1.overridden == ()


@pytest.mark.parametrize("region", REGIONS)
def test_every_price_has_a_date_and_a_source(region: str) -> None:
    """And is an exact amount above nothing."""
    for price in TABLES[region].values():
        assert set(price) == {"usd", "as_of", "source"}
        assert Decimal(price["usd"]) > 0
        assert date(2024, 11, 1) <= price["as_of"] <= date(2026, 11, 28)
        assert TABLES["sources"][price["source"]].partition(": ")[2].startswith("https://")


def test_a_region_has_its_own_prices_and_borrows_the_rest() -> None:
    """And says which: Frankfurt's storage is its own, Athena's price there is that of us-east-1."""
    frankfurt = prices_of("eu-central-1")
    assert (frankfurt.region, frankfurt.table_gb_month, frankfurt.scan_tb) == ("eu-central-1", Decimal("0.306"), US_EAST_1.scan_tb)
    assert "scan_tb" in frankfurt.borrowed
    assert not set(frankfurt.borrowed) & set(TABLES["eu-central-1"])


def test_what_somebody_pays_goes_before_the_list() -> None:
    """Only the named prices change, and the value says so."""
    own = prices_of("eu-west-1", (("write_million", Decimal("0.5")), ("scan_tb", Decimal(0))))
    assert (own.write_million, own.scan_tb, own.overridden) == (Decimal("0.5"), Decimal(0), ("write_million", "scan_tb"))
    assert own.read_million == prices_of("eu-west-1").read_million


def test_infrequent_access_is_another_price_for_the_same_things() -> None:
    """Units cost more, storage less; nothing else changes."""
    rare = US_EAST_1.of_class(infrequent=True)
    changed = {name for name in PRICE_NAMES if getattr(rare, name) != getattr(US_EAST_1, name)}
    assert changed == {"write_million", "replicated_write_million", "read_million", "table_gb_month"}
    assert (rare.write_million, rare.read_million, rare.table_gb_month) == (Decimal("0.78"), Decimal("0.155"), Decimal("0.10"))


@pytest.mark.parametrize(
    ("arn", "region"),
    [("arn:aws:dynamodb:eu-west-1:123456789012:table/T", "eu-west-1"), ("arn:aws:s3:::bucket", None), ("a table", None)],
)
def test_an_arn_names_its_region(arn: str, region: str | None) -> None:
    """Or none."""
    assert region_of(arn) == region
