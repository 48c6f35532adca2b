"""The page, as text and in a real browser: every plot is drawn, nothing is asked for, and names do no harm."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive.errors import InputError
from flows.files import write_page
from flows.report.figures import Figures
from flows.report.page import embedded, page_of, sections_of
from tests.flows.report.conftest import status_with
from tests.flows.report.pages import EVIL, Opened, evil, opened, written

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PLOTS = ("messages", "saved", "bytes", "dollars", "modules", "providers", "costs", "backlog", "behind", "runs", "drift")
MOST_BYTES = 5 * 10**6
_MEASURE = """all => all.map(one => {
    const box = one.querySelector("svg").getBoundingClientRect();
    return {name: one.id, width: box.width, height: box.height, marks: one.querySelectorAll(".mark-rect path, .mark-symbol path").length};
})"""


def _specs(figures: Figures) -> Mapping[str, Any]:
    return {plot.name: plot.spec for section in sections_of(figures) for plot in (*section.plots, *section.years)}


def _rows(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    return max(spec["datasets"].values(), key=len)


def _heights(spec: Mapping[str, Any], name: str = "series") -> Counter[str]:
    found: Counter[str] = Counter()
    for row in _rows(spec):
        found[row[name]] += row["high"] - row["low"]
    return found


@pytest.fixture(scope="module")
def page(figures: Figures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the real lake, in a file."""
    return written(tmp_path_factory.mktemp("page"), figures)


def test_every_plot_is_there(figures: Figures) -> None:
    """And a calendar of each year."""
    years = {f"year-{part.first.year}" for part in figures.partitions} | {"year-2025"}
    assert set(_specs(figures)) == {*PLOTS, *years}


def test_bars_are_the_figures(figures: Figures) -> None:
    """Their heights sum up to them: messages by where they are, by module, by provider; and costs."""
    specs, shown, hot = _specs(figures), figures.shown, figures.hot
    assert shown is not None
    assert hot is not None
    parts = [part for part in figures.partitions if shown.first <= part.dt <= shown.last]
    where = _heights(specs["messages"])
    assert where["removed"] + where["archived"] == sum(part.messages for part in parts)
    assert where["removed"] == sum(part.removed for part in parts)
    assert where["hot"] == pytest.approx(hot.a_day)
    assert sum(_heights(specs["modules"]).values()) == sum(use.messages for use in figures.modules)
    assert sum(_heights(specs["providers"]).values()) == sum(use.messages for use in figures.models)
    assert sum(_heights(specs["costs"]).values()) == pytest.approx(float(sum(use.cost_usd for use in figures.models)))
    by_provider: Counter[str] = Counter()
    for use in figures.models:
        by_provider[use.provider] += use.messages
    assert _heights(specs["providers"], "provider") == by_provider


def test_modules_beyond_the_colours_are_one(figures: Figures) -> None:
    """The seven busiest by their names, all others together, last."""
    totals: Counter[str | None] = Counter()
    for use in figures.modules:
        totals[use.module] += use.messages
    busiest = sorted(totals, key=lambda name: (-totals[name], str(name)))[:7]
    (section,) = (section for section in sections_of(figures) if section.title == "Modules and providers")
    assert [key.label for key in section.plots[0].keys] == [*map(str, busiest), f"{len(totals) - 7} others"]


def test_every_day_of_the_calendar_has_one_state(figures: Figures) -> None:
    """A square each; those that were purged are those that were mostly removed."""
    days = [(row["day"], row["state"]) for name, spec in _specs(figures).items() if name.startswith("year") for row in _days_of(spec)]
    assert len({day for day, _ in days}) == len(days)
    states = Counter(state for _, state in days)
    assert figures.hot is not None
    archived_since = sum(figures.hot.first <= part.dt <= figures.hot.last for part in figures.partitions)
    assert archived_since == 1
    assert states["hot"] == (figures.hot.last - figures.hot.first).days + 1 - archived_since
    assert states["removed"] == sum(part.removed * 2 >= part.messages for part in figures.partitions)
    assert states["quiet"] == sum((hole.last - hole.first).days + 1 for hole in figures.holes if hole.is_complete)
    assert states["missing"] > 0


def _days_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    return next(rows for rows in spec["datasets"].values() if "state" in rows[0])


def test_the_page_is_small_and_has_its_policy(page: Path) -> None:
    """Less than 5 MB; nothing may be loaded, and no script runs but the page's own, by its hash."""
    text = page.read_text()
    assert len(text.encode()) < MOST_BYTES
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)[0]
    assert "default-src &#39;none&#39;" in policy
    assert policy.count("sha256-") == 3
    assert "unsafe-eval" not in policy
    assert not re.search(r'(?:src|href)\s*=\s*["\']?(?:https?:)?//', text.partition("<script")[0])


def test_json_cannot_end_its_script() -> None:
    """Whatever is in it, and it reads back as it was."""
    values = {name: list(EVIL) for name in EVIL}
    text = embedded(values)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == values


@pytest.fixture(scope="module")
def light(browser: Browser, page: Path) -> Iterator[Opened]:
    """The page as it opens on a desk in daylight."""
    with opened(browser, page) as found:
        yield found


@pytest.fixture(scope="module")
def phone(browser: Browser, page: Path) -> Iterator[Opened]:
    """The page on a phone at night."""
    with opened(browser, page, "dark", 390) as found:
        yield found


