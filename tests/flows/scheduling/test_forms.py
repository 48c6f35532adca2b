"""The forms: what they take, what they refuse, and what Prefect's UI is told to show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from archive.engine.planning import Request
from archive.errors import InputError
from archive.model.window import Window, parse_instant
from flows.deployments import OFFERS
from flows.forms import BackfillForm, NightlyForm, PurgeForm, RestoreForm, SweepForm
from flows.settings import Settings, load_settings

WINDOW: Final = {"start": "2024-01-01", "end": "2024-02-01T00:00:00+01:00"}
NOW: Final = datetime(2026, 6, 1, 3, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with nothing but a bucket."""
    return load_settings(None, {"DYNALAKE_LAKE__BUCKET": "my-lake", "HOME": str(tmp_path)})


def test_a_form_takes_what_the_command_line_takes(settings: Settings) -> None:
    """Dates are midnight UTC, times have zones, and modules are what the table has."""
    asked = BackfillForm.model_validate({**WINDOW, "modules": ["205", "303"]}).asked(settings)
    assert asked == Request("backfill", Window(parse_instant("2024-01-01"), parse_instant("2024-01-31T23:00Z")), (205, 303))


def test_forms_without_a_window_ask_for_all(settings: Settings) -> None:
    """A night does, and a sweep."""
    assert NightlyForm().asked(settings) == Request("nightly")
    assert SweepForm().asked(settings) == Request("sweep")
    assert SweepForm.model_validate(WINDOW).asked(settings).window == BackfillForm.model_validate(WINDOW).asked(settings).window


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": "2024-01-01T00:00"}, "has no time zone"),
        ({"start": "yesterday"}, "is not a date"),
        ({"start": datetime(2024, 1, 1)}, "timezone info"),  # noqa: DTZ001 - what is refused
        ({"begin": "2024-01-01"}, "Extra inputs"),
        ({"dry_run": "perhaps"}, "valid boolean"),
    ],
)
def test_a_form_refuses_what_it_cannot_read(change: dict[str, Any], said: str) -> None:
    """Before a run begins."""
    with pytest.raises(ValidationError, match=said):
        BackfillForm.model_validate({**WINDOW, **change})


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (BackfillForm.model_validate({"start": WINDOW["end"], "end": WINDOW["start"]}), "is empty"),
        (BackfillForm.model_validate({**WINDOW, "modules": ["algebra"]}), "takes whole numbers here"),
        (PurgeForm.model_validate(WINDOW), 'purge is "keep"'),
        (SweepForm.model_validate({"start": WINDOW["start"]}), "together, or neither"),
    ],
)
def test_what_the_settings_do_not_allow_is_one_sentence(settings: Settings, form: BackfillForm, said: str) -> None:
    """As on the command line."""
    with pytest.raises(InputError, match=said):
        form.asked(settings)


def test_a_restore_is_held_for_a_week(settings: Settings) -> None:
    """Unless the form says until when."""
    spec = settings.source.spec()
    asked = RestoreForm.model_validate({"modules": ["205"], "start": "2024-01-01"}).asked(spec, NOW)
    assert asked.until == datetime(2026, 6, 8, 3, tzinfo=UTC)
    assert asked.what == "modules 205, from 2024-01-01T00:00:00Z"
    assert RestoreForm.model_validate({"until": "2027-01-01"}).asked(spec, NOW).until == parse_instant("2027-01-01")
    with pytest.raises(InputError, match="has passed"):
        RestoreForm.model_validate({"until": "2026-01-01"}).asked(spec, NOW)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (NightlyForm(dry_run=True), " (dry run)"),
        (BackfillForm.model_validate({**WINDOW, "modules": ["1"]}), " 2024-01-01T00:00:00Z to 2024-01-31T23:00:00Z of 1"),
        (PurgeForm.model_validate({**WINDOW, "modules": list("123456")}), " 2024-01-01T00:00:00Z to 2024-01-31T23:00:00Z of 6 modules"),
        (SweepForm(), ""),
        (RestoreForm.model_validate({"undo": "run-1", "end": "2024-01-01"}), " of run-1 to 2024-01-01T00:00:00Z"),
    ],
)
def test_a_form_says_what_it_asks_for(form: BackfillForm, name: str) -> None:
    """Behind the command, as a run's name."""
    assert str(form) == name


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.flow.name)
def test_what_the_ui_is_told_to_show(offer: Any) -> None:  # noqa: ANN401 - an Offer
    """Every field has a title and a description, a type of its own, and no choice of types; there are two parameters."""
    schema = offer.flow.parameters.model_dump()
    assert list(schema["properties"]) == ["request", "config"]
    (form,) = schema["definitions"].values()
    for name, field in (*form["properties"].items(), *list(schema["properties"].items())[1:]):
        assert field["title"], name
        assert field["description"], name
        assert field["type"] in ("string", "boolean", "array"), name
        assert "anyOf" not in field, name
        assert field.get("default", "") is not None, f"{name}: the form would send null, and the server refuse it"
    assert None not in schema["properties"]["request"].get("default", {}).values()
    times = [field for name, field in form["properties"].items() if name in ("start", "end", "until")]
    assert [field["format"] for field in times] == ["date-time"] * len(times)
    assert form["properties"]["dry_run"]["type"] == "boolean"
