"""What a report knows of the table before it asks the lake."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from flows.report.asking import About
from tests.archive.engine.workplace import NOW, make_workplace
from tests.servers import Server


def test_a_report_reckons_with_the_prices_of_the_settings(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[prices] goes before the list, as in plans and records."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.endpoint)
    place = make_workplace(moto_server, tmp_path)
    paid = replace(place, config=replace(place.config, prices=(("table_gb_month", Decimal(9)),)))
    about = About.of(paid.session(), NOW)
    assert (about.prices.table_gb_month, about.prices.overridden) == (Decimal(9), ("table_gb_month",))