@pytest.mark.parametrize("name", ["light", "phone"])
def test_every_plot_is_drawn(name: str, request: pytest.FixtureRequest, figures: Figures) -> None:
    """With marks, and a size; and nothing is wider than the page."""
    page = request.getfixturevalue(name).page
    width = page.evaluate("window.innerWidth")
    plots = page.eval_on_selector_all(".plot", _MEASURE)
    assert {plot["name"] for plot in plots} == set(_specs(figures))
    assert [plot for plot in plots if plot["width"] < width / 4 or plot["height"] < 50 or not plot["marks"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["light", "phone"])
def test_it_asks_for_nothing_and_complains_of_nothing(name: str, request: pytest.FixtureRequest, page: Path) -> None:
    """Of the file alone; the console is empty."""
    found = request.getfixturevalue(name)
    assert found.asked == [page.as_uri()]
    assert found.said == []


def test_a_mark_tells_its_figures(light: Opened) -> None:
    """Pointed at, with thousands separators."""
    light.page.hover("#modules .mark-rect path >> nth=0")
    told = light.page.inner_text("#vg-tooltip-element.visible")
    assert re.search(r"module\s+\d+\s+messages\s+[\d,]+", told), told


def test_colours_follow_the_system(light: Opened) -> None:
    """Also while the page is open."""
    label = "document.querySelector('#messages .role-axis-label text')"
    colours = f"[getComputedStyle(document.body).backgroundColor, getComputedStyle({label}).fill]"
    before = light.page.evaluate(colours)
    light.page.emulate_media(color_scheme="dark")
    light.drawn("dark")
    after = light.page.evaluate(colours)
    light.page.emulate_media(color_scheme="light")
    light.drawn("light")
    assert light.page.evaluate(colours) == before
    assert [_brightness(before[0]), _brightness(after[0])] == [255, pytest.approx(0, abs=40)]
    assert _brightness(after[1]) > _brightness(before[1])
    assert light.said == []


def _brightness(colour: str) -> int:
    return max(map(int, re.findall(r"\d+", colour)))


def test_names_with_html_in_them_do_no_harm(browser: Browser, figures: Figures, tmp_path: Path) -> None:
    """They are shown as they are: in the text, in the plots, and where a mark is pointed at."""
    with opened(browser, written(tmp_path, evil(figures))) as found:
        found.page.hover("#modules .mark-rect path >> nth=0")
        assert EVIL[0] in found.page.inner_text("body")
        assert any(name in found.page.inner_text("#vg-tooltip-element") for name in EVIL)
        assert found.page.title() != "broken"
        assert found.page.query_selector_all("img, b") == []
        assert len(found.page.query_selector_all("script")) == 3
        assert found.said == []


def test_nothing_gets_out(browser: Browser, page: Path, tmp_path: Path) -> None:
    """A script that somebody added, and a request, are both refused by the page's own policy."""
    bad = "<script>document.title='broken'</script><img src='https://example.com/x.png'><link rel='stylesheet' href='https://example.com/x.css'>"
    changed = tmp_path / "changed.html"
    changed.write_text(page.read_text().replace("<header>", f"{bad}<header>"))
    with opened(browser, changed) as found:
        assert found.page.title() != "broken"
        assert len([text for text in found.said if "Content Security Policy" in text]) == 3


def test_an_empty_lake_is_said_in_words(browser: Browser, figures: Figures, tmp_path: Path) -> None:
    """No empty plots."""
    nothing = replace(
        figures,
        status=status_with(backlog=(), complete_through=None, items=0),
        table=replace(figures.table, items=0, bytes=0),
        item=None,
        partitions=(),
        holes=(),
        hot=None,
        months=(),
        shown=None,
        modules=(),
        models=(),
        drift=(),
        runs=(),
    )
    with opened(browser, written(tmp_path, nothing)) as found:
        assert found.page.query_selector_all(".plot") == []
        text = found.page.inner_text("body")
        assert "Nothing is archived yet: the lake is empty." in text
        assert "There has been no run yet." in text
        assert found.said == []


@pytest.fixture(scope="module")
def troubled(figures: Figures) -> str:
    """The page of a lake that is late, without a view, and with more messages than may be read."""
    assert figures.shown is not None
    shown = replace(figures.shown, first=figures.shown.last, most_bytes=2**30)
    why = {"modules_daily": "the table spec has no student_id"}
    return page_of(replace(figures, status=status_with(overdue=("chemistry",)), shown=shown, modules=(), models=(), left_out=why))


def test_attention_is_said_first(troubled: str) -> None:
    """The sentences of `dynalake status`."""
    assert "1 thing needs attention" in troubled
    assert troubled.index("chemistry") < troubled.index("Messages in the lake")


def test_a_view_that_the_lake_lacks_is_named(troubled: str) -> None:
    """And why it is missing."""
    assert "There are no figures of modules: the table spec has no student_id." in troubled


def test_what_was_not_read_is_said(troubled: str) -> None:
    """Where the limit of bytes was reached."""
    assert "were wanted, but would have meant reading more than 1.00 GB" in troubled


def test_a_page_replaces_the_one_before_at_once(tmp_path: Path) -> None:
    """And leaves nothing else in the folder."""
    path = tmp_path / "page.html"
    path.write_text("old")
    assert write_page(path, "new ü") == 6
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("page.html", "new ü")]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """One sentence, and no rest of it."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_page(tmp_path / "taken", "page")
    with pytest.raises(InputError, match="cannot be written"):
        write_page(tmp_path / "missing" / "page.html", "page")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]
