"""How work is divided among processes that know nothing of each other."""

from __future__ import annotations

from benchmarks.fake.world import World


def share(modules: list[int], part: tuple[int, int]) -> list[int]:
    """Return the modules of one process: part (number, count)."""
    number, count = part
    return modules[number::count]


def world_of(table: str) -> World:
    """Return the table that a name stands for."""
    world = World.of(table)
    if world is None:
        message = f"{table} is no table of the fake"
        raise ValueError(message)
    return world
