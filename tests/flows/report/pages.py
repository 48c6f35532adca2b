"""A report's page in a real browser: what it asks for, what it says, and what is on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from flows.files import write_page
from flows.report.figures import Figures
from flows.report.page import page_of

Scheme = Literal["light", "dark"]
EVIL = ("<img src=x onerror=\"document.title='broken'\">", "</script><script>document.title='broken'</script>", "'\"><b>&amp;\u2028{{7*7}}")
_SECONDS = 60


@dataclass
class Opened:
    """A page that has drawn its plots, and all that it said and asked for until then."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def drawn(self, scheme: Scheme) -> None:
        """Wait until the plots are drawn in these colours."""
        self.page.wait_for_selector(f"html[data-drawn={scheme}]", state="attached", timeout=_SECONDS * 1000)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what the console says."""
        self.said.append(f"{message.type}: {message.text}")

    def see(self, request: Request) -> None:
        """Keep what is asked for."""
        self.asked.append(request.url)


@contextmanager
def opened(browser: Browser, path: Path, scheme: Scheme = "light", width: int = 1280) -> Iterator[Opened]:
    """Open a page from its file, and wait until it is drawn."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    found = Opened(page)
    page.on("console", found.hear)
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", found.see)
    try:
        page.goto(path.as_uri())
        found.drawn(scheme)
        yield found
    finally:
        page.close()


def written(folder: Path, figures: Figures) -> Path:
    """Write a page, and return its file."""
    path = folder / "page.html"
    write_page(path, page_of(figures))
    return path


def evil(figures: Figures) -> Figures:
    """Return the figures with names that are HTML, scripts and templates, wherever a name can stand."""
    first, second, third = EVIL
    run = replace(figures.runs[-1], run=second, command=third, why=f"{first}{second}")
    backlog = tuple(replace(one, module=name) for one, name in zip(figures.status.backlog, EVIL, strict=False))
    return replace(
        figures,
        location=f"s3://{first}",
        table=replace(figures.table, name=second),
        status=replace(figures.status, backlog=backlog, overdue=EVIL),
        modules=tuple(replace(use, module=EVIL[number % 3]) for number, use in enumerate(figures.modules)),
        models=tuple(replace(use, provider=EVIL[number % 3], model=EVIL[(number + 1) % 3]) for number, use in enumerate(figures.models)),
        drift=tuple(replace(one, attribute=EVIL[number % 3]) for number, one in enumerate(figures.drift)),
        runs=(*figures.runs, run),
        left_out={"modules_daily": first + second},
    )
