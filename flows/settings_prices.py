"""[prices]: one key for each price of archive/model/prices.toml."""

from __future__ import annotations

from archive.model.prices import PRICE_NAMES, Overrides
from flows.settings_types import Price, Section


class PricesSection(Section):
    """[prices]: what is paid instead of the region's list prices, in US dollars; absent: the list price."""

    write_million: Price | None = None
    read_million: Price | None = None
    replicated_write_million: Price | None = None
    table_gb_month: Price | None = None
    ia_write_million: Price | None = None
    ia_read_million: Price | None = None
    ia_table_gb_month: Price | None = None
    write_unit_hour: Price | None = None
    read_unit_hour: Price | None = None
    reserved_year_write: Price | None = None
    reserved_year_write_hour: Price | None = None
    reserved_year_read: Price | None = None
    reserved_year_read_hour: Price | None = None
    reserved_three_years_write: Price | None = None
    reserved_three_years_write_hour: Price | None = None
    reserved_three_years_read: Price | None = None
    reserved_three_years_read_hour: Price | None = None
    recovery_gb_month: Price | None = None
    backup_gb_month: Price | None = None
    export_gb: Price | None = None
    lake_gb_month: Price | None = None
    put_thousand: Price | None = None
    get_thousand: Price | None = None
    lake_ia_gb_month: Price | None = None
    lake_ia_move_thousand: Price | None = None
    lake_ia_read_gb: Price | None = None
    lake_instant_gb_month: Price | None = None
    lake_instant_move_thousand: Price | None = None
    lake_instant_read_gb: Price | None = None
    scan_tb: Price | None = None

    def overrides(self) -> Overrides:
        """Return the prices that are set, by name."""
        return tuple((name, amount) for name in PRICE_NAMES if (amount := getattr(self, name)) is not None)
