"""Reads the documents: their fenced blocks, code spans, and what a reader would type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield every fenced block with the word behind its fence."""
    for match in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield match[1], match[2]


def spans(text: str) -> list[str]:
    """Return the code spans outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def typed(text: str) -> list[str]:
    """Return the lines of fenced blocks that a reader would type."""
    lines = [line.removeprefix("$ ") for _, block in blocks(text) for line in block.splitlines()]
    return [line for line in lines if line.startswith(("dynalake ", "make "))]
