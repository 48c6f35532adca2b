"""A real browser without a window, for what people see."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.conftest import missing


@contextmanager
def page() -> Iterator[Page]:
    """Open one page in Chromium; skips where there is none (fails where everything must be there)."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("there is no Chromium; install it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 1400, "height": 1600}, timezone_id="UTC", locale="en-GB")
        finally:
            browser.close()
