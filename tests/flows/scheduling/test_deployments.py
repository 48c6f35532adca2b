"""The deployments: prefect.yaml and `dynalake serve` make the same ones, and each has its limit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from flows.deployments import deployments
from flows.settings import Settings, load_settings

ROOT: Final = Path(__file__).resolve().parents[3]
_yaml: Any = import_module("yaml")  # it has no types


@dataclass(frozen=True, slots=True)
class Made:
    """What a deployment is made of."""

    name: str
    entrypoint: str
    tags: tuple[str, ...]
    schedules: tuple[tuple[str, str], ...]
    limit: int
    strategy: str
    paused: bool


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with nothing but a bucket."""
    return load_settings(None, {"DYNALAKE_LAKE__BUCKET": "my-lake", "HOME": str(tmp_path)})


def _of_the_file() -> list[Made]:
    return [
        Made(
            found["name"],
            found["entrypoint"],
            tuple(found["tags"]),
            tuple((each["cron"], each["timezone"]) for each in found.get("schedules", ())),
            found["concurrency_limit"]["limit"],
            found["concurrency_limit"]["collision_strategy"],
            found["paused"],
        )
        for found in _yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    ]


def _of_the_command(settings: Settings) -> list[Made]:
    made: list[Any] = list(deployments(settings, None))
    return [
        Made(
            each.name,
            each.entrypoint,
            tuple(each.tags),
            tuple((one.schedule.cron, one.schedule.timezone) for one in each.schedules or ()),
            each.concurrency_limit,
            str(each.concurrency_options.collision_strategy.value),
            each.paused,
        )
        for each in made
    ]


def test_the_file_and_the_command_make_the_same(settings: Settings) -> None:
    """Name, flow, tags, schedule and limit of each, in the same order."""
    assert _of_the_command(settings) == _of_the_file()


def test_a_deployment_of_the_file_has_a_pool_and_nothing_to_pull() -> None:
    """The one that the guide creates."""
    found = _yaml.safe_load((ROOT / "prefect.yaml").read_text())
    assert {each["work_pool"]["name"] for each in found["deployments"]} == {"dynalake"}
    assert found["pull"] == []


def test_the_command_takes_the_settings(tmp_path: Path) -> None:
    """The table's name, the schedule with its zone, and the settings file for its runs."""
    path = tmp_path / "dynalake.toml"
    path.write_text("[lake]\nbucket='my-lake'\n[source]\ntable='Other'\n[schedule]\ncron='30 4 * * 1-5'\ntimezone='Europe/Berlin'\n")
    nights, *others = deployments(load_settings(path, {}), path)
    assert nights.schedules is not None
    (schedule,) = nights.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("30 4 * * 1-5", "Europe/Berlin")  # type: ignore[union-attr]
    assert {each.name for each in (nights, *others)} == {"Other"}
    assert {each.parameters["config"] for each in (nights, *others)} == {str(path)}
    assert not any(each.schedules for each in others)
