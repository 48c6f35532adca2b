"""A table and a bucket for each test of reading both: those of the engine's tests."""

from __future__ import annotations

from tests.archive.engine.conftest import _one_loader, place

__all__ = ["_one_loader", "place"]
