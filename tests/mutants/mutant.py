"""What a mutant is: one promise broken by one change of one line or two, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken promise. `old` occurs exactly once in `file`; each of `tests` is a pytest id, and together they must fail."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Return the file's text with the promise broken; refuses a text in which `old` does not occur exactly once."""
        found = text.count(self.old)
        assert found == 1, f"the text that {self.name!r} changes occurs {found} times in {self.file}: bring the mutant up to date"
        return text.replace(self.old, self.new)
