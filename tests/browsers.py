"""Starts a real browser for tests of pages: Debian's Chromium, headless, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.servers import ServerMissingError

_PLACES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window. Raises ServerMissingError where none is installed."""
    program = next((found for name in _PLACES if (found := shutil.which(name))), None)
    if program is None:
        message = "Chromium is not installed; run make servers as root on Debian, or install its package chromium"
        raise ServerMissingError(message)
    # Its sandbox needs a user that is not root; the pages are the tests' own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=Path(program), args=arguments)
        try:
            yield browser
        finally:
            browser.close()
