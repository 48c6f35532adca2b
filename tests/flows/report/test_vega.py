"""flows/report/vega.js: what draws the plots, as the locked vl-convert makes it for the Vega-Lite that Altair writes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

import altair as alt
import pytest
import vl_convert

import flows.report

_FILE: Final = Path(flows.report.__file__).with_name("vega.js")
_LICENCES: Final = """/*! Vega, Vega-Lite and Vega-Embed: made by vl-convert-python {made} for Vega-Lite {lite}; do not edit.
 * Copyright (c) 2015-2025, University of Washington Interactive Data Lab, under the BSD 3-Clause License:
 * https://github.com/vega/vega/blob/main/LICENSE. In it D3, copyright Mike Bostock, under the ISC License, and fast-json-patch,
 * copyright Joachim Wester, under the MIT License.
 */
"""


def _head() -> str:
    return _LICENCES.format(made=version("vl-convert-python"), lite=alt.SCHEMA_VERSION)


def test_it_is_of_the_locked_versions() -> None:
    """Its first lines say so: after an update, run `make golden`, which writes it anew."""
    assert _FILE.read_text(encoding="utf-8").startswith(_head())


@pytest.mark.golden
@pytest.mark.prove
def test_it_is_what_vl_convert_makes(request: pytest.FixtureRequest) -> None:
    """To the byte; and it can stand in a page."""
    lite = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    made = f"{_head()}{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;', vl_version=lite)}\n"
    if request.config.getoption("update_golden"):
        _FILE.write_text(made, encoding="utf-8")
    assert "</script" not in made
    assert made == _FILE.read_text(encoding="utf-8")
