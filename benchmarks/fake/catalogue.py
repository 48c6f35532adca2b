"""Answers the calls of Glue that a run makes: what was created is there, and nothing more."""

from __future__ import annotations

from typing import Any

import msgspec

from benchmarks.fake.answer import OK, Answer

_REFUSED = 400


class Catalogue:
    """Databases and tables by name."""

    def __init__(self) -> None:
        """Hold none."""
        self._there: dict[str, dict[str, Any]] = {}

    def call(self, operation: str, body: bytes) -> Answer:
        """Answer one call."""
        request = msgspec.json.decode(body)
        kind = operation.removeprefix("Get").removeprefix("Create").removeprefix("Update")
        given = request.get(f"{kind}Input")
        name = f"{request.get('DatabaseName', '')}.{(given or request)['Name']}"
        if given is not None:
            self._there[name] = given
            return Answer(OK, b"{}")
        if name not in self._there:
            return Answer(_REFUSED, b'{"__type":"EntityNotFoundException","Message":"absent"}')
        return Answer(OK, msgspec.json.encode({kind: self._there[name]}))
