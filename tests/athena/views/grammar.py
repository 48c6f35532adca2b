"""Trino's own grammar, as npm's dt-sql-parser has it: a judge of SQL that shares nothing with sqlglot."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.servers import ServerMissingError, servers_directory

Grammar = Callable[[list[str]], list[list[str]]]
"""Takes statements and returns, for each, what is wrong with it."""


def trino_grammar() -> Grammar:
    """Return the judge. Raises ServerMissingError where it is not installed."""
    node, program = shutil.which("node"), servers_directory() / "grammar" / "trino.cjs"
    if node is None or not program.exists():
        message = (
            "Trino's grammar is not installed in the servers folder, or there is no node; install Node.js with npm, and run make servers"
        )
        raise ServerMissingError(message)
    return lambda statements: _judged(node, program, statements)


def _judged(node: str, program: Path, statements: list[str]) -> list[list[str]]:
    done = subprocess.run([node, str(program)], input=json.dumps(statements), capture_output=True, text=True, check=True, timeout=120)
    found: list[list[str]] = json.loads(done.stdout)
    assert len(found) == len(statements)
    return found
